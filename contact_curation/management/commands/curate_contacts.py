"""`manage.py curate_contacts`: curate now what is queued."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from contact_curation.job import CURATION
from contact_curation.judgement import judge
from curation_sdk.commands import SyncCommand


class Command(SyncCommand):
    help = "Curate what is queued for it now, and return when nothing is."
    job = CURATION

    def preview(self, contact: Any) -> dict[str, Any] | str:
        judgement = judge(contact, settings.CURATION_PHONE_REGION)
        said = {"problem": judgement.problem} if judgement.problem else {"remarks": list(judgement.remarks)}
        return {"contact": str(contact.pk), "email": contact.email, **said, "better": judgement.better}
