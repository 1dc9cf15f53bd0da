"""Who must not be pushed, as the job loop asks it: when queueing, at the claim, and before sending."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Concat, TruncDate

from contacts.address_hash import AddressHash
from contacts.models import Suppression
from contacts.suppression import erased, in_force
from curation_sdk.causes import OMITTED
from curation_sdk.job import SkipRule


def _of_this_contact() -> QuerySet[Suppression]:
    return in_force().filter(email_key=OuterRef("email_key")).order_by("since", "id")


def _erased_contact() -> QuerySet[Suppression]:
    by_hash = erased().filter(key_hash=AddressHash(OuterRef("email_key")))
    return by_hash.filter(reason=Suppression.Reason.ERASED).order_by()


def _why(since: Cast | Value) -> Subquery:
    """SQL for "Suppressed since 2026-11-24: Unsubscribed."."""
    labels = Case(
        *[When(reason=reason, then=Value(str(reason.label))) for reason in Suppression.Reason],
        default=Value("no reason given"),
        output_field=CharField(),
    )
    sentence = Concat(Value("Suppressed since "), since, Value(": "), labels, Value("."))
    return Subquery(_of_this_contact().values(sentence=sentence)[:1])


def _why_erased(since: Cast | Value) -> Subquery:
    sentence = Concat(Value("Erased on "), since, Value(": this person asked to be forgotten."))
    return Subquery(_erased_contact().values(sentence=sentence)[:1])


_DAY = Cast(TruncDate("since"), CharField())

#: In this order: the first that matches gives the reason. For curation and for every platform.
SKIP_RULES = (
    SkipRule(
        "without an e-mail address",
        Q(email_key__isnull=True) | Q(email_key=""),
        "There is no e-mail address. Add one, then queue the contact again.",
    ),
    SkipRule(
        "erased",
        # Whether anybody is, comes first: as a rule nobody, and then no hash has to be made.
        Q(Exists(erased().order_by())) & Q(Exists(_erased_contact())),
        _why_erased(_DAY),
        cause=_why_erased(Value(OMITTED)),
    ),
    SkipRule("suppressed", Q(Exists(_of_this_contact().order_by())), _why(_DAY), cause=_why(Value(OMITTED))),
)

#: Of each row by itself: of one person's rows those with a basis are merged and pushed, the others are skipped.
_WITHOUT_BASIS = SkipRule(
    "without a lawful basis",
    Q(lawful_basis__isnull=True),
    "No lawful basis is recorded. Record one, then queue the contact again.",
)


def skip_rules() -> tuple[SkipRule, ...]:
    """Whom no platform gets, by the settings of this moment."""
    return (*SKIP_RULES, _WITHOUT_BASIS) if settings.REQUIRE_LAWFUL_BASIS else SKIP_RULES
