"""Contacts in the admin: look through them, pick, queue, and see what became of each."""

from __future__ import annotations

from itertools import chain
from typing import Any, TypeVar
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, PAGE_VAR, SEARCH_VAR
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from brevo_sync.admin_actions import queue_for_brevo, retry_failed_for_brevo, skip_for_brevo, take_out_of_brevo
from brevo_sync.job import BREVO
from contact_curation.admin_actions import queue_for_curation, take_out_of_curation
from contact_curation.job import CURATION
from contacts import lawful_basis, search, timeline
from contacts.basis_action import set_lawful_basis
from contacts.curation import announce, save_columns, with_curation
from contacts.deleting import deleting_many
from contacts.erased import erased_fault
from contacts.list_filters import ContactChangeList, CountedBasis, CountedBoolean, CountedChoices, remember_counts
from contacts.models import BasisChange, Contact, DefaultView, Domain, Page, Suppression
from contacts.permissions import CURATE, LIFT, PUSH, VIEW_SUPPRESSIONS
from contacts.suppression import of_person
from contacts.suppression_admin import SuppressionAdmin
from curation_sdk.admin import LONGEST_SEARCH, ForgivingAdmin, status_badge
from curation_sdk.cause_filter import CauseFilter
from curation_sdk.job import SyncJob
from curation_sdk.looking import WHOLE
from curation_sdk.models import SyncAttempt, SyncRun
from curation_sdk.overview import as_state, in_use, standings
from erasure.admin_actions import erase_people
from erasure.forgetting import is_emptied
from erasure.job import ERASE
from hubspot_sync.admin_actions import (
    queue_for_hubspot,
    retry_failed_for_hubspot,
    skip_for_hubspot,
    take_out_of_hubspot,
)
from hubspot_sync.job import HUBSPOT
from mautic_sync.admin_actions import queue_for_mautic, retry_failed_for_mautic, skip_for_mautic, take_out_of_mautic
from mautic_sync.job import MAUTIC
from n8n_sync.admin_actions import queue_for_n8n, retry_failed_for_n8n, skip_for_n8n, take_out_of_n8n
from n8n_sync.job import N8N
from n8n_sync.models import Enrichment
from reconciliation.list_filter import ComparisonFilter
from scrapersky.platforms import PLATFORMS, QUEUES

_Row = TypeVar("_Row", bound=Model)


def _fields(job: SyncJob) -> tuple[str, ...]:
    """What the loop keeps on a contact for this queue, for its page."""
    return tuple(
        filter(
            None,
            (
                *(job.sync_status, job.processing_status, job.processing_error, job.contact_id),
                *(job.retry_count, job.next_attempt_at, job.begun_at, job.synced_at),
            ),
        )
    )


def _changed(form: forms.ModelForm[Contact]) -> list[str]:
    """The fields that the person changed. A program that sends no hidden fields is compared with the row."""
    return [
        name
        for name in form.changed_data
        if form.add_initial_prefix(name) in form.data
        or form.fields[name].has_changed(form.get_initial_for_field(form.fields[name], name), form[name].data)
    ]


def _idle(request: HttpRequest) -> list[SyncJob]:
    """The platforms that are not in use, found out once for a request: Django asks for the columns more than once."""
    if "idle_platforms" not in vars(request):
        vars(request)["idle_platforms"] = [job for job in PLATFORMS if not in_use(job)]
    found: list[SyncJob] = vars(request)["idle_platforms"]
    return found


class DeletesMany(ForgivingAdmin[_Row]):
    """A page whose deletions lock many contacts: those themselves, or those that point to what is deleted."""

    def delete_model(self, request: HttpRequest, obj: _Row) -> None:
        with deleting_many():
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[_Row]) -> None:
        with deleting_many():
            super().delete_queryset(request, queryset)


#: Django's autocomplete fields, and behind it what names them.
NAMED = ("admin/js/autocomplete.js", "contacts/autocomplete_names.js")


class ContactForm(forms.ModelForm[Contact]):
    """A contact. A lawful basis comes with its source and a date; the address is not that of an erased person."""

    def clean_email(self) -> str | None:
        email: str | None = self.cleaned_data["email"]
        if fault := erased_fault(email, self.instance.email):
            raise forms.ValidationError(fault)
        return email

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        data |= lawful_basis.cleaned(data)
        if not set(self.errors).intersection(lawful_basis.COLUMNS) and set(_changed(self)) & {*lawful_basis.COLUMNS}:
            values = [data.get(name) for name in lawful_basis.COLUMNS]
            for name, problem in lawful_basis.problems(*values, today=timezone.localdate()).items():
                self.add_error(name, problem)
        return data


