"""Short forms for the tests of comparisons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from reconciliation import beginning, engine
from reconciliation.held import Comparison
from reconciliation.models import HeldContact, Reconciliation


def begin(comparison: Comparison, **later: float) -> Reconciliation:
    """A comparison that begins now, or so much later."""
    now = timezone.now() + timedelta(**later)
    return beginning.begin(comparison, trigger=Reconciliation.Trigger.HAND, by="ada", now=now)[0]


def compare(comparison: Comparison, **options: Any) -> Reconciliation:
    """A whole comparison."""
    current = begin(comparison)
    report = engine.work(comparison, current, seconds=None, **options)
    current.refresh_from_db()
    assert report.finished, report
    return current


def found(current: Reconciliation) -> dict[str, str]:
    """Address -> kind, of those in whom something differs."""
    rows = HeldContact.objects.filter(reconciliation=current).exclude(kind="same")
    return dict(rows.values_list("email_key", "kind"))
