"""An erasure takes the person, and nothing from anybody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brevo_sync.webhooks import BREVO_EVENTS
from contacts.models import Contact, Page, RefusedRow, Suppression
from curation_sdk.testing import FakeClock
from erasure.erasing import Who, erase_person, traces_of
from erasure.exporting import export_person
from erasure.models import Deletion
from erasure.traces import Traces
from n8n_sync.models import Enrichment, EnrichmentEvent
from webhooks.models import PlatformEvent
from webhooks.working import work_through

pytestmark = pytest.mark.django_db

ADA, BERT = "ada@acme.example", "bert@acme.example"
SWITCHBOARD = "(212) 555-0123"


@pytest.fixture
def people(make_contact: Any) -> tuple[Contact, Contact]:
    ada = make_contact(ADA, name="Ada Lovelace", phone_number=SWITCHBOARD)
    return ada, make_contact(BERT, name="Bert Brown", phone_number=SWITCHBOARD)


def erase(clock: FakeClock) -> None:
    erase_person(Who(ADA), by="bob", why="Asked.", now=clock.now())


def told(clock: FakeClock, address: str, **more: Any) -> PlatformEvent:
    """An event of Brevo's that waits to be applied."""
    body = {"event": "unsubscribed", "email": address, "date": "2026-11-24 10:00:00", **more}
    return PlatformEvent.objects.create(
        platform="brevo", key=address, event="unsubscribed", email_key=address, body=json.dumps(body),
        received_at=clock.now(),
    )  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {"attributes": {"SMS": "+12125550123"}},
        {"attributes": {"SMS": 12125550123}},
        {"note": f"Ada Lovelace <{ADA}> says so"},
        {"camp": "For Ada Lovelace"},
    ],
)
def test_the_opt_out_of_a_colleague_is_applied(people: Any, clock: FakeClock, more: dict[str, Any]) -> None:
    Contact.objects.filter(email=BERT).update(phone_number=None)  # not even known to have the number
    told(clock, BERT, **more)
    erase(clock)
    assert BREVO_EVENTS.platform == "brevo"
    assert work_through(seconds=30) == 1
    assert Suppression.objects.get(email_key=BERT).reason == "unsubscribed"
    event = PlatformEvent.objects.get()
    assert (event.state, event.email_key) == ("applied", BERT)
    assert "Lovelace" not in event.body
    assert ADA not in event.body


def test_the_opt_out_of_one_whose_address_ends_like_theirs_is_applied(people: Any, clock: FakeClock) -> None:
    for address in (f"o'{ADA}", f"x+{ADA}", f"l.{ADA}"):
        told(clock, address)
    erase(clock)
    work_through(seconds=30)
    assert set(Suppression.objects.exclude(email_key="").values_list("email_key", flat=True)) == {
        f"o'{ADA}",
        f"x+{ADA}",
        f"l.{ADA}",
    }


def test_a_number_of_two_people_is_taken_from_neither(people: Any, clock: FakeClock) -> None:
    _, bert = people
    body = json.dumps({"contact_id": str(bert.pk), "enriched_data": {"phone": "+12125550123"}})
    event = EnrichmentEvent.objects.create(received_at=clock.now(), contact_id=bert.pk, body=body, state="applied")
    Enrichment.objects.create(
        contact=bert, event=event, enrichment_id="1", status="complete", sent_at=clock.now(),
        received_at=clock.now(), phone="+12125550123",
    )  # fmt: skip
    assert set(traces_of(Who(ADA)).words) == {ADA, "Ada Lovelace"}
    erase(clock)
    event.refresh_from_db()
    assert event.body == body
    assert Enrichment.objects.get().phone == "+12125550123"
    bert.refresh_from_db()
    assert (bert.phone_number, bert.name) == (SWITCHBOARD, "Bert Brown")


