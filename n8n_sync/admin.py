"""What n8n found out, in the admin: to read, and to take over."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator

from contacts.permissions import PUSH
from curation_sdk.admin import ForgivingAdmin, ReadOnly
from curation_sdk.jobs import jobs
from curation_sdk.wording import count_of
from n8n_sync.enriching import use_enrichments
from n8n_sync.job import N8N
from n8n_sync.models import Enrichment, EnrichmentEvent

#: Enrichments that are taken over at once, while the person waits.
AT_ONCE = 1_000


@admin.action(description="Use for the contact, and sync it again", permissions=["use"])
def use_for_contacts(
    model_admin: admin.ModelAdmin[Enrichment], request: HttpRequest, chosen: QuerySet[Enrichment]
) -> None:
    """Copy phone and company; queue the contacts again for the platforms that have them."""
    enrichments = list(chosen.select_related("contact")[: AT_ONCE + 1])
    if len(enrichments) > AT_ONCE:
        text = f"Choose at most {AT_ONCE:,} enrichments at once. Nothing was done."
        model_admin.message_user(request, text, messages.ERROR)
        return
    others = [job for job in jobs() if job.contact_id and job.platform != N8N.platform]
    may_name = request.user.has_perm("contacts.change_domain")
    used = use_enrichments(enrichments, others, companies=may_name, now=timezone.now())
    left_out = ""
    if used.companies_left_out:
        companies = count_of(used.companies_left_out, "company", "companies")
        left_out = f"Left out {companies}: you may not change domains."
    if not used.phones and not used.companies:
        text = left_out or "Nothing to take over: no phone that differs, and no company where the domain has none."
        model_admin.message_user(request, text, messages.WARNING)
        return
    parts = [f"Took over {count_of(used.phones, 'phone')} and {count_of(used.companies, 'company', 'companies')}."]
    parts += [left_out] if left_out else []
    parts += [f"Queued {count_of(count, 'contact')} again for {label}." for label, count in used.queued.items()]
    if not used.queued:
        parts.append("No platform had these contacts yet, so none was queued.")
    model_admin.message_user(request, " ".join(parts), messages.SUCCESS)


@admin.register(Enrichment)
class EnrichmentAdmin(ReadOnly, ForgivingAdmin[Enrichment]):
    """Everything that n8n found out."""

    list_display = (
        *("received_at", "contact", "status", "answered", "phone", "company_name", "confidence_score", "reason"),
        "enrichment_id",
    )
    list_filter = ("status", "answered")
    list_select_related = ("contact",)
    search_fields = ("contact__email_key__istartswith", "enrichment_id__exact", "delivery_id__exact")
    search_help_text = "The beginning of an address, or an id"
    readonly_fields = [field.name for field in Enrichment._meta.fields]
    actions = (use_for_contacts,)

    @admin.display(description="error")
    def reason(self, enrichment: Enrichment) -> str:
        return Truncator(enrichment.error).chars(80)

    def has_use_permission(self, request: HttpRequest) -> bool:
        """It changes contacts, and queues them again."""
        return request.user.has_perms(["contacts.change_contact", PUSH])

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_use_permission(request)


@admin.register(EnrichmentEvent)
class EnrichmentEventAdmin(ReadOnly, ForgivingAdmin[EnrichmentEvent]):
    """Every report as it came, with what became of it."""

    list_display = ("received_at", "state", "contact_id", "problem")
    list_filter = ("state",)
    search_fields = ("contact_id__exact",)
    readonly_fields = [field.name for field in EnrichmentEvent._meta.fields]
