"""Runs, attempts and operations on many contacts in the admin, to read; and pieces for the contact's pages."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, PositiveIntegerField, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from curation_sdk import operations
from curation_sdk.drafts import undo_fault
from curation_sdk.jobs import job_named, jobs
from curation_sdk.models import BulkOperation, SyncAttempt, SyncRun
from curation_sdk.report import run_in_words
from curation_sdk.totals import EstimatingPaginator
from curation_sdk.wording import count_of, how_long

_Row = TypeVar("_Row", bound=Model)


@lru_cache(maxsize=100)
def status_badge(status: str | None) -> SafeString:
    """A status in its colour."""
    return format_html('<span class="sync-badge sync-{}">{}</span>', (status or "none").lower(), status or "-")


#: What an address may ask of a column, beside the page's own search and date bar. "regex" is not among them: a wrong
#: pattern is a server error, and a slow one keeps the database busy.
_LOOKUPS = {"exact", "in", "isnull", "gt", "gte", "lt", "lte"}

LONGEST_SEARCH = 500


def shown_apart(field: Any) -> Any:
    """A column as a read-only page names it: one that counts with its thousands apart. Not an id, nor a status."""
    if not isinstance(field, PositiveIntegerField):
        return field.name

    @admin.display(description=field.verbose_name, ordering=field.name)
    def shown(row: Model) -> str:
        value = getattr(row, field.name)
        return "-" if value is None else f"{value:,}"

    shown.__name__ = field.name
    return shown


class ForgivingAdmin(admin.ModelAdmin[_Row]):
    """A ModelAdmin to which an address that makes no sense is the reader's mistake, not a server error.

    Its lists may be long: above some thousands of rows they say about how many there are.
    """

    paginator = EstimatingPaginator
    show_full_result_count = False

    def action_checkbox(self, obj: _Row) -> SafeString:
        """As Django's own, whose template for each row takes a quarter of the time of a page of 100."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">',
            *(ACTION_CHECKBOX_NAME, obj.pk, f"Select this object for an action - {obj}"),
        )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        dates = {f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")}
        last = lookup.rpartition("__")[2]
        own = {getattr(one, "parameter_name", "") for one in self.get_list_filter(request)}
        if last not in _LOOKUPS and lookup not in dates | own and not hasattr(self.model, last):
            raise IncorrectLookupParameters(lookup)
        return super().lookup_allowed(lookup, value, request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        try:
            return super().get_changelist_instance(request)
        except (ValueError, OverflowError, IndexError, DataError) as error:
            raise IncorrectLookupParameters(error) from error

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[_Row], search_term: str
    ) -> tuple[QuerySet[_Row], bool]:
        if len(search_term) > LONGEST_SEARCH:
            # Cut short it would find more than was asked for, and an action might be applied to all of that.
            self.message_user(request, f"The search is longer than {LONGEST_SEARCH} characters.", messages.ERROR)
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def response_action(self, request: HttpRequest, queryset: QuerySet[_Row], *args: Any, **kwargs: Any) -> Any:
        try:
            queryset.filter(pk__in=request.POST.getlist(ACTION_CHECKBOX_NAME))
        except (ValidationError, ValueError):
            self.message_user(request, "Some of the chosen rows have no valid id. Nothing was done.", messages.ERROR)
            return None
        return super().response_action(request, queryset, *args, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        for name in set(self.get_autocomplete_fields(request)) & initial.keys():
            try:
                self.model._default_manager.filter(**{name: initial[name]})
            except (ValidationError, ValueError):
                del initial[name]
        return initial


class ReadOnly:
    """For pages that people read and only the machine writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnly, ForgivingAdmin[SyncRun]):
    """What each run did, and why it stopped."""

    list_display = ("started_at", "platform", "trigger", "state_badge", "took", "what_happened")
    list_filter = ("platform", "state", "trigger")
    date_hierarchy = "started_at"
    readonly_fields = tuple(shown_apart(field) for field in SyncRun._meta.fields)
    fields = readonly_fields

    class Media:
        css = {"all": ("curation_sdk/sync.css",)}

    @admin.display(description="state", ordering="state")
    def state_badge(self, run: SyncRun) -> SafeString:
        return status_badge(run.state)

    @admin.display(description="took")
    def took(self, run: SyncRun) -> str:
        return how_long(run.finished_at - run.started_at) if run.finished_at else "-"

    @admin.display(description="what it did, and why it stopped")
    def what_happened(self, run: SyncRun) -> SafeString:
        reason = Truncator(run.reason).chars(160)
        return format_html('{}<div class="help" title="{}">{}</div>', run_in_words(run) or "-", run.reason, reason)


@admin.register(SyncAttempt)
class SyncAttemptAdmin(ReadOnly, ForgivingAdmin[SyncAttempt]):
    """Every attempt that was not a plain success."""

    list_display = ("created_at", "platform", "contact", "outcome", "reason", "http_status", "code")
    list_filter = ("platform", "outcome", "http_status")
    list_select_related = ("contact",)
    search_fields = ("contact__email_key__istartswith", "code__exact", "request_id__exact")
    readonly_fields = tuple(shown_apart(field) for field in SyncAttempt._meta.fields)
    fields = readonly_fields


@admin.action(description="Stop", permissions=["stop"])
def stop_operations(
    model_admin: admin.ModelAdmin[BulkOperation], request: HttpRequest, chosen: QuerySet[BulkOperation]
) -> None:
    """Stop those that have not ended. What they have done stays."""
    theirs = [job.platform for job in jobs() if request.user.has_perm(job.permission)]
    if count := chosen.exclude(platform__in=theirs).count():
        text = f"You may not stop {count_of(count, 'operation')}: the queue is not one that you may steer."
        model_admin.message_user(request, text, messages.ERROR)
        return
    stopped = sum(operations.cancel(operation, now=timezone.now()) for operation in chosen)
    level = messages.SUCCESS if stopped else messages.WARNING
    text = f"Stopped {count_of(stopped, 'operation')}. What they had done stays."
    model_admin.message_user(request, text if stopped else "They had ended already.", level)


#: What the page of an operation shows, in this order; numbers of contacts with their thousands apart.
_SHOWN = (
    *("what", "selected", "chosen", "requested_by", "requested_at", "trigger", "reason"),
    *("state_badge", "outcome", "relatives", "started_at", "finished_at", "problem"),
    *("queued", "already_queued", "skipped_contacts", "spared", "undone", "too_late"),
)
_COUNTS = {
    name: shown_apart(BulkOperation._meta.get_field(name))
    for name in ("chosen", "queued", "already_queued", "spared", "undone", "too_late")
}


@admin.register(BulkOperation)
class BulkOperationAdmin(ReadOnly, ForgivingAdmin[BulkOperation]):
    """Who queued, skipped or took back which contacts, and how far it is.

    Whoever may queue contacts may look, stop and undo.
    """

    list_display = ("requested_at", "what", "requested_by", "selected", "state_badge", "outcome")
    list_filter = ("platform", "action", "state")
    list_select_related = ("requested_by",)
    readonly_fields = [_COUNTS.get(name, name) for name in _SHOWN]
    actions = (stop_operations,)
    change_form_template = "admin/curation_sdk/bulkoperation/change_form.html"

    class Media:
        css = {"all": ("curation_sdk/sync.css",)}

    @admin.display(description="state", ordering="state")
    def state_badge(self, operation: BulkOperation) -> SafeString:
        return status_badge(operation.state)

    @admin.display(description="what", ordering="action")
    def what(self, operation: BulkOperation) -> str:
        return operation.what

    @admin.display(description="which contacts")
    def selected(self, operation: BulkOperation) -> str:
        job = job_named(operation.platform)
        return job.in_words(operation.selection) if job else ""

    @admin.display(description="what became of it")
    def outcome(self, operation: BulkOperation) -> str:
        job = job_named(operation.platform)
        return " ".join(filter(None, (operations.sentence(job, operation) if job else "", operation.problem)))

    @admin.display(description="undoing")
    def relatives(self, operation: BulkOperation) -> str | SafeString:
        others = [*operation.undoings.all(), *filter(None, [operation.undoes])]
        if not others:
            return "-"
        return format_html_join(", ", '<a href="{}">{}</a>', ((_address(other), other) for other in others))

    def get_list_display(self, request: HttpRequest) -> Any:
        """With the way back for whoever may steer a queue, on the operations of those queues."""
        theirs = {job.platform for job in jobs() if request.user.has_perm(job.permission)}

        @admin.display(description="way back")
        def way_back(operation: BulkOperation) -> str | SafeString:
            if operation.platform not in theirs or undo_fault(operation, now=timezone.now()):
                return "-"
            return format_html('<a href="{}">Undo …</a>', _address(operation))

        return (*self.list_display, way_back) if theirs else self.list_display

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkOperation]:
        """Without previews: nobody has asked for those yet."""
        return super().get_queryset(request).filter(confirmed=True).prefetch_related("undoings")

    def get_fieldsets(self, request: HttpRequest, obj: BulkOperation | None = None) -> Any:
        """What was asked for, and what became of it; without what this kind of operation does not have."""
        has = set(_SHOWN)
        if obj and obj.action == BulkOperation.Action.UNDO:
            has -= {"queued", "already_queued", "skipped_contacts", "reason"}
        elif obj:
            has -= {"undone", "too_late"} | {
                name for name in ("reason", "problem", "chosen") if not getattr(obj, name)
            }
        names = [_COUNTS.get(name, name) for name in _SHOWN if name in has]
        became = names.index("state_badge")
        return [(None, {"fields": names[:became]}), ("What became of it", {"fields": names[became:]})]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        operation = self.get_object(request, object_id)
        more = {}
        job = job_named(operation.platform) if operation else None
        if operation and job and request.user.has_perm(job.permission):
            more["undo"] = not undo_fault(operation, now=timezone.now())
        return super().change_view(request, object_id, form_url, {**more, **(extra_context or {})})

    @admin.display(description="skipped")
    def skipped_contacts(self, operation: BulkOperation) -> str:
        return ", ".join(f"{count:,} {rule}" for rule, count in operation.skipped.items()) or "0"

    def has_stop_permission(self, request: HttpRequest) -> bool:
        return any(request.user.has_perm(job.permission) for job in jobs())

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_stop_permission(request)


def _address(operation: BulkOperation) -> str:
    return reverse("admin:curation_sdk_bulkoperation_change", args=[operation.pk])
