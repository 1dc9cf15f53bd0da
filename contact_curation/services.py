"""Curating: what each judgement means for a contact. Nothing here leaves this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings

from contact_curation.judgement import judge
from curation_sdk.job import Preparation
from curation_sdk.outcomes import Outcome, Rejected, Synced
from curation_sdk.ratelimit import RateLimiter

if TYPE_CHECKING:
    from contacts.models import Contact

logger = logging.getLogger(__name__)


@contextmanager
def curation_service(limiter: RateLimiter) -> Iterator[CurationService]:
    """The service for one run. There is nobody whose pace it would have to keep."""
    yield CurationService(settings.CURATION_PHONE_REGION)


def preview(contact: Contact) -> dict[str, Any]:
    """What curation would say of the contact."""
    judgement = judge(contact, settings.CURATION_PHONE_REGION)
    said = {"problem": judgement.problem} if judgement.problem else {"remarks": list(judgement.remarks)}
    return {"contact": str(contact.pk), "email": contact.email, **said, "better": judgement.better}


def destination() -> str:
    """Where contacts go, for people."""
    return "Nowhere: contacts are checked here, and nothing leaves this machine."


class CurationService:
    """Judges contacts. Writes nothing here: the job loop stores the outcomes, and what was learned with them."""

    def __init__(self, phone_region: str = "") -> None:
        self.phone_region = phone_region

    def prepare(self) -> Preparation:
        """Nothing has to be there."""
        return Preparation(proven=True)

    def push(self, contacts: Sequence[Contact]) -> list[Outcome | Exception]:
        """An outcome for each, in their order. A contact over which our code stumbles costs no other anything."""
        return [self._curate(contact) for contact in contacts]

    def curate(self, contact: Contact) -> Outcome:
        """Complete, with what is odd as a warning and what is better to be stored; or what has to be corrected."""
        judgement = judge(contact, self.phone_region)
        if judgement.problem:
            return Rejected(judgement.problem, unasked=True)
        return Synced("", " ".join(judgement.remarks), learned=judgement.better)

    def _curate(self, contact: Contact) -> Outcome | Exception:
        try:
            return self.curate(contact)
        except Exception as error:
            logger.exception("The contact %s could not be judged", contact.pk)
            return error
