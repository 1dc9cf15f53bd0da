"""Whatever has a queue, listed by hand: where all of them come together."""

from __future__ import annotations

from brevo_sync.comparing import COMPARISON as BREVO_COMPARISON
from brevo_sync.connection import CONNECTION as BREVO_CONNECTION
from brevo_sync.job import BREVO
from contact_curation.job import CURATION
from curation_sdk.connection import Connection
from curation_sdk.job import SyncJob
from hubspot_sync.comparing import COMPARISON as HUBSPOT_COMPARISON
from hubspot_sync.connection import CONNECTION as HUBSPOT_CONNECTION
from hubspot_sync.job import HUBSPOT
from mautic_sync.comparing import COMPARISON as MAUTIC_COMPARISON
from mautic_sync.connection import CONNECTION as MAUTIC_CONNECTION
from mautic_sync.job import MAUTIC
from n8n_sync.connection import CONNECTION as N8N_CONNECTION
from n8n_sync.job import N8N
from reconciliation.held import Comparison

#: The platforms, in the order in which people see them.
PLATFORMS = (BREVO, HUBSPOT, MAUTIC, N8N)

#: Their accounts.
CONNECTIONS = (BREVO_CONNECTION, HUBSPOT_CONNECTION, MAUTIC_CONNECTION, N8N_CONNECTION)

#: Those whose contacts can be read back. n8n is a way, and keeps nobody.
COMPARISONS = (BREVO_COMPARISON, HUBSPOT_COMPARISON, MAUTIC_COMPARISON)

#: With curation, in the order in which contacts go through.
QUEUES = (CURATION, *PLATFORMS)


def queue_named(name: str) -> SyncJob | None:
    """The queue with this name ("brevo", "curation"); None when there is none."""
    return next((job for job in QUEUES if job.platform == name), None)


def connection_named(name: str) -> Connection | None:
    """The account of the platform with this name; None when there is none."""
    return next((one for one in CONNECTIONS if one.job.platform == name), None)


def comparison_named(name: str) -> Comparison | None:
    """How the contacts of the platform with this name are read back; None when they cannot be."""
    return next((one for one in COMPARISONS if one.job.platform == name), None)
