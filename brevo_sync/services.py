"""Pushing to Brevo: what each answer means for a contact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from brevo_sync import conf
from brevo_sync.blocks import NOT_MAILED, is_blocked
from brevo_sync.client import BrevoClient, BrevoError, Kind, Upserted, contact_id
from brevo_sync.payload import Payload, contact_payload
from contacts.deliverable import skip_reason
from curation_sdk.clock import SystemClock
from curation_sdk.http import Unanswered
from curation_sdk.job import Preparation
from curation_sdk.outcomes import Outcome, Rejected, Retry, Skipped, StopRun, Synced
from curation_sdk.questions import Question
from curation_sdk.ratelimit import RateLimiter

if TYPE_CHECKING:
    from contacts.models import Contact

#: What Brevo says to a question about a list that it does not have.
NO_SUCH_LIST = (Kind.NOT_FOUND, Kind.LIST)

PHONE_LEFT_OUT = {
    Kind.DUPLICATE_PHONE: "belongs to another Brevo contact already",
    Kind.INVALID_PHONE: "was refused by Brevo",
}


@contextmanager
def brevo_service(limiter: RateLimiter) -> Iterator[BrevoSyncService]:
    """The service for one run, closed at its end."""
    config = conf.load()
    with closing(BrevoClient(config, limiter)) as client:
        yield BrevoSyncService(client, config)


def preview(contact: Contact, chosen: Mapping[str, Any] | None = None) -> dict[str, Any] | str:
    """The request that a push of the contact would send; the reason when it would send none.

    chosen: settings as the connection page may change them; None: those in force.
    """
    if reason := skip_reason(contact.email):
        return reason
    return {"method": "POST", "path": "/contacts", "body": contact_payload(contact, conf.load(chosen)).body}


def destination() -> str:
    """Where contacts go, for people."""
    list_id = conf.load().list_id
    if list_id is None:
        return "To Brevo, into no list: none is chosen."
    return f"To list {list_id} in Brevo."


class BrevoSyncService:
    """Pushes contacts to one Brevo account. Writes nothing here: the job loop stores the outcomes."""

    def __init__(self, client: BrevoClient | None = None, config: conf.BrevoConfig | None = None) -> None:
        self.config = config or conf.load()
        self.client = client or BrevoClient(self.config, RateLimiter(self.config.rate_per_second, SystemClock()))

    def prepare(self) -> Preparation:
        """See that the list is there, and which attributes Brevo would drop without a word.

        The two are asked at once. The notes are about attributes that are missing or of another type. Raises StopRun
        when the list does not exist. Trouble on Brevo's side is no reason not to start: the pushes will tell.
        """
        there = Question(self._see_list)
        try:
            preparation = Preparation(self._dropped_attributes(), proven=True)
        except StopRun as error:
            _only_if_fatal(error)
            unread = "Brevo did not let us read its attributes, so nobody knows which of ours it drops."
            preparation = Preparation([unread])
        except (BrevoError, Unanswered):
            preparation = Preparation()
        there.reply()
        return preparation

    def _see_list(self) -> None:
        """Raises StopRun when the list does not exist."""
        if self.config.list_id is None:
            return
        try:
            self.client.get_list(self.config.list_id)
        except BrevoError as error:
            if error.kind in NO_SUCH_LIST:
                raise StopRun(self._no_such_list(), error.evidence) from error
        except StopRun as error:
            _only_if_fatal(error)
        except Unanswered:
            pass

    def push(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Push contacts one after the other; an outcome for each, in their order."""
        return [self.process_single_contact(contact) for contact in contacts]

    def process_single_contact(self, contact: Contact) -> Outcome:
        """Push one contact and say what became of it.

        Raises StopRun when no contact can be pushed (key, rights, list), Throttled when Brevo asks us to slow down.
        """
        if reason := skip_reason(contact.email):
            return Skipped(reason)
        payload = contact_payload(contact, self.config)
        try:
            upserted, warning = self._upsert(payload)
        except Unanswered as error:
            return Retry(f"Brevo did not answer: {error.reason}", evidence=error.evidence)
        except BrevoError as error:
            return self._refused(error)
        if upserted.remote_id or contact.brevo_contact_id:
            remote_id = upserted.remote_id or contact.brevo_contact_id or ""
            return Synced(remote_id, warning, evidence=upserted.evidence)
        return self._look_up(payload.body["email"], warning, upserted)

    def _upsert(self, payload: Payload) -> tuple[Upserted, str]:
        """Send it; when only the phone is in the way, once more without SMS. Returns what came, and the warning."""
        sms = self.config.attributes.get("SMS", "")
        try:
            return self.client.upsert_contact(payload.body), payload.warning
        except BrevoError as error:
            if error.kind not in PHONE_LEFT_OUT or sms not in payload.body["attributes"]:
                raise
            why = PHONE_LEFT_OUT[error.kind]
        phone = payload.body["attributes"][sms]
        warning = f"The phone {phone} {why}; sent without SMS."
        return self.client.upsert_contact(payload.without(sms)), warning

    def _refused(self, error: BrevoError) -> Outcome:
        if error.transient:
            return Retry(error.reason, evidence=error.evidence)
        if error.kind is Kind.LIST and self.config.list_id is not None:
            # A list that is gone stops everybody, so we ask: words alone must not stop the run for one contact.
            try:
                self.client.get_list(self.config.list_id)
            except (BrevoError, Unanswered) as trouble:
                if isinstance(trouble, BrevoError) and trouble.kind in NO_SUCH_LIST:
                    raise StopRun(self._no_such_list(), error.evidence) from error
                return Retry(error.reason, evidence=error.evidence)
        return Rejected(error.reason, evidence=error.evidence)

    def _look_up(self, email: str, warning: str, upserted: Upserted) -> Synced:
        """Ask for the id that a 204 does not bring, and whether the person is blocked. Once, as long as we have none.

        The contact has arrived, so it is synced when the question fails. When the question only has to wait
        (Throttled, or NotPushed at the end of a run) the contact is given back and pushed again later.
        """
        try:
            found = self.client.get_contact(email)
        except (BrevoError, Unanswered, StopRun):
            unknown = "Its Brevo id could not be looked up. Queue the contact again to have it looked up."
            return Synced("", " ".join(filter(None, (warning, unknown))), evidence=upserted.evidence)
        blocked = NOT_MAILED if is_blocked(found) else ""
        return Synced(contact_id(found), warning, blocked, evidence=upserted.evidence)

    def _dropped_attributes(self) -> list[str]:
        there = self.client.get_attributes()
        wanted = {theirs: conf.ATTRIBUTE_TYPES[ours] for ours, theirs in self.config.attributes.items()}
        missing = [name for name in wanted if name not in there]
        wrong = [name for name, kind in wanted.items() if there.get(name, kind) != kind]
        remarks = []
        if missing:
            remarks.append(
                f"Brevo drops {', '.join(missing)}: the account has no such attributes. "
                '"manage.py brevo_setup --create" makes them.'
            )
        if wrong:
            remarks.append(
                f"Brevo drops {', '.join(wrong)}: of another type in the account. "
                '"manage.py brevo_setup" says what to do.'
            )
        return remarks

    def _no_such_list(self) -> str:
        return (
            f'Brevo has no list {self.config.list_id}. Correct BREVO_LIST_ID; "manage.py brevo_setup" and the '
            "admin's connection page show the lists, and whether it was set there."
        )


def _only_if_fatal(error: StopRun) -> None:
    """Raise it again, but not for a question that we may do without: a key may be allowed to write and not to read."""
    if error.evidence.http_status not in (403, 404):
        raise error
