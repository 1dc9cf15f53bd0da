"""Our webhook in the Brevo account: is it registered as it has to be? Made or put right as often as anybody likes.

Source: https://developers.brevo.com/reference/createwebhook
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from brevo_sync.client import BrevoClient
from brevo_sync.conf import BrevoConfig, webhook_fault
from curation_sdk.setup import Finding

#: As they are registered; they come under other names (`brevo_sync.webhooks.KINDS`).
EVENTS = (
    "unsubscribed",
    "hardBounce",
    "softBounce",
    "spam",
    "contactUpdated",
    "contactDeleted",
    "listAddition",
)


def check_webhook(client: BrevoClient, config: BrevoConfig, *, create: bool) -> Iterator[Finding]:
    """Look at our webhook; with `create`, make it or put it right. Known by its address."""
    if fault := webhook_fault():
        yield Finding(False, fault)
        return
    if not config.webhook_tokens or not config.webhook_url:
        yield _not_set(config)
        return
    wanted = body(config)
    ours = [one for one in client.get_webhooks() if _address(one) == config.webhook_url]
    number = next((one["id"] for one in ours if isinstance(one.get("id"), int)), None)
    if number is None:
        yield _missing(client, wanted, create=create)
        return
    differs = _differences(ours[0], wanted)
    if differs and create:
        client.update_webhook(number, wanted)
        yield Finding(True, f"Put the webhook right: {', '.join(differs)}.", made=True)
    elif differs:
        yield Finding(False, f"The webhook is not as it has to be: {', '.join(differs)}.", can_make=True)
    else:
        yield Finding(True, f"The webhook is registered: {config.webhook_url}")
    if len(ours) > 1:
        text = f"{len(ours)} webhooks have our address, so each event comes again. Delete the others in Brevo."
        yield Finding(False, text)


def body(config: BrevoConfig) -> dict[str, Any]:
    """The webhook as we want it: events come at once, with the first of our tokens."""
    return {
        "type": "marketing",
        "url": config.webhook_url,
        "description": "ScraperSky",
        "events": list(EVENTS),
        "auth": {"type": "bearer", "token": config.webhook_tokens[0]},
        "batched": False,
    }


def _not_set(config: BrevoConfig) -> Finding:
    if not config.webhook_tokens and not config.webhook_url:
        names = "BREVO_WEBHOOK_TOKENS and BREVO_WEBHOOK_URL"
        return Finding(True, f"No webhook: {names} are not set, so we hear of opt-outs late.")
    missing = "BREVO_WEBHOOK_URL" if config.webhook_tokens else "BREVO_WEBHOOK_TOKENS"
    return Finding(False, f"{missing} is not set, so the webhook cannot be registered.")


def _missing(client: BrevoClient, wanted: dict[str, Any], *, create: bool) -> Finding:
    if create:
        client.create_webhook(wanted)
        return Finding(True, f"Registered the webhook: {wanted['url']}", made=True)
    return Finding(False, f"The webhook {wanted['url']} is not registered.", can_make=True)


def _address(webhook: Mapping[str, Any]) -> str:
    return str(webhook.get("url") or "").rstrip("/")


def _differences(webhook: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What is not as it has to be, in words that hold no token."""
    found = webhook.get("events")
    missing = sorted(set(EVENTS) - set(map(str, found if isinstance(found, list) else [])))
    differs = [f"without {', '.join(missing)}"] if missing else []
    auth = webhook.get("auth")
    if not isinstance(auth, dict) or auth.get("type") != "bearer" or auth.get("token") != wanted["auth"]["token"]:
        differs.append("with another token than the first of BREVO_WEBHOOK_TOKENS")
    if webhook.get("batched"):
        differs.append("with events that come five minutes late (batched)")
    return differs
