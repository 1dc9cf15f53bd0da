"""The bulk action "Set lawful basis" on contacts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from curation_sdk import chosen
from curation_sdk.database import atomic_with_retry
from curation_sdk.models import BulkOperation, SyncRun

#: What stands in BulkOperation.platform and .action of such a choice of contacts. No queue has this name, so no worker
#: takes it up; it is never confirmed as one of theirs, so it goes after a day as previews do.
PLATFORM = "lawful_basis"
ACTION = "set"


@admin.action(description="Set lawful basis …", permissions=["curate"])
def set_lawful_basis(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, contacts: QuerySet[Contact]
) -> HttpResponseRedirect:
    """Keep the chosen contacts, and lead to the page with the form."""
    kept = keep(contacts, user=request.user)
    return HttpResponseRedirect(reverse("sync-basis", args=[kept.pk]))


def keep(contacts: QuerySet[Contact], *, user: Any) -> BulkOperation:
    """Keep exactly these contacts for the form: who comes to match the list later is not among them."""

    def write() -> BulkOperation:
        operation = BulkOperation.objects.create(
            platform=PLATFORM,
            action=ACTION,
            selection={},
            trigger=SyncRun.Trigger.ADMIN,
            requested_by=user,
            requested_at=timezone.now(),
            state=BulkOperation.State.DRAFT,
            confirmed=False,
        )
        operation.chosen = chosen.keep(operation, contacts)
        operation.save(update_fields=["chosen"])
        return operation

    return atomic_with_retry(write)
