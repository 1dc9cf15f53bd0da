"""Is the Mautic installation ready for us? What `manage.py mautic_setup` asks and makes."""

from __future__ import annotations

from collections.abc import Iterator

from curation_sdk.outcomes import StopRun
from curation_sdk.setup import Finding
from curation_sdk.wording import count_of
from mautic_sync.client import MauticClient
from mautic_sync.conf import FIELD_TYPES, MauticConfig
from mautic_sync.refusals import MauticError

LABELS = {
    "scrapersky_domain_id": "ScraperSky domain id",
    "scrapersky_page_id": "ScraperSky page id",
    "scrapersky_email_type": "ScraperSky e-mail type",
    "scrapersky_source_url": "ScraperSky source URL",
    "scrapersky_has_gmail": "ScraperSky has Gmail",
}


def check_installation(client: MauticClient, config: MauticConfig, *, create: bool) -> Iterator[Finding]:
    """Look at log-in, version, segment and fields, in this order; with `create`, make fields that are missing.

    Raises what MauticClient raises when the installation cannot be asked: StopRun for a wrong log-in.
    """
    count = client.count_contacts()
    version = f"Mautic {client.version}" if client.version else "A Mautic that does not tell its version"
    yield Finding(True, f"The log-in works: {version}, with {count_of(count, 'contact')}.")
    yield from _segment(client, config)
    yield from _fields(client, config, create=create)


def _segment(client: MauticClient, config: MauticConfig) -> Iterator[Finding]:
    if config.segment_id is None:
        try:
            segments = _segments(client)
        except StopRun:
            segments = "our role may not see them."
        text = f"No segment is set: contacts are made without one. MAUTIC_SEGMENT_ID chooses: {segments}"
        yield Finding(True, text)
        return
    try:
        found = client.get_segment(config.segment_id)
        yield Finding(True, f'Contacts go to segment {config.segment_id}, "{found.get("name")}".')
    except MauticError as error:
        if not error.not_found:
            raise
        segments = _segments(client)
        yield Finding(
            False, f"There is no segment {config.segment_id}. MAUTIC_SEGMENT_ID has to be one of these: {segments}"
        )


def _segments(client: MauticClient) -> str:
    segments = [f'{one.get("id")} "{one.get("name")}"' for one in client.get_segments()]
    return ", ".join(segments) or "there are none."


def _fields(client: MauticClient, config: MauticConfig, *, create: bool) -> Iterator[Finding]:
    there = client.get_fields()
    for ours, alias in config.fields.items():
        kind = FIELD_TYPES[ours]
        if alias in there:
            yield Finding(True, f"The field {alias} ({there[alias]}) is there.", about=ours)
        elif create and kind:
            client.create_field(alias, LABELS[ours], kind)
            yield Finding(
                True,
                f"Made the field {alias} ({kind}). Mautic may add its column in the background: until then it "
                "drops what we send for it.",
                made=True,
                about=ours,
            )
        else:
            yield Finding(
                False,
                f"The field {alias} is missing: Mautic drops what we send for it. Publish or make it under Custom "
                f"Fields, or leave it out: MAUTIC_FIELDS={ours}=.",
                can_make=bool(kind),
                about=ours,
            )
