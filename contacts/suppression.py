"""The ledger of people who must not be pushed: how they come into it, who is in it, and how a person lifts it.

What the job loop needs of it, the rules for queueing and claiming, stands in `contacts.skip_rules`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from contacts.address_hash import address_hash, key_name
from contacts.address_key import email_key
from contacts.models import Suppression
from curation_sdk.wording import storable

Reason = Suppression.Reason

#: Characters of an address; a contact cannot have a longer one.
LONGEST = 320

#: Addresses looked up by one statement.
AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class OptOut:
    """What somebody told us about an address: do not mail it. `since`: None for the moment of recording."""

    address: str
    reason: Suppression.Reason
    note: str = ""
    since: datetime | None = None


def in_force() -> QuerySet[Suppression]:
    """The suppressions that hold."""
    return Suppression.objects.filter(lifted_at=None)


def suppress(opt_outs: Iterable[OptOut], source: str, *, now: datetime) -> int:
    """Record opt-outs that `source` ("Brevo", "A person") told us of. Returns how many were new.

    What is in force already stays as it is, with its date; what a person lifted before is recorded anew. A date in
    the future counts as now. Blank addresses are passed over, and those of erased people: they are in the ledger, and
    their address is not to come back.
    """
    new = [
        Suppression(
            email_key=key,
            reason=one.reason,
            source=source,
            note=storable(one.note),
            since=min(one.since or now, now),
            recorded_at=now,
        )
        for key, one in not_recorded(opt_outs, source)
    ]
    # Somebody else may be recording the same at this moment.
    Suppression.objects.bulk_create(new, batch_size=AT_ONCE, ignore_conflicts=True)
    return len(new)


def not_recorded(opt_outs: Iterable[OptOut], source: str) -> list[tuple[str, OptOut]]:
    """What `suppress` would record of these: the address as `email_key` gives it, and the first that says so."""
    given: dict[tuple[str, str], OptOut] = {}
    for one in opt_outs:
        key = email_key(storable(one.address))
        if key and len(key) <= LONGEST:
            given.setdefault((key, one.reason), one)
    keys = {key for key, _ in given}
    known = erased_keys(keys)
    there: set[tuple[str, str]] = set()
    for some in _parts(sorted(keys - known)):
        rows = in_force().filter(email_key__in=some, source=source).order_by()
        there.update(rows.values_list("email_key", "reason"))
    return [(key, one) for (key, reason), one in given.items() if key not in known and (key, reason) not in there]


def suppress_blocked(blocked: Sequence[tuple[str, str]], source: str, now: datetime) -> None:
    """Record addresses that a platform does not mail, as (address, why) pairs: what a push found out."""
    suppress([OptOut(address, Reason.BLOCKED, why) for address, why in blocked], source, now=now)


def suppressed_keys(keys: Collection[str]) -> set[str]:
    """Those of the addresses (as `email_key` gives them) that must not be pushed, erased people's among them."""
    found = erased_keys(keys)
    for some in _parts(sorted(set(keys) - found)):
        found.update(in_force().filter(email_key__in=some).order_by().values_list("email_key", flat=True))
    return found


def erased_keys(keys: Collection[str]) -> set[str]:
    """Those of the addresses (as `email_key` gives them) whose people were erased."""
    if not keys or not erased().exists():
        return set()
    by_hash = {address_hash(key): key for key in keys}
    found: set[str] = set()
    for some in _parts(sorted(by_hash)):
        hashes = erased().filter(key_hash__in=some).order_by().values_list("key_hash", flat=True)
        found.update(by_hash[one] for one in hashes)
    return found


def erased() -> QuerySet[Suppression]:
    """The rows in force of people of whom only the hash is left."""
    return in_force().filter(key_hash__gt="")


def suppress_erased(key: str, source: str, *, now: datetime) -> None:
    """Keep of this person (an address as `email_key` gives it) nothing but the hash, and that he was erased.

    In the caller's transaction. What was recorded before stays, under the hash and without its notes.
    """
    hashed = address_hash(key)
    # Whoever inserts by plain SQL does not ask whether the person was erased before.
    known = set(in_force().filter(key_hash=hashed).order_by().values_list("reason", "source"))
    again = [row.pk for row in in_force().filter(email_key=key) if (row.reason, row.source) in known]
    Suppression.objects.filter(pk__in=again).delete()
    Suppression.objects.filter(email_key=key).update(email_key="", key_hash=hashed, note="", lift_reason="")
    row = Suppression(key_hash=hashed, reason=Reason.ERASED, source=source, since=now, recorded_at=now)
    Suppression.objects.bulk_create([row], ignore_conflicts=True)


def of_person(key: str) -> QuerySet[Suppression]:
    """Everything that was recorded of an address (as `email_key` gives it), lifted or not, newest first.

    Of a blank one nothing: the rows of all who were erased have a blank address.
    """
    if not key:
        return Suppression.objects.none()
    return Suppression.objects.filter(Q(email_key=key) | Q(key_hash=address_hash(key), key_hash__gt=""))


def lift(key: str, *, by: str, why: str, now: datetime, only: Collection[UUID] | None = None) -> int:
    """Lift what is in force for an address (as `email_key` gives it). Returns how many rows.

    by: the person's name, which outlives his account. Whether he may is the caller's question. only: the rows that he
    has seen, so that what was recorded meanwhile stays in force. Raises ValueError without a reason. Nobody is
    un-blocked on a platform by this.
    """
    if not why.strip():
        raise ValueError("Give the reason: it is kept.")
    rows = of_person(key).filter(lifted_at=None)
    if only is not None:
        rows = rows.filter(pk__in=only)
    return rows.update(lifted_at=now, lifted_by=by, lift_reason=storable(why.strip()))


def lost_key() -> str:
    """What to do when erased people cannot be recognised by the present `ERASURE_KEY`; "" when they can."""
    if erased().exclude(key_hash__startswith=key_name()).exists():
        return (
            "ERASURE_KEY is not the one by which erased people were recorded, so they would not be recognised. "
            "Set the former key again. Nothing is pushed until then."
        )
    return ""


def _parts(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))
