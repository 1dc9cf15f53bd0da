"""Who may do what through the API: the permissions that the admin uses too."""

from __future__ import annotations

from rest_framework.permissions import DjangoModelPermissions


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
