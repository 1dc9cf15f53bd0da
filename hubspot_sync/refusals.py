"""What HubSpot's refusals mean: the error table. Pure.

Source: https://developers.hubspot.com/docs/api-reference/error-handling
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from curation_sdk.answers import PlatformError, in_trouble, quoted, redirected, retry_after
from curation_sdk.backoff import LONGEST, bounded
from curation_sdk.http import Answer
from curation_sdk.outcomes import Evidence, StopRun, Throttled
from curation_sdk.wording import count_of
from hubspot_sync.details import NOTHING, Said

#: How long to wait when a limit is reached, by its `policyName`. Nobody tells when the account's day ends, so the
#: daily one is asked about every hour. Source: https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
WAITS = {
    "TEN_SECONDLY_ROLLING": timedelta(seconds=10),
    "SECONDLY": timedelta(seconds=1),
    "DAILY": timedelta(hours=1),
}
OTHER_WAIT = timedelta(seconds=10)

#: 423: too many writes at once. The lock lasts two seconds.
LOCKED_FOR = timedelta(seconds=2)

#: 477: the account moves to another data centre, for up to a day. `Retry-After` says how long.
MOVING_FOR = timedelta(hours=1)

#: Categories of one entry of a 207 that are HubSpot's last word on the contact. What else it says there is asked for
#: once more with a call of its own, which has a status of its own.
FINAL = {"VALIDATION_ERROR"}


class HubSpotError(PlatformError):
    """HubSpot did not do what was asked, for a reason that concerns this one request. `said`: its error body."""

    def __init__(self, reason: str, evidence: Evidence, said: Said = NOTHING, *, transient: bool = False) -> None:
        super().__init__(reason, evidence, transient=transient)
        self.said = said

    @property
    def status(self) -> int | None:
        return self.evidence.http_status

    @property
    def cause(self) -> str:
        """What all contacts that are refused for this have in common: HubSpot's words hold the value, often without
        quotes. "" where nothing but its words is known."""
        return f"HubSpot does not take the value of {self.said.refused}." if self.said.refused else ""


def entry_refusal(status: int, said: Said, seen: Evidence) -> HubSpotError | StopRun | None:
    """What one entry of a 207's `errors` means; None when it is not the last word on the contact."""
    if stop := _stop(status, said, seen):
        return stop
    if said.category not in FINAL:
        return None
    return HubSpotError(f"HubSpot refused it: {quoted(seen.message)}.", seen, said)


def refusal_of(answer: Answer, said: Said, seen: Evidence, *, names_one: bool) -> Exception:
    """The error table. First what stops everything, then what passes, then what concerns this contact."""
    status, words = answer.status, quoted(seen.message)
    if throttled := _throttled(answer, said, seen):
        return throttled
    if status == 401:
        return StopRun(
            f"HubSpot rejected the token (401): {words}. Check HUBSPOT_API_KEY: it must be the access token of a "
            "service key or a private app of this account, and not revoked.",
            seen,
        )
    if status == 403 and isinstance(answer.json, dict):
        return _stop(status, said, seen) or StopRun(
            f"The token is not allowed to do this (403): {words}. Check its scopes in HubSpot.", seen
        )
    if stop := _stop(status, said, seen):
        return stop
    passing = in_trouble("HubSpot", status, seen.message) or redirected("HubSpot", status, "HUBSPOT_API_BASE_URL")
    if passing:
        return HubSpotError(passing, seen, said, transient=True)
    if status == 404 and not (names_one and (said.category or said.correlation_id)):
        return StopRun(
            "There is no such HubSpot API at this address (404). Check HUBSPOT_API_BASE_URL and "
            "HUBSPOT_API_VERSION; HubSpot's own are https://api.hubapi.com and 2026-09.",
            seen,
        )
    if not answer.object and status != 400:
        # An edge server's page, not HubSpot's answer: it tells nothing about the contact.
        text = f"Something in front of HubSpot refused it ({status}): {words}."
        return HubSpotError(text, seen, said, transient=True)
    return HubSpotError(f"HubSpot refused it ({status}): {words}.", seen, said)


def _throttled(answer: Answer, said: Said, seen: Evidence) -> Throttled | None:
    """What asks us to wait. `Retry-After` counts whenever it is there; it is not promised."""
    wish = retry_after(answer)
    words = quoted(seen.message)
    if answer.status == 429:
        wait = bounded(wish, longest=LONGEST, otherwise=WAITS.get(_policy(said), OTHER_WAIT))
        text = "HubSpot asked us to slow down"
    elif answer.status == 423:
        wait = max(bounded(wish, longest=LONGEST, otherwise=LOCKED_FOR), LOCKED_FOR)
        text = "HubSpot has locked the account for a moment"
    elif answer.status == 477:
        wait = bounded(wish, longest=LONGEST, otherwise=MOVING_FOR)
        text = "HubSpot is moving the account to another data centre"
    else:
        return None
    seconds = int(wait.total_seconds())
    reason = f"{text} ({answer.status}): {words}. We wait {count_of(seconds, 'second')}."
    return Throttled(wait, reason, seen)


def _stop(status: int, said: Said, seen: Evidence) -> StopRun | None:
    """What is wrong for every contact, named: properties that are missing, scopes that the token lacks."""
    if said.missing_properties:
        return StopRun(no_such_properties(said.missing_properties), seen)
    if said.lacks_property:
        return StopRun(
            f"HubSpot refuses every contact, because the account lacks a property ({status}): {quoted(seen.message)}. "
            '"manage.py hubspot_setup" says which.',
            seen,
        )
    if said.category == "MISSING_SCOPES":
        scopes = ", ".join(said.scopes) or "which HubSpot does not name"
        return StopRun(f"The token lacks a scope ({status}): {scopes}. Give it to the token in HubSpot.", seen)
    return None


def no_such_properties(names: Sequence[str]) -> str:
    """The sentence for properties that the account does not have."""
    nouns = "property" if len(names) == 1 else "properties"
    return (
        f"HubSpot refuses every contact, because the account has no {nouns} {', '.join(names)}. "
        '"manage.py hubspot_setup --create" makes what is missing.'
    )


def _policy(said: Said) -> str:
    """Which limit was reached. Where the answer has no `policyName`, its words say it."""
    if said.policy:
        return said.policy.upper()
    text = said.message.lower()
    if "ten_secondly" in text:
        return "TEN_SECONDLY_ROLLING"
    return "DAILY" if "daily" in text else "SECONDLY" if "secondly" in text else ""
