"""The sync command, the same for every platform. A platform's command names its job and shows its requests."""

from __future__ import annotations

import json
import sys
import threading
from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone
from tqdm import tqdm

from curation_sdk.claiming import due, misdated
from curation_sdk.clock import SystemClock
from curation_sdk.cycle import run_cycle
from curation_sdk.database import database_fault
from curation_sdk.job import SyncJob
from curation_sdk.models import SyncRun
from curation_sdk.operations import queue_in_chunks, work_off
from curation_sdk.queueing import QueueResult, active, make_due, queue_contacts, skip_reason
from curation_sdk.report import CycleReport
from curation_sdk.shutdown import stop_on_signals
from curation_sdk.statuses import ProcessingStatus, SyncStatus
from curation_sdk.steering import pause_sentence, paused
from curation_sdk.wording import count_of

WRONG_USE = 2
INTERRUPTED = 130

#: A command waits for a run of somebody else, or while the platform asks for it, but not for ever: it may have been
#: started by a timer that starts the next one.
GIVE_UP_AFTER = 15 * 60.0  # seconds

_never = threading.Event()


def contact_id(text: str) -> UUID:
    """An argument that is a contact's id."""
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a contact's id (a UUID)") from None


def positive(text: str) -> int:
    """An argument that is a number above zero."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


class SyncCommand(BaseCommand):
    """Pushes what is due now and returns when nothing is.

    Exit code: 0 when everything due was dealt with, 1 when the run was stopped or could not begin (no key, a wrong
    key, a pause …), 2 for wrong use, 130 after Ctrl-C.
    """

    job: ClassVar[SyncJob]

    def joined(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The requests of people who are pushed together, as they are sent: one each, unless the platform joins
        them."""
        return requests

    def before_pushing(self) -> None:
        """What the platform has to do first, outside of the queue."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--limit",
            type=positive,
            metavar="N",
            help="take N contacts from the queue; queued rows of the same people come along",
        )
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument(
            "--ids", type=contact_id, nargs="+", metavar="ID", help="queue these contacts and push only them, now"
        )
        choice.add_argument("--failed", action="store_true", help="queue everything in Error first")
        choice.add_argument("--queue-all-new", action="store_true", help="queue everything New first")
        parser.add_argument("--even-if-paused", action="store_true", help="push although the queue is paused")
        parser.add_argument("--dry-run", action="store_true", help="show the requests; send and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if reason := self.job.off_reason():
                raise CommandError(reason, returncode=1)
            self._handle(options)
        except (OperationalError, ProgrammingError) as error:
            if reason := database_fault():
                raise CommandError(reason, returncode=1) from error
            raise

    def _handle(self, options: dict[str, Any]) -> None:
        ids: list[UUID] | None = options["ids"]
        chosen = self._chosen(ids, failed=options["failed"], new=options["queue_all_new"])
        if ids and chosen is not None:
            self._check_ids(ids, chosen)
        if options["dry_run"]:
            self._show(chosen, ids, options["limit"])
            return
        if chosen is not None:
            now = timezone.now()
            if ids:
                self.stdout.write(queue_contacts(self.job, chosen, now=now).sentence(self.job.name))
                make_due(self.job, chosen, now=now)
            else:
                self._queue_in_chunks(chosen)
        if not ids:
            self._work_off()
        even_if_paused: bool = options["even_if_paused"]
        if not even_if_paused and (pause := paused(self.job)):
            text = f"{pause_sentence(pause)} Nothing was pushed; --even-if-paused pushes all the same."
            raise CommandError(text, returncode=1)
        self.before_pushing()
        self._push(ids, options["limit"], even_if_paused)

    def _check_ids(self, ids: Collection[UUID], chosen: QuerySet[Any]) -> None:
        unknown = sorted(str(key) for key in set(ids) - set(chosen.values_list("pk", flat=True)))
        if unknown:
            more = f" and {len(unknown) - 3:,} more" if len(unknown) > 3 else ""
            raise CommandError(f"No contact has the id {', '.join(unknown[:3])}{more}.", returncode=WRONG_USE)

    def _chosen(self, ids: Sequence[UUID] | None, *, failed: bool, new: bool) -> QuerySet[Any] | None:
        """The contacts to queue first, if any."""
        contacts = self.job.contacts
        if ids:
            return contacts.filter(pk__in=ids)
        if failed:
            return contacts.filter(Q(**{self.job.sync_status: SyncStatus.ERROR}))
        return contacts.filter(Q(**{self.job.sync_status: SyncStatus.NEW})) if new else None

    def _queue_in_chunks(self, chosen: QuerySet[Any]) -> None:
        """Queue them chunk by chunk. Whoever breaks it off and starts again goes on where it was."""
        quiet = not self.stderr.isatty()
        total = 0 if quiet else chosen.count()
        with (
            stop_on_signals() as stop,
            tqdm(total=total, disable=quiet, unit=" contacts", desc="Queueing", file=sys.stderr) as bar,
        ):
            result = QueueResult(0, 0)
            for chunk in queue_in_chunks(self.job, chosen, stop=stop):
                result += chunk
                bar.update(chunk.total)
            stopped = stop()
        self.stdout.write(result.sentence(self.job.name))
        if stopped:
            sys.exit(INTERRUPTED)

    def _work_off(self) -> None:
        """Do what people asked for many contacts and no worker has done yet, so that it is pushed as well."""
        with stop_on_signals() as stop:
            work_off(self.job, seconds=None, stop=stop, on_queued=lambda operation: None)
            if stop():
                sys.exit(INTERRUPTED)

    def _push(self, only: Collection[UUID] | None, limit: int | None, even_if_paused: bool) -> None:
        with stop_on_signals() as stop, self._bar(only, limit) as bar:
            report = self._run(only, limit, even_if_paused, stop, bar)
        if report.stopped or report.held:
            raise CommandError(report.sentence(), returncode=1)
        summary = " ".join(filter(None, (report.sentence(), self._waiting(only))))
        self.stdout.write(self.style.SUCCESS(summary))
        if stop():
            sys.exit(INTERRUPTED)

    def _run(
        self,
        only: Collection[UUID] | None,
        limit: int | None,
        even_if_paused: bool,
        stop: Callable[[], bool],
        bar: tqdm[Any],
    ) -> CycleReport:
        """Run until nothing is due, waiting out a run of somebody else and a pause that the platform asked for."""
        clock = SystemClock()

        def progress(counts: Counter[str]) -> None:
            bar.update(sum(counts.values()) - counts["warned"] - counts["released"] - bar.n)

        told, fruitless_since = "", clock.monotonic()
        while True:
            report = run_cycle(
                self.job,
                trigger=SyncRun.Trigger.COMMAND,
                limit=limit,
                only=only,
                stop=stop,
                progress=progress,
                even_if_paused=even_if_paused,
            )
            if not report.later or stop():
                return report
            if report.counts["synced"]:
                fruitless_since = clock.monotonic()
            if clock.monotonic() - fruitless_since > GIVE_UP_AFTER:
                raise CommandError(f"Given up after 15 minutes without a push: {report.reason}", returncode=1)
            if report.reason != told:
                self.stdout.write(f"{report.reason} Waiting.")
                told = report.reason
            clock.wait(1.0, _never)

    def _waiting(self, only: Collection[UUID] | None) -> str:
        """Who is still in the queue, and when the first of them is due; "" when nobody is."""
        waiting = self.job.contacts.filter(active(self.job))
        if only is not None:
            waiting = waiting.filter(pk__in=only)
        found = waiting.aggregate(count=Count("pk"), first=Min(self.job.next_attempt_at))
        if not found["first"]:
            return ""
        rest = f"{count_of(found['count'], 'contact')} {'is' if found['count'] == 1 else 'are'} still in the queue"
        return f"{rest}; the next is due at {found['first']:%Y-%m-%d %H:%M} UTC."

    def _bar(self, only: Collection[UUID] | None, limit: int | None) -> tqdm[Any]:
        quiet = not self.stderr.isatty()
        total = 0 if quiet else due(self.job, now=timezone.now(), only=only).count()
        return tqdm(
            total=min(total, limit) if limit else total,
            disable=quiet,
            unit=" contacts",
            desc=self.job.label,
            file=sys.stderr,
        )

    def _show(self, chosen: QuerySet[Any] | None, ids: Collection[UUID] | None, limit: int | None) -> None:
        """The requests that would be sent, as JSON, one after the other."""
        now = timezone.now()
        pushed = Q(pk__in=due(self.job, now=now, only=ids).order_by().values("pk"))
        if ids is None:
            pushed = reduce(or_, misdated(self.job, self.job.policy(), now=now), pushed)
        if chosen is not None:
            pushed |= Q(pk__in=chosen.values("pk"))
        if self.job.identity:
            # A person's other queued rows come along with a claim, due or not.
            identities = self.job.contacts.filter(pushed).order_by().values(self.job.identity)
            waiting = {self.job.processing_status: ProcessingStatus.QUEUED, f"{self.job.identity}__in": identities}
            pushed |= Q(**waiting)
        people = self._people(self.job.contacts.filter(pushed).order_by(self.job.next_attempt_at, "pk"))
        shown = 0
        together: list[dict[str, Any]] = []
        for rows, reason in people:
            if limit is not None and shown >= limit:
                break
            shown += 1
            person = self.job.merge(rows, self.job.contact_id)
            request = reason or self.job.preview(person)
            if isinstance(request, str):
                self.stdout.write(f"# {person.pk} would be skipped: {request}")
                continue
            together.append(request)
            if len(together) == self.job.push_size:
                self._write(together)
                together = []
        self._write(together)
        self.stdout.write(f"{count_of(shown, 'person', 'people')} shown; nothing was sent or changed.")

    def _write(self, requests: list[dict[str, Any]]) -> None:
        for request in self.joined(requests):
            self.stdout.write(json.dumps(request, ensure_ascii=False, indent=2))

    def _people(self, contacts: QuerySet[Any]) -> Iterator[tuple[list[Any], str]]:
        """The rows of each person, and why they would be skipped ("" when they would not)."""
        rows = contacts.select_related(*self.job.related).annotate(why=skip_reason(self.job))
        people: dict[Any, list[Any]] = {}
        for row in rows.iterator(chunk_size=1000):
            people.setdefault(self.job.person(row), []).append(row)
        return ((group, group[0].why) for group in people.values())
