"""The operator's pages, under /admin/sync/."""

from __future__ import annotations

from django.urls import path

from sync_admin.dashboard import dashboard

urlpatterns = [
    path("", dashboard, name="sync-dashboard"),
]