#: The bulk actions on contacts, by their queue.
ACTIONS = {
    CURATION.label: (queue_for_curation, take_out_of_curation),
    BREVO.label: (queue_for_brevo, retry_failed_for_brevo, skip_for_brevo, take_out_of_brevo),
    HUBSPOT.label: (queue_for_hubspot, retry_failed_for_hubspot, skip_for_hubspot, take_out_of_hubspot),
    MAUTIC.label: (queue_for_mautic, retry_failed_for_mautic, skip_for_mautic, take_out_of_mautic),
    N8N.label: (queue_for_n8n, retry_failed_for_n8n, skip_for_n8n, take_out_of_n8n),
}


@admin.register(Contact)
class ContactAdmin(DeletesMany[Contact]):
    """The operator's page."""

    form = ContactForm
    list_display = ("address", "person", "curation", "brevo", "hubspot", "mautic", "n8n", "reasons", "found")
    list_filter = (
        CauseFilter,
        ComparisonFilter,
        *((job.sync_status, CountedChoices) for job in QUEUES),
        *(("email_type", CountedChoices), ("has_gmail", CountedBoolean)),
        *(("lawful_basis", CountedBasis), "created_at"),
    )
    show_facets = admin.ShowFacets.NEVER  # they walk the table; ours count where it is cheap
    search_fields = ("email", "name", "domain__domain")
    search_help_text = "Part of an address, a name or a domain"
    list_select_related = ("domain",)
    list_per_page = 100
    list_max_show_all = 500
    actions = (*chain.from_iterable(ACTIONS.values()), set_lawful_basis, erase_people)
    autocomplete_fields = ("domain", "page")
    readonly_fields = (
        *_fields(CURATION)[1:],  # its status is for people to set
        *(field for job in PLATFORMS for field in _fields(job)),
        *("id", "created_at", "updated_at"),
    )
    save_on_top = True

    class Media:
        css = {"all": ("curation_sdk/sync.css",)}
        js = NAMED

    @admin.display(description="e-mail", ordering="email")
    def address(self, contact: Contact) -> str | SafeString:
        shown = contact.email or "(no e-mail address)"
        if not getattr(contact, "suppressed", False):
            return shown
        return format_html('{} <span class="sync-badge sync-skipped">suppressed</span>', shown)

    @admin.display(description="name and domain", ordering="name")
    def person(self, contact: Contact) -> SafeString:
        domain = contact.domain.domain if contact.domain else ""
        return format_html('{}<div class="sync-quiet">{}</div>', contact.name or "", domain)

    @admin.display(description="found", ordering="created_at")
    def found(self, contact: Contact) -> SafeString:
        made = timezone.localtime(contact.created_at)
        shown = (f"{made:%Y-%m-%d %H:%M}", f"{made:%Y-%m-%d}")
        return format_html('<time datetime="{}" title="{}">{}</time>', made.isoformat(), *shown)

    @admin.display(description="curation", ordering="contact_curation_status")
    def curation(self, contact: Contact) -> SafeString:
        return status_badge(contact.contact_curation_status)

    @admin.display(description="Brevo", ordering="brevo_sync_status")
    def brevo(self, contact: Contact) -> SafeString:
        return status_badge(contact.brevo_sync_status)

    @admin.display(description="HubSpot", ordering="hubspot_sync_status")
    def hubspot(self, contact: Contact) -> SafeString:
        return status_badge(contact.hubspot_sync_status)

    @admin.display(description="Mautic", ordering="mautic_sync_status")
    def mautic(self, contact: Contact) -> SafeString:
        return status_badge(contact.mautic_sync_status)

    @admin.display(description="n8n", ordering="n8n_sync_status")
    def n8n(self, contact: Contact) -> SafeString:
        return status_badge(contact.n8n_sync_status)

    @admin.display(description="reasons")
    def reasons(self, contact: Contact) -> SafeString:
        """What there is to say about the contact, each with the name of who says it."""
        said = ((job.label, getattr(contact, job.processing_error) or "") for job in QUEUES)
        shown = ((text, label, Truncator(text).chars(80)) for label, text in said if text)
        return format_html_join("", '<div title="{}"><b>{}</b> {}</div>', shown)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Without the platforms that are not in use: each would take the width of a column."""
        idle = {job.platform for job in _idle(request)}
        return [column for column in self.list_display if column not in idle]

    def get_list_filter(self, request: HttpRequest) -> Any:
        idle = {job.sync_status for job in _idle(request)}
        return [one for one in self.list_filter if not (isinstance(one, tuple) and one[0] in idle)]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return ContactChangeList

    def get_action_choices(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Grouped by the queue, without platforms that are not in use."""
        names = dict(super().get_action_choices(request, *args, **kwargs))
        idle = {job.label for job in _idle(request)}
        groups = []
        for label, actions in ACTIONS.items():
            there = [(name, names.pop(name)) for action in actions if (name := action.__name__) in names]
            if there and label not in idle:
                groups.append((label, there))
        rest = list(names.items())  # the line that chooses nothing, then Django's own
        return [*rest[:1], *groups, *rest[1:]]

    def get_fieldsets(self, request: HttpRequest, obj: Contact | None = None) -> Any:
        """The person, then each queue. What the head of the page says of the platforms is folded away."""
        return [
            (None, {"fields": ("email", "email_type", "has_gmail", "name", "phone_number", "domain", "page")}),
            ("Lawful basis", {"fields": lawful_basis.COLUMNS}),
            *(
                (job.label, {"fields": _fields(job), "classes": () if job is CURATION else ("collapse",)})
                for job in QUEUES
            ),
            ("Where it was found", {"fields": ("source_url", "context", "source_job_id")}),
            ("Record", {"fields": ("id", "created_at", "updated_at"), "classes": ("collapse",)}),
        ]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        """With how the contact stands, and its time line."""
        contact = context.get("original")
        if contact is not None:
            now = timezone.now()
            context |= {
                "standings": timeline.standings(contact, request.user, now=now),
                "erased": is_emptied(contact),
                "events": timeline.events(contact, request.user, now=now),
                "same_address": timeline.same_address(contact),
                "suppressions": [one for one in of_person(contact.email_key or "") if one.in_force],
                "may_see_suppressions": request.user.has_perm(VIEW_SUPPRESSIONS),
                "may_lift": request.user.has_perms([VIEW_SUPPRESSIONS, LIFT]),
            }
        return super().render_change_form(request, context, *args, **kwargs)

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
        view = DefaultView.objects.filter(user=request.user.pk).values_list("query", flat=True).first() or ""
        if view and request.method == "GET" and not request.META.get("QUERY_STRING"):
            return HttpResponseRedirect(f"{request.path}?{view}")
        # An action leads to another page, without the strip.
        shown = () if "action" in request.POST else QUEUES
        standing = standings(shown, now=timezone.now(), for_a_start=True)
        remember_counts(request, standing)
        context = {
            "platforms": [as_state(one) for one in standing if one.in_use],
            "default_view": view,
            "view_query": view_of(request.GET),
            **(extra_context or {}),
        }
        answer = super().changelist_view(request, context)
        if changelist := getattr(answer, "context_data", {}).get("cl"):
            changelist.mark_suppressed()
        return answer

    def get_readonly_fields(self, request: HttpRequest, obj: Contact | None = None) -> Any:
        """To decide about curation takes a permission of its own."""
        fixed = super().get_readonly_fields(request, obj)
        return fixed if self.has_curate_permission(request) else (*fixed, CURATION.sync_status)

    def has_curate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CURATE)

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ERASE)

    def has_push_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PUSH)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """With the value that the page showed in a hidden field: what differs from that is what the person changed.

        Compared with the row at the time of saving, what a worker wrote meanwhile would pass for the person's word.
        """
        return super().formfield_for_dbfield(db_field, request, show_hidden_initial=True, **kwargs)

    def save_model(self, request: HttpRequest, obj: Contact, form: forms.ModelForm[Contact], change: bool) -> None:
        """Write only what the person changed: a worker may be writing the other columns at this moment."""
        changes = {name: form.cleaned_data[name] for name in _changed(form)}
        if not change:
            columns = with_curation(changes)
            for name, value in columns.items():
                setattr(obj, name, value)
            super().save_model(request, obj, form, change)
            announce(Contact.objects.filter(pk=obj.pk), columns, SyncRun.Trigger.ADMIN)
        elif not save_columns(obj, changes, trigger=SyncRun.Trigger.ADMIN):
            raise Http404("This contact has just been deleted.")


def view_of(address: QueryDict) -> str:
    """Filters, search and order of the list, without what else its address says; "" for everybody, newest first."""
    kept = {name: values for name, values in address.lists() if name not in _NOT_OF_THE_VIEW}
    if kept.get(SEARCH_VAR) == [""]:
        del kept[SEARCH_VAR]
    return urlencode(sorted(kept.items()), doseq=True)


#: The page that is open, how the list was opened, how far it is looked through, and what was wrong with it.
_NOT_OF_THE_VIEW = {PAGE_VAR, ALL_VAR, ERROR_FLAG, WHOLE, "_popup", "_to_field", "_facets"}


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

    class Media:
        js = NAMED


@admin.register(BasisChange)
class BasisChangeAdmin(ForgivingAdmin[BasisChange]):
    """Who recorded a lawful basis with many contacts: to read."""

    list_display = ("changed_at", "changed_by", "through", "lawful_basis", "source", "date", "contacts")
    list_filter = ("lawful_basis", "through")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: BasisChange | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BasisChange | None = None) -> bool:
        return False


admin.site.register(Suppression, SuppressionAdmin)
