"""Contacts that Brevo says have changed are read there: is one blocked by now, or gone from our list?"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from django.utils import timezone

from brevo_sync import conf
from brevo_sync.client import BrevoClient, BrevoError, Kind
from brevo_sync.job import BREVO
from brevo_sync.opt_outs import person
from contacts.suppression import suppress
from curation_sdk.clock import SystemClock
from curation_sdk.database import atomic_with_retry
from curation_sdk.http import Unanswered
from curation_sdk.outcomes import NotPushed, StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter
from opt_outs import pacing
from opt_outs.news import news
from webhooks import rechecks

logger = logging.getLogger(__name__)

#: Of the account's rate: the rest is for pushes.
SHARE = 0.2

AT_ONCE = 20

#: Nobody is asked for when less time than this is left.
_ENOUGH = 5.0  # seconds


def recheck(seconds: float, stop: Callable[[], bool]) -> int:
    """Read the contacts that are due, for so many seconds. Returns how many were read: nobody while Brevo is off,
    paused, or asks to be left alone."""
    if pacing.left_alone(BREVO, now=timezone.now()):
        return 0
    config = conf.load()
    end = time.monotonic() + seconds
    read = 0
    limiter = RateLimiter(config.rate_per_second * SHARE, SystemClock())
    with closing(BrevoClient(config, limiter)) as client:
        while not stop() and time.monotonic() < end - _ENOUGH:
            taken = rechecks.take(BREVO.platform, AT_ONCE, now=timezone.now())
            if not taken:
                break
            for place, one in enumerate(taken):
                if stop() or time.monotonic() > end - _ENOUGH or not _read(client, config, one):
                    rechecks.give_back(taken[place:], now=timezone.now())
                    return read
                read += 1
    return read


def _read(client: BrevoClient, config: conf.BrevoConfig, taken: rechecks.Taken) -> bool:
    """Read one contact and keep what it says. False: nobody can be read now."""
    try:
        found = client.get_contact(taken.address)
    except (Throttled, StopRun, NotPushed) as error:
        logger.warning("Brevo: changed contacts could not be read: %s", getattr(error, "reason", "stopped"))
        return False
    except (BrevoError, Unanswered) as error:
        gone = isinstance(error, BrevoError) and error.kind is Kind.NOT_FOUND
        (rechecks.done if gone else rechecks.failed)(taken, now=timezone.now())
        return True

    one = replace(person(found, config.list_id), address=taken.address)

    def store() -> None:
        now = timezone.now()
        suppress(news(BREVO, [one]), BREVO.label, now=now)
        rechecks.done(taken, now=now)

    atomic_with_retry(store)
    return True
