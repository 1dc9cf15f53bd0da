"""The ready groups, and what those who could change contacts before keep."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

from sync_admin.groups import GROUPS, make_groups

pytestmark = pytest.mark.django_db

keep = import_module("contacts.migrations.0014_keep_what_people_could_do")


def names(permissions: Any) -> set[str]:
    return {f"{one.content_type.app_label}.{one.codename}" for one in permissions.select_related("content_type")}


def test_migrate_makes_every_group_with_all_its_permissions() -> None:
    for name, permissions in GROUPS.items():
        assert names(Group.objects.get(name=name).permissions) == set(permissions)


def test_what_somebody_changed_in_a_group_stays_and_a_missing_one_comes_back() -> None:
    Group.objects.get(name="Viewers").permissions.clear()
    Group.objects.get(name="Operators").delete()

    call_command("migrate", verbosity=0)

    assert not Group.objects.get(name="Viewers").permissions.exists()
    assert names(Group.objects.get(name="Operators").permissions) == set(GROUPS["Operators"])


def test_no_group_is_made_by_half() -> None:
    Group.objects.all().delete()
    Permission.objects.filter(codename="push_contact").delete()

    make_groups("default")

    assert set(Group.objects.values_list("name", flat=True)) == {"Viewers", "Curators", "Privacy"}


def test_whoever_could_change_contacts_may_queue_and_curate_as_before() -> None:
    change = Permission.objects.get(codename="change_contact")
    ada, bob = User.objects.create_user("ada"), User.objects.create_user("bob")
    ada.user_permissions.add(change)
    bob.user_permissions.add(Permission.objects.get(codename="view_contact"))
    Permission.objects.filter(codename__in=keep.NEW).delete()  # as in a database from before
    group = Group.objects.create(name="Office")
    group.permissions.add(change)

    keep.grant(apps, None)

    new = {"contacts.curate_contact", "contacts.push_contact"}
    assert names(ada.user_permissions) == names(group.permissions) == {"contacts.change_contact", *new}
    assert names(bob.user_permissions) == {"contacts.view_contact"}
    texts = dict(Permission.objects.filter(codename__in=keep.NEW).values_list("codename", "name"))
    assert texts == keep.NEW


def test_in_a_new_database_there_is_nothing_to_keep() -> None:
    Permission.objects.all().delete()

    keep.grant(apps, None)

    assert not Permission.objects.exists()
