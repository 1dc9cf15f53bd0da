"""Who can delete people in which platform, listed by hand. n8n keeps no contacts, so there is nobody to ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from brevo_sync.erasing import eraser as brevo_eraser
from brevo_sync.job import BREVO
from curation_sdk.clock import Clock
from curation_sdk.job import SyncJob
from hubspot_sync.erasing import eraser as hubspot_eraser
from hubspot_sync.job import HUBSPOT
from mautic_sync.erasing import eraser as mautic_eraser
from mautic_sync.job import MAUTIC

#: (address, remote ids) -> was anybody there? Raises StopRun, Throttled, PlatformError, Unanswered or NotPushed.
Erase = Callable[[str, Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class Eraser:
    """A platform, and how it is told to delete a person."""

    job: SyncJob
    open: Callable[[Clock], AbstractContextManager[Erase]]


ERASERS = (Eraser(BREVO, brevo_eraser), Eraser(HUBSPOT, hubspot_eraser), Eraser(MAUTIC, mautic_eraser))
