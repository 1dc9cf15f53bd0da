"""Who may what: the documentation's table, and every address there is, as each group and as somebody with nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from contacts.models import Contact
from curation_sdk.models import BulkOperation
from scrapersky.platforms import COMPARISONS, PLATFORMS
from sync_admin.groups import GROUPS

pytestmark = pytest.mark.django_db

NOBODY = "somebody with nothing"
API = "/api/v3/contacts"
ADMIN = "/admin/contacts"
ANY = "00000000-0000-0000-0000-000000000001"
TABLE = Path(__file__).resolve().parents[2] / "docs/admin.md"

#: Lines of the table that several tests are about.
CURATING = "Set curation statuses and the lawful basis, queue for curation and take out of it; steer its runs"
PUSHING = (
    "Queue contacts for a platform, retry, undo, skip, take out, push now; pause, resume, run and cancel its runs"
)

Call = tuple[str, str, dict[str, Any]]


@pytest.fixture
def browser() -> Callable[[str], Client]:
    def log_in(name: str) -> Client:
        user = User.objects.filter(username=name).first() or User.objects.create_user(name, is_staff=True)
        if name in GROUPS:
            user.groups.set([Group.objects.get(name=name)])
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client

    return log_in


def call(client: Client, method: str, url: str, body: dict[str, Any] | None = None) -> int:
    json = {"content_type": "application/json"} if url.startswith("/api/") and method != "GET" else {}
    answer = getattr(client, method.lower())(url, body or {}, **json)
    return int(answer.status_code)


# --- The table of the documentation ---------------------------------------------------------------------------


def steering(platform: str) -> list[Call]:
    """Whatever can be done with a queue."""
    return [
        *(("POST", f"/admin/sync/{platform}/{name}/", {}) for name in ("pause", "resume", "run", "cancel")),
        *(("POST", f"/admin/sync/{platform}/preview/{ANY}/{name}/", {}) for name in ("confirm", "discard", "count")),
        ("GET", f"/admin/sync/{platform}/preview/{ANY}/", {}),
        ("POST", f"/admin/sync/{platform}/operation/{ANY}/undo/", {}),
        ("POST", f"/admin/sync/{platform}/errors/retry/", {"cause": "None has it"}),
    ]


#: A line of the table -> what shows it: calls that are refused with 403 unless it is allowed.
CALLS: dict[str, list[Call]] = {
    "See contacts, queues, runs, attempts, operations, enrichments, events and suppressions; export contacts": [
        *(("GET", url, {}) for url in ("/admin/sync/", f"{ADMIN}/contact/", "/admin/sync/contacts/export/")),
        *(("GET", f"{ADMIN}/{name}/", {}) for name in ("domain", "page", "suppression")),
        ("GET", "/api/v3/suppressions", {}),
        *(("GET", f"/admin/curation_sdk/{name}/", {}) for name in ("syncrun", "syncattempt", "bulkoperation")),
        ("GET", "/admin/webhooks/platformevent/", {}),
        *(("GET", "/admin/n8n_sync/enrichment/", {}), ("GET", API, {}), ("GET", f"{API}/{ANY}", {})),
        *(("GET", f"{API}/{job.platform}/status/summary", {}) for job in PLATFORMS),
        *(("GET", f"{API}/{job.platform}/sync/operations", {}) for job in PLATFORMS),
        *(("GET", f"{API}/curation", {}), ("POST", "/admin/sync/contacts/view/", {"query": "q=x"})),
        *(("GET", f"/admin/sync/{name}/", {}) for name in ("state", "strip", "errors", "brevo/errors")),
        *(("GET", f"/admin/sync/{name}/", {}) for name in ("connections", "brevo/connection", "brevo/comparison")),
    ],
    "Add and change contacts, domains and pages": [
        *(("GET", f"{ADMIN}/{name}/add/", {}) for name in ("contact", "domain", "page")),
        *(("POST", API, {}), ("PATCH", f"{API}/{ANY}", {}), ("PUT", f"{API}/{ANY}", {})),
    ],
    "Import a file": [
        ("GET", "/admin/sync/import/", {}),
        *(("GET", f"/admin/sync/import/{ANY}/{name}", {}) for name in ("", "state/", "refused/")),
        *(("POST", f"/admin/sync/import/{ANY}/{name}/", {}) for name in ("confirm", "cancel")),
    ],
    CURATING: [
        *(("PUT", f"{API}/{name}", {}) for name in ("status", "status/filtered", "lawful-basis")),
        ("GET", f"/admin/sync/contacts/lawful-basis/{ANY}/", {}),
        *(("POST", f"{API}/curation/sync/{name}", {}) for name in ("batch", "filtered", "cancel")),
        *steering("curation"),
    ],
    PUSHING: [
        *(
            ("POST", f"{API}/{job.platform}/sync/{name}", {})
            for job in PLATFORMS
            for name in ("batch", "filtered", "cancel", f"operations/{ANY}/cancel")
        ),
        *(
            ("POST", f"/admin/sync/contacts/{ANY}/{job.platform}/{name}/", {})
            for job in PLATFORMS
            for name in ("push", "skip", "take-out")
        ),
        *(call for job in PLATFORMS for call in steering(job.platform)),
        *(
            ("POST", f"/admin/sync/{one.job.platform}/comparison/{name}/", {})
            for one in COMPARISONS
            for name in ("begin", "queue")
        ),
        ("POST", f"{API}/n8n/results", {}),
    ],
    "Suppress an address, import a file of addresses to suppress": [
        *(("GET", f"{ADMIN}/suppression/add/", {}), ("GET", "/admin/sync/suppressions/import/", {})),
        ("POST", "/api/v3/suppressions", {}),
    ],
    "Lift a suppression": [
        *(("GET", f"/admin/sync/suppressions/{ANY}/lift/", {}), ("POST", f"/admin/sync/suppressions/{ANY}/lift/", {})),
        ("POST", "/api/v3/suppressions/lift", {}),
    ],
    "Erase people, export what is held about them": [
        *(("POST", f"/admin/sync/privacy/{name}/", {}) for name in ("erase", "export")),
    ],
    "See what n8n reported, as it came": [("GET", "/admin/n8n_sync/enrichmentevent/", {})],
    "Set up platforms": [
        ("POST", f"/admin/sync/{platform}/connection/{name}/", {})
        for platform in ("brevo", "hubspot", "mautic", "n8n")
        for name in ("check", "change", "push")
    ],
    "Delete contacts, domains and pages, manage users and tasks": [
        ("DELETE", f"{API}/{ANY}", {}),
        *(("GET", f"/admin/auth/{name}/", {}) for name in ("user", "group")),
        *(("GET", f"/admin/django_q/{name}/", {}) for name in ("schedule", "ormq", "failure", "success")),
    ],
}


def table() -> dict[str, set[str]]:
    """The documentation's table: what -> the groups that may."""
    section = TABLE.read_text().partition("\n## Who may what\n")[2]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    head, *rows = [[cell.strip() for cell in line] for line in lines]
    assert head[1:] == list(GROUPS)
    return {row[0]: {name for name, cell in zip(head[1:], row[1:], strict=True) if cell == "yes"} for row in rows}


