"""The form behind "Set lawful basis": exactly the contacts that were chosen, in parts, however many there are."""

from __future__ import annotations

import time
from datetime import date
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from contacts import lawful_basis as bases
from contacts.basis_action import PLATFORM
from contacts.models import BasisChange, Contact, LawfulBasis
from contacts.permissions import CURATE, VIEW
from curation_sdk import chosen
from curation_sdk.database import atomic_with_retry
from curation_sdk.models import BulkOperation
from curation_sdk.wording import count_of
from sync_admin.pages import page, render

#: Contacts in one part, a transaction of its own.
PART = 2_000

#: So long a click works.
WORK_FOR = 10.0  # seconds

_GONE = "There is no such choice of contacts any more. Choose them again."


class BasisForm(forms.Form):
    """A lawful basis, where it comes from, and since when."""

    lawful_basis = forms.ChoiceField(label="Lawful basis", choices=[("", "---------"), *LawfulBasis.choices])
    lawful_basis_source = forms.CharField(
        label="Source",
        max_length=bases.LONGEST_SOURCE,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Where it comes from: the form, the contract, the weighing of interests.",
    )
    lawful_basis_date = forms.DateField(
        label="Date",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="Since when it holds.",
    )

    def clean_lawful_basis_date(self) -> date:
        day: date = self.cleaned_data["lawful_basis_date"]
        if day > timezone.localdate():
            raise forms.ValidationError("The date is in the future.")
        return day


@page(VIEW, CURATE)
def set_basis(request: HttpRequest, operation_id: UUID) -> HttpResponseBase:
    """The form; sent, it works through the contacts for some seconds, and a further click goes on."""
    mine = BulkOperation.objects.filter(
        platform=PLATFORM, pk=operation_id, confirmed=False, requested_by_id=request.user.pk
    )
    operation = mine.first()
    if operation is None:
        messages.warning(request, _GONE)
        return _to_list()
    form = BasisForm(request.POST) if request.method == "POST" else BasisForm()
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        basis = LawfulBasis(data["lawful_basis"]), data["lawful_basis_source"], data["lawful_basis_date"]
        by = bases.By(request.user.get_username(), timezone.now(), BasisChange.Through.ADMIN, operation=operation.pk)
        if _work(operation, *basis, by):
            messages.success(request, f"Recorded with {count_of(operation.queued, 'contact')}: {basis[0].label}.")
            operation.delete()
            return _to_list()
    left = chosen.rows(operation).count()
    return render(
        request,
        "sync_admin/basis.html",
        "Set lawful basis",
        form=form,
        left=left,
        contacts=count_of(left, "contact"),
        done=operation.queued,
    )


def _work(operation: BulkOperation, basis: LawfulBasis, source: str, day: date, by: bases.By) -> bool:
    """Record the basis, part by part; what is done is no longer kept for the operation. True: nobody is left."""
    until = time.monotonic() + WORK_FOR

    def part() -> bool:
        keys = list(chosen.rows(operation).order_by("pk").values_list("pk", "contact_id")[:PART])
        contacts = Contact.objects.filter(pk__in=[contact_id for _, contact_id in keys])
        operation.queued += bases.set_basis(contacts, basis, source, day, by=by)
        chosen.rows(operation, until=keys[-1][0] if keys else 0).delete()
        operation.save(update_fields=["queued"])
        return len(keys) < PART

    while not (finished := atomic_with_retry(part)) and time.monotonic() < until:
        pass
    return finished


def _to_list() -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('admin:contacts_contact_changelist')}?q=")
