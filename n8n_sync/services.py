"""Pushing to n8n: what each answer means for a contact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from contacts.deliverable import skip_reason
from curation_sdk.answers import PlatformError
from curation_sdk.clock import SystemClock
from curation_sdk.http import Unanswered
from curation_sdk.job import Preparation
from curation_sdk.outcomes import Outcome, Rejected, Retry, Skipped, StopRun, Synced, Throttled, Waiting
from curation_sdk.ratelimit import RateLimiter
from n8n_sync import conf
from n8n_sync.client import N8nClient, NotRegistered
from n8n_sync.payload import contact_payload

if TYPE_CHECKING:
    from contacts.models import Contact

#: What stands with a contact that n8n accepted and has not reported on. Also how such a contact is recognised.
WAITING = "n8n accepted the contact; its report is awaited."

#: An n8n that has just started knows no webhook for some seconds, although it says that it is ready. 404s of so long a
#: time are waited out, with a look every few seconds; after that the workflow is not active.
START_UP = 30.0  # seconds
LOOK_AGAIN = timedelta(seconds=5)

NOT_ACTIVE = "The workflow is not active, or the path is another one: activate it in n8n, or correct N8N_WEBHOOK_URL."


@contextmanager
def n8n_service(limiter: RateLimiter) -> Iterator[N8nSyncService]:
    """The service for one run, closed at its end."""
    config = conf.load()
    with closing(N8nClient(config, limiter)) as client:
        yield N8nSyncService(client, config)


def preview(contact: Contact, chosen: Mapping[str, Any] | None = None) -> dict[str, Any] | str:
    """The request that a push of the contact would send; the reason when it would send none.

    chosen: n8n has no settings that can be changed on its connection page.
    """
    if reason := skip_reason(contact.email):
        return reason
    # `delivery_id` and `timestamp` come with the first try.
    return {"method": "POST", "path": conf.load().webhook_url, "body": contact_payload(contact)}


def destination() -> str:
    """Where contacts go, for people."""
    return f"To the workflow behind the webhook at {urlsplit(conf.load().webhook_url).netloc}."


class N8nSyncService:
    """Hands contacts to one workflow. Writes nothing here: the job loop stores the outcomes."""

    def __init__(self, client: N8nClient | None = None, config: conf.N8nConfig | None = None) -> None:
        self.config = config or conf.load()
        self.client = client or N8nClient(self.config, RateLimiter(self.config.rate_per_second, SystemClock()))
        self._missing_since: float | None = None  # the turn of the first 404 since an answer

    def prepare(self) -> Preparation:
        """There is nothing to ask: whatever a webhook answers, it runs the workflow for."""
        return Preparation([conf.TEST_ADDRESS] if conf.TEST_PATH in self.config.webhook_url else [])

    def push(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Push contacts one after the other; an outcome for each, in their order."""
        return [self.process_single_contact(contact) for contact in contacts]

    def process_single_contact(self, contact: Contact) -> Outcome:
        """Push one contact and say what became of it.

        Raises StopRun when no contact can be pushed (secret, workflow not active), Throttled when n8n is starting or
        something in front of it asks us to slow down.
        """
        if reason := skip_reason(contact.email):
            return Skipped(reason)
        try:
            accepted = self.client.deliver(contact_payload(contact))
        except Unanswered as error:
            return Retry(f"n8n did not answer: {error.reason}", evidence=error.evidence)
        except NotRegistered as error:
            raise self._missing(error) from None
        except PlatformError as error:
            outcome = Retry if error.transient else Rejected
            return outcome(error.reason, evidence=error.evidence)
        self._missing_since = None
        if self.config.deadline is None:
            return Synced(accepted.remote_id, evidence=accepted.evidence)
        return Waiting(WAITING, self.config.deadline, accepted.evidence)

    def _missing(self, error: NotRegistered) -> StopRun | Throttled:
        """No contact is to blame for a webhook that is not there."""
        since = self._missing_since = error.turn if self._missing_since is None else self._missing_since
        if error.turn - since < START_UP:
            return Throttled(LOOK_AGAIN, f"{error.reason} It may be starting.", error.evidence)
        advice = conf.TEST_ADDRESS if conf.TEST_PATH in self.config.webhook_url else NOT_ACTIVE
        return StopRun(f"{error.reason} {advice}", error.evidence)


def lapsed(contact: Contact) -> str:
    """What happened to a contact that was in n8n's or a worker's hands until its time was over."""
    if contact.n8n_processing_error == WAITING:
        return "n8n accepted the contact but never reported back"
    return "The worker died while pushing this contact, or n8n fetched it and never reported back"