def test_the_table_names_what_is_held_here() -> None:
    assert list(table()) == list(CALLS)


@pytest.mark.parametrize("what", list(CALLS))
@pytest.mark.parametrize("who", [NOBODY, *GROUPS])
def test_the_table_is_true(browser: Callable[[str], Client], who: str, what: str) -> None:
    client, allowed = browser(who), who in table()[what]
    wrong = [
        (method, url, status)
        for method, url, body in CALLS[what]
        if ((status := call(client, method, url, body)) == 403) == allowed or status >= 500
    ]
    assert wrong == []


def test_set_up_is_for_administrators() -> None:
    may = {name for name, permissions in GROUPS.items() if "contacts.set_up_platform" in permissions}
    assert may == table()["Set up platforms"]


@pytest.mark.parametrize("who", [NOBODY, *GROUPS])
def test_bulk_actions_follow_the_table(browser: Callable[[str], Client], make_contact: Any, who: str) -> None:
    client = browser(who)
    push = who in table()[PUSHING]
    curate = who in table()[CURATING]
    contact = make_contact()

    def acts(action: str, column: str, before: str) -> bool:
        processing = column.replace("sync_status", "processing_status").replace("curation_status", "processing_status")
        Contact.objects.update(**{column: before, processing: before if before in ("Queued", "Error") else None})
        answer = client.post(f"{ADMIN}/contact/", {"action": action, "_selected_action": [str(contact.pk)]})
        if "/preview/" in (preview := answer.headers.get("Location", "")):
            client.post(f"{preview}confirm/")
        return bool(Contact.objects.values_list(column, flat=True).get() != before)

    for job in PLATFORMS:
        name, column = job.platform, job.sync_status
        assert acts(f"queue_for_{name}", column, "New") == push
        assert acts(f"retry_failed_for_{name}", column, "Error") == push
        assert acts(f"skip_for_{name}", column, "New") == push
        assert acts(f"take_out_of_{name}", column, "Queued") == push
    assert acts("queue_for_curation", "contact_curation_status", "New") == curate
    assert acts("take_out_of_curation", "contact_curation_status", "Queued") == curate
    client.post(
        f"{ADMIN}/contact/", {"action": "delete_selected", "_selected_action": [str(contact.pk)], "post": "yes"}
    )
    assert Contact.objects.exists()

    for platform, may in (("brevo", push), ("curation", curate)):
        operation, other = (
            BulkOperation.objects.create(
                platform=platform, action="queue", selection={}, trigger="admin", requested_at=timezone.now()
            )
            for _ in range(2)
        )
        stop = {"action": "stop_operations", "_selected_action": [str(operation.pk)]}
        client.post("/admin/curation_sdk/bulkoperation/", stop)
        client.post(f"/admin/sync/operations/{other.pk}/stop/")
        for one in (operation, other):
            one.refresh_from_db()
            assert (one.state == "cancelled") == may


