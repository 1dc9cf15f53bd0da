from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contact_curation.job import CURATION
from contacts.models import Contact
from curation_sdk.queueing import queue_contacts
from curation_sdk.testing import FakeClock


@pytest.fixture
def queued(make_contact: Callable[..., Contact], clock: FakeClock) -> Callable[..., Contact]:
    """Makes a contact that is queued for curation since now."""

    def make(email: str | None = "ada@acme.example", **columns: Any) -> Contact:
        contact = make_contact(email, **columns)
        queue_contacts(CURATION, Contact.objects.filter(pk=contact.pk), now=clock.now())
        contact.refresh_from_db()
        return contact

    return make
