"""The operator's pages, under /admin/sync/."""

from __future__ import annotations

from django.urls import path

from sync_admin.controls import cancel_run, pause, resume, run_now, stop_operation
from sync_admin.dashboard import dashboard, state, strip

urlpatterns = [
    path("", dashboard, name="sync-dashboard"),
    path("state/", state, name="sync-state"),
    path("strip/", strip, name="sync-strip"),
    path("operations/<uuid:operation_id>/stop/", stop_operation, name="sync-stop-operation"),
    path("<slug:name>/pause/", pause, name="sync-pause"),
    path("<slug:name>/resume/", resume, name="sync-resume"),
    path("<slug:name>/run/", run_now, name="sync-run-now"),
    path("<slug:name>/cancel/", cancel_run, name="sync-cancel-run"),
]
