"""Runs, attempts and operations on many contacts in the admin, to read; and pieces for the contact's pages."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from curation_sdk import operations
from curation_sdk.models import BulkOperation, SyncAttempt, SyncRun
from curation_sdk.recovery import jobs
from curation_sdk.totals import EstimatingPaginator
from curation_sdk.wording import count_of

_Row = TypeVar("_Row", bound=Model)


def status_badge(status: str | None) -> SafeString:
    """A status in its colour."""
    return format_html('<span class="sync-badge sync-{}">{}</span>', (status or "none").lower(), status or "-")


#: What an address may ask of a column, beside the page's own search and date bar. "regex" is not among them: a wrong
#: pattern is a server error, and a slow one keeps the database busy.
_LOOKUPS = {"exact", "in", "isnull", "gt", "gte", "lt", "lte"}

LONGEST_SEARCH = 500


class ForgivingAdmin(admin.ModelAdmin[_Row]):
    """A ModelAdmin to which an address that makes no sense is the reader's mistake, not a server error.

    Its lists may be long: above some thousands of rows they say about how many there are.
    """

    paginator = EstimatingPaginator
    show_full_result_count = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        dates = {f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")}
        last = lookup.rpartition("__")[2]
        if last not in _LOOKUPS and lookup not in dates and not hasattr(self.model, last):
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

    list_display = (
        "started_at",
        "platform",
        "trigger",
        "state_badge",
        "synced",
        "warned",
        "waiting",
        "skipped",
        "retried",
        "failed",
        "released",
        "reason",
    )
    list_filter = ("platform", "state", "trigger")
    date_hierarchy = "started_at"
    readonly_fields = [field.name for field in SyncRun._meta.fields]

    class Media:
        css = {"all": ("curation_sdk/sync.css",)}

    @admin.display(description="state", ordering="state")
    def state_badge(self, run: SyncRun) -> SafeString:
        return status_badge(run.state)


@admin.register(SyncAttempt)
class SyncAttemptAdmin(ReadOnly, ForgivingAdmin[SyncAttempt]):
    """Every attempt that was not a plain success."""

    list_display = ("created_at", "platform", "contact", "outcome", "reason", "http_status", "code")
    list_filter = ("platform", "outcome", "http_status")
    list_select_related = ("contact",)
    search_fields = ("contact__email_key__istartswith", "code__exact", "request_id__exact")
    readonly_fields = [field.name for field in SyncAttempt._meta.fields]


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


@admin.register(BulkOperation)
class BulkOperationAdmin(ReadOnly, ForgivingAdmin[BulkOperation]):
    """What was asked for many contacts, and how far it is. Whoever may queue contacts may look and stop."""

    list_display = (
        *("requested_at", "platform", "action", "requested_by", "state_badge"),
        *("queued", "already_queued", "skipped_contacts", "spared", "problem"),
    )
    list_filter = ("platform", "action", "state")
    list_select_related = ("requested_by",)
    readonly_fields = [field.name for field in BulkOperation._meta.fields]
    actions = (stop_operations,)

    class Media:
        css = {"all": ("curation_sdk/sync.css",)}

    @admin.display(description="state", ordering="state")
    def state_badge(self, operation: BulkOperation) -> SafeString:
        return status_badge(operation.state)

    @admin.display(description="skipped")
    def skipped_contacts(self, operation: BulkOperation) -> str:
        return ", ".join(f"{count:,} {rule}" for rule, count in operation.skipped.items()) or "0"

    def has_stop_permission(self, request: HttpRequest) -> bool:
        return any(request.user.has_perm(job.permission) for job in jobs())

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_stop_permission(request)
