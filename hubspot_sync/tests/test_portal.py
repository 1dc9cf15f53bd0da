"""The portal: read from HubSpot's answer, kept for its key alone, and put into links to contacts."""

from __future__ import annotations

from typing import Any

import pytest

from curation_sdk.models import ConnectionCheck
from hubspot_sync.portal import Portal, page_of, read_portal, remember
from hubspot_sync.tests.support import BASE

PORTAL = Portal("139", "app-eu1.hubspot.com")
KEY = "test-token"
LINK = "https://app-eu1.hubspot.com/contacts/139/record/0-1/501"


def read(**changes: Any) -> Portal | None:
    body = {"portalId": 139, "accountType": "DEVELOPER_TEST", "uiDomain": "app-eu1.hubspot.com", **changes}
    return read_portal(body, str.strip)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Portal 139 (developer test account, app-eu1.hubspot.com)"),
        ({"portalName": "Acme Inc"}, "Portal 139, Acme Inc (developer test account, app-eu1.hubspot.com)"),
        ({"accountType": "STANDARD"}, "Portal 139 (standard account, app-eu1.hubspot.com)"),
        ({"accountType": "PARTNER"}, "Portal 139 (PARTNER, app-eu1.hubspot.com)"),
        ({"accountType": None, "portalName": 7}, "Portal 139 (app-eu1.hubspot.com)"),
        ({"uiDomain": "127.0.0.1:8025"}, "Portal 139 (developer test account, 127.0.0.1:8025)"),
    ],
)
def test_a_portal_in_words(changes: dict[str, Any], said: str) -> None:
    assert str(read(**changes)) == said


@pytest.mark.parametrize("number", [None, "139", True, 0, -1, 1.5])
def test_a_portal_without_a_number_is_none(number: Any) -> None:
    assert read(portalId=number) is None


@pytest.mark.parametrize(
    "domain", [None, "", 1, "javascript:alert(1)//", "app.hubspot.com/x", "a@evil.example", "app.hubspot.com\n", "a b"]
)
def test_a_domain_that_is_none_makes_no_link(domain: Any) -> None:
    assert read(uiDomain=domain) is None


@pytest.mark.django_db
def test_a_contact_has_a_link_once_the_portal_is_known(django_assert_num_queries: Any) -> None:
    assert page_of("501") == ""
    remember(PORTAL, base_url=BASE, api_key=KEY)
    with django_assert_num_queries(1):
        assert page_of("501") == LINK
    for odd in ("", "x", "5/../1", "\u0665\u0660"):
        assert page_of(odd) == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [("HUBSPOT_API_KEY", "another"), ("HUBSPOT_API_KEY", ""), ("HUBSPOT_API_BASE_URL", "https://x.test")],
)
def test_another_key_or_address_has_no_link_to_the_old_portal(settings: Any, name: str, value: str) -> None:
    remember(PORTAL, base_url=BASE, api_key=KEY)
    setattr(settings, name, value)
    assert page_of("501") == ""


@pytest.mark.django_db
def test_the_key_is_not_kept() -> None:
    remember(PORTAL, base_url=BASE, api_key=KEY)
    assert KEY not in str(ConnectionCheck.objects.get().account)


@pytest.mark.django_db
def test_a_portal_that_is_not_told_any_more_is_forgotten() -> None:
    remember(PORTAL, base_url=BASE, api_key=KEY)
    remember(None, base_url=BASE, api_key=KEY)
    assert page_of("501") == ""


@pytest.mark.django_db
def test_a_slash_at_the_end_of_the_address_makes_no_other_account(settings: Any) -> None:
    remember(PORTAL, base_url=BASE, api_key=KEY)
    settings.HUBSPOT_API_BASE_URL = f"{BASE}/"
    assert page_of("501") == LINK
