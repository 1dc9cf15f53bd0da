"""The house is as docs/architecture.md draws it, and every platform is built as CONTRIBUTING.md says."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.test import Client
from django.urls import resolve, reverse
from django.utils.module_loading import import_string
from django_q.models import Schedule

from curation_sdk.commands import SyncCommand
from curation_sdk.contract import PlatformContract
from curation_sdk.job import SyncJob
from curation_sdk.setup import SetupCommand

ROOT = Path(__file__).resolve().parents[2]
JOBS: list[SyncJob] = [import_string(path) for path in settings.SYNC_JOBS]
PLATFORMS = [job for job in JOBS if job.contact_id]
NAMES = [job.platform for job in PLATFORMS]

#: Room -> what it may import of ours, besides itself.
MAY_IMPORT = {
    "curation_sdk": set[str](),
    "contacts": {"curation_sdk"},
    "opt_outs": {"curation_sdk", "contacts"},
    "reconciliation": {"curation_sdk", "contacts", "opt_outs"},
    "webhooks": {"curation_sdk", "contacts"},
    **{f"{name}_sync": {"curation_sdk", "contacts", "opt_outs", "reconciliation", "webhooks"} for name in NAMES},
    "contact_curation": {"curation_sdk", "contacts"},
    # Where all of them come together, like the operator's pages.
    "erasure": {
        *("curation_sdk", "contacts", "opt_outs", "reconciliation", "webhooks", "contact_curation"),
        *("sync_admin", "scrapersky"),
        *(f"{name}_sync" for name in NAMES),
    },
    "sandbox": set[str](),
}
#: Files of the contacts that stand above whoever has a queue: the operator's pages, and the word that starts curation.
ABOVE = (ROOT / "contacts/admin.py", ROOT / "contacts/timeline.py", ROOT / "contacts/curation.py")
OURS = {*MAY_IMPORT, "scrapersky", "sync_admin", "bench"}

ROOMS = (
    *("conf", "client", "payload", "services", "job", "tasks", "apps", "checks", "setup_check", "viewsets", "urls"),
    *("admin_actions", "connection", "management/commands/{}_sync", "management/commands/{}_setup"),
)
COLUMNS = (
    *("sync_status", "processing_status", "processing_error", "contact_id", "retry_count", "next_attempt_at"),
    "synced_at",
)


# --- Imports point one way ------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_imports_point_one_way(room: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in sorted((ROOT / room).rglob("*.py"))
        if "tests" not in file.parts and file not in ABOVE
        for name in _imported(file)
        if name in OURS - MAY_IMPORT[room] - {room}
    ]
    assert wrong == []


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_the_shared_rooms_name_no_platform() -> None:
    named = re.compile("|".join(NAMES), re.IGNORECASE)
    texts = {
        file: [node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)]
        for room in ("curation_sdk", "opt_outs", "reconciliation")
        for file in sorted((ROOT / room).glob("*.py"))
    }
    # Docstrings and comments may give an example; code that acts on a name may not.
    documented = {
        file: {
            ast.get_docstring(node, clean=False) for node in ast.walk(ast.parse(file.read_text())) if _has_doc(node)
        }
        for file in texts
    }
    wrong = [
        f"{file.name}: {value!r}"
        for file, values in texts.items()
        for value in values
        if isinstance(value, str) and named.search(value) and value not in documented[file]
    ]
    assert wrong == []


def _has_doc(node: ast.AST) -> bool:
    return isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)


def test_the_page_names_every_room() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    picture = (ROOT / "docs/images/architecture.svg").read_text()
    for room in MAY_IMPORT:
        assert f"`{room}`" in page
        assert room in picture or room == "sandbox"


# --- CONTRIBUTING.md, "Adding a platform" ---------------------------------------------------------------------


def columns(job: SyncJob) -> None:
    named = (job.sync_status, job.processing_status, job.processing_error, job.contact_id, job.retry_count)
    assert (*named, job.next_attempt_at, job.synced_at) == tuple(f"{job.platform}_{name}" for name in COLUMNS)
    fields = {field.name for field in job.model._meta.get_fields()}
    assert fields >= {*named, job.next_attempt_at, job.synced_at, f"{job.platform}_error_cause"}
    assert job.error_cause == f"{job.platform}_error_cause"
    indexes = {index.name for index in job.model._meta.indexes}
    assert indexes >= {f"contacts_{job.platform}_{name}" for name in ("due", "status", "counts", "causes")}
    constraints = [one.name for one in job.model._meta.constraints if f"_{job.platform}_" in one.name]
    assert len(constraints) == 2


def named_settings(job: SyncJob) -> None:
    prefix = f"{job.platform.upper()}_"
    names = [name for name in dir(settings) if name.startswith(prefix)]
    assert names
    example, page = (ROOT / ".env.example").read_text(), (ROOT / f"docs/{job.platform}.md").read_text()
    fixed = (ROOT / "conftest.py").read_text()
    for name in names:
        assert re.search(rf"^#? ?{name}=", example, re.MULTILINE), f"{name} is not in .env.example"
        assert f"`{name}`" in page, f"{name} is not in docs/{job.platform}.md"
        assert f"settings.{name} =" in fixed, f"{name} has no fixed value in conftest.py"


def rooms(job: SyncJob) -> None:
    app = ROOT / f"{job.platform}_sync"
    missing = [room for room in ROOMS if not (app / f"{room.format(job.platform)}.py").is_file()]
    assert missing == []


def lists(job: SyncJob) -> None:
    app = f"{job.platform}_sync"
    assert apps.is_installed(app)
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert app in tools["ruff"]["lint"]["isort"]["known-first-party"]
    assert app in tools["mypy"]["files"]
    assert re.search(rf"^testpaths = .*\b{app}\b", (ROOT / "pytest.ini").read_text(), re.MULTILINE)


def addresses(job: SyncJob) -> None:
    for call in ("sync/batch", "sync/filtered", "sync/cancel", "sync/operations", "status/summary"):
        found = resolve(f"/api/v3/contacts/{job.platform}/{call}")
        assert found.func.cls.job is job  # type: ignore[attr-defined]


def schedule(job: SyncJob) -> None:
    made = Schedule.objects.get(name=job.schedule)
    assert (made.func, made.minutes) == (job.task, job.interval())
    assert job.task.startswith(f"{job.platform}_sync.tasks.")
    assert callable(import_string(job.task))


def commands(job: SyncJob) -> None:
    for name, base in (("sync", SyncCommand), ("setup", SetupCommand)):
        command = load_command_class(get_commands()[f"{job.platform}_{name}"], f"{job.platform}_{name}")
        assert isinstance(command, base)
        assert command.job is job


def admin(job: SyncJob) -> None:
    from contacts.admin import ContactAdmin
    from scrapersky.platforms import CONNECTIONS, PLATFORMS

    assert job in PLATFORMS
    assert [one.job for one in CONNECTIONS] == list(PLATFORMS)
    named = {getattr(action, "__name__", "") for action in ContactAdmin.actions or ()}
    platform = job.platform
    assert named >= {f"queue_for_{platform}", f"retry_failed_for_{platform}", f"skip_for_{platform}"}
    assert platform in ContactAdmin.list_display


def filter_and_fields(job: SyncJob) -> None:
    from contacts.filters import ContactFilter
    from contacts.serializers import ContactSerializer

    assert job.sync_status in ContactFilter.base_filters
    fields = ContactSerializer().fields
    assert all(fields[f"{job.platform}_{name}"].read_only for name in COLUMNS)


def sandbox(job: SyncJob) -> None:
    from sandbox.demo import demo_settings
    from sandbox.server import running_sandbox

    with running_sandbox() as running:
        assert getattr(running, job.platform)
    assert [name for name in demo_settings(8025) if name.startswith(f"{job.platform.upper()}_")]


def contract_tests(job: SyncJob) -> None:
    contract = import_string(f"{job.platform}_sync.tests.test_contract.TestContract")
    assert issubclass(contract, PlatformContract)
    assert contract.job is job


def words(job: SyncJob) -> None:
    assert (ROOT / f"docs/{job.platform}.md").is_file()
    assert f"docs/{job.platform}.md" in (ROOT / "README.md").read_text()
    assert job.label in (ROOT / "CHANGELOG.md").read_text()


CHECKLIST: dict[str, Callable[[SyncJob], None]] = {
    "Columns": columns,
    "Settings": named_settings,
    "Rooms": rooms,
    "Lists": lists,
    "Addresses": addresses,
    "Schedule": schedule,
    "Commands": commands,
    "Admin": admin,
    "Filter": filter_and_fields,
    "Sandbox": sandbox,
    "Tests": contract_tests,
    "Words": words,
}


def test_each_step_of_the_list_is_checked() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    section = page.partition("## Adding a platform")[2].partition("\n## ")[0]
    assert re.findall(r"^\d+\. \*\*(\w+)\*\*", section, re.MULTILINE) == list(CHECKLIST)


@pytest.mark.django_db
@pytest.mark.parametrize("step", list(CHECKLIST))
@pytest.mark.parametrize("job", PLATFORMS, ids=NAMES)
def test_every_platform_follows_the_list(job: SyncJob, step: str) -> None:
    CHECKLIST[step](job)


@pytest.mark.django_db
def test_every_platform_is_off_without_its_settings(
    monkeypatch: pytest.MonkeyPatch, client: Client, admin_user: Any
) -> None:
    """Each can be switched off by leaving its credentials empty, and nothing else changes."""
    client.force_login(admin_user)
    credentials = re.compile(r"_(API_KEY|WEBHOOK_URL|USERNAME|PASSWORD|CLIENT_ID|CLIENT_SECRET)$")
    for name in [name for name in dir(settings) if credentials.search(name)]:
        monkeypatch.setattr(settings, name, "")
    for job in PLATFORMS:
        assert job.off_reason().startswith(f"{job.label} is switched off: ")
        answer = client.post(
            reverse(f"{job.platform}-sync-sync-filtered"), {"all": True}, content_type="application/json"
        )
        assert answer.status_code == 409
        assert job.label in answer.json()["detail"]


def test_a_text_for_people_holds_no_backticks() -> None:
    """Pages, terminals and the API show them as they are. A command stands in quotes."""
    wrong = []
    for file in (file for room in sorted({*OURS} - {"bench"}) for file in sorted((ROOT / room).rglob("*.py"))):
        if "tests" in file.parts or "migrations" in file.parts:
            continue
        nodes = list(ast.walk(ast.parse(file.read_text())))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        wrong += [
            f"{file.relative_to(ROOT)}:{node.lineno}"
            for node in nodes
            if isinstance(node, ast.Constant)
            and id(node) not in docstrings
            and re.search(r"`[A-Za-z]", str(node.value))
        ]
    assert not wrong


def test_the_way_to_a_page_of_the_operator_is_written_in_one_place() -> None:
    folder = ROOT / "templates/sync_admin"
    assert [file.name for file in folder.glob("*.html") if 'class="breadcrumbs"' in file.read_text()] == ["base.html"]