def test_an_export_hands_out_nothing_of_a_colleague_with_the_same_number(people: Any, clock: FakeClock) -> None:
    ada, bert = people
    Contact.objects.filter(pk=bert.pk).update(phone_number=None)
    body = json.dumps({"contact_id": str(bert.pk), "enriched_data": {"phone": "+12125550123", "city": "Paris"}})
    EnrichmentEvent.objects.create(received_at=clock.now(), contact_id=bert.pk, body=body, state="applied")
    told(clock, BERT, attributes={"SMS": "+12125550123", "CITY": "Paris"})
    held = json.dumps(export_person(Who(ADA), now=clock.now()), default=str)
    assert ada.email in held
    assert '"email_key": "bert' not in held


def test_a_refused_row_that_has_only_the_number_stays(people: Any, clock: FakeClock, db: None) -> None:
    from contacts.models import ContactImport

    Contact.objects.filter(email=BERT).update(phone_number=None)
    upload = ContactImport.objects.create(
        file_name="a.csv", size=1, lines=1, parts=0, uploaded_at=clock.now(), state="done"
    )
    RefusedRow.objects.create(contact_import=upload, line=2, reason="no address", text=f"bert,Bert,{SWITCHBOARD}")
    erase(clock)
    assert RefusedRow.objects.get().text == "bert,Bert,[erased]"


def test_the_text_around_a_colleagues_address_no_longer_names_them(people: Any, clock: FakeClock) -> None:
    _, bert = people
    Contact.objects.filter(pk=bert.pk).update(
        context=f"Team: Ada Lovelace ({ADA}), Bert Brown",
        source_url="https://acme.example/team?who=ada-lovelace",
        brevo_processing_error=f"Refused beside {ADA}.",
    )
    held = export_person(Who(ADA), now=clock.now())["held"]["contacts"]
    assert [set(row) for row in held[1:]] == [{"id", "context", "source_url", "brevo_processing_error"}]
    erase(clock)
    bert.refresh_from_db()
    assert bert.context == "Team: [erased] ([erased]), Bert Brown"
    assert bert.source_url == "https://acme.example/team?who=[erased]"
    assert bert.brevo_processing_error == "Refused beside [erased]."
    assert (bert.email, bert.name) == (BERT, "Bert Brown")


def test_a_page_that_others_are_found_on_stays_without_the_name(people: Any, clock: FakeClock) -> None:
    ada, bert = people
    page = Page.objects.create(url=f"https://acme.example/?m={ADA}")
    taken = Page.objects.create(url="https://acme.example/?m=[erased]")
    Contact.objects.filter(pk__in=[ada.pk, bert.pk]).update(page=page)
    erase(clock)
    page.refresh_from_db()
    assert page.url == f"https://acme.example/?m=[erased]#{page.pk}"
    assert Page.objects.filter(pk=taken.pk).exists()
    bert.refresh_from_db()
    assert bert.page_id == page.pk


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"o'{ADA}", f"o'{ADA}"),
        (f"'{ADA}'", "'[erased]'"),
        ("to=%3Cada%40acme.example%3E", "to=%3C[erased]%3E"),
        ("to=x%2Bada%40acme.example", "to=x%2Bada%40acme.example"),
        (f"said:\\n{ADA}", "said:\\n[erased]"),
        (f"\\u003c{ADA}\\u003e", "\\u003c[erased]\\u003e"),
        ('{"sms": 12125550123, "a": "\\n12125550123"}', '{"sms": 12125550123, "a": "\\n[erased]"}'),
    ],
)
def test_where_a_word_begins(text: str, rest: str) -> None:
    assert Traces(ADA, words=(ADA, "12125550123")).without(text) == rest


def test_an_id_that_somebody_elses_row_has_as_well_is_not_deleted(
    people: Any, clock: FakeClock, settings: Any
) -> None:
    """Left over on a row whose address was put right: in Brevo it is Bert's."""
    settings.BREVO_API_KEY = "xkeysib-1"
    ada, bert = people
    Contact.objects.filter(pk__in=[ada.pk, bert.pk]).update(brevo_contact_id="7")
    Contact.objects.create(email=f" {ADA.upper()}", brevo_contact_id="8")
    erase(clock)
    deletion = Deletion.objects.get(platform="brevo")
    assert (deletion.address, deletion.remote_ids) == (ADA, "8")
