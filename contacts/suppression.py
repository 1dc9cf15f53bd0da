"""Who must not be pushed: the rules for queueing and claiming, and how an address becomes suppressed."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Concat, TruncDate

from contacts.address_key import email_key
from contacts.models import Suppression
from curation_sdk.causes import OMITTED
from curation_sdk.job import SkipRule


def suppress(
    blocked: Sequence[tuple[str, str]],
    source: str,
    reason: Suppression.Reason = Suppression.Reason.BLOCKED,
) -> None:
    """Record addresses that a platform does not mail, as (address, why) pairs. What is recorded already stays."""
    Suppression.objects.bulk_create(
        [
            Suppression(email_key=key, reason=reason, source=source, note=why)
            for address, why in blocked
            if (key := email_key(address))
        ],
        ignore_conflicts=True,
    )


def _of_this_contact() -> QuerySet[Suppression]:
    return Suppression.objects.filter(email_key=OuterRef("email_key")).order_by()


def _why(since: Cast | Value) -> Subquery:
    """SQL for "Suppressed since 2026-11-24: Unsubscribed."."""
    labels = Case(
        *[When(reason=reason, then=Value(str(reason.label))) for reason in Suppression.Reason],
        default=Value("no reason given"),
        output_field=CharField(),
    )
    sentence = Concat(Value("Suppressed since "), since, Value(": "), labels, Value("."))
    return Subquery(_of_this_contact().values(sentence=sentence)[:1])


_DAY = Cast(TruncDate("since"), CharField())

#: In this order: the first that matches gives the reason. The same for every platform.
SKIP_RULES = (
    SkipRule(
        "without an e-mail address",
        Q(email_key__isnull=True) | Q(email_key=""),
        "There is no e-mail address. Add one, then queue the contact again.",
    ),
    SkipRule("suppressed", Q(Exists(_of_this_contact())), _why(_DAY), cause=_why(Value(OMITTED))),
)
