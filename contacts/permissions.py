"""Who may do what, in the admin and through the API."""

from __future__ import annotations

from rest_framework.permissions import DjangoModelPermissions

#: To see contacts, how queues stand, what runs did, and why contacts failed.
VIEW = "contacts.view_contact"

#: To decide which contacts are worth keeping, and to send them through curation.
CURATE = "contacts.curate_contact"

#: To queue contacts for a platform, take them out again, and steer its runs.
PUSH = "contacts.push_contact"

#: To change how we use a platform's account: list, fields, and what is made in it.
SET_UP = "contacts.set_up_platform"


class ContactPermissions(DjangoModelPermissions):
    """Reading needs the "view" permission on contacts; queueing and curating need "change"."""

    perms_map = {
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "OPTIONS": [],
        "POST": ["%(app_label)s.add_%(model_name)s"],
        "PUT": ["%(app_label)s.change_%(model_name)s"],
        "PATCH": ["%(app_label)s.change_%(model_name)s"],
        "DELETE": ["%(app_label)s.delete_%(model_name)s"],
    }


class SyncPermissions(ContactPermissions):
    """For the sync endpoints, where a POST changes contacts and adds none."""

    perms_map = {**ContactPermissions.perms_map, "POST": ["%(app_label)s.change_%(model_name)s"]}
