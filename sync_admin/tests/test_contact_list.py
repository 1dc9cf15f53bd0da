"""A person's own view of the contact list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, DefaultView

pytestmark = pytest.mark.django_db

LIST = "/admin/contacts/contact/"
FREE = "email_type__exact=FREE"


def test_the_list_opens_as_it_was_kept(admin_client: Client, make_contact: Callable[..., Contact]) -> None:
    make_contact("a@x.example", email_type="FREE")
    make_contact("b@x.example")
    assert "Make this my view" not in admin_client.get(LIST).content.decode()
    page = admin_client.get(f"{LIST}?{FREE}&o=-1&p=1").content.decode()
    assert f'<input type="hidden" name="query" value="{FREE}&amp;o=-1">' in page

    answer = admin_client.post(reverse("sync-view-save"), {"query": f"{FREE}&o=-1&p=3&all="}, follow=True)

    assert "opens like this for you" in answer.content.decode()
    assert admin_client.get(LIST)["Location"] == f"{LIST}?{FREE}&o=-1"
    page = admin_client.get(LIST, follow=True).content.decode()
    assert "a@x.example" in page
    assert "b@x.example" not in page
    assert "This is your view" in page
    everybody = admin_client.get(f"{LIST}?q=")
    assert everybody.status_code == 200
    assert "b@x.example" in everybody.content.decode()


def test_it_is_forgotten(admin_client: Client) -> None:
    admin_client.post(reverse("sync-view-save"), {"query": FREE})
    assert "Forget my view" in admin_client.get(f"{LIST}?q=").content.decode()

    answer = admin_client.post(reverse("sync-view-forget"), follow=True)

    assert "opens with everybody again" in answer.content.decode()
    assert admin_client.get(LIST).status_code == 200
    assert not DefaultView.objects.exists()


def test_everybody_has_his_own(admin_client: Client, client: Client) -> None:
    admin_client.post(reverse("sync-view-save"), {"query": FREE})
    client.force_login(User.objects.create_superuser("bob"))
    assert client.get(LIST).status_code == 200


@pytest.mark.parametrize("query", ["", "q=", "p=2", "q=" + "a" * 3000])
def test_what_is_no_view_is_not_kept(admin_client: Client, query: str) -> None:
    answer = admin_client.post(reverse("sync-view-save"), {"query": query})
    assert answer.status_code == 302
    assert not DefaultView.objects.exists()


def test_one_that_makes_no_sense_any_more_is_no_circle(admin_client: Client, admin_user: User) -> None:
    DefaultView.objects.create(user=admin_user, query="gone__exact=1")
    answer = admin_client.get(LIST, follow=True)
    assert answer.status_code == 200
    assert len(answer.redirect_chain) == 2
    assert "Forget my view" in answer.content.decode()


def test_actions_work_on_the_own_view(admin_client: Client, make_contact: Callable[..., Contact]) -> None:
    DefaultView.objects.create(user=User.objects.get(), query=FREE)
    chosen = make_contact("a@x.example", email_type="FREE")
    admin_client.post(LIST, {"action": "skip_for_brevo", "_selected_action": [str(chosen.pk)]})
    chosen.refresh_from_db()
    assert chosen.brevo_sync_status == "Skipped"
