"""Nothing is left of a person in any table, an export shows all of it, and no new table is forgotten."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django_q.models import Task

from contacts.models import Contact, ContactImport, ContactImportPart, Page, RefusedRow
from curation_sdk.models import BulkOperation, ChosenContact, SyncAttempt
from curation_sdk.testing import FakeClock
from erasure.erasing import Who, erase_person, look_again
from erasure.exporting import export_person
from erasure.models import Deletion, Erasure
from erasure.places import NOBODY_THERE, PLACES
from erasure.tests.everywhere import ADA, E164, NAME, PHONE, QUOTED, TRACES, columns, found, seed
from n8n_sync.models import Enrichment, EnrichmentEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(clock: FakeClock) -> Contact:
    return seed(clock.now())


def erase(clock: FakeClock) -> Erasure:
    erasure = erase_person(Who(ADA), by="bob", why=f"{NAME} asked.", now=clock.now())
    Deletion.objects.update(address="", remote_ids="")  # as after their confirmation: see test_platforms
    return erasure


def test_nothing_of_her_is_left_in_any_table(ada: Contact, clock: FakeClock) -> None:
    before = found(*TRACES)
    listed = {f"{place.model._meta.db_table}.{column}" for place in PLACES for column in place.named}
    # 'code' of an attempt and a few others hold what the seed does not put there; each table is there at least.
    assert {name.partition(".")[0] for name in listed} <= {name.partition(".")[0] for name in before}
    erasure = erase(clock)
    # Results of tasks are pickled: they are looked at below.
    assert found(*TRACES) == set()
    others = Contact.objects.exclude(email=None).values_list("email", flat=True)
    assert list(others) == ["bert@acme.example"]
    assert not ContactImportPart.objects.exists()
    assert not any(trace in str(task.result) for task in Task.objects.all() for trace in TRACES)
    assert erasure.why == "[erased] asked."


def test_what_is_about_others_stays_without_her(ada: Contact, clock: FakeClock) -> None:
    erase(clock)
    other = Contact.objects.get(email="bert@acme.example")
    attempt = SyncAttempt.objects.get(contact=other)
    assert attempt.reason == "Brevo refused [erased] ([erased], [erased], [erased])."
    enrichment = Enrichment.objects.get()
    assert enrichment.contact == other
    assert enrichment.additional_emails == ["[erased]", "x@y.example"]
    assert (other.name, other.domain.domain if other.domain else "") == ("Bert", "acme.example")


def test_rows_stay_as_empty_shells_so_that_counts_stay_true(ada: Contact, clock: FakeClock) -> None:
    counts = {model: model._default_manager.count() for model in (Contact, SyncAttempt, BulkOperation, ChosenContact)}
    erasure = erase(clock)
    assert counts == {model: model._default_manager.count() for model in counts}
    shell = Contact.objects.get(pk=ada.pk)
    assert (shell.email_key, shell.domain, shell.page, shell.n8n_begun_at) == (None, None, None, None)
    assert shell.created_at == ada.created_at
    assert not Page.objects.exists(), "nobody else was found on it"
    kept = ChosenContact.objects.get()
    assert (kept.decided, kept.reason_before) == (True, None), "no undoing touches the row"
    assert EnrichmentEvent.objects.count() == 2
    assert set(EnrichmentEvent.objects.values_list("body", flat=True)) == {""}
    done = erasure.done
    assert (done["contacts emptied"], done["enrichments deleted"], done["pages deleted"]) == (2, 1, 1)
    assert done["files that waited to be imported, deleted"] == 1


def test_a_second_look_counts_nothing_twice(ada: Contact, clock: FakeClock) -> None:
    erasure = erase(clock)
    done = dict(erasure.done)
    assert look_again(now=clock.now()) == 1
    erasure.refresh_from_db()
    assert erasure.done == done
    assert erasure.closed_at == clock.now()


def test_what_comes_in_late_is_emptied(ada: Contact, clock: FakeClock) -> None:
    Contact.objects.filter(pk=ada.pk).update(
        mautic_processing_status="Processing", mautic_next_attempt_at=clock.advance(minutes=5)
    )
    clock.advance(minutes=-5)
    erasure = erase(clock)
    SyncAttempt.objects.create(contact=ada, platform="mautic", created_at=clock.now(), outcome="late", reason=QUOTED)
    assert look_again(now=clock.now()) == 0
    clock.advance(minutes=6)
    assert look_again(now=clock.now()) == 1
    assert found(*TRACES) == set()
    erasure.refresh_from_db()
    assert erasure.done["sync attempts emptied"] == 2


def test_an_erasure_that_breaks_off_has_done_nothing(
    ada: Contact, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = found(*TRACES)

    def broken(*_: Any) -> int:
        raise RuntimeError

    monkeypatch.setattr("erasure.forgetting.forget_results", broken)
    with pytest.raises(RuntimeError):
        erase_person(Who(ADA), by="bob", why="x", now=clock.now())
    assert found(*TRACES) == before
    assert not Erasure.objects.exists()


# --- The export -----------------------------------------------------------------------------------------------


def test_an_export_shows_her_wherever_she_stands(ada: Contact, clock: FakeClock) -> None:
    held = export_person(Who(ADA), now=clock.now())["held"]
    tables = {name.partition(".")[0] for name in found(*TRACES)}
    labels = {
        str(model._meta.verbose_name_plural)
        for model, _ in columns()
        if model._meta.db_table in tables and model not in (Contact, ContactImportPart, Page)
    }
    assert labels <= set(held)
    assert len(held["contacts"]) == 2
    assert held["contacts"][0]["page"] == "https://acme.example/team/Ada+Lovelace"
    text = json.dumps(held, cls=DjangoJSONEncoder, ensure_ascii=False)
    assert "Analytical Engine" in text
    assert held["results of tasks"][0]["result"] == f"Stopped. {QUOTED}"
    assert held["files that wait to be imported"][0]["file"] == "people.csv"
    assert "bert@acme.example" not in text, "nobody else's data"


def test_after_an_erasure_an_export_shows_the_certificate_and_the_ledger(ada: Contact, clock: FakeClock) -> None:
    erase(clock)
    held = export_person(Who(ADA), now=clock.now())["held"]
    assert set(held) == {"suppressions", "erasures"}
    assert {row["reason"] for row in held["suppressions"]} == {"unsubscribed", "erased"}


# --- Every table ----------------------------------------------------------------------------------------------


def test_every_text_column_is_known() -> None:
    """Whoever adds a table says in `erasure/places.py` what it keeps of people."""
    known = {
        (place.model, column)
        for place in PLACES
        for column in (*place.named, *(place.becomes or {}), *(_all(place.model) if place.becomes is None else ()))
    }
    unknown = [
        f"{model._meta.label}.{field.name}"
        for model, field in columns()
        if (model, field.name) not in known
        and model not in (Contact, Page)
        and field.name not in NOBODY_THERE.get(model, ())
        and not _chosen_from_a_list(field)
    ]
    assert unknown == []


def _all(model: type[models.Model]) -> list[str]:
    return [field.name for field in model._meta.concrete_fields]


def _chosen_from_a_list(field: models.Field[Any, Any]) -> bool:
    return bool(field.choices)


def test_everything_of_a_contact_is_emptied(ada: Contact, clock: FakeClock) -> None:
    """A new column of the contact is emptied as well, or named here."""
    for field in Contact._meta.concrete_fields:
        if isinstance(field, models.CharField | models.TextField) and not field.choices and not field.generated:
            Contact.objects.filter(pk=ada.pk).update(**{field.name: "Analytical Engine"[: field.max_length or 20]})
    Contact.objects.filter(pk=ada.pk).update(email=ADA)
    erase(clock)
    shell = Contact.objects.filter(pk=ada.pk).values().get()
    texts = {value for name, value in shell.items() if isinstance(value, str)}
    assert texts <= {"Skipped", "UNKNOWN", *(text for text in texts if text.startswith("Erased on "))}


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"to {ADA.upper()}.", "to [erased]."),
        ("q=ada%40acme.example&x=1", "q=[erased]&x=1"),
        (f"from dada@acme.example or {ADA}.uk", f"from dada@acme.example or {ADA}.uk"),
        (f"{NAME}s, {NAME}", f"{NAME}s, [erased]"),
        (f"tel:{E164},{PHONE}", "tel:[erased],[erased]"),
    ],
)
def test_words_go_and_longer_words_stay(ada: Contact, text: str, rest: str) -> None:
    from erasure.erasing import traces_of

    assert traces_of(Who(ADA)).without(text) == rest


def test_a_single_name_and_a_short_number_are_no_words(clock: FakeClock) -> None:
    from erasure.traces import words_of

    assert words_of("a@b.example", [Contact(email="a@b.example", name="Ada", phone_number="123")]) == ("a@b.example",)


def test_an_import_that_shows_her_and_others_keeps_the_others(ada: Contact, clock: FakeClock) -> None:
    upload = ContactImport.objects.get(state="done")
    ContactImport.objects.filter(pk=upload.pk).update(preview=[*upload.preview, {"line": 3, "email": "x@y.example"}])
    erase(clock)
    assert ContactImport.objects.get(pk=upload.pk).preview == [{"line": 3, "email": "x@y.example"}]
    assert RefusedRow.objects.get().text == ""
    cancelled = ContactImport.objects.get(state="cancelled")
    assert "named a person who asked to be forgotten" in cancelled.problem
    assert get_user_model().objects.get().username == "bob"
