"""Two thousand contacts in one run, each with its own answer."""

from __future__ import annotations

from collections import Counter

import pytest
from django.utils import timezone

from contact_curation.job import CURATION
from contact_curation.tasks import process_curation_queue
from contacts.models import Contact, Suppression
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.queueing import queue_contacts

#: What stands in the address and the phone, and what becomes of the contact: one kind after the other.
KINDS = [
    ("p{}@acme.example", None, "CORPORATE", "Complete"),
    ("p{}@gmail.com", "(212) 555-0142", "FREE", "Complete"),
    ("info{}@acme.example", "Phone not found", "SERVICE", "Complete"),
    ("p{}@acme", None, "UNKNOWN", "Error"),
    ("Email not found", None, "UNKNOWN", "Error"),
    ("out@acme.example", None, "UNKNOWN", "Skipped"),
    (None, None, "UNKNOWN", "Skipped"),
    ("p{}@web.de", "+49 30 23125 001", "FREE", "Complete"),
]
EACH = 250


@pytest.mark.django_db(transaction=True)
def test_two_thousand() -> None:
    Suppression.objects.create(email_key="out@acme.example")
    contacts = [
        Contact(email=email and email.format(number), phone_number=phone)
        for number in range(EACH)
        for email, phone, _, _ in KINDS
    ]
    Contact.objects.bulk_create(contacts)
    result = queue_contacts(CURATION, Contact.objects.all(), now=timezone.now())
    assert (result.queued, result.skipped_count) == (6 * EACH, 2 * EACH)

    assert process_curation_queue() == "1,000 curated (250 warnings), 500 failed."

    expected: Counter[tuple[str | None, str, str, str | None]] = Counter()
    for email, phone, kind, status in KINDS:
        domain = (email or "").rpartition("@")[2] or None
        better = {"(212) 555-0142": "+12125550142", "+49 30 23125 001": "+493023125001"}.get(phone or "", phone)
        expected[domain, kind, status, better] += EACH
    found = Counter(
        ((contact.email or "").rpartition("@")[2] or None, contact.email_type, status, contact.phone_number)
        for contact in Contact.objects.all()
        for status in [contact.contact_curation_status]
    )
    assert found == expected
    run = SyncRun.objects.get()
    assert (run.state, run.synced, run.warned, run.failed, run.late, run.released) == (
        "finished",
        1000,
        250,
        500,
        0,
        0,
    )
    # One for each that was not a plain success; the skipped ones were known when they were queued.
    assert Counter(SyncAttempt.objects.values_list("outcome", flat=True)) == {"synced": 250, "rejected": 500}
    assert not Contact.objects.filter(contact_processing_status__in=["Queued", "Processing"]).exists()
    assert not Contact.objects.exclude(brevo_sync_status="New").exists()
