"""Who must not be pushed: found in any spelling, with the reason and the date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from brevo_sync.job import BREVO
from contacts.models import Contact, Suppression
from curation_sdk.queueing import queue_contacts, skip_reason
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]


@pytest.mark.parametrize(
    "address",
    [
        "ann@x.example",
        "ANN@X.Example",
        "  ann@x.example ",
        "ann@x.example\n",
        "\tann@x.example",
        "\r\n Ann@x.example\xa0",
    ],
    ids=ascii,
)
def test_an_address_is_found_in_every_spelling_that_would_be_sent_as_the_same(
    make_contact: Make, address: str
) -> None:
    Suppression.objects.create(
        email_key="ann@x.example", reason="unsubscribed", since=datetime(2026, 3, 1, tzinfo=UTC)
    )
    contact = make_contact(address)

    result = queue_contacts(BREVO, Contact.objects.all(), now=NOON)

    contact.refresh_from_db()
    assert (result.queued, result.skipped) == (0, {"suppressed": 1})
    assert contact.brevo_sync_status == "Skipped"
    assert contact.brevo_processing_status is None
    assert contact.brevo_processing_error == "Suppressed since 2026-03-01: Unsubscribed."


@pytest.mark.parametrize("reason", [one for one in Suppression.Reason if one != "erased"])
def test_every_reason_is_given_in_words(make_contact: Make, reason: Suppression.Reason) -> None:
    since = datetime(2026, 3, 1, 12, tzinfo=UTC)
    Suppression.objects.create(email_key="ada@acme.example", reason=reason, since=since)
    make_contact()

    text = Contact.objects.annotate(why=skip_reason(BREVO)).get().why

    assert text == f"Suppressed since 2026-03-01: {reason.label}."


def test_a_reason_written_by_another_program_still_suppresses(make_contact: Make) -> None:
    Suppression.objects.create(email_key="ada@acme.example", reason="whatever")
    make_contact()

    assert Contact.objects.annotate(why=skip_reason(BREVO)).get().why.endswith(": no reason given.")


@pytest.mark.parametrize("address", [None, "", "   ", "\n", "\t \xa0"], ids=ascii)
def test_without_an_address(make_contact: Make, address: str | None) -> None:
    contact = make_contact(address)

    result = queue_contacts(BREVO, Contact.objects.all(), now=NOON)

    contact.refresh_from_db()
    assert result.skipped == {"without an e-mail address": 1}
    assert contact.brevo_sync_status == "Skipped"
    assert "no e-mail address" in (contact.brevo_processing_error or "")


def test_a_similar_address_is_not_suppressed(make_contact: Make) -> None:
    for key in ("ann@x.example", "ada@acme.exampl", "_da@acme.example", "%"):
        Suppression.objects.create(email_key=key)
    make_contact("ada@acme.example")

    assert queue_contacts(BREVO, Contact.objects.all(), now=NOON).queued == 1
