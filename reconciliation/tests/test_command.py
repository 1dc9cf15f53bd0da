"""`manage.py reconcile`."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from brevo_sync.job import BREVO
from reconciliation.models import HeldContact, Reconciliation

pytestmark = pytest.mark.django_db


def test_the_command_compares_and_says_what_it_found(pushed: Any) -> None:
    pushed(BREVO, "ada@acme.example", "eve@acme.example")
    out = StringIO()
    call_command("reconcile", "brevo", stdout=out)
    assert out.getvalue() == "2 here, 2 there: nothing differs.\n"
    [made] = Reconciliation.objects.all()
    assert (made.trigger, made.state) == ("command", "finished")
    assert not HeldContact.objects.exists()  # who is as he should be is not kept


def test_the_command_says_why_it_cannot(db: None, settings: Any, sandbox: Any) -> None:
    settings.BREVO_API_KEY = "xkeysib-wrong"
    with pytest.raises(CommandError, match=r"Brevo rejected the key \(401\)") as told:
        call_command("reconcile", "brevo")
    assert told.value.returncode == 1
    settings.BREVO_API_KEY = ""
    with pytest.raises(CommandError, match="Brevo is switched off"):
        call_command("reconcile", "brevo")
