"""The ledger of suppressions in the admin: to read, to search and to add to. Nothing is changed or deleted there."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminDateWidget
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from contacts.address_key import email_key
from contacts.models import Suppression
from contacts.permissions import LIFT
from contacts.suppression import OptOut, erased_keys, in_force, of_person, suppress
from curation_sdk.admin import LONGEST_SEARCH, ForgivingAdmin

#: Who says so when a person adds a row here.
A_PERSON = "A person"

#: Characters of a hash that are shown: enough to tell erased people apart.
HASH_SHOWN = 16

#: What a person may say. That somebody was erased is said by erasing him.
REASONS = [(value, label) for value, label in Suppression.Reason.choices if value != Suppression.Reason.ERASED]


class SuppressionForm(forms.ModelForm[Suppression]):
    """An address that is not to be pushed any more, and why."""

    email_key = forms.CharField(
        label="E-mail", max_length=320, help_text="In any spelling: capitals and spaces around it make no difference."
    )
    reason = forms.ChoiceField(choices=REASONS, initial=Suppression.Reason.REQUEST)
    note = forms.CharField(
        label="Evidence",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="How we know: the letter, the call, the message. Your name is added.",
    )
    since = forms.DateField(
        required=False, widget=AdminDateWidget, help_text="The day on which the person said so. Empty: now."
    )

    class Meta:
        model = Suppression
        fields = ("email_key", "reason", "note", "since")

    def clean_email_key(self) -> str:
        key = email_key(self.cleaned_data["email_key"])
        if not key or "@" not in key:
            raise forms.ValidationError("Enter an e-mail address.")
        if erased_keys([key]):
            raise forms.ValidationError("This person was erased, and is suppressed already.")
        return key

    def clean_since(self) -> datetime:
        day: date | None = self.cleaned_data["since"]
        if day and day > timezone.localdate():
            raise forms.ValidationError("This is in the future.")
        return timezone.make_aware(datetime.combine(day, time())) if day else timezone.now()

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "email_key" in data and "reason" in data and recorded(data["email_key"], data["reason"]):
            self.add_error("email_key", "This address is suppressed already for this reason.")
        return data


def recorded(key: str, reason: str) -> Suppression | None:
    """What a person recorded of the address for the reason, if it holds."""
    return in_force().filter(email_key=key, reason=reason, source=A_PERSON).first()


class InForce(admin.SimpleListFilter):
    """Those that hold, or those that somebody lifted."""

    title = "state"
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "In force"), ("no", "Lifted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> QuerySet[Suppression]:
        match self.value():
            case "yes":
                return queryset.filter(lifted_at=None)
            case "no":
                return queryset.filter(lifted_at__isnull=False)
        return queryset


class SuppressionAdmin(ForgivingAdmin[Suppression]):
    """Who must not be pushed, why, since when, and how we know."""

    form = SuppressionForm
    list_display = ("who", "state", "reason", "source", "since", "evidence")
    list_display_links = ("who",)
    list_filter = (InForce, "reason", "source")
    search_fields = ("email_key",)
    search_help_text = "A whole address, also of a person who was erased; or a part of one"
    readonly_fields = (
        *("who", "state", "reason", "source", "note", "since", "recorded_at"),
        *("lifted_at", "lifted_by", "lift_reason"),
    )

    class Media:
        css = {"all": ("curation_sdk/sync.css",)}

    @admin.display(description="e-mail", ordering="email_key")
    def who(self, row: Suppression) -> str | SafeString:
        if row.email_key:
            return row.email_key
        return format_html('an erased person <span class="sync-quiet">{}…</span>', row.key_hash[:HASH_SHOWN])

    @admin.display(description="state", ordering="lifted_at")
    def state(self, row: Suppression) -> SafeString:
        colour, text = ("skipped", "in force") if row.in_force else ("none", "lifted")
        return format_html('<span class="sync-badge sync-{}">{}</span>', colour, text)

    @admin.display(description="evidence")
    def evidence(self, row: Suppression) -> str:
        text = row.note if row.in_force else f"Lifted by {row.lifted_by}: {row.lift_reason} {row.note}"
        return Truncator(text).chars(120)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        """A whole address finds everything of the person, also under the hash; else parts of addresses and hashes."""
        key = email_key(search_term) or ""
        if "@" not in key.strip("@") or len(search_term) > LONGEST_SEARCH:
            found, duplicates = super().get_search_results(request, queryset, search_term)
            if key and len(search_term) <= LONGEST_SEARCH:
                found |= queryset.filter(key_hash__startswith=key.rstrip("…"), key_hash__gt="")
            return found, duplicates
        persons = queryset.filter(pk__in=of_person(key).order_by().values("pk"))
        return (persons if persons.exists() else queryset.filter(email_key__icontains=key)), False

    def get_fieldsets(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("email_key", "reason", "note", "since")})]
        shown: list[Any] = [(None, {"fields": self.readonly_fields[:7]})]
        return shown if obj.in_force else [*shown, ("Lifted", {"fields": self.readonly_fields[7:]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        return self.readonly_fields if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Suppression | None = None) -> bool:
        """It is a ledger."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Suppression | None = None) -> bool:
        return False

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        row = context.get("original")
        context["may_lift"] = bool(row and row.in_force and request.user.has_perm(LIFT))
        return super().render_change_form(request, context, *args, **kwargs)

    def log_addition(self, request: HttpRequest, obj: Suppression, message: Any) -> Any:
        """Nothing: the ledger says who recorded it, and in the admin's log an address would outlive an erasure."""

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        """Record it as everybody does; somebody else may be recording the same at this moment."""
        note = f"Recorded by {request.user.get_username()}. {obj.note}".strip()
        opt_out = OptOut(obj.email_key, Suppression.Reason(obj.reason), note, obj.since)
        suppress([opt_out], A_PERSON, now=timezone.now())
        if row := recorded(obj.email_key, obj.reason):
            obj.pk, obj.source = row.pk, row.source
