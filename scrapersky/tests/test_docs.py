"""The documents are true: their calls are made, their settings, links, commands and quoted texts looked up."""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command, get_commands, load_command_class
from django.utils.module_loading import import_string
from pytest_django.live_server_helper import LiveServer

from brevo_sync.conf import ATTRIBUTE_TYPES
from contact_curation.job import CURATION
from curation_sdk.cycle import run_cycle
from curation_sdk.models import SyncRun
from sandbox.demo import PASSWORD, USER
from sandbox.server import Sandbox, running_sandbox
from scrapersky.tests.stand_ins import JOBS, use_sandbox

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *(ROOT / f"docs/{name}.md" for name in ("architecture", "admin", "curation", "brevo", "hubspot", "mautic", "n8n")),
]
WITHOUT_CALLS = ("CONTRIBUTING.md", "CHANGELOG.md", "architecture.md", "admin.md")
WITH_CALLS = [document for document in DOCUMENTS if document.name not in WITHOUT_CALLS]
PACKAGES = (
    "scrapersky",
    "curation_sdk",
    "contacts",
    "contact_curation",
    "sandbox",
    *(f"{name}_sync" for name in JOBS),
)

#: Stands in the documents for what differs each time.
ANY = "…"

LABELS = tuple(import_string(path).label for path in settings.SYNC_JOBS)


# --- Reading the documents --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A fenced block, and the words between the block before it and this one."""

    language: str
    text: str
    before: str
    line: int


