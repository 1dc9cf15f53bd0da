"""The operator's pages, under /admin/sync/."""

from __future__ import annotations

from django.urls import path

from sync_admin import contact, contact_list
from sync_admin.dashboard import dashboard

urlpatterns = [
    path("", dashboard, name="sync-dashboard"),
    path("contacts/export/", contact_list.export, name="sync-export"),
    path("contacts/view/", contact_list.save_view, name="sync-view-save"),
    path("contacts/view/forget/", contact_list.forget_view, name="sync-view-forget"),
    path("contacts/<uuid:contact_id>/<str:name>/push/", contact.push_now, name="sync-contact-push"),
    path("contacts/<uuid:contact_id>/<str:name>/skip/", contact.skip, name="sync-contact-skip"),
    path("contacts/<uuid:contact_id>/<str:name>/take-out/", contact.take_out, name="sync-contact-take-out"),
]
