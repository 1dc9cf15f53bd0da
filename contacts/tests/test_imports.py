"""Uploaded files: kept, checked, confirmed, imported in chunks, taken up again, and forgotten."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone
from django_q.models import Schedule

from contacts import tasks
from contacts.importing import upload as uploading
from contacts.importing import work
from contacts.importing.forgetting import forget
from contacts.importing.problems import FileRefused
from contacts.importing.refused import refused_rows
from contacts.importing.store import store_rows
from contacts.importing.upload import StoredFile, file_name, receive
from contacts.models import Contact, ContactImport, ContactImportPart, RefusedRow
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db


def uploaded(content: str | bytes, name: str = "contacts.csv") -> ContactImport:
    data = content if isinstance(content, bytes) else content.encode()
    return receive(io.BytesIO(data), name=name, size=len(data), user=None, now=timezone.now())


def work_off() -> bool:
    return work.work_off(seconds=60, stop=lambda: False)


def confirm(upload: ContactImport) -> bool:
    return work.confirm(upload, user=None, now=timezone.now())


def again(upload: ContactImport) -> ContactImport:
    return ContactImport.objects.get(pk=upload.pk)


def counts(upload: ContactImport) -> dict[str, int]:
    stored = again(upload)
    names = ("new", "new_for_address", "there", "wrong", "imported", "left", "refused")
    return {name: value for name in names if (value := getattr(stored, name))}


def rows(count: int, start: int = 0) -> str:
    return "".join(f"p{number}@acme.example,Ada {number}\n" for number in range(start, start + count))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "CHUNK", 3)


# --- The file as a whole ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"email,name\n", "The file has a header and no rows."),
        (b"email,name\n\n  \n", "The file has a header and no rows."),
        (b"PK\x03\x04\x14\0\x06\0", "This is an Excel workbook or a ZIP file, not CSV."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "This is an Excel workbook"),
        (b"\x1f\x8b\x08\0", "The file is compressed."),
        (b"%PDF-1.7", "This is a PDF, not CSV."),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "The header on line 1 cannot be read"),
        ("email,name\na@acme.example,Zoë\n".encode("utf-16"), 'The file is UTF-16. Save it as UTF-8 (in Excel: "CSV'),
        (
            "email,name\nx@acme.example,x\na@acme.example,Zoë\n".encode("latin-1"),
            "The file is not UTF-8: line 3 is in",
        ),
        ("email,name\na@acme.example,Łucja\n".encode("cp1250"), "The file is not UTF-8: line 2 is in"),
        (b"first_name,email\nAnna,a@acme.example\n", "Unknown column: 'first_name'."),
        (b"name\nAnna\n", "There is no column email."),
        (b"email|name\na@acme.example|Anna\n", "The columns are separated by vertical bars."),
        (b"anna@acme.example,Anna\nbea@acme.example,Bea\n", "Unknown column: 'anna@acme.example', 'anna'."),
    ],
)
def test_a_file_that_cannot_be_imported_is_not_kept(content: bytes, message: str) -> None:
    with pytest.raises(FileRefused) as refused:
        uploaded(content)
    assert str(refused.value).startswith(message)
    assert not ContactImport.objects.exists()
    assert not ContactImportPart.objects.exists()


def test_a_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(FileRefused, match="larger than 50 MB"):
        receive(io.BytesIO(), name="a.csv", size=uploading.LARGEST + 1, user=None, now=NOON)


def test_damaged_lines_among_good_ones_do_not_refuse_the_file() -> None:
    upload = uploaded("email,name\na@acme.example,Zoë\n".encode() + b"b@acme.example,Ren\xe9\n")
    assert upload.lines == 3
    work_off()
    assert counts(upload) == {"new": 1, "wrong": 1}


@pytest.mark.parametrize("part", [1, 7, 64 * 1024, 256 * 1024])
def test_what_is_kept_is_the_file_to_the_byte(monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    monkeypatch.setattr(uploading, "_PART", part)
    content = ("email,name\n" + rows(40 if part < 10 else 20_000)).encode()
    stored = StoredFile(uploaded(content))
    assert b"".join(iter(lambda: stored.read(1_000), b"")) == content


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("C:\\Users\\ann\\leads.csv", "leads.csv"),
        ("../../etc/passwd", "passwd"),
        ("<script>.csv", "<script>.csv"),
        ("a\0b\n.csv", "a b .csv"),
        ("", "contacts.csv"),
        ("x" * 400, "x" * 254 + "…"),
    ],
)
def test_names_of_files(name: str, kept: str) -> None:
    assert file_name(name) == kept


# --- The check ------------------------------------------------------------------------------------------------


def test_a_check_says_what_is_new_known_there_and_wrong(make_contact: Callable[..., Contact]) -> None:
    make_contact("Bea@acme.example", name="Beatrix", phone_number="+49 30 1")
    uploaded_before = uploaded("email,name\ncleo@acme.example,Cleo\ndora@acme.example,Dora\n")
    work_off()
    confirm(uploaded_before)
    work_off()
    Contact.objects.filter(name="Dora").update(name="Dorothea")
    before = Contact.objects.count()

    upload = uploaded(
        "email;name;phone_number\r\n"
        "anna@acme.example;Anna;\r\n"
        "bea@acme.example;Bea;+49 30 1\r\n"
        "cleo@acme.example;Cleo;\r\n"
        "dora@acme.example;Dora;\r\n"
        "anna@acme.example;Anna B;\r\n"
        "anna@acme.example;Anna;\r\n"
        ";Eva;\r\n"
        ";;\r\n"
        "x;y\r\n"
        "Bea@acme.example;;\r\n"
    )
    work_off()

    stored = again(upload)
    assert stored.state == "checked"
    assert counts(upload) == {"new": 2, "new_for_address": 3, "there": 3, "wrong": 1}
    assert Contact.objects.count() == before
    assert [(row["line"], row["kind"], row["note"], row["changes"]) for row in stored.preview] == [
        (2, "new", "", []),
        (
            3,
            "new_for_address",
            "",
            [
                {"column": "email", "there": "Bea@acme.example", "row": "bea@acme.example"},
                {"column": "name", "there": "Beatrix", "row": "Bea"},
            ],
        ),
        (4, "there", "", []),
        (
            5,
            "there",
            "The contact was edited here since, and is left as it is.",
            [{"column": "name", "there": "Dorothea", "row": "Dora"}],
        ),
        (6, "new_for_address", "An earlier row of this file has the address too.", []),
        (7, "there", "The same as an earlier row of this file.", []),
        (8, "new", "", []),
        (11, "new_for_address", "It says nothing that the contact does not say.", []),
    ]
    [refused] = RefusedRow.objects.all()
    assert (refused.line, refused.reason, refused.text) == (10, "2 cells, but the header has 3", "x;y")


def test_the_newest_contact_of_an_address_is_the_one_that_is_compared(make_contact: Callable[..., Contact]) -> None:
    for number, name in enumerate(("newest", "oldest", "older")):
        contact = make_contact(name=name)
        Contact.objects.filter(pk=contact.pk).update(updated_at=NOON - timedelta(days=number % 3 * 2 or 0))
    upload = uploaded("email,name\nada@acme.example,Ada\n")
    work_off()
    assert again(upload).preview[0]["changes"] == [{"column": "name", "there": "newest", "row": "Ada"}]


def test_a_row_of_an_export_is_compared_with_the_contact_of_its_id(make_contact: Callable[..., Contact]) -> None:
    ada = make_contact(name="Ada")
    other = "00000000-0000-0000-0000-000000000001"
    upload = uploaded(
        f"email;name;id;brevo_sync_status\r\n{ada.email};Ada;{ada.pk};Complete\r\n"
        f"{ada.email};Eva;{ada.pk};New\r\n{ada.email};Ada;{other};New\r\n"
    )
    work_off()
    assert [(row["kind"], row["note"], row["changes"]) for row in again(upload).preview] == [
        ("there", "", []),
        (
            "there",
            "The row has this contact's id, and the contact is left as it is.",
            [{"column": "name", "there": "Ada", "row": "Eva"}],
        ),
        ("new_for_address", "It says nothing that the contact does not say.", []),
    ]


def test_the_import_does_what_the_check_said(make_contact: Callable[..., Contact]) -> None:
    make_contact("p3@acme.example", name="Somebody")
    upload = uploaded("email,name\n" + rows(2_500) + rows(10) + "x\n")
    work_off()
    assert counts(upload) == {"new": 2_499, "new_for_address": 1, "there": 10, "wrong": 1}
    assert confirm(upload)
    work_off()
    stored = again(upload)
    assert stored.state == "done"
    assert (stored.imported, stored.left, stored.refused) == (2_500, 10, 1)
    assert Contact.objects.count() == 2_501
    assert RefusedRow.objects.count() == 1


def test_of_each_kind_the_first_rows_are_shown() -> None:
    upload = uploaded("email,name\n" + rows(1_500) + rows(30))
    work_off()
    preview = again(upload).preview
    assert [row["line"] for row in preview if row["kind"] == "new"] == list(range(2, 27))
    assert [row["line"] for row in preview if row["kind"] == "there"] == list(range(1_502, 1_527))


def test_a_file_of_blank_rows_has_nothing_to_import() -> None:
    upload = uploaded("email,name\n,\n,\n")
    work_off()
    assert (again(upload).state, counts(upload)) == ("checked", {})


def test_a_small_file_is_checked_at_once_and_a_large_one_is_not() -> None:
    small, large = uploaded("email,name\n" + rows(2_000)), uploaded("email,name\n" + rows(2_001))
    assert work.check_at_once(small)
    assert not work.check_at_once(large)
    assert (again(small).state, again(large).state) == ("checked", "uploaded")


# --- Confirm, cancel --------------------------------------------------------------------------------------------


def test_only_a_checked_file_is_confirmed_and_once() -> None:
    upload = uploaded("email,name\n" + rows(1))
    assert not confirm(upload)
    work_off()
    assert confirm(upload)
    assert not confirm(upload)
    work_off()
    assert not confirm(upload)
    assert counts(upload) == {"new": 1, "imported": 1}


def test_nothing_is_imported_without_a_confirmation() -> None:
    uploaded("email,name\n" + rows(1))
    assert not work_off()
    assert not work_off()
    assert not Contact.objects.exists()


@pytest.mark.parametrize("stage", ["uploaded", "checked", "confirmed"])
def test_a_file_that_waits_is_cancelled_and_gone(stage: str) -> None:
    upload = uploaded("email,name\n" + rows(1))
    if stage != "uploaded":
        work_off()
    if stage == "confirmed":
        confirm(upload)
    assert again(upload).state == stage
    assert work.cancel(upload, now=NOON)
    assert not work.cancel(upload, now=NOON)
    assert not confirm(upload)
    work_off()
    assert (again(upload).state, again(upload).finished_at) == ("cancelled", NOON)
    assert not ContactImportPart.objects.exists()
    assert not Contact.objects.exists()


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("stage", ["check", "import"])
def test_cancelled_in_the_middle_what_is_imported_stays(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = uploaded("email,name\n" + rows(10))
    name = "_note_checked"
    if stage == "import":
        work_off()
        confirm(upload)
        name = "_store"
    original, chunks = getattr(work, name), 0

    def cancelled(*args: Any) -> Any:
        nonlocal chunks
        chunks += 1
        if chunks == 3:
            work.cancel(upload, now=NOON)
        return original(*args)

    monkeypatch.setattr(work, name, cancelled)
    assert not work_off()
    assert again(upload).state == "cancelled"
    assert chunks == 3
    assert Contact.objects.count() == (6 if stage == "import" else 0)
    assert counts(upload).get("imported", 0) == Contact.objects.count()


# --- Broken off, and taken up again -------------------------------------------------------------------------------


class Killed(BaseException):
    """The worker is gone."""


def kill_at(monkeypatch: pytest.MonkeyPatch, name: str, chunk: int) -> None:
    """Break off in the transaction of a chunk, after it was written and before it is committed."""
    original, chunks = getattr(work, name), 0

    def killed(*args: Any) -> Any:
        nonlocal chunks
        done = original(*args)
        chunks += 1
        if chunks == chunk:
            raise Killed
        return done

    monkeypatch.setattr(work, name, killed)


MIXED = (
    "email,name,context\n"
    + 'p1@acme.example,Ada,"two\nlines"\n\n'
    + "p2@acme.example,Bea,x\n"
    + "bad\n"
    + 'p3@acme.example,"Cleo,x\n'
    + "p1@acme.example,Ada 2,x\n"
    + 'p1@acme.example,Ada,"two\nlines"\n'
    + "".join(f"q{number}@acme.example,Q,\n" for number in range(8))
    + "q1@acme.example,Q,\n"
)
FOUND = {"new": 10, "new_for_address": 1, "there": 2, "wrong": 2}


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5])
def test_a_check_whose_worker_was_killed_counts_as_if_nothing_had_happened(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploaded(MIXED)
    with time_machine.travel(NOON, tick=False) as now:
        with monkeypatch.context() as patch:
            kill_at(patch, "_note_checked", chunk)
            with pytest.raises(Killed):
                work_off()
        assert again(upload).state == "checking"
        assert not work_off()  # somebody may be at it
        assert again(upload).state == "checking"
        now.shift(work.LOST_AFTER + timedelta(seconds=1))
        work_off()
    assert (again(upload).state, counts(upload)) == ("checked", FOUND)
    lines = [row["line"] for row in again(upload).preview]
    assert len(lines) == len(set(lines)) == 13
    assert RefusedRow.objects.count() == 2


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5])
def test_an_import_whose_worker_was_killed_imports_each_row_once(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = uploaded(MIXED)
    work_off()
    confirm(upload)
    with time_machine.travel(NOON, tick=False) as now:
        with monkeypatch.context() as patch:
            kill_at(patch, "_store", chunk)
            with pytest.raises(Killed):
                work_off()
        assert Contact.objects.count() < 11
        assert not work_off()
        assert again(upload).state == "importing"
        now.shift(work.LOST_AFTER + timedelta(seconds=1))
        work_off()
    assert again(upload).state == "done"
    assert counts(upload) == {**FOUND, "imported": 11, "left": 2, "refused": 2}
    assert Contact.objects.count() == 11


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("name", ["_note_checked", "_store"])
def test_a_worker_that_was_taken_for_lost_writes_nothing_more(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = uploaded("email,name\n" + rows(10))
    if name == "_store":
        work_off()
        confirm(upload)
    before = counts(upload)
    original, others = getattr(work, name), again(upload)

    def slow(*args: Any) -> Any:
        ContactImport.objects.update(heartbeat_at=timezone.now() - work.LOST_AFTER * 2)
        others.refresh_from_db()
        assert work._take(others, now=timezone.now())
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(work, name, slow)
        assert not work_off()
    assert (counts(upload), Contact.objects.count()) == (before, 0)
    assert again(upload).token == others.token
    assert again(upload).state in ("checking", "importing")


@pytest.mark.usefixtures("small_chunks")
def test_when_the_time_is_over_the_next_one_goes_on() -> None:
    upload = uploaded(MIXED)
    turns = 0
    while again(upload).state != "checked":
        asked = iter([False, False, True])  # one chunk in each turn, after the question whether to begin
        work.work_off(seconds=60, stop=lambda left=asked: next(left, True))
        assert again(upload).state in ("uploaded", "checked")
        turns += 1
        assert turns < 50
    assert counts(upload) == FOUND
    confirm(upload)
    turns = 0
    while again(upload).state != "done":
        asked = iter([False, False, True])
        left = work.work_off(seconds=60, stop=lambda left=asked: next(left, True))
        assert left == (again(upload).state != "done")
        turns += 1
        assert turns < 50
    assert turns == 5
    assert Contact.objects.count() == 11


def test_a_database_that_goes_away_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = uploaded("email,name\n" + rows(1))
    work_off()
    confirm(upload)
    with monkeypatch.context() as patch:

        def away(*args: Any) -> Any:
            raise OperationalError("gone")

        patch.setattr(work, "_store", away)
        with pytest.raises(OperationalError):
            work_off()
    assert again(upload).state == "importing"
    ContactImport.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))
    work_off()
    assert again(upload).state == "done"


def test_an_error_of_ours_fails_the_import_and_not_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    upload, other = uploaded("email,name\n" + rows(1)), uploaded("email,name\n" + rows(1))
    with monkeypatch.context() as patch:
        patch.setattr(work, "shown", lambda *args: 1 / 0)
        work_off()
    assert [again(one).state for one in (upload, other)] == ["failed", "failed"]
    assert again(upload).problem == "ZeroDivisionError: division by zero"
    assert not ContactImportPart.objects.exists()


def test_a_file_that_has_vanished_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = uploaded("email,name\n" + rows(1))
    ContactImportPart.objects.all().delete()
    work_off()
    assert (again(upload).state, again(upload).problem) == ("failed", "The file is no longer there. Upload it again.")


def test_a_row_that_only_the_database_refuses_is_kept_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import DataError

    from contacts.importing import run

    def picky(batch: Any) -> int:
        batch = list(batch)
        if any(row.name == "bad" for row in batch):
            raise DataError("no such letter")
        return store_rows(batch)

    upload = uploaded("email,name\na@acme.example,Anna\nb@acme.example,bad\n")
    work_off()
    confirm(upload)
    monkeypatch.setattr(run, "store_rows", picky)
    work_off()
    [refused] = RefusedRow.objects.all()
    assert (refused.line, refused.text) == (3, "b@acme.example,bad")
    assert refused.reason == "the database refused it: no such letter"
    assert counts(upload) == {"new": 2, "imported": 1, "refused": 1}


# --- The task and the schedule ------------------------------------------------------------------------------------


def test_the_schedule_takes_up_what_is_left() -> None:
    schedule = Schedule.objects.get(name=tasks.SCHEDULE)
    assert (schedule.func, schedule.minutes) == (tasks.TASK, 1)
    upload = uploaded("email,name\n" + rows(1))
    assert tasks.process_imports() == "Nothing is left to check or import."
    confirm(upload)
    tasks.process_imports()
    assert again(upload).state == "done"


def test_a_task_queue_that_is_away_loses_nothing(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(tasks, "async_task", away)
    tasks._enqueue()
    assert "the schedule will start the import" in caplog.text


def test_with_work_left_the_next_task_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks, "async_task", lambda task, **options: asked.append(task))
    monkeypatch.setattr(tasks, "work_off", lambda **options: True)
    assert tasks.process_imports() == "The time was used up by an import, which goes on."
    assert asked == [tasks.TASK]


# --- What is forgotten, and when ----------------------------------------------------------------------------------


def test_the_file_goes_with_the_import_and_the_refused_rows_a_day_later() -> None:
    with time_machine.travel(NOON, tick=False):
        upload = uploaded("email,name\n" + rows(1) + "bad\n")
        work_off()
        confirm(upload)
        work_off()
    assert not ContactImportPart.objects.exists()
    forget(now=NOON + timedelta(days=1))
    assert RefusedRow.objects.count() == 1
    assert again(upload).preview
    forget(now=NOON + timedelta(days=1, seconds=1))
    assert not RefusedRow.objects.exists()
    assert (again(upload).preview, again(upload).imported) == ([], 1)
    forget(now=NOON + timedelta(days=91))
    assert not ContactImport.objects.exists()


@pytest.mark.parametrize("stage", ["uploaded", "checked", "confirmed", "importing"])
def test_a_file_that_was_not_imported_within_a_day_goes(stage: str) -> None:
    with time_machine.travel(NOON, tick=False):
        upload = uploaded("email,name\n" + rows(1))
        if stage != "uploaded":
            work_off()
            confirm(upload) if stage != "checked" else None
        ContactImport.objects.update(state=stage, heartbeat_at=NOON)
    forget(now=NOON + timedelta(days=1))
    assert again(upload).state == stage
    forget(now=NOON + timedelta(days=1, seconds=1))
    assert again(upload).state == "cancelled"
    assert "within a day" in again(upload).problem
    assert not ContactImportPart.objects.exists()


def test_a_file_that_was_confirmed_late_has_another_day() -> None:
    with time_machine.travel(NOON, tick=False):
        upload = uploaded("email,name\n" + rows(1))
        work_off()
    late = NOON + timedelta(hours=23)
    work.confirm(upload, user=None, now=late)
    forget(now=NOON + timedelta(hours=25))
    assert again(upload).state == "confirmed"
    assert ContactImportPart.objects.exists()
    forget(now=late + timedelta(days=1, seconds=1))
    assert again(upload).state == "cancelled"


def test_an_import_under_way_is_not_forgotten() -> None:
    upload = uploaded("email,name\n" + rows(1))
    later = upload.uploaded_at + timedelta(days=2)
    ContactImport.objects.update(state="importing", heartbeat_at=later)
    forget(now=later)
    assert again(upload).state == "importing"
    assert ContactImportPart.objects.exists()


def test_a_file_whose_deletion_was_broken_off_goes_later() -> None:
    upload = uploaded("email,name\n" + rows(1))
    ContactImport.objects.update(state="done", finished_at=timezone.now())
    forget(now=timezone.now())
    assert not ContactImportPart.objects.exists()
    assert again(upload).state == "done"


# --- The refused rows ---------------------------------------------------------------------------------------------


def test_no_cell_of_the_refused_rows_is_run_as_a_formula() -> None:
    lines = ["=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(A1)", "\tx", "\uff1d1", 'a,"b', "Zoë"]
    upload = uploaded("email,name,phone_number\n" + "\n".join(lines) + "\n")
    work_off()
    text = "".join(refused_rows(upload))
    assert text.startswith("\ufeffline,reason,row\r\n")
    import csv

    cells = [row[2] for row in csv.reader(io.StringIO(text[1:]))][1:]
    assert cells == ["'=cmd|' /C calc'!A0", "'+1", "'-1+2", "'@SUM(A1)", "'\tx", "'\uff1d1", 'a,"b', "Zoë"]
