"""Erasing a person: everything here at once, and the platforms through the job loop until each confirms.

Rows stay as empty shells: counts, runs and operations go on saying what they said, and a late answer finds its row,
no longer held. The address is left only in what a platform has yet to confirm; the ledger keeps its hash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, QuerySet

from contacts.address_hash import AddressHash, address_hash
from contacts.address_key import email_key
from contacts.importing.store import one_import_at_a_time
from contacts.models import Contact
from contacts.suppression import erased, erased_keys, lost_key, suppress_erased
from curation_sdk import runs
from curation_sdk.database import atomic_with_retry, one_bulk_writer
from curation_sdk.job import LEASE, SyncJob
from curation_sdk.statuses import ACTIVE, ProcessingStatus, SyncStatus
from curation_sdk.wording import count_of, storable
from erasure import forgetting
from erasure.models import Deletion, Erasure
from erasure.places import BY_ADDRESS, PLACES
from erasure.platforms import ERASERS
from erasure.traces import Traces, numbers_of, words_of
from n8n_sync.deliveries import delivery_id
from n8n_sync.job import N8N
from n8n_sync.models import Enrichment
from scrapersky.platforms import QUEUES

#: No answer of theirs can still be on its way: they have been answered since they were last asked for.
ANSWERED = (SyncStatus.COMPLETE, SyncStatus.ERROR)

#: Who told us, in the ledger.
SOURCE = "A person"

DAILY = "The daily look"
STORED_AGAIN = "The person had been erased before, and was stored again."

NO_TRACE = "We have neither an address nor an id to ask with."


class NotErased(Exception):
    """Nobody was erased. The message is for people."""


class NobodyFound(Exception):
    """What was given names nobody. The message is for people."""


@dataclass(frozen=True, slots=True)
class Who:
    """A person: by the address as compared; by a row alone where that has no address."""

    key: str
    contact_id: UUID | None = None

    @property
    def rows(self) -> QuerySet[Contact]:
        """What we have of the person."""
        if self.key:
            return Contact.objects.filter(email_key=self.key)
        return Contact.objects.filter(pk=self.contact_id) if self.contact_id else Contact.objects.none()


def whose(contact: Contact) -> Who:
    """The person of a row."""
    return Who(contact.email_key or "", contact.pk)


def person_named(text: str) -> Who:
    """The person of an address, or of a contact's id. Raises NobodyFound for anything else."""
    try:
        contact_id = UUID(text.strip())
    except ValueError:
        pass
    else:
        contact = Contact.objects.filter(pk=contact_id).first()
        if contact is None:
            raise NobodyFound(f"There is no contact {contact_id}.")
        return whose(contact)
    key = email_key(text) or ""
    if "@" not in key.strip("@") or len(key) > 320:
        raise NobodyFound("Give an e-mail address or a contact's id (a UUID).")
    return Who(key)


def traces_of(who: Who) -> Traces:
    """What is to be looked for."""
    return _traces(who, list(who.rows.order_by()))


def _traces(who: Who, rows: Sequence[Contact]) -> Traces:
    """Without names and numbers that others here have as well: by these nobody can say who is meant."""
    words, numbers = words_of(who.key, rows), numbers_of(rows)
    ids = tuple(row.pk for row in rows)
    others = Contact.objects.exclude(pk__in=ids).exclude(email_key=None).order_by()
    shared = set(others.filter(phone_number__in=words).values_list("phone_number", flat=True)) if numbers else set()
    shared |= set(others.filter(name__in=words).values_list("name", flat=True))
    theirs = {number for row in rows if row.phone_number in shared for number in numbers_of([row])}
    words = tuple(one for one in words if one == who.key or one not in shared | theirs)
    return Traces(who.key, ids, words, tuple(one for one in numbers if one in words))


# --- Before ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """What an erasure would do: what stands here, by table, and what each platform would be asked."""

    rows: int
    here: dict[str, int]
    platforms: list[tuple[str, str]]  # label, sentence
    known: list[str] = field(default_factory=list)  # the names of the person, for whoever confirms


