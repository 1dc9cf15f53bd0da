"""What Mautic was told before there was a table for all platforms comes along, and goes back."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from contacts.models import Suppression
from curation_sdk.testing import NOON
from opt_outs.models import ToldOptOut


def migrate(to: str) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate([("mautic_sync", to)])
    return MigrationExecutor(connection).loader.project_state([("mautic_sync", to)]).apps


@pytest.mark.django_db(transaction=True)
def test_there_and_back() -> None:
    rows = [Suppression.objects.create(email_key=f"p{number}@x.example") for number in range(5)]
    try:
        old = migrate("0002_tried_at").get_model("mautic_sync", "MauticOptOut")
        for row in rows[:3]:
            old.objects.create(suppression_id=row.pk, told_at=NOON, tried_at=NOON)
        old.objects.create(suppression_id=rows[3].pk, told_at=None, tried_at=NOON)
        migrate("0004_delete_mauticoptout")
        told = ToldOptOut.objects.filter(platform="mautic")
        assert set(told.filter(told_at=NOON, tried_at=NOON).values_list("suppression", flat=True)) == {
            row.pk for row in rows[:3]
        }
        assert told.filter(told_at=None, tried_at=NOON).get().suppression == rows[3]
        assert "mautic_opt_outs" not in connection.introspection.table_names()
        ToldOptOut.objects.create(platform="brevo", suppression=rows[0], told_at=NOON)
        old = migrate("0002_tried_at").get_model("mautic_sync", "MauticOptOut")
        assert old.objects.filter(told_at=NOON).count() == 3
        assert old.objects.get(told_at=None).tried_at == NOON
        assert [one.platform for one in ToldOptOut.objects.all()] == ["brevo"]
    finally:
        call_command("migrate", verbosity=0)
    assert ToldOptOut.objects.filter(platform="mautic").count() == 4
