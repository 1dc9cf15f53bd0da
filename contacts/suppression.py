"""Who must not be pushed: the rules for queueing and claiming, and how an address becomes suppressed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Case, CharField, Exists, Func, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Concat, TruncDate
from django.db.models.lookups import Exact

from contacts.emails import email_key
from contacts.models import Suppression
from curation_sdk.job import SkipRule

#: What `str.strip()` takes off.
_BLANKS = "".join(character for code in range(0x3001) if (character := chr(code)).isspace())


def suppress(blocked: Sequence[tuple[str, str]], source: str) -> None:
    """Record addresses that a platform does not mail, as (address, why) pairs. What is recorded already stays."""
    Suppression.objects.bulk_create(
        [
            Suppression(email_key=key, reason=Suppression.Reason.BLOCKED, source=source, note=why)
            for address, why in blocked
            if (key := email_key(address))
        ],
        ignore_conflicts=True,
    )


class _WithoutBlanks(Func):
    """SQL for `str.strip()`. The column `email_key` is stripped of spaces only; a scraper's line break stays in it."""

    function = "BTRIM"
    template = "%(function)s(%(expressions)s)"

    def __init__(self, text: Any) -> None:
        super().__init__(text, Value(_BLANKS), output_field=CharField())

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="TRIM", **context)


def _of_this_contact() -> QuerySet[Suppression]:
    return Suppression.objects.filter(email_key=_WithoutBlanks(OuterRef("email_key"))).order_by()


def _why() -> Subquery:
    """SQL for "Suppressed since 2026-11-24: Unsubscribed."."""
    labels = Case(
        *[When(reason=reason, then=Value(str(reason.label))) for reason in Suppression.Reason],
        default=Value("no reason given"),
        output_field=CharField(),
    )
    since = Cast(TruncDate("since"), CharField())
    sentence = Concat(Value("Suppressed since "), since, Value(": "), labels, Value("."))
    return Subquery(_of_this_contact().values(sentence=sentence)[:1])


#: In this order: the first that matches gives the reason. The same for every platform.
SKIP_RULES = (
    SkipRule(
        "without an e-mail address",
        Q(email_key__isnull=True) | Q(Exact(_WithoutBlanks("email_key"), "")),
        "There is no e-mail address. Add one, then queue the contact again.",
    ),
    SkipRule("suppressed", Q(Exists(_of_this_contact())), _why()),
)
