"""Is the HubSpot account ready for us? What `manage.py hubspot_setup` asks and makes."""

from __future__ import annotations

from collections.abc import Iterator

from curation_sdk.http import Unanswered
from curation_sdk.outcomes import StopRun
from curation_sdk.setup import Finding
from hubspot_sync import portal
from hubspot_sync.client import HubSpotClient
from hubspot_sync.conf import HubSpotConfig
from hubspot_sync.properties import property_body, unfit
from hubspot_sync.refusals import HubSpotError

#: A token may push without these scopes, so their absence is a finding and no failure.
MAY_NOT_MAKE = (
    "The token may not make properties. Give it the scope crm.schemas.contacts.write for this one call, or make "
    "{names} in HubSpot by hand, as single-line text (Settings, Properties). The sync itself does not need that scope."
)

NO_LINKS = (
    "Contacts have no link to their page in HubSpot, because the token may not read which portal it belongs to. "
    "{reason} The sync itself does not need that."
)


def check_account(client: HubSpotClient, config: HubSpotConfig, *, create: bool) -> Iterator[Finding]:
    """Look at token, properties and portal, in this order; with `create`, make the properties that are missing.

    The portal is kept for links to contacts (`hubspot_sync.portal`). Call it outside of a transaction. Raises what
    HubSpotClient raises when the account cannot be asked: StopRun for a wrong token.
    """
    if lacking := _forbidden(client):
        yield Finding(False, lacking)
    else:
        yield Finding(True, "The token works, and may read contacts.")
    yield from _properties(client, config, create=create)
    yield _portal(client, config)


def _forbidden(client: HubSpotClient) -> str:
    """Why the token may not read contacts; "" when it may."""
    try:
        client.see_contacts()
    except StopRun as error:
        if error.evidence.http_status != 403:
            raise
        return error.reason
    return ""


def _properties(client: HubSpotClient, config: HubSpotConfig, *, create: bool) -> Iterator[Finding]:
    try:
        there = client.get_properties()
    except StopRun as error:
        if error.evidence.http_status != 403:
            raise
        yield Finding(False, f"HubSpot did not let us read its properties. {error.reason}")
        return
    missing: dict[str, str] = {}
    for ours, theirs in config.properties.items():
        found = there.get(theirs)
        if found is None:
            missing[ours] = theirs
        elif why := unfit(ours, found):
            yield Finding(
                False,
                f"The property {theirs} {why}: HubSpot refuses contacts. Name another one, or none: "
                f"HUBSPOT_PROPERTIES={ours}=other_name.",
                about=ours,
            )
        else:
            yield Finding(True, f"The property {theirs} is there.", about=ours)
    if not create:
        for ours, theirs in missing.items():
            text = f"The property {theirs} is missing: HubSpot refuses every contact."
            yield Finding(False, text, can_make=True, about=ours)
        return
    yield from _make(client, missing)


def _make(client: HubSpotClient, missing: dict[str, str]) -> Iterator[Finding]:
    left = dict(missing)
    for ours, theirs in missing.items():
        try:
            client.create_property(property_body(ours, theirs))
        except StopRun as error:
            if error.evidence.http_status != 403:
                raise
            yield Finding(False, MAY_NOT_MAKE.format(names=", ".join(left.values())))
            return
        del left[ours]
        yield Finding(True, f"Made the property {theirs}.", made=True, about=ours)


def _portal(client: HubSpotClient, config: HubSpotConfig) -> Finding:
    """Whose account it is. Only links depend on it, so whatever stands in the way is no failure."""
    try:
        found = client.get_portal()
    except (StopRun, HubSpotError, Unanswered) as error:
        status = error.evidence.http_status if error.evidence else None
        if status == 401:
            raise
        if status != 403:
            return Finding(True, f"HubSpot did not tell which portal this is. {error.reason}", note=True)
        portal.remember(None, base_url=config.base_url, api_key=config.api_key)
        return Finding(True, NO_LINKS.format(reason=error.reason), note=True)
    portal.remember(found, base_url=config.base_url, api_key=config.api_key)
    return Finding(True, f"{found}. Contacts have a link to their page there.")
