"""The operator's pages, under /admin/sync/."""

from __future__ import annotations

from django.urls import path

from sync_admin import importing
from sync_admin import previews
from sync_admin.dashboard import dashboard

urlpatterns = [
    path("", dashboard, name="sync-dashboard"),
    path("import/", importing.import_contacts, name="sync-import"),
    path("import/<uuid:upload_id>/", importing.import_detail, name="sync-import-detail"),
    path("import/<uuid:upload_id>/state/", importing.import_state, name="sync-import-state"),
    path("import/<uuid:upload_id>/confirm/", importing.import_confirm, name="sync-import-confirm"),
    path("import/<uuid:upload_id>/cancel/", importing.import_cancel, name="sync-import-cancel"),
    path("import/<uuid:upload_id>/refused/", importing.import_refused, name="sync-import-refused"),
    path("<str:platform>/preview/<uuid:operation_id>/", previews.preview, name="sync-preview"),
    path("<str:platform>/preview/<uuid:operation_id>/confirm/", previews.confirm, name="sync-preview-confirm"),
    path("<str:platform>/preview/<uuid:operation_id>/discard/", previews.discard, name="sync-preview-discard"),
    path("<str:platform>/preview/<uuid:operation_id>/count/", previews.count_on, name="sync-preview-count"),
    path("<str:platform>/operation/<uuid:operation_id>/undo/", previews.undo, name="sync-undo"),
]