def blocks(markdown: str) -> list[Block]:
    """The fenced blocks in their order, without the indentation that a list gives them."""
    found: list[Block] = []
    end = 0
    for match in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```$", markdown, re.MULTILINE | re.DOTALL):
        indent, language, text = match.groups()
        lines = [line.removeprefix(indent) for line in text.splitlines()]
        before = " ".join(markdown[end : match.start()].split())
        found.append(Block(language, "\n".join(lines), before, markdown.count("\n", 0, match.start()) + 1))
        end = match.end()
    return found


def prose(markdown: str) -> str:
    """The document without its fenced blocks, so that their back quotes are no code spans."""
    return re.sub(r"^ *```.*?^ *```$", "", markdown, flags=re.MULTILINE | re.DOTALL)


def code_spans(markdown: str) -> list[str]:
    return [" ".join(match[2].split()) for match in re.finditer(r"(`+)(.+?)\1(?!`)", prose(markdown), re.DOTALL)]


def anchors(markdown: str) -> set[str]:
    """The names that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(markdown), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table_rows(markdown: str) -> Iterator[list[str]]:
    for line in markdown.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


# --- The calls ----------------------------------------------------------------------------------------------


class Shell:
    """One bash for a whole document, so that a block sees the variables of those before it."""

    def __init__(self, directory: Path) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, commands: str) -> str:
        """What the commands print."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{commands}\nprintf '\\n%s\\n' end-of-block\n")
        self._process.stdin.flush()
        lines = itertools.takewhile(lambda line: line != "end-of-block\n", self._process.stdout)
        return "".join(lines).strip()

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._process.kill()
        self._process.wait()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.close()


@pytest.fixture
def server(transactional_db: None) -> Iterator[LiveServer]:
    """A web server for one test. pytest-django's own starts before our settings are in place."""
    server = LiveServer("127.0.0.1")
    yield server
    server.stop()


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    """The sandbox in the platforms' place, set as in the demo, without the limits that would make us wait."""
    with running_sandbox(rate_limit=None) as sandbox:
        use_sandbox(settings, sandbox)
        yield sandbox


def shown(expected: Any, actual: Any) -> bool:
    """Is this what the document shows? `"…"` fits any value, `"…": "…"` any further names."""
    if expected == ANY:
        return True
    if isinstance(expected, dict) and isinstance(actual, dict):
        names = expected.keys() - {ANY}
        complete = ANY in expected or names == actual.keys()
        return complete and all(name in actual and shown(expected[name], actual[name]) for name in names)
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(itertools.starmap(shown, zip(expected, actual, strict=True)))
    # 1 and 1.0 are the same in JSON, 1 and true are not.
    return bool(expected == actual) and isinstance(expected, bool) == isinstance(actual, bool)


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs curl and bash")
@pytest.mark.parametrize("document", WITH_CALLS, ids=lambda path: path.name)
def test_the_calls_answer_as_shown(document: Path, server: LiveServer, sandbox: Sandbox, shell: Shell) -> None:
    call_command("load_demo_contacts", verbosity=0)
    call_command("brevo_setup", create=True, verbosity=0)
    call_command("hubspot_setup", create=True, verbosity=0)
    call_command("mautic_setup", create=True, verbosity=0)
    get_user_model().objects.create_superuser(USER, password=PASSWORD)
    ours = [("http://127.0.0.1:8000", server.url), ("http://127.0.0.1:8025", sandbox.url)]

    def here(text: str) -> str:
        for theirs, mine in ours:
            text = text.replace(theirs, mine)
        return text

    calls = 0
    found = blocks(document.read_text())
    for block, following in itertools.zip_longest(found, found[1:]):
        if re.search(r"\bworker pushes\b", block.before):
            for job in JOBS.values():
                run_cycle(job, trigger=SyncRun.Trigger.COMMAND)
        if re.search(r"\bworker curates\b", block.before):
            run_cycle(CURATION, trigger=SyncRun.Trigger.COMMAND)
        if block.language not in ("bash", "console") or not re.search(r"\bcurl\b", block.text):
            continue
        where = f"{document.name}, line {block.line}"
        printed = shell.run(here(block.text))
        calls += block.text.count("curl ")
        if following is None or following.language not in ("json", "text"):
            assert not printed, f"{where}: the document shows no answer, and this came: {printed}"
        elif following.language == "text":
            assert printed == following.text.strip(), where
        else:
            expected = json.loads(here(following.text))
            assert shown(expected, json.loads(printed)), f"{where}: this came: {printed}"
    assert calls >= 3


def test_what_does_not_fit_is_told_apart() -> None:
    assert shown({"id": ANY, "list": [{"a": 1}]}, {"id": 7, "list": [{"a": 1}]})
    assert shown({"a": 1, ANY: ANY}, {"a": 1, "b": 2})
    for expected, actual in (
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, ANY: ANY}, {"b": 2}),
        ([1], [1, 2]),
        ({"a": None}, {"a": ""}),
    ):
        assert not shown(expected, actual), (expected, actual)


# --- Settings -------------------------------------------------------------------------------------------------


def settings_read() -> dict[str, str]:
    """Every name that settings.py reads from the environment, with its default as one would write it."""
    found = {}
    for node in ast.walk(ast.parse((ROOT / "scrapersky/settings.py").read_text())):
        if isinstance(node, ast.Call) and re.fullmatch(r"env\.\w+", ast.unparse(node.func)):
            defaults = [ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg == "default"]
            found[ast.literal_eval(node.args[0])] = as_written(defaults[0] if defaults else "")
    return found


def as_written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(value) if isinstance(value, list | dict) else str(value)


def example() -> list[tuple[bool, str, str]]:
    """The settings of .env.example: is it switched on, its name, its value."""
    lines = re.findall(r"^(#?)([A-Z][A-Z0-9_]*)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    return [(not mark, name, value) for mark, name, value in lines]


def test_settings_are_read_in_one_way() -> None:
    text = (ROOT / "scrapersky/settings.py").read_text()
    by_regex = re.findall(r"\benv\.\w+\(\s*\"(\w+)\"", text)
    assert len(by_regex) > 20
    assert sorted(by_regex) == sorted(settings_read())
    assert "os.environ" not in text


def test_the_example_names_the_settings_that_are_read() -> None:
    names = [name for _, name, _ in example()]
    assert sorted(names) == sorted(settings_read())


def test_the_example_shows_the_defaults() -> None:
    defaults = settings_read()
    wrong = {name: value for on, name, value in example() if not on and value != defaults[name]}
    assert not wrong


def test_the_example_can_be_used() -> None:
    """Also with every line switched on."""
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **{name: value for _, name, value in example()}},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "no issues" in done.stdout + done.stderr


def test_every_setting_is_documented_with_its_default() -> None:
    rows: dict[str, str] = {}
    for path in WITH_CALLS:
        for cells in table_rows(path.read_text()):
            name = cells[0].strip("`")
            if len(cells) == 3 and re.fullmatch(r"[A-Z][A-Z0-9_]+", name) and name not in ATTRIBUTE_TYPES:
                assert name not in rows, f"{name} stands in two tables"
                assert cells[2], f"{name} has no meaning"
                rows[name] = cells[1].strip("`")
    assert rows == settings_read()


def test_every_attribute_is_documented_with_its_type() -> None:
    rows = table_rows((ROOT / "docs/brevo.md").read_text())
    shown_types = {cells[0].strip("`"): cells[1] for cells in rows if cells[0].strip("`") in ATTRIBUTE_TYPES}
    assert shown_types == ATTRIBUTE_TYPES


# --- Links, commands, quotations ----------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = document.read_text()
    links = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose(text))
    assert links or document.name == "CHANGELOG.md", "no links were found: has their form changed?"
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("document", [*DOCUMENTS[:2], *DOCUMENTS[4:]], ids=lambda path: path.name)
def test_every_command_exists_with_its_options(document: Path) -> None:
    commands = get_commands()
    text = document.read_text()
    lines = [*code_spans(text), *(line for block in blocks(text) for line in block.text.splitlines())]
    uses = [match for line in lines if (match := re.search(r"(?:manage\.py|bin/demo manage) (\w+)(.*)", line))]
    assert uses
    for name, arguments in (use.groups() for use in uses):
        assert name in commands, name
        app = commands[name]
        command = load_command_class(app, name) if isinstance(app, str) else app
        options = command.create_parser("manage.py", name)._option_string_actions
        for option in re.findall(r"(?<!\S)--[a-z][\w-]*", arguments):
            assert option in options, f"{name} {option}"