def look(who: Who, *, thorough: bool = False) -> Look:
    """Look, and change nothing. Thorough: also for texts about others that name the person, which takes longer."""
    rows = list(who.rows.order_by("created_at", "pk"))
    traces = _traces(who, rows)
    here = Counter[str]()
    for place in PLACES:
        found = {row.pk for row in forgetting.rows_naming(place, traces)} if thorough else set[Any]()
        found |= set(forgetting.theirs(place, traces).values_list("pk", flat=True))
        here[place.label] += len(found)
    if not thorough:
        return _looked(who, rows, here)
    here["files that wait to be imported"] = len(forgetting.files_naming(traces))
    here["previews of imports"] = len(list(forgetting.imports_showing(traces)))
    here["results of tasks"] = len(forgetting.results_naming(traces))
    return _looked(who, rows, here)


def _looked(who: Who, rows: Sequence[Contact], here: Counter[str]) -> Look:
    platforms = []
    for one in ERASERS:
        ids = _remote_ids(one.job, rows)
        said = f"is asked to delete {'the address' if who.key else 'the contact'}"
        if ids:
            said += f" and {count_of(len(ids), 'id')}"
        platforms.append((one.job.label, f"{_by_hand(one.job)}" if one.job.off_reason() else f"{said}."))
    platforms.append((N8N.label, _n8n(rows)))
    names = sorted({row.name for row in rows if row.name})
    return Look(len(rows), {label: count for label, count in sorted(here.items()) if count}, platforms, names)


# --- Erasing --------------------------------------------------------------------------------------------------


def erase_person(who: Who, *, by: str, why: str, now: datetime) -> Erasure:
    """Erase a person here, and have the platforms asked. Returns the erasure, whose certificate says how far it is.

    Whoever is erased while an erasure of the same address is open gets that one. Safe to repeat, also after a crash.
    Start a run behind it: `start_soon(ERASURE, …)`. Raises NotErased when the key of the hashes is not the one of
    earlier erasures: there would be hashes of two keys, and no key by which nothing is lost.
    """
    if problem := lost_key():
        raise NotErased(f"Nobody was erased. {problem}")
    traces = traces_of(who)
    erasure = atomic_with_retry(partial(_erase, who, traces, by, why, now))
    # Whoever was written or claimed while we were at it: from here on the ledger keeps everybody else out.
    atomic_with_retry(partial(_again, erasure, who.key, traces, now))
    erasure.refresh_from_db()
    return erasure


def erase_who_came_back(*, now: datetime) -> int:
    """Erase once more whoever is stored again, by a scraper for instance, which asks nobody. Returns how many people.

    They are not pushed meanwhile: queueing and claiming know them by the hash. Reads whole tables once. Also those
    tables that know people by their address: what was under way when the person was erased may have been written just
    behind us.
    """
    if not erased().exists() or lost_key():
        return 0
    back = erased().filter(key_hash=AddressHash(OuterRef("email_key"))).order_by()
    keys: set[str] = set()
    models: tuple[type[Model], ...] = (Contact, *BY_ADDRESS)
    for model in models:
        rows = model._default_manager.filter(Exists(back), email_key__gt="").order_by()
        keys.update(rows.values_list("email_key", flat=True).distinct())
    for key in sorted(keys):
        erase_person(Who(key), by=DAILY, why=STORED_AGAIN, now=now)
    return len(keys)


def look_again(*, now: datetime) -> int:
    """Empty what has come in late: answers to pushes that were under way. Returns how many erasures that closes."""
    closed = 0
    for erasure in Erasure.objects.filter(closed_at=None, look_again_at__lte=now).order_by("pk"):
        waits = Deletion.objects.filter(erasure=erasure).exclude(address="").first()
        key = waits.address if waits else ""
        if key and not erased_keys([key]):
            key = ""  # lifted since: what is there of the person now, is there by his own wish
        traces = Traces(key, (), words_of(key, []))
        atomic_with_retry(partial(_again, erasure, key, traces, now))
        closed += Erasure.objects.filter(pk=erasure.pk, closed_at=None).update(closed_at=now)
    return closed


