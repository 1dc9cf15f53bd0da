"""Whatever has a queue, listed by hand: where all of them come together."""

from __future__ import annotations

from brevo_sync.job import BREVO
from contact_curation.job import CURATION
from curation_sdk.job import SyncJob
from hubspot_sync.job import HUBSPOT
from mautic_sync.job import MAUTIC
from n8n_sync.job import N8N

#: The platforms, in the order in which people see them.
PLATFORMS = (BREVO, HUBSPOT, MAUTIC, N8N)

#: With curation, in the order in which contacts go through.
QUEUES = (CURATION, *PLATFORMS)


def queue_named(name: str) -> SyncJob | None:
    """The queue with this name ("brevo", "curation"); None when there is none."""
    return next((job for job in QUEUES if job.platform == name), None)
