"""Has Brevo stopped telling us what happens? Contacts are pushed, and no event comes."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from brevo_sync import conf
from brevo_sync.job import BREVO
from curation_sdk.connection import last_webhook
from curation_sdk.models import SyncRun
from curation_sdk.wording import count_of
from webhooks.state import is_silent


def silence(*, now: datetime) -> str:
    """A warning for people; "" when all is well, or no webhook is expected."""
    days: int = settings.BREVO_WEBHOOK_SILENT_DAYS
    if not conf.tokens() or conf.off_reason() or not days:
        return ""
    last = last_webhook(BREVO.platform)
    if not is_silent(last, days=days, now=now):
        return ""
    # Each push comes back as an event, so silence means something only while somebody pushes. Those of this hour
    # may be on their way. Asked of the runs, which are few: `/health` comes by here.
    pushed = SyncRun.objects.filter(
        platform=BREVO.platform,
        started_at__gte=now - timedelta(days=days),
        started_at__lt=now - timedelta(hours=1),
        synced__gt=0,
    )
    if not pushed.exists():
        return ""
    since = f"for {count_of((now - last).days, 'day')}" if last else "yet"
    advice = 'See in Brevo under Webhooks what became of ours; "manage.py brevo_setup --create" puts it right.'
    return f"Contacts are pushed to Brevo, but no event has come {since}: opt-outs may not reach us. {advice}"
