"""What the platforms told us, in the admin: to read."""

from __future__ import annotations

from django.contrib import admin

from curation_sdk.admin import ForgivingAdmin, ReadOnly
from webhooks.models import PlatformEvent


@admin.register(PlatformEvent)
class PlatformEventAdmin(ReadOnly, ForgivingAdmin[PlatformEvent]):
    """Every event as it came, and what became of it."""

    list_display = ("received_at", "platform", "event", "email_key", "state", "result", "problem", "worked_at")
    list_filter = ("platform", "state")
    search_fields = ("email_key__istartswith", "event__exact")
    search_help_text = "The beginning of an address, or an event's name as the platform writes it"
    exclude = ("key",)
    readonly_fields = [field.name for field in PlatformEvent._meta.fields]
