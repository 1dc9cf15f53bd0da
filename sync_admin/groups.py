"""Ready groups, so that nobody has to know the names of permissions."""

from __future__ import annotations

from typing import Any

from django.apps import apps as installed

from contacts.permissions import CURATE, LIFT, PUSH, SET_UP, SUPPRESS, VIEW, VIEW_SUPPRESSIONS

#: What there is to see: contacts, and what became of them.
_SEE = (
    *(VIEW, "contacts.view_domain", "contacts.view_page", "contacts.view_basischange", VIEW_SUPPRESSIONS),
    *("curation_sdk.view_syncrun", "curation_sdk.view_syncattempt", "curation_sdk.view_bulkoperation"),
    *("n8n_sync.view_enrichment", "webhooks.view_platformevent"),
)
_REPORTS = "n8n_sync.view_enrichmentevent"

#: To answer what people may ask for: what is held about them, to be forgotten.
_PRIVACY = ("erasure.view_erasure", "erasure.erase_person", "erasure.export_person")

#: To delete contacts is in none of them: grant it to persons, one by one.
GROUPS: dict[str, tuple[str, ...]] = {
    "Viewers": _SEE,
    "Curators": (
        *(*_SEE, CURATE, "contacts.add_contact", "contacts.change_contact"),
        *("contacts.add_domain", "contacts.change_domain", "contacts.add_page", "contacts.change_page"),
        SUPPRESS,
    ),
    "Operators": (*_SEE, PUSH, SUPPRESS, _REPORTS),
    "Administrators of platforms": (*_SEE, PUSH, SET_UP, SUPPRESS, _REPORTS),
    "Privacy": (*_SEE, SUPPRESS, LIFT, *_PRIVACY),
}


def make_groups(using: str, apps: Any = installed, **_: Any) -> None:
    """Make those that are missing. Sent after every `migrate`; what somebody changed in a group stays."""
    try:
        Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:
        return  # a migration back to before there were any
    groups = Group.objects.using(using)
    there = set(groups.filter(name__in=GROUPS).values_list("name", flat=True))
    for name in GROUPS.keys() - there:
        permissions = _permissions(Permission.objects.using(using), GROUPS[name])
        if len(permissions) == len(GROUPS[name]):  # else not all migrations have been run yet
            groups.create(name=name).permissions.set(permissions)


def _permissions(permissions: Any, names: tuple[str, ...]) -> list[Any]:
    """Those with the names ("contacts.view_contact") that exist already."""
    split = [name.split(".") for name in names]
    found = permissions.filter(
        content_type__app_label__in={app for app, _ in split}, codename__in={codename for _, codename in split}
    ).select_related("content_type")
    return [one for one in found if f"{one.content_type.app_label}.{one.codename}" in names]
