"""Pushing to HubSpot: what each answer means for a contact."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from contacts.deliverable import skip_reason
from curation_sdk.clock import Clock, SystemClock
from curation_sdk.decisions import Answer
from curation_sdk.http import Unanswered
from curation_sdk.job import Preparation
from curation_sdk.outcomes import NotPushed, Outcome, Rejected, Retry, Skipped, StopRun, Synced, Throttled
from curation_sdk.questions import Question
from curation_sdk.ratelimit import RateLimiter
from hubspot_sync import conf
from hubspot_sync.client import Arrived, HubSpotClient, upsert_path
from hubspot_sync.payload import Parcel, apart, parcel, upsert_body
from hubspot_sync.properties import unfit
from hubspot_sync.refusals import HubSpotError, no_such_properties

if TYPE_CHECKING:
    from contacts.models import Contact

#: Seconds for calls that carry one contact. A batch that has to be taken apart must not outlive its lease: who has
#: not had a turn by then goes back into the queue.
SINGLES_WITHIN = 60.0


@contextmanager
def hubspot_service(limiter: RateLimiter) -> Iterator[HubSpotSyncService]:
    """The service for one run, closed at its end."""
    config = conf.load()
    with closing(HubSpotClient(config, limiter)) as client:
        yield HubSpotSyncService(client, config)


def preview(contact: Contact, chosen: Mapping[str, Any] | None = None) -> dict[str, Any] | str:
    """The request that a push of the contact alone would send; the reason when it would send none.

    chosen: settings as the connection page may change them; None: those in force.
    """
    if reason := skip_reason(contact.email):
        return reason
    config = conf.load(chosen)
    one = parcel(contact, config, today=timezone.now().date(), mark="dry-run")
    return {"method": "POST", "path": upsert_path(config.version), "body": upsert_body([one])}


def destination() -> str:
    """Where contacts go, for people."""
    return "To the contacts of the HubSpot account; HubSpot's own lists take them by their properties."


class HubSpotSyncService:
    """Pushes contacts to one HubSpot account. Writes nothing here: the job loop stores the outcomes.

    `mark` goes into the trace ids and tells this run's from those of others.
    """

    def __init__(
        self,
        client: HubSpotClient | None = None,
        config: conf.HubSpotConfig | None = None,
        *,
        clock: Clock | None = None,
        mark: str = "",
    ) -> None:
        self.config = config or conf.load()
        self.clock = clock or SystemClock()
        self.client = client or HubSpotClient(self.config, RateLimiter(self.config.rate_per_second, self.clock))
        self.mark = mark or secrets.token_hex(4)

    def prepare(self) -> Preparation:
        """See that the token is right and that the account has every property that we send.

        The two are asked at once. Raises StopRun when HubSpot would refuse every contact. Trouble on its side is no
        reason not to start: the pushes will tell.
        """
        seen = Question(self._see_contacts)
        notes, proven = [], False
        try:
            self._check_properties()
            proven = True
        except StopRun as error:
            _only_if_fatal(error)
            notes.append(f"HubSpot did not let us read its properties, so nobody knows which are missing. {error}")
        except (HubSpotError, Unanswered):
            pass
        note, answered = seen.reply()
        return Preparation([*notes, *filter(None, [note])], proven=proven or answered)

    def _see_contacts(self) -> tuple[str, bool]:
        """A note, and whether HubSpot knows our token. A token may be allowed to write contacts and not to read."""
        try:
            self.client.see_contacts()
        except StopRun as error:
            _only_if_fatal(error)
            return str(error), False
        except (HubSpotError, Unanswered):
            return "", False
        return "", True

    def _check_properties(self) -> None:
        there = self.client.get_properties()
        names = self.config.properties
        if missing := [theirs for theirs in names.values() if theirs not in there]:
            raise StopRun(no_such_properties(missing))
        wrong = [f"{theirs} {why}" for ours, theirs in names.items() if (why := unfit(ours, there[theirs]))]
        if wrong:
            raise StopRun(
                f"HubSpot refuses contacts for a property that cannot take what we send: {'; '.join(wrong)}. "
                '"manage.py hubspot_setup" says what to do.'
            )

    def push(self, contacts: Sequence[Contact]) -> list[Answer]:
        """Push up to 100 contacts with one call; an answer for each, in their order.

        When something stops us midway (a limit, the end of the run), those that have their outcome keep it, and the
        exception stands for each of the others.
        """
        today, until = self.clock.now().date(), self.clock.monotonic() + SINGLES_WITHIN
        answers: dict[int, Answer] = {}
        parcels: dict[str, int] = {}
        to_send: list[Parcel] = []
        for place, contact in enumerate(contacts):
            if reason := skip_reason(contact.email):
                answers[place] = Skipped(reason)
            else:
                to_send.append(parcel(contact, self.config, today=today, mark=self.mark))
                parcels[to_send[-1].trace_id] = place
        said: dict[str, Answer] = {}
        stopped: Exception = NotPushed()
        try:
            for together in apart(to_send, lambda one: one.email):
                self._push_together(together, said, until)
        except (StopRun, Throttled, NotPushed) as error:
            stopped = error
        answers.update((place, said.get(trace_id, stopped)) for trace_id, place in parcels.items())
        return [answers[place] for place in range(len(contacts))]

    def _push_together(self, parcels: Sequence[Parcel], said: dict[str, Answer], until: float) -> None:
        """One batch. What is said of each goes into `said`; whom the batch leaves open is pushed alone."""
        try:
            upserted = self.client.upsert(parcels)
        except Unanswered as error:
            said.update(dict.fromkeys(_ids(parcels), _unanswered(error)))
            return
        except HubSpotError as error:
            if error.transient:
                said.update(dict.fromkeys(_ids(parcels), Retry(error.reason, evidence=error.evidence)))
            else:
                self._taken_apart(parcels, error, said, until)
            return
        alone = []
        for one in parcels:
            refusal = upserted.refused.get(one.trace_id)
            if arrived := upserted.arrived.get(one.trace_id):
                said[one.trace_id] = Synced(arrived.remote_id, arrived.warning, evidence=arrived.evidence)
            elif isinstance(refusal, StopRun):
                said[one.trace_id] = refusal
            elif refusal and not self._only_phone(refusal, one):
                said[one.trace_id] = self._refused(refusal)
            else:
                alone.append(one)
        self._push_alone(alone, said, until)

    def _taken_apart(
        self, parcels: Sequence[Parcel], error: HubSpotError, said: dict[str, Answer], until: float
    ) -> None:
        """HubSpot refused the batch as a whole: each contact gets an answer of its own.

        That happens for addresses that are one to HubSpot, in accounts that know no upsert by address, and where one
        bad contact spoils a batch. A refusal that names what is wrong with the only contact needs no second call.
        """
        if len(parcels) == 1 and error.said.properties and not self._only_phone(error, parcels[0]):
            said[parcels[0].trace_id] = self._refused(error)
        else:
            self._push_alone(parcels, said, until)

    def _push_alone(self, parcels: Sequence[Parcel], said: dict[str, Answer], until: float) -> None:
        """Each with calls of its own, as long as there is time."""
        for one in parcels:
            late = self.clock.monotonic() >= until
            said[one.trace_id] = NotPushed() if late else self.push_single(one)

    def push_single(self, one: Parcel) -> Outcome:
        """Push one contact without the batch. Raises StopRun, Throttled or NotPushed."""
        warning = ""
        try:
            try:
                arrived = self._write(one)
            except HubSpotError as error:
                if not self._only_phone(error, one):
                    raise
                phone = self.config.properties["phone"]
                warning = f'HubSpot refused the phone "{one.properties[phone]}"; sent without it.'
                arrived = self._write(one.without(phone))
        except Unanswered as error:
            return _unanswered(error)
        except HubSpotError as error:
            return self._refused(error)
        return Synced(arrived.remote_id, warning, evidence=arrived.evidence)

    def _write(self, one: Parcel) -> Arrived:
        """Update the contact with this address; make it if there is none; update the one that is in the way.

        Not looked up by the search: its index lags behind by seconds.
        """
        try:
            return self.client.update_by_email(one)
        except HubSpotError as error:
            if error.status != 404:
                raise
        try:
            return self.client.create(one)
        except HubSpotError as error:
            if error.status != 409 or not error.said.existing_id:
                raise
            existing = error.said.existing_id
        return self.client.update(existing, one)

    def _only_phone(self, error: HubSpotError, one: Parcel) -> bool:
        """Is the phone all that HubSpot has against the contact? It never costs us one."""
        phone = self.config.properties.get("phone", "")
        return error.said.properties == [phone] and phone in one.properties

    def _refused(self, error: HubSpotError) -> Outcome:
        # A 404 or 409 that is left over: somebody made, merged or deleted the contact between our calls.
        if error.transient or error.status in (404, 409):
            return Retry(error.reason, evidence=error.evidence)
        return Rejected(error.reason, evidence=error.evidence, cause=error.cause)


def _ids(parcels: Sequence[Parcel]) -> list[str]:
    return [one.trace_id for one in parcels]


def _unanswered(error: Unanswered) -> Retry:
    return Retry(f"HubSpot did not answer: {error.reason}", evidence=error.evidence)


def _only_if_fatal(error: StopRun) -> None:
    """Raise it again, but not when the token only lacks a scope for a question that we may do without."""
    if error.evidence.http_status != 403:
        raise error
