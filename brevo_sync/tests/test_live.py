"""The smoke checklist against a real Brevo account: `pytest -m live brevo_sync/tests/test_live.py`.

Needs BREVO_LIVE_API_KEY. What writes needs BREVO_LIVE_DOMAIN as well, a domain of our own: its throw-away addresses
are made, looked at and deleted. Nobody is mailed, no list and no attribute is made, imports and webhooks are left
alone. What Brevo's documents leave open is printed (`-s` shows it), what we rely on is asserted.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from brevo_sync.client import BrevoClient, BrevoError, Kind, Upserted
from brevo_sync.conf import BrevoConfig, attribute_names
from curation_sdk.clock import SystemClock
from curation_sdk.outcomes import StopRun
from curation_sdk.ratelimit import RateLimiter

KEY = os.environ.get("BREVO_LIVE_API_KEY", "")
DOMAIN = os.environ.get("BREVO_LIVE_DOMAIN", "")
#: Reserved for fiction, and valid in form.
PHONE = "+12025550143"

pytestmark = [pytest.mark.live, pytest.mark.skipif(not KEY, reason="BREVO_LIVE_API_KEY is not set")]
writes = pytest.mark.skipif(not DOMAIN, reason="BREVO_LIVE_DOMAIN is not set")


@pytest.fixture
def this_machine_only() -> None:
    """In place of the guard of the other tests: these are the ones that go out."""


def connect(key: str) -> BrevoClient:
    config = BrevoConfig(
        api_key=key,
        base_url="https://api.brevo.com/v3",
        list_id=None,
        phone_region="US",
        attributes=attribute_names({}),
        rate_per_second=3.0,
        concurrency=1,
    )
    return BrevoClient(config, RateLimiter(3.0, SystemClock()))


@pytest.fixture
def brevo() -> Iterator[BrevoClient]:
    client = connect(KEY)
    yield client
    client.close()


@pytest.fixture
def address(brevo: BrevoClient) -> Iterator[Callable[[], str]]:
    """Makes throw-away addresses and deletes their contacts afterwards."""
    made: list[str] = []

    def make() -> str:
        made.append(f"scrapersky-smoke-{uuid.uuid4().hex}@{DOMAIN}")
        return made[-1]

    yield make
    for one in made:
        # One that was refused is not there to be deleted.
        with contextlib.suppress(BrevoError):
            brevo._call("DELETE", f"/contacts/{quote(one, safe='')}?identifierType=email_id")


def upsert(brevo: BrevoClient, email: str, **more: Any) -> Upserted:
    return brevo.upsert_contact({"email": email, "attributes": {}, "updateEnabled": True, **more})


def refused(brevo: BrevoClient, email: str, **more: Any) -> BrevoError:
    with pytest.raises(BrevoError) as caught:
        upsert(brevo, email, **more)
    seen = caught.value.evidence
    print(f"{seen.http_status} {seen.code}: {seen.message}")
    return caught.value


def test_1_the_key_and_the_headers(brevo: BrevoClient) -> None:
    assert brevo.get_account()["email"]
    answer, seen = brevo._call("GET", "/contacts/lists?limit=1&offset=0")
    print({name: value for name, value in answer.headers.items() if "ratelimit" in name.lower()}, seen.request_id)
    assert answer.object


def test_1_a_wrong_key() -> None:
    client = connect("xkeysib-" + "0" * 64)
    with pytest.raises(StopRun) as caught:
        client.get_account()
    client.close()
    print(caught.value.reason)
    assert caught.value.evidence.http_status == 401


def test_attributes_come_with_the_types_we_expect(brevo: BrevoClient) -> None:
    there = brevo.get_attributes()
    print(there)
    assert there.get("SMS") == "text"


@writes
def test_2_an_unknown_attribute(brevo: BrevoClient, address: Callable[[], str]) -> None:
    email = address()
    created = upsert(brevo, email, attributes={"SCRAPERSKY_NO_SUCH_ATTRIBUTE": "x"})
    assert created.remote_id.isdigit()
    found = brevo.get_contact(email)
    assert str(found["id"]) == created.remote_id
    assert "SCRAPERSKY_NO_SUCH_ATTRIBUTE" not in found["attributes"]


@writes
def test_3_the_same_again_brings_204_and_keeps_lists(brevo: BrevoClient, address: Callable[[], str]) -> None:
    lists = [entry["id"] for entry in brevo.get_lists()][:2]
    if len(lists) < 2:
        pytest.skip("The account has fewer than two lists.")
    email = address()
    upsert(brevo, email, listIds=lists[:1])
    again = upsert(brevo, email.upper(), listIds=lists[1:])
    assert (again.evidence.http_status, again.remote_id) == (204, "")
    assert set(brevo.get_contact(email)["listIds"]) >= set(lists)


@writes
def test_4_a_phone_that_is_taken(brevo: BrevoClient, address: Callable[[], str]) -> None:
    upsert(brevo, address(), attributes={"SMS": PHONE})
    assert refused(brevo, address(), attributes={"SMS": PHONE}).kind is Kind.DUPLICATE_PHONE


@writes
def test_5_a_phone_that_is_none(brevo: BrevoClient, address: Callable[[], str]) -> None:
    assert refused(brevo, address(), attributes={"SMS": "123"}).kind is Kind.INVALID_PHONE


@writes
def test_6_an_unknown_list(brevo: BrevoClient, address: Callable[[], str]) -> None:
    assert refused(brevo, address(), listIds=[999_999_999]).kind is Kind.LIST
    with pytest.raises(BrevoError) as caught:
        brevo.get_list(999_999_999)
    assert caught.value.kind in (Kind.NOT_FOUND, Kind.LIST)


@writes
def test_7_a_block_survives_an_upsert(brevo: BrevoClient, address: Callable[[], str]) -> None:
    email = address()
    upsert(brevo, email, emailBlacklisted=True)
    upsert(brevo, email, attributes={"FIRSTNAME": "Ada"})
    assert brevo.get_contact(email)["emailBlacklisted"] is True


@writes
def test_an_address_that_is_none(brevo: BrevoClient) -> None:
    assert refused(brevo, "ada@").kind is Kind.OTHER
