"""Contacts in the admin: look through them, pick, queue, and see what became of each."""

from __future__ import annotations

from typing import Any, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from brevo_sync.admin_actions import queue_for_brevo, retry_failed_for_brevo, skip_for_brevo
from brevo_sync.job import BREVO
from contacts import search
from contacts.address_key import email_key
from contacts.curation import save_columns, with_curation
from contacts.deleting import deleting_many
from contacts.models import Contact, Domain, Page, Suppression
from curation_sdk.admin import LONGEST_SEARCH, ForgivingAdmin, SyncAttemptInline, status_badge
from curation_sdk.models import SyncAttempt
from curation_sdk.overview import platform_state
from n8n_sync.admin import EnrichmentInline
from n8n_sync.admin_actions import queue_for_n8n, retry_failed_for_n8n, skip_for_n8n
from n8n_sync.job import N8N
from n8n_sync.models import Enrichment

_Row = TypeVar("_Row", bound=Model)

#: The platforms, in the order in which people see them.
PLATFORMS = (BREVO, N8N)

BREVO_FIELDS = (
    "brevo_sync_status",
    "brevo_processing_status",
    "brevo_processing_error",
    "brevo_contact_id",
    "brevo_retry_count",
    "brevo_next_attempt_at",
    "brevo_synced_at",
)
N8N_FIELDS = (
    "n8n_sync_status",
    "n8n_processing_status",
    "n8n_processing_error",
    "n8n_contact_id",
    "n8n_retry_count",
    "n8n_next_attempt_at",
    "n8n_begun_at",
    "n8n_synced_at",
)


class DeletesMany(ForgivingAdmin[_Row]):
    """A page whose deletions lock many contacts: those themselves, or those that point to what is deleted."""

    def delete_model(self, request: HttpRequest, obj: _Row) -> None:
        with deleting_many():
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[_Row]) -> None:
        with deleting_many():
            super().delete_queryset(request, queryset)


@admin.register(Contact)
class ContactAdmin(DeletesMany[Contact]):
    """The operator's page."""

    list_display = ("address", "name", "brevo", "brevo_reason", "n8n", "curation", "kind", "domain", "created_at")
    list_filter = ("brevo_sync_status", "n8n_sync_status", "contact_curation_status", "email_type", "has_gmail")
    search_fields = ("email", "name", "domain__domain")
    search_help_text = "Part of an address, a name or a domain"
    list_select_related = ("domain",)
    list_per_page = 100
    list_max_show_all = 500
    actions = (
        *(queue_for_brevo, retry_failed_for_brevo, skip_for_brevo),
        *(queue_for_n8n, retry_failed_for_n8n, skip_for_n8n),
    )
    autocomplete_fields = ("domain", "page")
    inlines = (EnrichmentInline, SyncAttemptInline)
    readonly_fields = (
        "contact_processing_status",
        "contact_processing_error",
        *BREVO_FIELDS,
        *N8N_FIELDS,
        "id",
        "created_at",
        "updated_at",
    )
    fieldsets = (
        (None, {"fields": ("email", "email_type", "has_gmail", "name", "phone_number", "domain", "page")}),
        ("Brevo", {"fields": BREVO_FIELDS}),
        ("n8n", {"fields": N8N_FIELDS}),
        (
            "Curation",
            {"fields": ("contact_curation_status", "contact_processing_status", "contact_processing_error")},
        ),
        ("Where it was found", {"fields": ("source_url", "context", "source_job_id")}),
        ("Record", {"fields": ("id", "created_at", "updated_at")}),
    )
    save_on_top = True

    class Media:
        css = {"all": ("curation_sdk/sync.css",)}

    @admin.display(description="e-mail", ordering="email")
    def address(self, contact: Contact) -> str:
        return contact.email or "(no e-mail address)"

    @admin.display(description="type", ordering="email_type")
    def kind(self, contact: Contact) -> str:
        return contact.email_type.capitalize()

    @admin.display(description="curation", ordering="contact_curation_status")
    def curation(self, contact: Contact) -> SafeString:
        return status_badge(contact.contact_curation_status)

    @admin.display(description="Brevo", ordering="brevo_sync_status")
    def brevo(self, contact: Contact) -> SafeString:
        return status_badge(contact.brevo_sync_status)

    @admin.display(description="n8n", ordering="n8n_sync_status")
    def n8n(self, contact: Contact) -> SafeString:
        return status_badge(contact.n8n_sync_status)

    @admin.display(description="Brevo reason")
    def brevo_reason(self, contact: Contact) -> SafeString | str:
        reason = contact.brevo_processing_error or ""
        return format_html('<span title="{}">{}</span>', reason, Truncator(reason).chars(80)) if reason else ""

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        paginator: Any = super().get_paginator(request, *args, **kwargs)
        if request.GET.get(SEARCH_VAR):
            paginator.exact_up_to = search.EXACT_UP_TO
        return paginator

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        if len(search_term) > LONGEST_SEARCH:
            return super().get_search_results(request, queryset, search_term)
        return search.search_contacts(queryset, search_term), False

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Nobody may delete single attempts or enrichments, but with their contact they go."""
        found, counts, perms_needed, protected = super().get_deleted_objects(objs, request)
        with_it = {SyncAttempt._meta.verbose_name, Enrichment._meta.verbose_name}
        return found, counts, set(perms_needed) - with_it, protected

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        now = timezone.now()
        context = {"platforms": [platform_state(job, now=now) for job in PLATFORMS], **(extra_context or {})}
        return super().changelist_view(request, context)

    def save_model(self, request: HttpRequest, obj: Contact, form: forms.ModelForm[Contact], change: bool) -> None:
        """Write only what the person changed: a worker may be writing the other columns at this moment."""
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if not change:
            for name, value in with_curation(changes).items():
                setattr(obj, name, value)
            super().save_model(request, obj, form, change)
        elif not save_columns(obj, changes):
            raise Http404("This contact has just been deleted.")


@admin.register(Domain)
class DomainAdmin(DeletesMany[Domain]):
    list_display = ("domain", "company_name", "created_at")
    search_fields = ("domain", "company_name")


@admin.register(Page)
class PageAdmin(DeletesMany[Page]):
    list_display = ("url", "domain", "created_at")
    list_select_related = ("domain",)
    autocomplete_fields = ("domain",)
    search_fields = ("url",)


class SuppressionForm(forms.ModelForm[Suppression]):
    """A suppressed address, kept in the form in which addresses are compared."""

    def clean_email_key(self) -> str:
        key = email_key(self.cleaned_data["email_key"])
        if not key or "@" not in key:
            raise forms.ValidationError("Enter an e-mail address.")
        return key


@admin.register(Suppression)
class SuppressionAdmin(ForgivingAdmin[Suppression]):
    form = SuppressionForm
    list_display = ("email_key", "reason", "source", "since")
    list_filter = ("reason", "source")
    search_fields = ("email_key",)
    readonly_fields = ("since",)

    def get_readonly_fields(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        return (*self.readonly_fields, "email_key") if obj else self.readonly_fields
