"""Whose HubSpot account it is, and where a contact's page is in HubSpot's own site.

A contact's address there holds the portal's number, which the token does not tell. So it is asked for when the account
is checked, and kept until it is checked again.
Source: https://developers.hubspot.com/docs/api-reference/latest/account/account-information/get-account-details
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from curation_sdk.fingerprint import fingerprint
from curation_sdk.models import ConnectionCheck

#: What HubSpot calls the kinds of accounts, and what people do.
KINDS = {
    "STANDARD": "standard account",
    "DEVELOPER_TEST": "developer test account",
    "SANDBOX": "sandbox account",
    "APP_DEVELOPER": "app developer account",
}

#: A host, and a port where the account is a stand-in.
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Portal:
    """An account, as HubSpot's details tell. `name`: newer versions of the API have it."""

    number: str
    domain: str
    kind: str = ""
    name: str = ""

    def __str__(self) -> str:
        facts = ", ".join(filter(None, (self.kind, self.domain)))
        return f"Portal {self.number}{f', {self.name}' if self.name else ''} ({facts})"


def read_portal(body: Mapping[str, Any], clean: Callable[[str], str]) -> Portal | None:
    """The portal in the answer; None when its number or its domain is missing. clean: makes texts fit to be shown."""
    number, domain = body.get("portalId"), body.get("uiDomain")
    numbered = isinstance(number, int) and not isinstance(number, bool) and number > 0
    if not numbered or not isinstance(domain, str) or not _DOMAIN.fullmatch(domain):
        return None
    kind, name = body.get("accountType"), body.get("portalName")
    words = clean(kind)[:50] if isinstance(kind, str) else ""
    return Portal(
        number=str(number),
        domain=domain,
        kind=KINDS.get(words, words),
        name=clean(name)[:100] if isinstance(name, str) else "",
    )


def remember(portal: Portal | None, *, base_url: str, api_key: str) -> None:
    """Keep the portal of this key, in place of any other; None: HubSpot does not tell us."""
    kept = portal and {"number": portal.number, "domain": portal.domain, "key": fingerprint(base_url, api_key)}
    ConnectionCheck.objects.update_or_create(pk="hubspot", defaults={"account": kept})


def page_of(contact_id: str) -> str:
    """A contact's page in HubSpot's own site; "" while the portal of the present key is not known. One query."""
    if not (contact_id.isascii() and contact_id.isdigit()):
        return ""
    kept = ConnectionCheck.objects.filter(pk="hubspot").values_list("account", flat=True).first()
    base_url = settings.HUBSPOT_API_BASE_URL.rstrip("/")
    if not kept or kept["key"] != fingerprint(base_url, settings.HUBSPOT_API_KEY):
        return ""
    # A stand-in's site is where its API is, without TLS.
    scheme = "http" if urlsplit(base_url).scheme == "http" else "https"
    return f"{scheme}://{kept['domain']}/contacts/{kept['number']}/record/0-1/{contact_id}"
