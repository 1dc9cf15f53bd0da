"""`manage.py import_contacts`, as an operator meets it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError

from contacts.importing import run
from contacts.importing.rows import Row
from contacts.importing.store import store_rows
from contacts.models import Contact, Domain, Page

MakeFile = Callable[[str | bytes], str]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    def make(content: str | bytes) -> str:
        path = tmp_path / "contacts.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return make


def import_file(path: str, *options: str, stderr: io.StringIO | None = None) -> tuple[int, str, str]:
    """Return exit code, standard output and error, the error's message at its end."""
    out, err = io.StringIO(), stderr or io.StringIO()
    try:
        call_command("import_contacts", path, *options, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, out.getvalue(), f"{err.getvalue()}{error}"
    return 0, out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_all_rows_are_in(make_file: MakeFile) -> None:
    path = make_file(
        "\ufeffName,E-Mail".replace("E-Mail", "EMAIL") + "\r\nAnna,anna@acme.example\r\nBea,b@acme.example\r\n"
    )
    assert import_file(path) == (0, "2 rows read: 2 imported, 0 already there, 0 refused.\n", "")
    assert set(Contact.objects.values_list("name", "email")) == {
        ("Anna", "anna@acme.example"),
        ("Bea", "b@acme.example"),
    }


@pytest.mark.django_db
def test_twice_doubles_nothing(make_file: MakeFile) -> None:
    path = make_file(
        "email,domain,page_url\na@acme.example,acme.example,https://acme.example/\n,,\nb@acme.example,,\n"
        "a@acme.example,acme.example,https://acme.example/\n"
    )
    assert import_file(path)[1] == "3 rows read: 2 imported, 1 already there, 0 refused.\n"
    assert import_file(path) == (0, "3 rows read: 0 imported, 3 already there, 0 refused.\n", "")
    assert (Contact.objects.count(), Domain.objects.count(), Page.objects.count()) == (2, 1, 1)


@pytest.mark.django_db
def test_the_same_file_from_another_program_doubles_nothing(make_file: MakeFile) -> None:
    import_file(make_file('email,context\na@acme.example,"two\nlines"\n'))
    other = make_file('\ufeff"Context","Email"\r\n"two\r\nlines","a@acme.example"\r\n')
    assert import_file(other)[1] == "1 row read: 0 imported, 1 already there, 0 refused.\n"


@pytest.mark.django_db
def test_bad_rows_are_reported_with_their_line_and_do_not_stop_the_rest(make_file: MakeFile) -> None:
    path = make_file(
        b"email,name,email_type,page_url\n"
        b"a@acme.example,Anna,,\n"
        b"b@acme.example,Ren\xe9,,\n"
        b"c@acme.example,Cleo,private,\n"
        b"d@acme.example,Dora,,javascript:alert(1)\n"
        b"e@acme.example,Eva\n"
        b",,FREE,\n"
        b"f@acme.example,Fi\0nn,,\n"
        b'g@acme.example,"Gina,,\n'
        b"h@acme.example,Hanna,,\n"
    )
    code, out, err = import_file(path)
    assert code == 1
    assert out == "9 rows read: 2 imported, 0 already there, 7 refused.\n"
    assert err.splitlines() == [
        "line 3: not UTF-8 text (byte 0xE9 at column 19); save the file as UTF-8",
        "line 4: email_type: 'private' is none of SERVICE, CORPORATE, FREE, UNKNOWN",
        "line 5: page_url: 'javascript:alert(1)' is not an address that begins with http:// or https://",
        "line 6: 2 cells, but the header has 4",
        "line 7: nothing to import: no e-mail, no name and no phone number",
        "line 8: a NUL byte, which is not text",
        "line 9: a quote is opened and not closed",
        "7 rows were refused. Correct and import again: rows that are there are not imported twice.",
    ]
    assert set(Contact.objects.values_list("name", flat=True)) == {"Anna", "Hanna"}


@pytest.mark.django_db
def test_a_hundred_refused_rows_are_shown(make_file: MakeFile) -> None:
    code, out, err = import_file(make_file("email,name\n" + "x\n" * 1_234 + "a@acme.example,Anna\n"))
    assert code == 1
    assert out == "1,235 rows read: 1 imported, 0 already there, 1,234 refused.\n"
    shown = err.splitlines()
    assert len(shown) == 102
    assert shown[99:101] == ["line 101: 1 cell, but the header has 2", "and 1,134 more"]
    assert shown[101].startswith("1,234 rows were refused.")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"email,firma\na@acme.example,Acme\n", "Unknown column: 'firma'. Known columns: email, name,"),
        (b"email,email\na@acme.example,b@acme.example\n", "Column given more than once: 'email'."),
        (b"email|name\na@acme.example|Anna\n", "The columns are separated by vertical bars."),
        ("email\na@acme.example\n".encode("utf-16"), "The file is UTF-16."),
        (b"PK\x03\x04\x14\x00\x06\x00an Excel file", "NUL byte"),
    ],
)
def test_a_file_that_cannot_be_imported_imports_nothing(make_file: MakeFile, content: bytes, message: str) -> None:
    path = make_file(content)
    code, out, err = import_file(path)
    assert (code, out) == (2, "")
    assert err.startswith(f"{path}: ")
    assert message in err
    assert not Contact.objects.exists()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = str(tmp_path / "missing.csv")
    assert import_file(path) == (2, "", f"{path}: There is no such file.")


