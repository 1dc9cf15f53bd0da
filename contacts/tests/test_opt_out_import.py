"""Suppressions from a CSV file: what is read, what is refused, and that it can be imported again."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from contacts.importing.opt_outs import OptOutImporter, Tally, read_opt_outs
from contacts.importing.problems import FileRefused, Refusal
from contacts.models import Suppression
from contacts.suppression import in_force, lift, suppress_erased
from curation_sdk.testing import NOON

pytestmark = pytest.mark.django_db


def run(text: str | bytes, *, dry_run: bool = False) -> tuple[Tally, list[tuple[int, str]]]:
    data = text if isinstance(text, bytes) else text.encode()
    refused: list[Refusal] = []
    importer = OptOutImporter(on_refused=refused.append, now=NOON, dry_run=dry_run)
    importer.run(read_opt_outs(io.BytesIO(data), now=NOON))
    return importer.tally, [(one.line, one.message) for one in refused]


def kept() -> list[tuple[Any, ...]]:
    return list(
        Suppression.objects.order_by("email_key").values_list("email_key", "reason", "source", "note", "since")
    )


def test_every_column_in_any_order_and_what_a_row_leaves_out() -> None:
    tally, refused = run(
        "note;since;EMAIL;reason;source\n"
        "by letter;2026-03-01;Ada@X.example;Hard bounce;Old tool\n"
        ";2026-03-01T12:00:00+02:00;bob@x.example;unsubscribed;\n"
        ";;cy@x.example;;\n"
    )
    assert (tally, refused) == (Tally(read=3, recorded=3), [])
    assert kept() == [
        ("ada@x.example", "hard_bounce", "Old tool", "by letter", datetime(2026, 3, 1, tzinfo=UTC)),
        ("bob@x.example", "unsubscribed", "CSV", "", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("cy@x.example", "request", "CSV", "", NOON),
    ]


@pytest.mark.parametrize(
    "text",
    ["a@x.example\nb@x.example\n", b"\xef\xbb\xbfa@x.example\r\n\r\nb@x.example", '"a@x.example"\n"b@x.example"\n'],
    ids=ascii,
)
def test_bare_addresses_need_no_header(text: str | bytes) -> None:
    assert run(text) == (Tally(read=2, recorded=2), [])
    assert [row[0] for row in kept()] == ["a@x.example", "b@x.example"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The file is empty."),
        ("email,phone\n", "Unknown column: 'phone'. Known columns: email, reason, source, note, since."),
        ("a@x.example,unsubscribed\n", "Without a header a file may hold one address a line and nothing else."),
        ("reason,note\n", "There is no column email."),
        ("email,email\n", "Column given more than once: 'email'."),
        ("email\n".encode("utf-16"), "The file is UTF-16."),
        (b"e\xe9mail\n", "not UTF-8 text"),
    ],
    ids=ascii,
)
def test_a_file_that_cannot_be_understood_is_refused_whole(text: str | bytes, message: str) -> None:
    with pytest.raises(FileRefused, match=message.replace(".", r"\.")):
        run(text)
    assert kept() == []


def test_one_bad_row_is_named_and_does_not_stop_the_rest() -> None:
    tally, refused = run(
        "email,reason,since,note\n"
        "no address,,,\n"
        "a@x.example,nonsense,,\n"
        "b@x.example,erased,,\n"
        "c@x.example,,yesterday,\n"
        "d@x.example,,2026-11-25,\n"
        "e@x.example,,0001-01-01T00:00:00+14:00,\n"
        "f@x.example\n"
        ",,,nobody\n"
        'g@x.example,,,"not closed\n'
        "h@x.example,,,\n"
        'i@x.example,,,"a note\nof two lines"\n'
        "x" + "@" + "x" * 320 + ",,,\n"
        "j@x.example,,,\n"
    )
    problems = dict(refused)
    assert [line for line, _ in refused] == [2, 3, 4, 5, 6, 7, 8, 9, 10, 14]
    assert problems[2] == "email: 'no address' is not an e-mail address"
    assert problems[3].startswith(
        "reason: 'nonsense' is none of unsubscribed, hard_bounce, complaint, blocked, request"
    )
    assert "has to be erased" in problems[4]
    assert problems[6] == "since: '2026-11-25' is in the future"
    assert problems[8] == "1 cell, but the header has 4"
    assert problems[9] == "email: there is none"
    assert [row[0][0] for row in kept()] == ["h", "i", "j"]
    assert kept()[1][3] == "a note of two lines"
    assert (tally.read, tally.recorded, tally.refused) == (13, 3, 10)


def test_again_changes_nothing_and_who_was_lifted_is_suppressed_anew() -> None:
    text = "email,source\na@x.example,\nA@x.example,\nb@x.example,Old tool\n"
    assert run(text)[0] == Tally(read=3, recorded=2, there=1)
    assert run(text)[0] == Tally(read=3, there=3)

    lift("a@x.example", by="ada", why="a mistake", now=NOON)
    assert run(text)[0] == Tally(read=3, recorded=1, there=2)
    assert in_force().count() == 2


def test_a_dry_run_says_what_would_be_and_writes_nothing() -> None:
    text = "email\na@x.example\nb@x.example\nnot one\nA@x.example\n"
    run("a@x.example\n")
    assert run(text, dry_run=True)[0] == Tally(read=4, recorded=1, there=2, refused=1)
    assert len(kept()) == 1


def test_a_dry_run_counts_a_repeat_far_behind_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contacts.importing.opt_outs.BATCH_SIZE", 2)
    text = "a@x.example\nb@x.example\nc@x.example\na@x.example\n"
    assert run(text, dry_run=True)[0] == Tally(read=4, recorded=3, there=1)
    assert run(text)[0] == Tally(read=4, recorded=3, there=1)


def test_the_address_of_an_erased_person_does_not_come_back() -> None:
    suppress_erased("a@x.example", "A person", now=NOON)
    assert run("a@x.example\n")[0] == Tally(read=1, there=1)
    assert "a@x.example" not in str(kept())


def test_the_command(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "out.csv"
    file.write_text("email,reason\na@x.example,complaint\nnobody,\n")
    with pytest.raises(CommandError) as error:
        call_command("import_suppressions", str(file), "--dry-run")
    assert error.value.returncode == 1
    assert "Dry run, nothing written. 2 rows read: 1 would be suppressed, 0 in force already, 1 refused." in (
        capsys.readouterr().out
    )
    assert not Suppression.objects.exists()

    with pytest.raises(CommandError, match="1 row was refused"):
        call_command("import_suppressions", str(file))
    said = capsys.readouterr()
    assert "line 3: email: 'nobody' is not an e-mail address" in said.err
    assert kept()[0][:3] == ("a@x.example", "complaint", "CSV")
    assert abs(kept()[0][4] - datetime.now(UTC)) < timedelta(days=1)

    file.write_text("phone\n1\n")
    with pytest.raises(CommandError) as error:
        call_command("import_suppressions", str(file))
    assert error.value.returncode == 2


@pytest.mark.parametrize(
    ("error", "code", "why"),
    [
        (KeyboardInterrupt(), 130, "Stopped. "),
        (OperationalError("database is locked"), 1, "The database: database is locked. "),
    ],
    ids=["stopped", "locked"],
)
def test_the_command_says_what_stays_when_it_ends_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, why: str
) -> None:
    def ends(*args: Any, **options: Any) -> int:
        raise error

    monkeypatch.setattr("contacts.importing.opt_outs.suppress", ends)
    monkeypatch.setattr("contacts.importing.opt_outs.not_recorded", ends)
    file = tmp_path / "out.csv"
    file.write_text("a@x.example\n")
    for options, stays in (
        ((), "Import the file again for the rest; what was recorded stays."),
        (("--dry-run",), "Nothing was written."),
    ):
        with pytest.raises(CommandError) as raised:
            call_command("import_suppressions", str(file), *options)
        assert (raised.value.returncode, str(raised.value)) == (code, why + stays)
