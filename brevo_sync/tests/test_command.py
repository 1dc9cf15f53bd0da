"""`manage.py brevo_sync`: in this process with stubs, and as people start it, against the sandbox."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import termios
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from brevo_sync.conf import ATTRIBUTE_TYPES
from brevo_sync.job import BREVO
from brevo_sync.management.commands.brevo_sync import Command
from brevo_sync.tests.support import CONTACTS
from contacts.models import Contact, Suppression
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.queueing import queue_contacts
from sandbox.brevo.account import DEFAULT_KEY
from sandbox.server import Sandbox, running_sandbox

Queued = Callable[..., Contact]


@pytest.fixture
def wire(settings: Any) -> Iterator[responses.RequestsMock]:
    """An account that takes everything."""
    settings.BREVO_RATE_LIMIT_PER_SECOND = 5000.0
    listed = [{"name": name, "category": "normal", "type": kind} for name, kind in ATTRIBUTE_TYPES.items()]
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add("GET", f"{CONTACTS}/attributes", json={"attributes": listed})
        mock.add("POST", CONTACTS, status=201, json={"id": 21})
        yield mock


@pytest.fixture
def queued(make_contact: Queued) -> Queued:
    def make(email: str | None = "ada@acme.example", **columns: Any) -> Contact:
        contact = make_contact(email, **columns)
        queue_contacts(BREVO, Contact.objects.filter(pk=contact.pk), now=timezone.now())
        contact.refresh_from_db()
        return contact

    return make


def sync(*options: Any, **named: Any) -> tuple[int, str]:
    """Exit code and all that was printed."""
    out = io.StringIO()
    try:
        call_command("brevo_sync", *map(str, options), stdout=out, no_color=True, **named)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def sent(wire: responses.RequestsMock) -> list[dict[str, Any]]:
    return [json.loads(call.request.body) for call in wire.calls if call.request.method == "POST"]


def statuses() -> dict[str, str]:
    return dict(Contact.objects.order_by("email").values_list("email", "brevo_sync_status"))


def everything() -> list[Any]:
    """All rows that a sync may write."""
    return [list(model.objects.order_by("pk").values()) for model in (Contact, SyncRun, SyncAttempt, Suppression)]


# --- what is pushed ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_nothing_to_do(wire: responses.RequestsMock) -> None:
    assert sync() == (0, "Nothing is due.\n")
    assert len(wire.calls) == 0


@pytest.mark.django_db
def test_pushes_what_is_due_and_nothing_else(
    wire: responses.RequestsMock, queued: Queued, make_contact: Queued
) -> None:
    queued("a@x.example")
    queued("b@x.example")
    make_contact("new@x.example")
    late = queued("later@x.example")
    Contact.objects.filter(pk=late.pk).update(brevo_next_attempt_at=timezone.now() + timedelta(hours=1))
    code, text = sync()
    assert code == 0
    assert text.startswith("2 synced. 1 contact is still in the queue; the next is due at ")
    assert statuses() == {
        "a@x.example": "Complete",
        "b@x.example": "Complete",
        "new@x.example": "New",
        "later@x.example": "Queued",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(("limit", "pushed"), [(1, 1), (3, 3), (25, 25), (30, 25)])
def test_limit(wire: responses.RequestsMock, queued: Queued, limit: int, pushed: int) -> None:
    for number in range(25):
        queued(f"p{number}@x.example")
    code, text = sync("--limit", limit)
    assert code == 0
    assert text.startswith(f"{pushed} synced.")
    assert (f"{25 - pushed} contacts are still in the queue" in text) == (pushed < 25)
    assert len(sent(wire)) == pushed


@pytest.mark.django_db
def test_ids_queues_and_pushes_only_them_whatever_their_state(
    wire: responses.RequestsMock, queued: Queued, make_contact: Queued
) -> None:
    new = make_contact("new@x.example")
    waiting = queued("waiting@x.example")
    later = timezone.now() + timedelta(hours=1)
    Contact.objects.filter(pk=waiting.pk).update(brevo_next_attempt_at=later, brevo_retry_count=2)
    failed = make_contact("failed@x.example", brevo_sync_status="Error", brevo_processing_status="Error")
    done = make_contact("done@x.example", brevo_sync_status="Complete", brevo_processing_status="Complete")
    queued("other@x.example")
    make_contact("other-new@x.example")
    code, text = sync("--ids", new.pk, waiting.pk, failed.pk, done.pk, new.pk)
    assert code == 0
    assert text == "Queued 3 contacts for Brevo. 1 was queued already.\n4 synced.\n"
    assert {body["email"] for body in sent(wire)} == {
        "new@x.example",
        "waiting@x.example",
        "failed@x.example",
        "done@x.example",
    }
    assert statuses()["other@x.example"] == "Queued"
    assert statuses()["other-new@x.example"] == "New"


@pytest.mark.django_db
def test_ids_of_people_who_must_not_be_pushed(wire: responses.RequestsMock, make_contact: Queued) -> None:
    Suppression.objects.create(email_key="out@x.example", reason="unsubscribed")
    out, nobody = make_contact("OUT@x.example"), make_contact(None)
    gone = {"code": "document_not_found", "message": "Contact does not exist"}
    wire.get(f"{CONTACTS}/out%40x.example", status=404, json=gone)
    code, text = sync("--ids", out.pk, nobody.pk)
    assert code == 0
    assert "2 skipped: 1 without an e-mail address, 1 suppressed." in text
    assert "Told Brevo of 1 opt-out." in text
    assert sent(wire) == []


@pytest.mark.django_db
def test_unknown_ids_are_named_and_nothing_is_queued(wire: responses.RequestsMock, make_contact: Queued) -> None:
    new = make_contact("new@x.example")
    unknown = [uuid.UUID(int=number) for number in range(1, 6)]
    code, text = sync("--ids", new.pk, unknown[0])
    assert (code, text) == (2, f"No contact has the id {unknown[0]}.")
    code, text = sync("--ids", *unknown)
    assert (code, text) == (2, f"No contact has the id {unknown[0]}, {unknown[1]}, {unknown[2]} and 2 more.")
    assert statuses() == {"new@x.example": "New"}
    assert len(wire.calls) == 0


@pytest.mark.django_db
def test_failed_queues_the_errors_first(wire: responses.RequestsMock, make_contact: Queued) -> None:
    for number in range(3):
        make_contact(
            f"p{number}@x.example", brevo_sync_status="Error", brevo_processing_status="Error", brevo_retry_count=3
        )
    make_contact("new@x.example")
    assert sync("--failed") == (0, "Queued 3 contacts for Brevo.\n3 synced.\n")
    assert statuses()["new@x.example"] == "New"
    assert set(Contact.objects.values_list("brevo_retry_count", flat=True)) == {0}


@pytest.mark.django_db
def test_queue_all_new(wire: responses.RequestsMock, make_contact: Queued) -> None:
    make_contact("a@x.example")
    make_contact("b@x.example")
    make_contact(None)
    make_contact("skip@x.example", brevo_sync_status="Skipped")
    make_contact("done@x.example", brevo_sync_status="Complete", brevo_processing_status="Complete")
    code, text = sync("--queue-all-new")
    assert (code, text) == (
        0,
        "Queued 2 contacts for Brevo. 1 skipped: 1 without an e-mail address.\n2 synced.\n",
    )
    assert statuses()["skip@x.example"] == "Skipped"


# --- dry run -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("option", ["", "--failed", "--queue-all-new", "--ids"])
def test_dry_run_shows_exactly_what_a_run_sends_and_writes_nothing(
    wire: responses.RequestsMock, settings: Any, queued: Queued, make_contact: Queued, option: str
) -> None:
    settings.BREVO_LIST_ID = "12"
    wire.add("GET", f"{CONTACTS}/lists/12", json={"id": 12, "name": "L"})
    Suppression.objects.create(email_key="out@x.example", reason="unsubscribed")
    queued("a@x.example", name="Jérôme d'Artois", phone_number="(212) 555-0123")
    queued("b@x.example", name="Old", has_gmail=True)
    waiting = queued("B@X.example", name="New name")
    Contact.objects.filter(pk=waiting.pk).update(brevo_next_attempt_at=timezone.now() + timedelta(hours=1))
    queued("not an address")
    new = make_contact("new@x.example", phone_number="Phone not found")
    make_contact("out@x.example")
    make_contact(None, name="Nobody")
    make_contact("failed@x.example", brevo_sync_status="Error", brevo_processing_status="Error")
    options = [option, str(new.pk)] if option == "--ids" else [option] if option else []

    before = everything()
    code, text = sync("--dry-run", *options)
    assert code == 0
    assert everything() == before
    assert len(wire.calls) == 0
    shown, rest = requests_in(text)
    assert "test-key" not in text

    sync(*options)
    bodies = sent(wire)
    assert sorted(shown, key=str) == sorted(bodies, key=str)
    assert f"{len(shown) + rest.count('would be skipped')}" in rest.splitlines()[-1]
    assert "shown; nothing was sent or changed." in rest
    if option != "--ids":
        assert "would be skipped: Invalid e-mail address: " in rest
        assert {"Jérôme"} <= {body["attributes"].get("FIRSTNAME") for body in shown}
    if option == "--queue-all-new":
        assert "would be skipped: There is no e-mail address." in rest
        assert "would be skipped: Suppressed since " in rest


def requests_in(text: str) -> tuple[list[dict[str, Any]], str]:
    """The bodies shown, and the lines that are no JSON."""
    bodies, rest, block = [], [], ""
    for line in text.splitlines():
        if line == "{" or block:
            block += line
            if line == "}":
                request = json.loads(block)
                assert (request["method"], request["path"]) == ("POST", "/contacts")
                bodies.append(request["body"])
                block = ""
        else:
            rest.append(line)
    return bodies, "\n".join(rest)


@pytest.mark.django_db
def test_dry_run_with_a_limit(wire: responses.RequestsMock, queued: Queued) -> None:
    for number in range(5):
        queued(f"p{number}@x.example")
    code, text = sync("--dry-run", "--limit", 2)
    assert code == 0
    assert len(requests_in(text)[0]) == 2
    assert text.endswith("2 people shown; nothing was sent or changed.\n")


@pytest.mark.django_db
def test_dry_run_of_nothing(wire: responses.RequestsMock) -> None:
    assert sync("--dry-run") == (0, "0 people shown; nothing was sent or changed.\n")


@pytest.mark.django_db
def test_dry_run_of_unknown_ids(wire: responses.RequestsMock) -> None:
    assert sync("--dry-run", "--ids", uuid.UUID(int=1))[0] == 2


# --- exit codes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--failed", "--queue-all-new"], "not allowed with argument"),
        (["--failed", "--ids", str(uuid.UUID(int=1))], "not allowed with argument"),
        (["--queue-all-new", "--ids", str(uuid.UUID(int=1))], "not allowed with argument"),
        (["--ids"], "expected at least one argument"),
        (["--ids", "7"], "'7' is not a contact's id (a UUID)"),
        (["--limit"], "expected one argument"),
        (["--limit", "0"], "'0' is not a whole number above zero"),
        (["--limit", "-3"], "'-3' is not a whole number above zero"),
        (["--limit", "1.5"], "'1.5' is not a whole number above zero"),
        (["--limit", "٣"], "is not a whole number above zero"),
        (["--unknown"], "unrecognized arguments"),
        (["contacts.csv"], "unrecognized arguments"),
    ],
    ids=str,
)
def test_wrong_use_exits_with_2(capsys: pytest.CaptureFixture[str], options: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as end:
        Command().run_from_argv(["manage.py", "brevo_sync", *options])
    assert end.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("key", "list_id"), [("", ""), ("k", "twelve")])
@pytest.mark.parametrize("option", [[], ["--dry-run"], ["--failed"]], ids=str)
def test_switched_off_exits_with_1_and_touches_nothing(
    settings: Any, key: str, list_id: str, option: list[str]
) -> None:
    settings.BREVO_API_KEY, settings.BREVO_LIST_ID = key, list_id
    code, text = sync(*option)  # without a database: it would fail here
    assert code == 1
    assert text.startswith("Brevo is switched off: ")


@pytest.mark.django_db
def test_a_stopped_run_exits_with_1_and_says_why(wire: responses.RequestsMock, queued: Queued) -> None:
    wire.replace("POST", CONTACTS, status=401, json={"code": "unauthorized", "message": "Key not found"})
    for number in range(5):
        queued(f"p{number}@x.example")
    code, text = sync()
    assert code == 1
    assert text.startswith('5 given back. Stopped: Brevo rejected the key (401): "Key not found". Check BREVO_API_KEY')
    assert set(statuses().values()) == {"Queued"}
    assert set(Contact.objects.values_list("brevo_retry_count", flat=True)) == {0}


@pytest.mark.django_db
def test_an_unknown_list_exits_with_1_before_any_push(
    wire: responses.RequestsMock, settings: Any, queued: Queued
) -> None:
    settings.BREVO_LIST_ID = "99"
    wire.add("GET", f"{CONTACTS}/lists/99", status=404, json={"code": "document_not_found", "message": "no list"})
    queued()
    code, text = sync()
    assert code == 1
    assert "Brevo has no list 99. Correct BREVO_LIST_ID" in text
    assert sent(wire) == []


@pytest.mark.django_db
def test_failed_contacts_are_no_failed_run(wire: responses.RequestsMock, queued: Queued) -> None:
    wire.replace("POST", CONTACTS, status=400, json={"code": "invalid_parameter", "message": "Invalid email address"})
    queued()
    assert sync() == (0, "1 failed.\n")


@pytest.mark.django_db
def test_missing_attributes_are_in_the_summary(wire: responses.RequestsMock, queued: Queued) -> None:
    wire.replace("GET", f"{CONTACTS}/attributes", json={"attributes": []})
    queued()
    code, text = sync()
    assert code == 0
    assert text.startswith("1 synced. Brevo drops FIRSTNAME, LASTNAME, ")
    assert '"manage.py brevo_setup --create" makes them.' in text


@pytest.mark.django_db
def test_outside_the_main_thread_it_runs_without_signals(wire: responses.RequestsMock) -> None:
    """Python lets nobody handle signals there; the command says what it would say elsewhere."""
    said: list[Any] = []

    def work() -> None:
        from curation_sdk.shutdown import stop_on_signals

        with stop_on_signals() as stop:
            said.append(stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert said == [False]


def test_the_signal_handlers_are_put_back() -> None:
    from curation_sdk.shutdown import stop_on_signals

    before = (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    with stop_on_signals() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


# --- as people start it --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("database") / "db.sqlite3"
    done = manage(path, "migrate", "--verbosity", "0").communicate(timeout=60)
    assert done == ("", "")
    return path


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated, tmp_path / "db.sqlite3"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as running:
        yield running


def manage(database: Path, *arguments: str, **changes: Any) -> subprocess.Popen[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("BREVO_", "DATABASE_", "COV"))},
        "DATABASE_URL": f"sqlite:///{database}",
        "BREVO_API_KEY": DEFAULT_KEY,
        "BREVO_RATE_LIMIT_PER_SECOND": "500",
        "BREVO_CONCURRENCY": "4",
        **changes.pop("environment", {}),
    }
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **changes}
    program = [sys.executable, str(django_settings.BASE_DIR / "manage.py"), *arguments]
    return subprocess.Popen(program, env=environment, **streams)


def insert(database: Path, count: int) -> None:
    """As a scraper does, and queued."""
    with sqlite3.connect(database) as connection:
        connection.executemany(
            "INSERT INTO contacts (id, email, brevo_sync_status, brevo_processing_status, brevo_next_attempt_at)"
            " VALUES (?, ?, 'Queued', 'Queued', '2020-01-01 00:00:00')",
            [(uuid.uuid4().hex, f"p{number}@acme.example") for number in range(count)],
        )
    connection.close()


def rows(database: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(database)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_ctrl_c_settles_and_leaves_nothing_processing(database: Path, stop_signal: int) -> None:
    insert(database, 400)
    with running_sandbox(rate_limit=None, latency_ms=40) as sandbox:
        process = manage(database, "brevo_sync", environment={"BREVO_API_BASE_URL": sandbox.brevo_url})
        until(lambda: len(sandbox.brevo.contacts) >= 5 or process.poll() is not None)
        process.send_signal(stop_signal)
        out, err = process.communicate(timeout=15)
        arrived = len(sandbox.brevo.contacts)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "The worker was asked to stop." in out
    assert 0 < arrived < 400, "it stopped in the middle"
    counts = dict(rows(database, "SELECT brevo_processing_status, count(*) FROM contacts GROUP BY 1"))
    assert counts == {"Complete": arrived, "Queued": 400 - arrived}
    assert rows(database, "SELECT max(brevo_retry_count) FROM contacts") == [(0,)], "the tries are given back"
    assert rows(database, "SELECT state, synced FROM sync_runs") == [("finished", arrived)]


def until(happened: Callable[[], bool]) -> None:
    """Wait for another process; there is no clock of ours to set over there."""
    deadline = time.monotonic() + 15
    while not happened():
        assert time.monotonic() < deadline
        select.select([], [], [], 0.01)


def test_the_progress_bar_is_for_terminals_only(database: Path, sandbox: Sandbox) -> None:
    sandbox.reset()
    insert(database, 30)
    process = manage(database, "brevo_sync", "--limit", "10", environment={"BREVO_API_BASE_URL": sandbox.brevo_url})
    out, err = process.communicate(timeout=15)
    assert process.returncode == 0
    assert out.startswith("10 synced. Brevo drops PHONE, ")
    assert err == ""

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))  # without a width there is no room for a bar
    process = manage(database, "brevo_sync", stderr=theirs, environment={"BREVO_API_BASE_URL": sandbox.brevo_url})
    os.close(theirs)
    seen = drained(ours)
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 0
    assert out.startswith("20 synced.")
    assert "Brevo: 100%" in seen
    assert "20/20" in seen
    assert len(sandbox.brevo.contacts) == 30


def drained(terminal: int) -> str:
    seen = b""
    try:
        while part := os.read(terminal, 4096):
            seen += part
    except OSError:
        pass  # how Linux says that the other side is gone
    os.close(terminal)
    return seen.decode()


def test_a_database_without_tables_says_run_migrate(tmp_path: Path) -> None:
    processes = [
        manage(tmp_path / "empty.sqlite3", "brevo_sync", *options)
        for options in ([], ["--dry-run"], ["--queue-all-new"])
    ]
    for process in processes:
        out, err = process.communicate(timeout=30)
        assert process.returncode == 1
        assert out == ""
        assert err == 'CommandError: The database is not up to date. Run "manage.py migrate".\n'


def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    process = manage(tmp_path / "missing" / "db.sqlite3", "brevo_sync")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err == "CommandError: The database cannot be used: unable to open database file\n"


@pytest.mark.django_db
def test_those_who_wait_for_their_next_try_are_not_forgotten(sandbox: Sandbox, make_contact: Any) -> None:
    make_contact()
    sandbox.add_fault("503", path="/contacts", email="ada@acme.example")
    code, text = sync("--queue-all-new")
    assert code == 0
    assert "1 contact is still in the queue; the next is due at 2" in text
    assert "1 contact is still in the queue" in sync()[1]
