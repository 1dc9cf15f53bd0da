"""The one definition of a filter on contacts: for the list, for the "filtered" endpoints and for commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError

from contacts.models import Contact, CurationStatus, EmailType, LawfulBasis
from curation_sdk.statuses import ProcessingStatus, SyncStatus


class StrictBooleanField(forms.Field):
    """true or false. Django's own field takes anything else for "not given", and so selects every contact."""

    def to_python(self, value: Any) -> bool | None:
        if value in (None, ""):
            return None
        match str(value).strip().lower():
            case "true" | "1":
                return True
            case "false" | "0":
                return False
        raise forms.ValidationError("Enter true or false.")


class StrictBooleanFilter(django_filters.Filter):
    field_class = StrictBooleanField


class ContactFilter(django_filters.FilterSet):
    """What contacts can be filtered by."""

    contact_curation_status = django_filters.ChoiceFilter(choices=CurationStatus)
    contact_processing_status = django_filters.ChoiceFilter(choices=ProcessingStatus)
    brevo_sync_status = django_filters.ChoiceFilter(choices=SyncStatus)
    hubspot_sync_status = django_filters.ChoiceFilter(choices=SyncStatus)
    mautic_sync_status = django_filters.ChoiceFilter(choices=SyncStatus)
    n8n_sync_status = django_filters.ChoiceFilter(choices=SyncStatus)
    email_type = django_filters.ChoiceFilter(choices=EmailType)
    lawful_basis = django_filters.ChoiceFilter(choices=LawfulBasis, null_label="None recorded", null_value="none")
    domain_id = django_filters.UUIDFilter(field_name="domain")
    page_id = django_filters.UUIDFilter(field_name="page")
    # No longer than the columns: SQLite does not search for a text of 50,000 characters.
    email_contains = django_filters.CharFilter(field_name="email", lookup_expr="icontains", max_length=320)
    name_contains = django_filters.CharFilter(field_name="name", lookup_expr="icontains", max_length=255)
    has_gmail = StrictBooleanFilter()

    class Meta:
        model = Contact
        fields: tuple[str, ...] = ()


#: Those that compare parts of texts.
SEARCH_FILTERS = {"email_contains", "name_contains"}


def known_filters() -> list[str]:
    """The names that a filter may use."""
    return list(ContactFilter.base_filters)


def filter_contacts(filters: Mapping[str, Any], contacts: QuerySet[Contact] | None = None) -> QuerySet[Contact]:
    """The contacts that match every one of the given filters (name to value); all when there is none.

    Raises ValidationError, naming the field, for a name that is not known and for a value that does not fit: a filter
    that is misunderstood would select people nobody chose.
    """
    unknown = {name: ["This field is not known here."] for name in filters if name not in ContactFilter.base_filters}
    if unknown:
        raise ValidationError(unknown)
    wrong = {name: [problem] for name, value in filters.items() if (problem := _problem(name, value))}
    if wrong:
        raise ValidationError(wrong)
    data = {name: str(value) for name, value in filters.items()}
    chosen = ContactFilter(data, queryset=Contact.objects.all() if contacts is None else contacts)
    if not chosen.is_valid():
        raise ValidationError(chosen.errors)
    return chosen.qs


def _problem(name: str, value: Any) -> str:
    """Why a filter's value cannot be used, whatever the filter; "" when it can.

    The form behind the filter takes a blank for "not given", and would select everyone.
    """
    if isinstance(value, bool):
        return "" if name == "has_gmail" else "Give text, not true or false."
    if not isinstance(value, str):
        return "Give one text."
    if not value.strip():
        return "The value is blank."
    try:
        value.encode()
    except UnicodeEncodeError:
        return "The text holds half of a character (a lone surrogate)."
    return ""
