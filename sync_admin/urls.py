"""The operator's pages, under /admin/sync/."""

from __future__ import annotations

from django.urls import path

from sync_admin.connections import change_connection, check_connection, connection, connections, push_trial
from sync_admin.dashboard import dashboard

urlpatterns = [
    path("", dashboard, name="sync-dashboard"),
    path("connections/", connections, name="sync-connections"),
    path("<str:platform>/connection/", connection, name="sync-connection"),
    path("<str:platform>/connection/check/", check_connection, name="sync-connection-check"),
    path("<str:platform>/connection/change/", change_connection, name="sync-connection-change"),
    path("<str:platform>/connection/push/", push_trial, name="sync-connection-push"),
]
