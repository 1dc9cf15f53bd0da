"""A selection of contacts in words."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.selection import in_words


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"list": ""}, "all contacts"),
        ({"list": "email_type__exact=FREE&q=acme"}, "e-mail type is FREE; search “acme”"),
        ({"list": "brevo_sync_status=Error&has_gmail__exact=1"}, "Brevo status is Error; has Gmail is yes"),
        ({"list": "domain__isnull=True&created_at__gte=2026-11-01"}, "domain is empty; created at is from 2026-11-01"),
        ({"list": "nonsense__exact=1&q="}, "nonsense is 1"),
        ({"list": "q=%3Cb%3E", "ticked": True}, "ticked in the list: search “<b>”"),
        ({"list": "", "ticked": True}, "ticked in the list"),
        ({"list": "comparison=brevo%3Amissing"}, "missing there, by the comparison with Brevo"),
        ({"list": "comparison=nobody%3Anothing"}, "nothing, by the comparison with nobody"),
        ({"filters": {}}, "all contacts"),
        ({"filters": {"email_contains": "@a", "email_type": "FREE"}}, "e-mail contains “@a”; e-mail type is FREE"),
    ],
)
def test_in_words(selection: dict[str, Any], words: str) -> None:
    assert in_words(selection) == words
