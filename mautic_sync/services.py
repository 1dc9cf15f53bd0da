"""Pushing to Mautic: what each answer means for a contact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from contacts.deliverable import skip_reason
from curation_sdk.answers import quoted
from curation_sdk.clock import SystemClock
from curation_sdk.http import Unanswered
from curation_sdk.job import Preparation
from curation_sdk.outcomes import NotPushed, Outcome, Rejected, Retry, Skipped, StopRun, Synced, Throttled
from curation_sdk.questions import Question
from curation_sdk.ratelimit import RateLimiter
from mautic_sync import conf
from mautic_sync.client import Item, MauticClient
from mautic_sync.payload import SHORT, Payload, contact_payload, unsendable
from mautic_sync.refusals import MauticError, about_the_role

if TYPE_CHECKING:
    from contacts.models import Contact

#: Once the calls of a push took so long (milliseconds), the contacts that go alone wait for the next push: a run must
#: be able to end.
ALONE_FOR = 20_000

#: What text fields of Mautic take at most, whatever an administrator sets.
LONGEST = 191

ROLE = "The role of our user needs: contacts, view and edit own and others, create."

RAISE = (
    'A Mautic administrator can raise "max. character length" of this field, under Settings, Custom Fields, '
    f"to {LONGEST}."
)

#: These concern every contact: no further call is made.
HALTS = (StopRun, Throttled, NotPushed)

Answer = Outcome | Exception


@contextmanager
def mautic_service(limiter: RateLimiter) -> Iterator[MauticSyncService]:
    """The service for one run, closed at its end."""
    config = conf.load()
    with closing(MauticClient(config, limiter)) as client:
        yield MauticSyncService(client, config)


def unusable(email: str) -> str:
    """Why Mautic is not given an address; "" when it is."""
    return skip_reason(email) or unsendable(email)


def preview(contact: Contact, chosen: Mapping[str, Any] | None = None) -> dict[str, Any] | str:
    """The request that a push of the contact alone would send, in a run up to 200 share one; or why it sends none.

    chosen: settings as the connection page may change them; None: those in force.
    """
    if reason := unusable(contact.email or ""):
        return reason
    body = contact_payload(contact, conf.load(chosen)).body
    return {"method": "POST", "path": "/api/contacts/batch/new", "body": [body]}


def destination() -> str:
    """Where contacts go, for people."""
    segment_id = conf.load().segment_id
    if segment_id is None:
        return "To Mautic, into no segment: none is chosen."
    return f"To segment {segment_id} in Mautic."


class MauticSyncService:
    """Pushes contacts to one Mautic. Writes nothing here: the job loop stores the outcomes.

    It remembers whether Mautic has taken a contact: from then on, a 403 is about single contacts and not the role.
    """

    def __init__(self, client: MauticClient | None = None, config: conf.MauticConfig | None = None) -> None:
        self.config = config or conf.load()
        self.client = client or MauticClient(self.config, RateLimiter(self.config.rate_per_second, SystemClock()))
        self._has_taken = False

    def prepare(self) -> Preparation:
        """See that the segment is there, and which fields Mautic would drop without a word.

        The two are asked at once. Raises StopRun when the segment does not exist. Trouble on Mautic's side is no
        reason not to start: the pushes will tell.
        """
        there = Question(self._see_segment)
        try:
            preparation = Preparation(self._dropped_fields(), proven=True)
        except StopRun as error:
            if not about_the_role(error):
                raise  # else it may be allowed to write and not to read
            unread = "Mautic did not let us read its contact fields, so nobody knows which of ours it drops."
            preparation = Preparation([unread])
        except (MauticError, Unanswered):
            preparation = Preparation()
        there.reply()
        return preparation

    def push(self, contacts: Sequence[Contact]) -> list[Answer]:
        """Push contacts and return an answer for each, in their order.

        They go together, in one call. Those that failed with others before go alone: one whose data makes Mautic's
        PHP give up would take the others with it again and again. When no further call makes sense, those that have
        arrived keep their outcome, and the rest get the exception that says why.
        """
        answers: dict[int, Answer] = {}
        for place, contact in enumerate(contacts):
            if reason := skip_reason(contact.email):
                answers[place] = Skipped(reason)
            elif reason := unsendable(contact.email):
                answers[place] = Rejected(reason, unasked=True)
        sent = [place for place in range(len(contacts)) if place not in answers]
        alone = [place for place in sent if contacts[place].mautic_retry_count >= self.config.alone_from]
        together = [place for place in sent if place not in alone]
        halt: Exception = NotPushed()
        spent = 0
        for part in filter(None, (together, *([place] for place in alone))):
            try:
                payloads = [contact_payload(contacts[place], self.config) for place in part]
                found = self._send(payloads, retried=all(contacts[place].mautic_retry_count for place in part))
            except HALTS as error:
                halt = error
                break
            answers.update(zip(part, found, strict=True))
            spent += max(_milliseconds(answer) for answer in found)
            if spent >= ALONE_FOR:
                break
        return [answers.get(place, halt) for place in range(len(contacts))]

    def _send(self, payloads: Sequence[Payload], *, retried: bool) -> list[Answer]:
        """One batch. Raises one of HALTS when none of them has arrived. retried: have all been tried before?"""
        try:
            batch = self.client.upsert_contacts([payload.body for payload in payloads])
        except Unanswered as error:
            return [Retry(f"Mautic did not answer: {error.reason}", evidence=error.evidence)] * len(payloads)
        except MauticError as error:
            if error.transient or len(payloads) > 1:
                # Which of them it is about nobody knows. In the end they go alone, and then it shows.
                return [Retry(error.reason, evidence=error.evidence)] * len(payloads)
            return [Rejected(error.reason, evidence=error.evidence)]
        known = self._has_taken or (retried and len(payloads) == 1)  # one that is alone would stop every run
        if not known and all(item.status == 403 for item in batch.items):
            first = batch.items[0]
            raise StopRun(
                f"Mautic does not let us add contacts (403): {quoted(first.message)}. {ROLE}", first.evidence
            )
        answers: list[Answer] = [self._outcome(*pair) for pair in zip(batch.items, payloads, strict=True)]
        too_long = {
            place: list(item.details)
            for place, (item, payload) in enumerate(zip(batch.items, payloads, strict=True))
            if _only_for_show(item, payload)
        }
        if too_long:
            again = self._send_shortened([payloads[place].shortened(too_long[place]) for place in too_long])
            for (place, aliases), answer in zip(too_long.items(), again, strict=True):
                answers[place] = _warned(answer, _cut(aliases)) if isinstance(answer, Synced) else answer
        return self._in_segment(answers, batch.turn)

    def _send_shortened(self, payloads: Sequence[Payload]) -> list[Answer]:
        """Those that Mautic refused for a name alone, once more with the name cut. Nothing of them was stored."""
        try:
            batch = self.client.upsert_contacts([payload.body for payload in payloads])
        except (Unanswered, MauticError) as error:
            return [Retry(error.reason, evidence=error.evidence)] * len(payloads)
        except HALTS as error:
            return [error] * len(payloads)
        return [self._outcome(*pair) for pair in zip(batch.items, payloads, strict=True)]

    def _outcome(self, item: Item, payload: Payload) -> Outcome:
        """What one entry of the answer says of its contact."""
        said = quoted(item.message)
        if item.status in (200, 201) and item.address and item.address.casefold() != payload.body["email"].casefold():
            # Their id would lead our opt-outs to somebody else, and their block would be put down to this person.
            return Rejected(
                f"Mautic took the contact for another one, with the address {quoted(item.address)}, and changed that. "
                "Correct both there, and the address here.",
                item.evidence,
            )
        if item.status in (200, 201) and item.remote_id:
            self._has_taken = True
            return Synced(item.remote_id, blocked=item.blocked, evidence=item.evidence)
        if item.status == 403:
            return Rejected(f"Mautic does not let us change this contact (403): {said}. {ROLE}", item.evidence)
        if item.status in (400, 404, 422):
            advice = [self._advice(alias, payload) for alias in item.details]
            reason = " ".join([f"Mautic refused it ({item.status}): {said}.", *filter(None, advice)])
            return Rejected(reason, evidence=item.evidence)
        if item.status in (200, 201):
            return Retry(f"Mautic answered {item.status} without the contact's id.", evidence=item.evidence)
        return Retry(f"Mautic did not take it now ({item.status}): {said}.", evidence=item.evidence)

    def _advice(self, alias: str, payload: Payload) -> str:
        """What to do about a value that is too long; "" for one that is not. The message may be in any language."""
        length = len(str(payload.body.get(alias, "")))
        if length <= SHORT:
            return ""
        if length <= LONGEST:
            return f"{alias} has {length} characters. {RAISE}"
        ours = next((name for name, theirs in self.config.fields.items() if theirs == alias), "")
        if not ours:
            return f"{alias} has {length} characters, more than any Mautic takes."
        return (
            f"{alias} has {length} characters, and a text field of Mautic takes {LONGEST}. Use a field of type "
            f"textarea, or leave it out: MAUTIC_FIELDS={ours}=."
        )

    def _in_segment(self, answers: list[Answer], turn: float) -> list[Answer]:
        """Add those who have arrived to the segment, in one call. Whoever is not in it has not arrived yet.

        A later try sends them again, which changes nothing, and adds them then. Not so those whom Mautic does not
        mail: they are not pushed again, and what we have just learnt of them must not be lost.
        """
        ids = [answer.remote_id for answer in answers if isinstance(answer, Synced)]
        if self.config.segment_id is None or not ids:
            return answers
        try:
            left_out = self.client.add_to_segment(self.config.segment_id, ids, turn=turn)
        except (Unanswered, MauticError) as error:
            if isinstance(error, MauticError) and error.not_found:
                return _instead(answers, StopRun(self._no_such_segment(), error.evidence))
            reason = f"Mautic has the contact, but did not add it to segment {self.config.segment_id}. {error.reason}"
            return _instead(answers, Retry(reason, evidence=error.evidence))
        except HALTS as error:
            return _instead(answers, error)
        warning = f"Mautic did not add the contact to segment {self.config.segment_id}. Add it there by hand."
        return [
            _warned(answer, warning) if isinstance(answer, Synced) and answer.remote_id in left_out else answer
            for answer in answers
        ]

    def _see_segment(self) -> None:
        """Raises StopRun when the segment does not exist, or may not be used."""
        if self.config.segment_id is None:
            return
        try:
            self.client.get_segment(self.config.segment_id)
        except MauticError as error:
            if error.not_found:
                raise StopRun(self._no_such_segment(), error.evidence) from error
        except Unanswered:
            pass

    def _dropped_fields(self) -> list[str]:
        there = self.client.get_fields()
        missing = [alias for alias in self.config.fields.values() if alias not in there]
        if not missing:
            return []
        return [
            f"Mautic drops {', '.join(missing)}: it has no such contact fields. "
            '"manage.py mautic_setup --create" makes them.'
        ]

    def _no_such_segment(self) -> str:
        return (
            f'Mautic has no segment {self.config.segment_id}. Correct MAUTIC_SEGMENT_ID; "manage.py mautic_setup" '
            "and the admin's connection page show the segments, and whether it was set there."
        )


def _only_for_show(item: Item, payload: Payload) -> bool:
    """Was it refused for nothing but long values that only people read?"""
    return (
        item.status in (400, 422)
        and bool(item.details)
        and all(alias in payload.display and len(str(payload.body.get(alias, ""))) > SHORT for alias in item.details)
    )


def _cut(aliases: Sequence[str]) -> str:
    return f"Mautic found {' and '.join(aliases)} too long; cut to {SHORT} characters. {RAISE}"


def _instead(answers: Sequence[Answer], of_success: Answer) -> list[Answer]:
    """The answers when nobody joined the segment: in the place of each success, but for those with a block."""

    def instead(answer: Answer) -> Answer:
        if not isinstance(answer, Synced):
            return answer
        return _warned(answer, "It was not added to the segment.") if answer.blocked else of_success

    return [instead(answer) for answer in answers]


def _warned(answer: Synced, warning: str) -> Synced:
    return replace(answer, warning=" ".join(filter(None, (answer.warning, warning))))


def _milliseconds(answer: Answer) -> int:
    seen = getattr(answer, "evidence", None)
    return (seen.duration_ms or 0) if seen is not None else 0
