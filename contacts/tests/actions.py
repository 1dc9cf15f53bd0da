"""The bulk actions as a person uses them: choose rows, look at the preview, confirm."""

from __future__ import annotations

from typing import Any

from django.contrib.messages import get_messages
from django.test import Client

from contacts.models import Contact

LIST = "/admin/contacts/contact/"


def choose(client: Client, action: str, *contacts: Contact, query: str = "", **form: Any) -> Any:
    """Tick contacts in the list and run an action; the answer, which leads to the preview if there is one."""
    chosen = [str(contact.pk) for contact in contacts]
    client.cookies.pop("messages", None)  # said before, and not shown yet
    answer = client.post(LIST + query, {"action": action, "_selected_action": chosen, "index": "0", **form})
    assert answer.status_code == 302
    return answer


def confirm(client: Client, answer: Any) -> Any:
    """Confirm the preview that the answer leads to; the answer to that. One that leads to none is handed back."""
    if "/preview/" not in answer.headers["Location"]:
        return answer
    confirmed = client.post(f"{answer.headers['Location']}confirm/")
    assert confirmed.status_code == 302
    return confirmed


def act(client: Client, action: str, *contacts: Contact, query: str = "", **form: Any) -> list[tuple[str, str]]:
    """Choose and confirm. What is said, as (level, text), without the link behind it."""
    answer = confirm(client, choose(client, action, *contacts, query=query, **form))
    said = get_messages(answer.wsgi_request)
    return [(one.level_tag, str(one).partition(' <a href="/admin/curation_sdk')[0]) for one in said]