def test_a_directory(tmp_path: Path) -> None:
    assert import_file(str(tmp_path)) == (2, "", f"{tmp_path}: This is a directory, not a file.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(make_file: MakeFile) -> None:
    path = make_file("email\n")
    Path(path).chmod(0)
    assert import_file(path) == (2, "", f"{path}: The file cannot be read: Permission denied.")


def test_a_disk_that_fails(make_file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("contacts.importing.command.open_file", lambda path: Broken())
    assert import_file("a.csv") == (2, "", "a.csv: The file cannot be read: Input/output error.")


class Stdin:
    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


@pytest.mark.django_db
def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(b"email\na@acme.example\n"))
    assert import_file("-")[1] == "1 row read: 1 imported, 0 already there, 0 refused.\n"
    monkeypatch.setattr(sys, "stdin", Stdin(b""))
    assert import_file("-")[2].startswith("standard input: The file is empty.")


@pytest.mark.django_db
def test_dry_run(make_file: MakeFile) -> None:
    path = make_file("email,domain,page_url\na@acme.example,acme.example,https://acme.example/\nb@acme.example,x,\n")
    code, out, err = import_file(path, "--dry-run")
    assert code == 1
    assert out == "Dry run, nothing written. 2 rows read: 1 would be imported, 0 already there, 1 refused.\n"
    assert err.startswith("line 3: domain: 'x' is not a host name")
    assert (Contact.objects.count(), Domain.objects.count(), Page.objects.count()) == (0, 0, 0)


@pytest.mark.django_db
def test_formulas_and_markup_are_text(make_file: MakeFile) -> None:
    cells = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "@SUM(1+1)", "+1", "-1", "{{ x }} %s %(x)s"]
    import_file(make_file("email,name\n" + "".join(f"a@acme.example,{cell}\n" for cell in cells)))
    assert set(Contact.objects.values_list("name", flat=True)) == set(cells)


def test_ctrl_c_keeps_the_batches_that_are_done(
    make_file: MakeFile, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    batches: list[int] = []

    def interrupted(rows: Any) -> int:
        if len(batches) == 2:
            raise KeyboardInterrupt
        batches.append(store_rows(rows))
        return batches[-1]

    path = make_file("email\n" + "".join(f"a{number}@acme.example\n" for number in range(3_500)))
    with monkeypatch.context() as patch:
        patch.setattr(run, "store_rows", interrupted)
        code, out, err = import_file(path)
    assert (code, out) == (130, "")
    assert err == ("Stopped. 2,000 contacts were imported before that and stay. Import the file again for the rest.")
    assert Contact.objects.count() == 2_000
    assert import_file(path)[1] == "3,500 rows read: 1,500 imported, 2,000 already there, 0 refused.\n"


@pytest.mark.django_db
def test_a_database_that_goes_away(make_file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(rows: list[Row]) -> int:
        raise OperationalError("database is locked")

    monkeypatch.setattr(run, "store_rows", locked)
    code, out, err = import_file(make_file("email\na@acme.example\n"))
    assert (code, out) == (1, "")
    assert err.startswith("The database: database is locked. 0 contacts were imported before that and stay.")


@pytest.mark.django_db
def test_no_progress_without_a_terminal(make_file: MakeFile) -> None:
    content = "email\n" + "".join(f"a{number}@acme.example\n" for number in range(5_000))
    assert import_file(make_file(content))[2] == ""


@pytest.mark.django_db
def test_progress_on_a_terminal(make_file: MakeFile) -> None:
    content = "email\n" + "".join(f"a{number}@acme.example\n" for number in range(5_000)) + "\x00\n"
    terminal = Terminal()
    code, _, err = import_file(make_file(content), stderr=terminal)
    assert code == 1
    assert "\rReading:" in err
    assert "100%" in err
    assert "line 5002: a NUL byte" in err
    assert "\n" not in err[: err.index("line 5002")]


@pytest.mark.django_db
def test_progress_of_standard_input_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(b"email\na@acme.example\n"))
    terminal = Terminal()
    assert import_file("-", stderr=terminal)[0] == 0
    assert "%" not in terminal.getvalue()


def peak(path: str, *options: str) -> int:
    tracemalloc.start()
    try:
        assert import_file(path, *options)[0] == 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.django_db
def test_ten_times_the_rows_take_no_more_memory(make_file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(count: int) -> str:
        text = "x" * 200
        return "email,domain,context\n" + "".join(f"a{n}@acme.example,d{n}.example,{text}\n" for n in range(count))

    monkeypatch.setattr(run, "BATCH_SIZE", 100)
    import_file(make_file(rows(100)))  # what is loaded once and kept
    small = peak(make_file(rows(500)))
    large = peak(make_file(rows(5_000)))
    assert large < small + 1_000_000  # 4,500 rows that are kept take more than 5,000,000


def test_two_imports_at_once_on_sqlite(make_file: MakeFile, tmp_path: Path) -> None:
    """As two operators run them: each row gets in once and is counted by one of them."""
    path = make_file("email\n" + "".join(f"a{number}@acme.example\n" for number in range(5_000)))
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}", "DEBUG": "true"}
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    subprocess.run([*manage, "migrate", "-v0"], env=environment, check=True)
    command = [*manage, "import_contacts", path]
    imports = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [(*each.communicate(timeout=60), each.returncode) for each in imports]
    assert [(err, code) for _, err, code in answers] == [("", 0)] * 2
    imported = [int(out.split(": ")[1].split(" imported")[0].replace(",", "")) for out, _, _ in answers]
    assert sum(imported) == 5_000
