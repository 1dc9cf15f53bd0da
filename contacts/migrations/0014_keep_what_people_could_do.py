"""Whoever could change contacts could queue and curate them as well. That takes permissions of its own now."""

from __future__ import annotations

from typing import Any

from django.db import migrations

#: As in the model's Meta; the permissions themselves are made after all migrations, which is too late here.
NEW = {"curate_contact": "Can curate contacts", "push_contact": "Can queue contacts for platforms"}


def grant(apps: Any, schema_editor: Any) -> None:
    """Give both to every user and group that has change_contact. Once: what is taken away later stays away."""
    Permission = apps.get_model("auth", "Permission")
    changing = Permission.objects.filter(
        content_type__app_label="contacts", content_type__model="contact", codename="change_contact"
    ).first()
    if changing is None:
        return  # a new database: nobody has anything yet
    for codename, name in NEW.items():
        permission, _ = Permission.objects.get_or_create(
            content_type=changing.content_type, codename=codename, defaults={"name": name}
        )
        for holder in (*changing.user_set.all(), *changing.group_set.all()):
            holders = holder.user_permissions if hasattr(holder, "user_permissions") else holder.permissions
            holders.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0013_error_cause_indexes"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop, elidable=True)]
