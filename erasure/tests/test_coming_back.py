"""Nobody who was erased is stored again: by no form, no API, no file, and by no report that was on its way."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from contacts.importing.upload import receive
from contacts.importing.work import check_at_once, confirm, work_off
from contacts.models import Contact, ContactImport, RefusedRow, Suppression
from contacts.suppression import lift, suppress_erased
from curation_sdk.testing import FakeClock
from erasure.erasing import NotErased, Who, erase_person, erase_who_came_back, look_again
from n8n_sync.models import Enrichment, EnrichmentEvent
from reconciliation import snapshot
from reconciliation.models import HeldContact, Reconciliation
from webhooks import rechecks
from webhooks.models import PlatformEvent, Recheck

pytestmark = pytest.mark.django_db

ADA = "ada@acme.example"
REFUSED = "The person with this address asked to be forgotten, so it is not stored again."


@pytest.fixture
def erased(clock: FakeClock) -> None:
    suppress_erased(ADA, "A person", now=clock.now())


@pytest.fixture
def api(client: Client, admin_user: Any) -> Client:
    client.force_login(admin_user)
    return client


def test_the_api_refuses_the_address(erased: None, api: Client, make_contact: Any) -> None:
    url = "/api/v3/contacts"
    answer = api.post(url, {"email": " Ada@ACME.example"}, content_type="application/json")
    assert (answer.status_code, answer.json()) == (400, {"email": [REFUSED]})
    other = make_contact("bob@acme.example")
    for call in (api.put, api.patch):
        answer = call(f"{url}/{other.pk}", {"email": ADA}, content_type="application/json")
        assert (answer.status_code, answer.json()["email"]) == (400, [REFUSED])
    assert Contact.objects.get().email == "bob@acme.example"
    assert api.post(url, {"email": "cyd@acme.example"}, content_type="application/json").status_code == 201


def test_the_admin_refuses_the_address(erased: None, api: Client, make_contact: Any) -> None:
    answer = api.post(
        reverse("admin:contacts_contact_add"),
        {"email": ADA, "email_type": "UNKNOWN", "contact_curation_status": "New"},
    )
    assert REFUSED in answer.content.decode()
    assert not Contact.objects.exists()


def test_a_file_is_imported_without_the_person(
    erased: None, tmp_path: Any, capsys: pytest.CaptureFixture[str], clock: FakeClock
) -> None:
    text = f"email,name\nbob@acme.example,Bob\n{ADA.upper()},Ada Lovelace\n"
    file = tmp_path / "people.csv"
    file.write_text(text)
    for more in ({"dry_run": True}, {}):
        with pytest.raises(CommandError, match="1 row was refused"):
            call_command("import_contacts", str(file), **more)
        assert "its person asked to be forgotten, so it is not stored again" in capsys.readouterr().err
    assert list(Contact.objects.values_list("email", flat=True)) == ["bob@acme.example"]

    upload = receive(io.BytesIO(text.encode()), name="people.csv", size=len(text), user=None, now=clock.now())
    assert check_at_once(upload)
    upload.refresh_from_db()
    assert (upload.wrong, upload.there, upload.new) == (1, 1, 0)
    refused = RefusedRow.objects.get()
    assert (refused.line, refused.text) == (3, "")
    assert "Lovelace" not in json.dumps(upload.preview)


def test_who_is_erased_between_the_check_and_the_import_is_not_imported(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"email,name\nbob@acme.example,Bob\n{ADA},Ada Lovelace\n"
    upload = receive(io.BytesIO(text.encode()), name="people.csv", size=len(text), user=None, now=clock.now())
    check_at_once(upload)
    suppress_erased(ADA, "A person", now=clock.now())
    confirm(upload, user=None, now=clock.now())
    work_off(seconds=60, stop=lambda: False)
    assert list(Contact.objects.values_list("email", flat=True)) == ["bob@acme.example"]
    done = ContactImport.objects.get()
    assert (done.state, done.imported, done.refused) == ("done", 1, 1)
    assert RefusedRow.objects.get().text == ""


def test_a_report_that_was_on_its_way_is_not_kept(
    client: Client, clock: FakeClock, make_contact: Any, settings: Any
) -> None:
    contact = make_contact(ADA, n8n_sync_status="Processing", n8n_processing_status="Processing")
    Contact.objects.filter(pk=contact.pk).update(
        n8n_next_attempt_at=clock.now() + timedelta(minutes=30), n8n_begun_at=clock.now()
    )
    erasure = erase_person(Who(ADA), by="bob", why="Asked.", now=clock.now())
    assert erasure.look_again_at == clock.now() + timedelta(minutes=30)
    body = {
        "contact_id": str(contact.pk),
        "enrichment_id": "7",
        "status": "complete",
        "timestamp": "2026-11-24T12:00:00Z",
        "enriched_data": {"phone": "+12125550123", "additional_emails": ["ada@home.example"]},
    }
    answer = client.post(
        reverse("n8n-enrichment-complete"),
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {settings.N8N_WEBHOOK_SECRET}"},
    )
    assert answer.status_code == 200, answer.content
    assert answer.json()["message"].startswith("The contact has no e-mail address any more")
    assert not Enrichment.objects.exists()
    event = EnrichmentEvent.objects.get()
    assert (event.body, event.state) == ("", "unknown")
    shell = Contact.objects.get()
    assert (shell.n8n_sync_status, shell.n8n_contact_id, shell.phone_number) == ("Skipped", None, None)


def test_no_event_has_the_person_looked_up_again(erased: None, clock: FakeClock) -> None:
    rechecks.ask("brevo", [ADA, "bob@acme.example"], now=clock.now())
    assert list(Recheck.objects.values_list("email_key", flat=True)) == ["bob@acme.example"]


def test_a_report_that_cannot_be_read_is_not_kept_either(
    client: Client, clock: FakeClock, make_contact: Any, settings: Any
) -> None:
    contact = make_contact(ADA)
    body = {"contact_id": str(contact.pk), "status": "?", "enriched_data": {"linkedin": "https://l.example/countess"}}

    def report() -> None:
        answer = client.post(
            reverse("n8n-enrichment-complete"),
            body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {settings.N8N_WEBHOOK_SECRET}"},
        )
        assert answer.status_code == 422

    report()
    assert "countess" in EnrichmentEvent.objects.get().body
    erase_person(Who(ADA), by="bob", why="Asked.", now=clock.now())
    report()
    assert [event.body for event in EnrichmentEvent.objects.all()] == ["", ""]


def test_a_comparison_that_read_the_person_before_the_erasure_keeps_nothing(erased: None, clock: FakeClock) -> None:
    now = clock.now()
    current = Reconciliation.objects.create(platform="brevo", trigger="hand", started_at=now, heartbeat_at=now)
    read = [HeldContact(reconciliation=current, email_key=key, kind="blocked") for key in (ADA, "bob@acme.example")]
    snapshot.keep(read)
    assert list(HeldContact.objects.values_list("email_key", flat=True)) == ["bob@acme.example"]
    snapshot.keep(read[:1])


def test_nobody_is_erased_under_another_key(erased: None, make_contact: Any, clock: FakeClock, settings: Any) -> None:
    """Then there would be hashes of two keys, and none by which all are recognised."""
    make_contact("bob@acme.example")
    settings.ERASURE_KEY = "another"
    with pytest.raises(NotErased, match=r"Nobody was erased\. ERASURE_KEY is not the one"):
        erase_person(Who("bob@acme.example"), by="bob", why="Asked.", now=clock.now())
    with pytest.raises(CommandError, match="Nobody was erased"):
        call_command("erase_contact", "bob@acme.example", "--yes")
    assert erase_who_came_back(now=clock.now()) == 0
    assert Contact.objects.get().email == "bob@acme.example"


def test_another_key_is_said_on_every_page_by_health_and_by_check(
    erased: None, api: Client, make_contact: Any, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [reverse("admin:index"), reverse("admin:contacts_contact_changelist"), reverse("sync-dashboard")]

    def said() -> list[bool]:
        call_command("check", database=["default"])
        texts = [api.get(page).content.decode() for page in pages]
        return [
            "ERASURE_KEY" in text for text in (*texts, api.get("/health").content.decode(), capsys.readouterr().err)
        ]

    assert said() == [False] * 5
    settings.ERASURE_KEY = "another"
    assert said() == [True] * 5
    contact = make_contact("bob@acme.example")
    given = {"contact": str(contact.pk), "why": "x", "typed": "ERASE", "seen": "bob@acme.example"}
    answer = api.post(reverse("privacy-erase"), given, follow=True)
    assert "Nobody was erased." in answer.content.decode()
    assert Contact.objects.get().email == "bob@acme.example"


def test_what_is_written_just_behind_an_erasure_goes_with_the_daily_look(erased: None, clock: FakeClock) -> None:
    now = clock.now()
    Suppression.objects.create(email_key=ADA, reason="unsubscribed", source="Brevo", note="Ada Lovelace")
    Suppression.objects.create(email_key=ADA, reason="erased", source="A person")  # as the one under the hash
    PlatformEvent.objects.create(platform="brevo", key="1", email_key=ADA, body="{}", received_at=now, state="applied")
    Recheck.objects.create(platform="brevo", email_key=ADA, asked_at=now, due_at=now)
    current = Reconciliation.objects.create(platform="brevo", trigger="hand", started_at=now, heartbeat_at=now)
    HeldContact.objects.create(reconciliation=current, email_key=ADA, kind="unknown")
    assert erase_who_came_back(now=now) == 1
    assert set(Suppression.objects.values_list("email_key", "reason", "note")) == {
        ("", "unsubscribed", ""),
        ("", "erased", ""),
    }
    assert not PlatformEvent.objects.exclude(email_key="").exists()
    assert not Recheck.objects.exists()
    assert not HeldContact.objects.exists()
    assert erase_who_came_back(now=now) == 0


def test_who_came_back_by_his_own_wish_is_left_alone_by_an_erasure_that_is_still_open(
    make_contact: Any, clock: FakeClock
) -> None:
    make_contact(ADA, brevo_contact_id="7")
    erase_person(Who(ADA), by="grace", why="Asked.", now=clock.now())
    lift(ADA, by="grace", why="She signed up again.", now=clock.now())
    row = make_contact(ADA)
    told = {"platform": "brevo", "received_at": clock.now(), "event": "unsubscribed"}
    event = PlatformEvent.objects.create(key="1", email_key=ADA, body=json.dumps({"email": ADA}), **told)

    look_again(now=clock.now() + timedelta(hours=1))

    row.refresh_from_db()
    event.refresh_from_db()
    assert (row.email, event.email_key, event.body) == (ADA, ADA, json.dumps({"email": ADA}))
