"""Who may do what, in the admin and through the API."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import DjangoModelPermissions
from rest_framework.request import Request

#: To see contacts, how queues stand, what runs did, and why contacts failed.
VIEW = "contacts.view_contact"

#: To decide which contacts are worth keeping, and to send them through curation.
CURATE = "contacts.curate_contact"

#: To queue contacts for a platform, take them out again, and steer its runs.
PUSH = "contacts.push_contact"

#: To change how we use a platform's account: list, fields, and what is made in it.
SET_UP = "contacts.set_up_platform"

#: To see who is suppressed, to suppress an address, and to lift what was recorded of one.
VIEW_SUPPRESSIONS = "contacts.view_suppression"
SUPPRESS = "contacts.add_suppression"
LIFT = "contacts.lift_suppression"


class ContactPermissions(DjangoModelPermissions):
    """Reading needs the "view" permission on contacts; whoever is refused is told which one is missing."""

    perms_map = {
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "OPTIONS": [],
        "POST": ["%(app_label)s.add_%(model_name)s"],
        "PUT": ["%(app_label)s.change_%(model_name)s"],
        "PATCH": ["%(app_label)s.change_%(model_name)s"],
        "DELETE": ["%(app_label)s.delete_%(model_name)s"],
    }
    message: str

    def has_permission(self, request: Request, view: Any) -> bool:
        if super().has_permission(request, view):
            return True
        if not request.user.is_authenticated:
            return False  # is told to log in
        needed = self.perms_map.get(request.method or "", [])
        model = self._queryset(view).model._meta
        names = [name % {"app_label": model.app_label, "model_name": model.model_name} for name in needed]
        self.message = refusal(*names)
        return False


class SyncPermissions(ContactPermissions):
    """For the sync endpoints, where a POST queues contacts or takes them out, and adds none."""

    perms_map = {**ContactPermissions.perms_map, "POST": [PUSH]}


class CurationPermissions(ContactPermissions):
    """For what decides about curation: its queue, and statuses in bulk."""

    perms_map = {**ContactPermissions.perms_map, "POST": [CURATE], "PUT": [CURATE]}


class LiftPermissions(ContactPermissions):
    """For lifting suppressions, a permission of its own."""

    perms_map = {**ContactPermissions.perms_map, "POST": [LIFT]}


def refusal(*permissions: str) -> str:
    """For whoever lacks them: "You do not have the permission contacts.push_contact.…"."""
    names = " and ".join(permissions)
    return f"You do not have the permission {names}. Whoever manages users can grant it, best by a group."
