"""What Mautic's refusals mean: the error table. Pure.

Source: Mautic's own code (5.x), `app/bundles/ApiBundle` (log-in, errors, limits).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from curation_sdk.answers import PlatformError, in_trouble, quoted, retry_after, slow_down
from curation_sdk.http import Answer
from curation_sdk.outcomes import Evidence, StopRun
from curation_sdk.wording import count_of
from mautic_sync.details import first_error, text

#: Mautic counts calls per hour and says nothing sure about when it takes the next one; a proxy in front of it may.
LONGEST_WAIT = timedelta(minutes=15)
DEFAULT_WAIT = timedelta(minutes=1)

#: Mautic names its limit for one call within so many characters.
LIMIT_WITHIN = 120

#: Words of errors that name another number: PHP's ("Maximum execution time of 30 seconds exceeded … on line 12") and
#: the database's ("SQLSTATE[22001]: … at row 1"). Both are in English, whatever the installation's language.
NO_LIMIT = ("second", "row", "sqlstate", "line")


class MauticError(PlatformError):
    """Mautic did not do what was asked, for a reason that concerns this one request."""

    @property
    def not_found(self) -> bool:
        return self.evidence.http_status == 404


def refusal_of(answer: Answer, seen: Evidence, *, sent: int, by_client: bool) -> Exception:
    """The error table. First what stops everything, then what passes, then what concerns this request.

    sent: contacts in a batch; 0 in any other call. by_client: do we log in as a client, with a token?
    """
    status, said = answer.status, quoted(seen.message)
    ours = bool(first_error(answer))  # Mautic's own words, not those of a server in front of it
    if status == 429:
        return slow_down("Mautic", retry_after(answer), seen, longest=LONGEST_WAIT, otherwise=DEFAULT_WAIT)
    if 300 <= status < 400:
        # Not followed: it would take the log-in to another place, and lose the body on the way.
        return StopRun(
            f"Mautic answered with a redirect ({status}). Correct MAUTIC_API_BASE_URL: the address as the browser "
            "shows it, most likely with https.",
            seen,
        )
    if status == 401:
        return StopRun(f"Mautic rejected the log-in (401): {said}. {_advice_for_401(by_client=by_client)}", seen)
    if status == 403 and ours:
        return StopRun(f"Mautic does not let us do this (403): {said}. {_advice_for_403(seen.code)}", seen)
    if status == 404 and (sent or not ours):
        return StopRun(
            "There is no Mautic API at this address (404). Check MAUTIC_API_BASE_URL: the address of the site, "
            "with the folder if it is in one.",
            seen,
        )
    if status == 500 and (most := _batch_limit(first_error(answer), sent)):
        if _names_a_limit(first_error(answer)):
            return StopRun(
                f"Mautic takes at most {count_of(most, 'contact')} a call (500): {said}. Set "
                f"MAUTIC_SYNC_SCHEDULER_BATCH_SIZE to {most} or less.",
                seen,
            )
        return MauticError(
            f"{in_trouble('Mautic', status, seen.message)} If it is about the number of contacts in a call, set "
            f"MAUTIC_SYNC_SCHEDULER_BATCH_SIZE to {most} or less.",
            seen,
            transient=True,
        )
    if trouble := in_trouble("Mautic", status, seen.message):
        return MauticError(trouble, seen, transient=True)
    if status == 409:
        return MauticError(f"Somebody is working on it in Mautic (409): {said}.", seen, transient=True)
    if not ours:
        return MauticError(f"Something in front of Mautic refused it ({status}): {said}.", seen, transient=True)
    return MauticError(f"Mautic refused it ({status}): {said}.", seen)


def no_token(answer: Answer, seen: Evidence) -> Exception:
    """What it means that a call for a token brought none."""
    if answer.status in (400, 401):
        return StopRun(
            f"Mautic gave no token ({answer.status}): {quoted(seen.message)}. Check MAUTIC_CLIENT_ID and "
            "MAUTIC_CLIENT_SECRET: they stand in Mautic under API Credentials, kind OAuth 2, and must have been "
            "made by an administrator.",
            seen,
        )
    if answer.status == 200:
        return MauticError("Mautic answered 200 without a token.", seen, transient=True)
    return refusal_of(answer, seen, sent=0, by_client=True)


def about_the_role(error: StopRun) -> bool:
    """Does it only say that our role may not do this? With one contact it may be so, and not with another."""
    return error.evidence.http_status == 403 and error.evidence.code not in ("api_disabled", "access_denied")


def _batch_limit(error: dict[str, Any], sent: int) -> int:
    """The installation's limit for one call, if the error may be about that; else 0.

    The words depend on the language, but they name a number below that of the contacts sent.
    """
    numbers = [int(number) for number in re.findall(r"\b[0-9]{1,4}\b", text(error.get("message")))]
    return next((number for number in numbers if 0 < number < sent), 0)


def _names_a_limit(error: dict[str, Any]) -> bool:
    """Is the error about the limit beyond doubt: short, with one number, and none of PHP's or the database's words?

    Else it may be what one contact's data brought about, and to stop for it would stop every run.
    """
    words = text(error.get("message"))
    of_others = any(word in words.lower() for word in NO_LIMIT)
    return len(words) <= LIMIT_WITHIN and len(re.findall(r"[0-9]+", words)) == 1 and not of_others


def _advice_for_401(*, by_client: bool) -> str:
    if by_client:
        return "A fresh token was refused, too. Check MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET."
    return "Check MAUTIC_USERNAME and MAUTIC_PASSWORD."


def _advice_for_403(code: str) -> str:
    """By the error's type; a role that lacks a permission has none."""
    if code == "api_disabled":
        return 'In Mautic, under Configuration, API Settings, set "API enabled" to yes.'
    if code == "access_denied":
        return (
            'In Mautic, under Configuration, API Settings, set "Enable HTTP basic auth" to yes, or use '
            "MAUTIC_CLIENT_ID."
        )
    return (
        "The role of our user needs, in Mautic under Roles: API access, contacts (view, edit own and others, create; "
        "to erase people also delete own and others), and segments (view own and others)."
    )