def test_the_commands_of_bin_exist() -> None:
    text = "".join(document.read_text() for document in DOCUMENTS)
    paths = set(re.findall(r"(?<![\w/])bin/\w+", text))
    assert {"bin/demo", "bin/test"} <= paths
    for path in paths:
        assert (ROOT / path).exists(), path


def texts_of_the_program() -> str:
    """Every text in the source, one a line, with … where a value is filled in."""
    texts = []
    for path in itertools.chain.from_iterable((ROOT / package).rglob("*.py") for package in PACKAGES):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                # What the shared rooms say about any platform they say about each.
                for label in LABELS if any(map(_is_label, node.values)) else ("",):
                    parts = (_part(part, label) for part in node.values)
                    texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


def _is_label(part: ast.expr) -> bool:
    """Does the platform's name stand here? `{label}`, `{job.label}`, `{self.job.label}`."""
    return isinstance(part, ast.FormattedValue) and ast.unparse(part.value).split(".")[-1] == "label"


def _part(part: ast.expr, label: str) -> Any:
    return part.value if isinstance(part, ast.Constant) else label if _is_label(part) else ANY


def missing_from(texts: str, quotation: str) -> list[str]:
    """The parts of a quoted text, between its values, that the program does not write."""
    parts = [part.strip(" .,:()\"'") for part in re.split(r"…|\"[^\"]*\"|\d+|;", quotation)]
    return [part for part in parts if " " in part and part not in texts]


@pytest.mark.parametrize("document", WITH_CALLS, ids=lambda path: path.name)
def test_the_program_writes_what_is_quoted(document: Path) -> None:
    """A code span of three words or more that ends like a sentence quotes the program."""
    quoted = [span for span in code_spans(document.read_text()) if re.fullmatch(r"[^-]\S* \S+ .*[.…;]", span)]
    assert len(quoted) > 10
    texts = texts_of_the_program()
    wrong = {quotation: missing for quotation in quoted if (missing := missing_from(texts, quotation))}
    assert not wrong


def test_a_quotation_that_is_not_true_is_found() -> None:
    texts = texts_of_the_program()
    assert not missing_from(texts, 'Brevo is in trouble (503): "anything".')
    assert missing_from(texts, 'Brevo is in difficulties (503): "anything".')


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings
    assert headings[0] == "Unreleased"
    assert headings.count("Unreleased") == 1