def _erase(who: Who, traces: Traces, by: str, why: str, now: datetime) -> Erasure:
    found = forgetting.look_for(traces)  # before any lock: it takes long where tables are large
    files = forgetting.files_naming(traces)
    one_import_at_a_time()
    one_bulk_writer()
    erasure = _open(who.key, now)
    if erasure is None:
        erasure = Erasure.objects.create(
            key_hash=address_hash(who.key) if who.key else "",
            requested_at=now,
            by_name=storable(by, 150),
            why=storable(str(traces.without(why)), 500),
            look_again_at=now,
        )
    if who.key:
        suppress_erased(who.key, SOURCE, now=now)
    done = Counter[str]()
    rows = _locked(who.rows)
    _empty(erasure, rows, who.key, done, now=now)
    everything = replace(traces, contact_ids=(*traces.contact_ids, *(row.pk for row in rows)))
    forgetting.forget(everything, found, done)
    done["files that waited to be imported, deleted"] += forgetting.drop_files(files, now=now)
    done["previews of imports shortened"] += forgetting.forget_previews(traces)
    done["results of tasks emptied"] += forgetting.forget_results(traces)
    _count(erasure, done)
    return erasure


def _again(erasure: Erasure, key: str, traces: Traces, now: datetime) -> None:
    """Once more, for rows of the erasure and for new ones with the address."""
    found = forgetting.look_for(traces, late=True)
    one_import_at_a_time()
    one_bulk_writer()
    erasure = Erasure.objects.select_for_update().get(pk=erasure.pk)
    done = Counter[str]()
    rows = _locked(Contact.objects.filter(email_key=key)) if key else []
    if rows:
        _empty(erasure, rows, key, done, now=now)
    shells = Contact.objects.filter(pk__in=erasure.contact_ids, email_key=None).values_list("pk", flat=True)
    mine = replace(traces, contact_ids=tuple(shells))
    forgetting.forget(mine, found, done)
    done["previews of imports shortened"] += forgetting.forget_previews(mine)
    done["results of tasks emptied"] += forgetting.forget_results(mine)
    _count(erasure, done)


def _open(key: str, now: datetime) -> Erasure | None:
    """The erasure of this address to which a platform, or we, still have something to do."""
    if not key:
        return None
    mine = Erasure.objects.select_for_update().filter(key_hash=address_hash(key), closed_at=None)
    return mine.order_by("-pk").first()


def _locked(rows: QuerySet[Contact]) -> list[Contact]:
    """The rows, which nobody claims or writes until we are through. In one order, whoever else does so."""
    return list(rows.order_by("pk").select_for_update(no_key=True))


def _empty(erasure: Erasure, rows: Sequence[Contact], key: str, done: Counter[str], *, now: datetime) -> None:
    """Empty rows, and have each platform asked, not before what is on its way to it has arrived."""
    ids = [row.pk for row in rows]
    done["contacts emptied"] += forgetting.empty(Contact.objects.filter(pk__in=ids), now=now) if ids else 0
    done["pages deleted"] += forgetting.drop_pages({row.page_id for row in rows} - {None})
    last = max((_held_until(job, rows, now) for job in QUEUES), default=now)
    for one in ERASERS:
        due = _quiet_from(one.job, rows, now)
        last = max(last, due)
        _ask(erasure, one.job, key, _remote_ids(one.job, rows), due, now)
    _tell_of_n8n(erasure, rows, now)
    known = dict.fromkeys([*erasure.contact_ids, *map(str, ids)])
    erasure.contact_ids = list(known)
    erasure.look_again_at = max(erasure.look_again_at, last)
    erasure.save(update_fields=["contact_ids", "look_again_at"])


def _remote_ids(job: SyncJob, rows: Sequence[Contact]) -> list[str]:
    """The ids under which the platform has the person; without those that a row with another address has as well.

    Such a one may be the other's, left over on a row whose address was changed. The person goes by the address then.
    """
    ids = {str(one) for row in rows if (one := getattr(row, job.contact_id)) and not str(one).isspace()}
    if not ids:
        return []
    others = Contact.objects.filter(**{f"{job.contact_id}__in": ids}, email_key__gt="")
    others = others.exclude(pk__in=[row.pk for row in rows]).exclude(email_key__in=_keys(rows)).order_by()
    return sorted(ids - set(others.values_list(job.contact_id, flat=True)))


def _keys(rows: Iterable[Contact]) -> set[str]:
    return {row.email_key for row in rows if row.email_key}


