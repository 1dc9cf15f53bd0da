"""The page of a comparison, "queue the missing ones again", the dashboard's line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from contacts.models import Contact, Suppression
from contacts.suppression import OptOut, suppress
from curation_sdk.models import BulkOperation
from reconciliation.models import HeldContact, Reconciliation

pytestmark = pytest.mark.django_db

Make = Callable[..., Contact]
PAGE = "/admin/sync/brevo/comparison/"


def complete(make: Make, address: str, **columns: Any) -> Contact:
    synced = timezone.now() - timedelta(hours=2)
    made = make(address, brevo_sync_status="Complete", brevo_processing_status="Complete", brevo_contact_id="7")
    Contact.objects.filter(pk=made.pk).update(**{"brevo_synced_at": synced, **columns})
    return made


def comparison(*rows: tuple[str, Contact | str], platform: str = "brevo", **columns: Any) -> Reconciliation:
    """One that has found these people: kind and contact, or kind and address."""
    now = timezone.now()
    begun = now - timedelta(hours=1)
    values: dict[str, Any] = {"state": "finished", "started_at": begun, "heartbeat_at": now, "finished_at": now}
    counts: dict[str, int] = {"same": 3}
    for kind, _ in rows:
        counts[kind] = counts.get(kind, 0) + 1
    values |= {"there": 4, "against": "list 2 in Brevo at https://brevo.test/v3", "counts": counts, **columns}
    made = Reconciliation.objects.create(platform=platform, trigger="hand", asked_by="eve", **values)
    for kind, who in rows:
        contact = who if isinstance(who, Contact) else None
        HeldContact.objects.create(
            reconciliation=made,
            kind=kind,
            email_key=contact.email_key if contact else who,
            contact_id=contact.pk if contact else None,
            remote_id="" if kind == "missing" else "77",
            details="FIRSTNAME" if kind == "changed" else "",
        )
    return made


def shown(client: Client, query: str = "") -> str:
    answer = client.get(PAGE + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_nobody_has_compared_yet(admin_client: Client) -> None:
    text = shown(admin_client)
    assert "Nobody has compared Brevo" in text
    assert "Compare with Brevo" in text


def test_counts_stand_side_by_side_and_each_kind_has_its_people(admin_client: Client, make_contact: Make) -> None:
    ada, eve = complete(make_contact, "ada@acme.example"), complete(make_contact, "eve@acme.example")
    comparison(("missing", ada), ("changed", eve), ("unknown", "bob@other.example"))
    text = shown(admin_client)
    for part in ("Complete here", ">5<", ">4<", "in list 2 in Brevo at https://brevo.test/v3", "asked for by eve"):
        assert part in text
    assert "ada@acme.example" in text  # the first kind that has anybody
    assert "eve@acme.example" not in text
    assert reverse("admin:contacts_contact_change", args=[ada.pk]) in text
    text = shown(admin_client, "?kind=changed")
    assert "eve@acme.example" in text
    assert "FIRSTNAME" in text
    assert "Queue the missing ones again" not in text
    text = shown(admin_client, "?kind=unknown")
    assert "bob@other.example" in text
    assert "no contact here has their address" in text
    for odd in ("?kind=blocked", "?kind=%00", "?kind=missing&page=999", "?page=x"):
        assert "ada@acme.example" in shown(admin_client, odd)


def test_nothing_differs(admin_client: Client) -> None:
    comparison()
    assert "Nothing differs." in shown(admin_client)


def test_people_come_in_pages(admin_client: Client, make_contact: Make) -> None:
    comparison(*(("unknown", f"p{number:03}@other.example") for number in range(120)))
    assert "p049@other.example" in shown(admin_client)
    second = shown(admin_client, "?kind=unknown&page=2")
    assert "p050@other.example" in second
    assert "p049@other.example" not in second
    assert "?kind=unknown&amp;page=3" in second


def test_how_far_one_is_and_what_is_the_matter(admin_client: Client) -> None:
    later = timezone.now() + timedelta(minutes=5)
    running = {"state": "running", "finished_at": None, "read": 12_000, "to_ask": 2, "counts": {}}
    made = comparison(**running, problem="Brevo is in trouble (500).", resume_at=later)
    text = shown(admin_client)
    assert "12,000 contacts read. 2 more people to be asked for one by one." in text
    assert f"Brevo is in trouble (500). It goes on at {later:%H:%M:%S} UTC." in text
    assert "Compare with Brevo</button>" not in text
    Reconciliation.objects.filter(pk=made.pk).update(state="stopped", problem="Brevo rejected the key (401).")
    text = shown(admin_client)
    assert "Stopped: Brevo rejected the key (401)." in text
    assert "Go on comparing" in text


def test_a_click_begins_one_and_a_second_click_no_other(admin_client: Client, settings: Any) -> None:
    begin = reverse("sync-comparison-begin", args=["brevo"])
    text = admin_client.post(begin, follow=True).content.decode()
    assert "A worker compares Brevo with what is Complete here." in text
    assert "under way" in text
    [made] = Reconciliation.objects.all()
    assert (made.trigger, made.asked_by, made.state) == ("hand", "admin", "running")
    text = admin_client.post(begin, follow=True).content.decode()
    assert "A comparison with Brevo is under way already." in text
    assert Reconciliation.objects.count() == 1
    settings.BREVO_API_KEY = ""
    assert "Brevo is switched off" in admin_client.post(begin, follow=True).content.decode()


def test_the_click_puts_a_turn_into_the_task_queue(
    admin_client: Client, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("reconciliation.tasks.async_task", lambda task, **_: asked.append(task))
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(reverse("sync-comparison-begin", args=["brevo"]))
    assert asked == ["brevo_sync.tasks.compare_with_brevo"]
    assert not OrmQ.objects.exists()


def queue(client: Client) -> Any:
    return client.post(reverse("sync-comparison-queue", args=["brevo"]), follow=True)


def test_the_missing_are_queued_after_a_preview_and_nobody_else(
    admin_client: Client, make_contact: Make, settings: Any
) -> None:
    names = ("ada", "eve", "bob", "cy", "dan")
    ada, eve, bob, cy, dan = (complete(make_contact, f"{name}@acme.example") for name in names)
    comparison(("missing", ada), ("missing", eve), ("blocked", bob), ("missing", cy), ("off_list", dan))
    told = [OptOut("eve@acme.example", Suppression.Reason.UNSUBSCRIBED)]
    suppress(told, "Brevo", now=timezone.now())
    Contact.objects.filter(pk=cy.pk).update(brevo_synced_at=timezone.now())  # pushed since
    assert "Queue the missing ones again" in shown(admin_client)
    answer = queue(admin_client)
    operation = BulkOperation.objects.get()
    assert answer.redirect_chain == [(reverse("sync-preview", args=["brevo", operation.pk]), 302)]
    assert operation.forecast["queued"] == 1
    assert operation.forecast["skipped"] == {"suppressed": 1}
    assert "missing there, by the comparison with Brevo" in answer.content.decode()
    answer = admin_client.post(reverse("sync-preview-confirm", args=["brevo", operation.pk]), follow=True)
    page = reverse("admin:curation_sdk_bulkoperation_change", args=[operation.pk])
    assert answer.redirect_chain == [(page, 302)], "and not a list in which nobody is left"
    statuses = dict(Contact.objects.values_list("email", "brevo_sync_status"))
    assert [statuses[f"{name}@acme.example"] for name in names] == [
        *("Queued", "Skipped", "Complete", "Complete", "Complete")
    ]
    # Once more, there is nobody left.
    assert "None is missing any more" in queue(admin_client).content.decode()


def test_the_missing_are_not_queued_while_the_platform_is_off(
    admin_client: Client, make_contact: Make, settings: Any
) -> None:
    comparison(("missing", complete(make_contact, "ada@acme.example")))
    settings.BREVO_API_KEY = ""
    assert "Queue the missing ones again" not in shown(admin_client)
    assert "Nothing was queued." in queue(admin_client).content.decode()
    assert not BulkOperation.objects.exists()


def test_the_contact_list_shows_those_of_a_kind(admin_client: Client, make_contact: Make) -> None:
    ada, eve = complete(make_contact, "ada@acme.example"), complete(make_contact, "eve@acme.example")
    comparison(("missing", ada), ("changed", eve))
    contacts = reverse("admin:contacts_contact_changelist")
    text = admin_client.get(contacts, {"comparison": "brevo:changed"}).content.decode()
    assert "eve@acme.example" in text
    assert "ada@acme.example" not in text
    assert "Brevo: Changed there" in text
    for odd in ("brevo:unknown", "nowhere:missing", "brevo:", "\x00"):
        assert admin_client.get(contacts, {"comparison": odd}).status_code in (200, 302)
    nobody = admin_client.get(contacts, {"comparison": "mautic:missing"}).content.decode()
    assert "@acme.example" not in nobody


def test_the_dashboard_says_what_is_here_and_there(admin_client: Client, make_contact: Make) -> None:
    dashboard = reverse("sync-dashboard")
    assert "Not compared yet" in admin_client.get(dashboard).content.decode()
    older = timezone.now() - timedelta(days=1)
    comparison(("changed", complete(make_contact, "eve@acme.example")), started_at=older)
    comparison(("missing", complete(make_contact, "ada@acme.example")))
    text = admin_client.get(dashboard).content.decode()
    assert "4 here, 4 there: 1 missing there (compared " in text
    assert "changed there" not in text
    assert PAGE in text
    facts = next(
        one["facts"] for one in admin_client.get(reverse("sync-state")).json()["queues"] if one["platform"] == "brevo"
    )
    assert facts["Here and there"].startswith("4 here, 4 there: 1 missing there")
    assert PAGE in admin_client.get(reverse("sync-connection", args=["brevo"])).content.decode()


@pytest.mark.parametrize("path", ["brevo/comparison/", "brevo/comparison/?kind=missing&page=2"])
def test_it_takes_few_queries(
    client: Client, django_user_model: Any, make_contact: Make, django_assert_max_num_queries: Any, path: str
) -> None:
    ada = django_user_model.objects.create_user("ada", is_staff=True)
    ada.user_permissions.set(Permission.objects.filter(codename__in=["view_contact", "push_contact"]))
    client.force_login(ada)
    people = [complete(make_contact, f"p{number}@acme.example") for number in range(60)]
    comparison(*(("missing", one) for one in people))
    with django_assert_max_num_queries(20):
        assert client.get(f"/admin/sync/{path}").status_code == 200


def test_to_look_is_not_to_compare_or_to_queue(client: Client, django_user_model: Any, make_contact: Make) -> None:
    eve = django_user_model.objects.create_user("eve", is_staff=True)
    eve.user_permissions.set(Permission.objects.filter(codename="view_contact"))
    client.force_login(eve)
    comparison(("missing", complete(make_contact, "ada@acme.example")))
    text = client.get(PAGE).content.decode()
    assert "ada@acme.example" in text
    assert "Queue the missing ones again" not in text
    assert "Compare with Brevo</button>" not in text
    for name in ("begin", "queue"):
        assert client.post(reverse(f"sync-comparison-{name}", args=["brevo"])).status_code == 403
    eve.user_permissions.clear()
    client.force_login(django_user_model.objects.get(pk=eve.pk))
    assert client.get(PAGE).status_code == 403


def test_what_keeps_no_contacts_has_no_comparison(admin_client: Client) -> None:
    assert admin_client.get("/admin/sync/n8n/comparison/").status_code == 404
    assert admin_client.get("/admin/sync/curation/comparison/").status_code == 404