@pytest.mark.parametrize("may", [True, False])
def test_a_status_among_the_data_takes_the_permission_to_curate(make_contact: Any, may: bool) -> None:
    names = ["view_contact", "add_contact", "change_contact", *(["curate_contact"] if may else [])]
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client, contact = Client(), make_contact(name="Ann")
    client.force_login(user)
    url = f"{API}/{contact.pk}"

    status = call(client, "PATCH", url, {"contact_curation_status": "Complete"})
    contact.refresh_from_db()
    assert (status, contact.contact_curation_status) == ((200, "Complete") if may else (403, "New"))
    assert call(client, "POST", API, {"name": "Bob", "contact_curation_status": "Queued"}) == (201 if may else 403)

    # What was read can be written back, and the rest is theirs to change.
    row = client.get(url).json()
    assert call(client, "PUT", url, {**row, "name": "Anna"}) == 200
    page = client.get(f"{ADMIN}/contact/{contact.pk}/change/").content.decode()
    assert ('name="contact_curation_status"' in page) == may
    form = {"email": contact.email, "email_type": "UNKNOWN", "name": "Anna", "contact_curation_status": "Error"}
    assert client.post(f"{ADMIN}/contact/{contact.pk}/change/", form).status_code == 302
    contact.refresh_from_db()
    assert contact.contact_curation_status == ("Error" if may else "New")


# --- Every address --------------------------------------------------------------------------------------------

#: Open to everybody, or to everybody who is logged in: they show nothing of ours.
OPEN = {
    *("", "health", "api/token", "api/token/refresh", "api/schema", "api/docs"),
    *("admin/", "admin/login/", "admin/logout/", "admin/jsi18n/"),
    *("admin/password_change/", "admin/password_change/done/"),
}

SAMPLES = {"name": "brevo", "platform": "brevo", "app_label": "nonsense", "content_type_id": "0"}


def addresses(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """Every address of the project, with something in place of what varies."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, route)
        elif isinstance(one, URLPattern):
            yield _filled_in(route)


def _filled_in(route: str) -> str:
    text = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", lambda found: SAMPLES.get(found[1], ANY), route)
    text = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: SAMPLES.get(found[1], ANY), text)
    return re.sub(r"/[?*]|\\Z|[\^$?]", "", text).replace(r"\.", ".")


ALL = sorted({address for address in addresses() if address not in OPEN})


def test_the_walk_finds_addresses_of_every_kind() -> None:
    assert len(ALL) > 100
    assert {
        *(f"admin/contacts/contact/{ANY}/change/", "admin/sync/", f"admin/sync/contacts/{ANY}/brevo/push/"),
        *("api/v3/contacts/brevo/sync/batch", f"api/v3/contacts/{ANY}", "api/v3/webhooks/n8n/health"),
    } <= set(ALL)


def test_every_address_asks_who_one_is_and_lets_nobody_in_who_has_nothing(browser: Callable[[str], Client]) -> None:
    """Also those that are added after this test was written."""
    nobody, stranger = browser(NOBODY), Client(raise_request_exception=False)
    wrong = []
    for address in ALL:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if call(stranger, method, f"/{address}") not in (301, 302, 401, 403, 404, 405):
                wrong.append(("stranger", method, address))
            if (status := call(nobody, method, f"/{address}")) not in (301, 302, 401, 403, 404, 405):
                wrong.append((NOBODY, method, address, status))
    assert wrong == []


@pytest.mark.parametrize("who", GROUPS)
def test_no_address_fails_for_a_group(browser: Callable[[str], Client], make_contact: Any, who: str) -> None:
    make_contact(pk=ANY)
    client = browser(who)
    failed = [address for address in ALL if call(client, "GET", f"/{address}") >= 500]
    assert failed == []


def test_a_refusal_names_the_permission(browser: Callable[[str], Client]) -> None:
    viewer = browser("Viewers")
    answer = viewer.post(f"{API}/brevo/sync/batch", {}, content_type="application/json")
    assert "contacts.push_contact" in answer.json()["detail"]
    answer = viewer.put(f"{API}/status", {}, content_type="application/json")
    assert "contacts.curate_contact" in answer.json()["detail"]
    assert viewer.post(reverse("sync-contact-push", args=[ANY, "brevo"])).status_code == 403


def test_who_may_not_is_told_in_the_look_of_the_admin(browser: Callable[[str], Client]) -> None:
    answer = browser("Viewers").get(reverse("sync-import"))
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "Whoever manages the users can put you into a group that may." in page
    assert f'href="{reverse("admin:contacts_contact_changelist")}"' in page
    assert f'href="{reverse("sync-import")}"' not in page