def _held_until(job: SyncJob, rows: Iterable[Contact], now: datetime) -> datetime:
    """When the last of the claims on these rows ends: before that, an answer or a push may be on its way."""
    held = (
        getattr(row, job.next_attempt_at)
        for row in rows
        if getattr(row, job.processing_status) == ProcessingStatus.PROCESSING
    )
    return max((until for until in held if until), default=now)


def _quiet_from(job: SyncJob, rows: Sequence[Contact], now: datetime) -> datetime:
    """When nothing of ours can reach the platform any more that would bring the person back.

    A contact that was skipped, taken out of the queue or deleted a moment ago may be on the wire, and nothing on the
    row says so. Where a run is under way we wait as long as a claim lasts.
    """
    answered = bool(rows) and all(getattr(row, job.sync_status) in ANSWERED for row in rows)
    on_the_wire = not answered and runs.running(job, now=now).exists()
    return max(_held_until(job, rows, now), now + LEASE if on_the_wire else now)


def _ask(erasure: Erasure, job: SyncJob, key: str, ids: list[str], due: datetime, now: datetime) -> None:
    """Have the platform asked; of one that is asked already, also for these ids, and not before `due`."""
    mine = Deletion.objects.filter(erasure=erasure, platform=job.platform).first()
    fresh: dict[str, Any] = {"updated_at": now, "tries": 0, "reason": None, "cause": None, "due_at": None}
    if mine is None and job.off_reason():
        _not_asked(erasure, job, _by_hand(job), now)
        return
    if mine is None and not key and not ids:
        _not_asked(erasure, job, NO_TRACE, now)
        return
    if mine is not None:
        if mine.status == SyncStatus.SKIPPED or (mine.status == SyncStatus.COMPLETE and not ids and due <= now):
            return
        ids = sorted({*ids, *mine.remote_ids.split("\n")} - {""})
        key = key or mine.address
        if mine.processing_status in ACTIVE:
            due = max(due, mine.due_at or due)
    asked = {
        **fresh,
        "address": key,
        "remote_ids": "\n".join(ids),
        "status": SyncStatus.QUEUED,
        "processing_status": ProcessingStatus.QUEUED,
        "due_at": due,
        "confirmed_at": None,
        "outcome": "",
    }
    if mine is None:
        Deletion.objects.create(erasure=erasure, platform=job.platform, created_at=now, **asked)
    else:
        Deletion.objects.filter(pk=mine.pk).update(**asked)


def _not_asked(erasure: Erasure, job: SyncJob, reason: str, now: datetime) -> None:
    said = {"status": SyncStatus.SKIPPED, "reason": reason, "updated_at": now}
    Deletion.objects.get_or_create(erasure=erasure, platform=job.platform, defaults={**said, "created_at": now})


def _by_hand(job: SyncJob) -> str:
    why = job.off_reason().rstrip(".")
    return f"Not asked. {why}. If {job.label} has the person, delete them there by hand."


def _tell_of_n8n(erasure: Erasure, rows: Sequence[Contact], now: datetime) -> None:
    mine = Deletion.objects.filter(erasure=erasure, platform=N8N.platform)
    if not mine.exists():
        _not_asked(erasure, N8N, _n8n(rows), now)
    elif rows:
        mine.update(reason=_n8n(rows), updated_at=now)


def _n8n(rows: Sequence[Contact]) -> str:
    """What may be left in n8n, and what to do about it."""
    known = {str(one) for row in rows if (one := delivery_id(row))}
    enrichments = Enrichment.objects.filter(contact__in=[row.pk for row in rows]).exclude(delivery_id="")
    known |= set(enrichments.values_list("delivery_id", flat=True))
    went = bool(known) or any(row.n8n_sync_status in (SyncStatus.COMPLETE, SyncStatus.PROCESSING) for row in rows)
    if not went:
        return "Not asked: n8n keeps no contacts, and we know of no delivery of this person to it."
    named = f": {', '.join(sorted(known))}" if known else ""
    return (
        f"Not asked: n8n keeps no contacts. Deliveries went there{named}. Delete these executions in n8n by hand, and "
        "what the workflow wrote elsewhere."
    )


def _count(erasure: Erasure, done: Counter[str]) -> None:
    counts = Counter[str](erasure.done)
    counts.update(done)
    erasure.done = {what: count for what, count in sorted(counts.items()) if count}
    erasure.save(update_fields=["done"])
