"""The operator's pages, under /admin/sync/."""

from __future__ import annotations

from django.urls import path

from sync_admin import errors
from sync_admin.dashboard import dashboard

urlpatterns = [
    path("", dashboard, name="sync-dashboard"),
    path("errors/", errors.overview, name="sync-errors"),
    path("<str:name>/errors/", errors.errors, name="sync-errors"),
    path("<str:name>/errors/retry/", errors.retry, name="sync-errors-retry"),
]
