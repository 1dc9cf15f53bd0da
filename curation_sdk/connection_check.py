"""Looking at a platform's account for its page, and keeping what was found. One look at a time for each platform."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q

from curation_sdk import platform_settings
from curation_sdk.answers import PlatformError
from curation_sdk.clock import SystemClock
from curation_sdk.connection import Connection, Seen
from curation_sdk.fingerprint import fingerprint
from curation_sdk.http import Unanswered
from curation_sdk.models import ConnectionCheck
from curation_sdk.outcomes import NotPushed, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from curation_sdk.wording import storable

logger = logging.getLogger(__name__)

#: Somebody waits in front of a browser, and a web server may end a request after 30 seconds: no call begins later than
#: LONGEST, and none takes longer than ANSWER_WITHIN.
LONGEST = 15.0  # seconds
ANSWER_WITHIN = 8.0  # seconds

#: A check that has not ended after this never will: its web server died.
LOST_AFTER = timedelta(minutes=1)


def check(connection: Connection, *, create: bool, who: str, now: datetime) -> bool:
    """Ask the account and keep the answer; with `create`, make the fields that are missing.

    False when somebody else's check is under way: then nothing is asked. Call it outside of a transaction.
    """
    platform = connection.job.platform
    if not _begin(platform, now=now):
        return False
    result: dict[str, Any] | None = None
    try:
        result = _look(connection, create=create)
    finally:
        mine = ConnectionCheck.objects.filter(pk=platform, begun_at=now)
        if result is None:
            mine.update(begun_at=None)
        else:
            mine.update(begun_at=None, checked_at=now, checked_by_name=who[:150], result=result)
    return True


def looked_at(connection: Connection, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What a check depends on, the secrets as a fingerprint. A check of other values is out of date."""
    return {
        connection.address: getattr(settings, connection.address),
        "secrets": fingerprint(*(getattr(settings, name) for name in connection.secrets)),
        **connection.in_force(chosen),
    }


def _begin(platform: str, *, now: datetime) -> bool:
    ConnectionCheck.objects.get_or_create(pk=platform)
    idle = Q(begun_at=None) | Q(begun_at__lt=now - LOST_AFTER) | Q(begun_at__gt=now + LOST_AFTER)
    return bool(ConnectionCheck.objects.filter(idle, pk=platform).update(begun_at=now))


def _look(connection: Connection, *, create: bool) -> dict[str, Any]:
    label = connection.job.label
    seen, failed = Seen(), ""
    settings_then = looked_at(connection, platform_settings.chosen(connection.job.platform))
    limiter = RateLimiter(connection.job.policy().rate_per_second, SystemClock())
    timer = threading.Timer(LONGEST, limiter.stop)
    timer.daemon = True
    timer.start()
    try:
        connection.look(seen, limiter, create=create, within=ANSWER_WITHIN)
    except (StopRun, Throttled, PlatformError, Unanswered) as error:
        failed = f"{label} could not be asked. {error.reason}"
    except NotPushed:
        failed = f"{label} is slow: not all was looked at within {LONGEST:.0f} seconds. Check again to go on."
    except Exception as error:
        # Whatever the answer was made of: the page says so, and the log where.
        logger.exception("%s: the check of the account failed", connection.job.platform)
        failed = (
            f"Our program did not understand {label}'s answer ({type(error).__name__}). The web server's log tells."
        )
    finally:
        timer.cancel()
    return {
        "failed": storable(failed),
        "findings": [{**asdict(finding), "text": storable(finding.text)} for finding in seen.findings],
        "choices": seen.choices and [[storable(number, 40), storable(name, 200)] for number, name in seen.choices],
        "budget": storable(seen.budget),
        "settings": settings_then,
    }
