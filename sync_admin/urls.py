"""The operator's pages, under /admin/sync/."""

from __future__ import annotations

from django.urls import path

from sync_admin import (
    basis,
    connections,
    contact,
    contact_list,
    controls,
    dashboard,
    errors,
    importing,
    previews,
    suppressions,
)

urlpatterns = [
    # How queues stand, and steering them.
    path("", dashboard.dashboard, name="sync-dashboard"),
    path("state/", dashboard.state, name="sync-state"),
    path("strip/", dashboard.strip, name="sync-strip"),
    path("operations/<uuid:operation_id>/stop/", controls.stop_operation, name="sync-stop-operation"),
    path("<slug:name>/pause/", controls.pause, name="sync-pause"),
    path("<slug:name>/resume/", controls.resume, name="sync-resume"),
    path("<slug:name>/run/", controls.run_now, name="sync-run-now"),
    path("<slug:name>/cancel/", controls.cancel_run, name="sync-cancel-run"),
    # Many contacts: look, confirm, undo.
    path("<str:platform>/preview/<uuid:operation_id>/", previews.preview, name="sync-preview"),
    path("<str:platform>/preview/<uuid:operation_id>/confirm/", previews.confirm, name="sync-preview-confirm"),
    path("<str:platform>/preview/<uuid:operation_id>/discard/", previews.discard, name="sync-preview-discard"),
    path("<str:platform>/preview/<uuid:operation_id>/count/", previews.count_on, name="sync-preview-count"),
    path("<str:platform>/operation/<uuid:operation_id>/undo/", previews.undo, name="sync-undo"),
    # Why contacts failed.
    path("errors/", errors.overview, name="sync-errors"),
    path("<str:name>/errors/", errors.errors, name="sync-errors"),
    path("<str:name>/errors/retry/", errors.retry, name="sync-errors-retry"),
    # Accounts.
    path("connections/", connections.connections, name="sync-connections"),
    path("<str:platform>/connection/", connections.connection, name="sync-connection"),
    path("<str:platform>/connection/check/", connections.check_connection, name="sync-connection-check"),
    path("<str:platform>/connection/change/", connections.change_connection, name="sync-connection-change"),
    path("<str:platform>/connection/push/", connections.push_trial, name="sync-connection-push"),
    # The list of contacts, and one contact.
    path("contacts/export/", contact_list.export, name="sync-export"),
    path("contacts/view/", contact_list.save_view, name="sync-view-save"),
    path("contacts/view/forget/", contact_list.forget_view, name="sync-view-forget"),
    path("contacts/<uuid:contact_id>/<str:name>/push/", contact.push_now, name="sync-contact-push"),
    path("contacts/<uuid:contact_id>/<str:name>/skip/", contact.skip, name="sync-contact-skip"),
    path("contacts/<uuid:contact_id>/<str:name>/take-out/", contact.take_out, name="sync-contact-take-out"),
    path("contacts/lawful-basis/<uuid:operation_id>/", basis.set_basis, name="sync-basis"),
    # The ledger of suppressions.
    path("suppressions/import/", suppressions.import_file, name="sync-suppression-import"),
    path("suppressions/<uuid:suppression_id>/lift/", suppressions.lift, name="sync-suppression-lift"),
    # Files.
    path("import/", importing.import_contacts, name="sync-import"),
    path("import/<uuid:upload_id>/", importing.import_detail, name="sync-import-detail"),
    path("import/<uuid:upload_id>/state/", importing.import_state, name="sync-import-state"),
    path("import/<uuid:upload_id>/confirm/", importing.import_confirm, name="sync-import-confirm"),
    path("import/<uuid:upload_id>/cancel/", importing.import_cancel, name="sync-import-cancel"),
    path("import/<uuid:upload_id>/refused/", importing.import_refused, name="sync-import-refused"),
]
