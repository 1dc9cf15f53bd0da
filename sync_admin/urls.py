"""The operator's pages, under /admin/sync/."""

from __future__ import annotations

from django.urls import path

from sync_admin import previews
from sync_admin.dashboard import dashboard

urlpatterns = [
    path("", dashboard, name="sync-dashboard"),
    path("<str:platform>/preview/<uuid:operation_id>/", previews.preview, name="sync-preview"),
    path("<str:platform>/preview/<uuid:operation_id>/confirm/", previews.confirm, name="sync-preview-confirm"),
    path("<str:platform>/preview/<uuid:operation_id>/discard/", previews.discard, name="sync-preview-discard"),
    path("<str:platform>/preview/<uuid:operation_id>/count/", previews.count_on, name="sync-preview-count"),
    path("<str:platform>/operation/<uuid:operation_id>/undo/", previews.undo, name="sync-undo"),
]
