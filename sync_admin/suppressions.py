"""What people do with the ledger of suppressions besides adding a row: lift, and import a file."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt

from contacts.address_hash import address_hash
from contacts.address_key import email_key
from contacts.importing.opt_outs import COLUMNS, OptOutImporter, read_opt_outs
from contacts.importing.problems import FileRefused, Refusal
from contacts.importing.upload import refuse_other_kinds
from contacts.models import Suppression
from contacts.permissions import LIFT, SUPPRESS, VIEW_SUPPRESSIONS
from contacts.suppression import lift as lift_suppressions
from contacts.suppression import of_person
from curation_sdk.wording import count_of
from sync_admin.pages import page, render
from sync_admin.upload_limit import UploadLimit

#: Bytes that an upload may have, some 100,000 addresses: they are recorded while the person waits.
LARGEST = 5 * 1024 * 1024

_TOO_LARGE = (
    f"The file is larger than {LARGEST // 1024 // 1024} MB. Split it, each part with the header, or import it with "
    '"manage.py import_suppressions".'
)

#: Refused rows on the page.
SHOWN = 100


class LiftForm(forms.Form):
    """Why, and, of an erased person, who: only the hash of the address is kept."""

    address = forms.CharField(label="E-mail", max_length=320)
    reason = forms.CharField(
        label="Reason",
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept for good, with your name. For example: signed up again by our form on 2026-11-24.",
    )

    def __init__(self, row: Suppression, *args: Any) -> None:
        super().__init__(*args)
        self._row = row
        if row.email_key:
            del self.fields["address"]
        else:
            self.fields["address"].help_text = "Type the address of the erased person: it is not kept here."

    def clean_address(self) -> str:
        key = email_key(self.cleaned_data["address"]) or ""
        if address_hash(key) != self._row.key_hash:
            raise forms.ValidationError("This is not the address of this erased person.")
        return key

    @property
    def key(self) -> str:
        """The address, once the form is valid."""
        return self._row.email_key or str(self.cleaned_data["address"])


@page(VIEW_SUPPRESSIONS, LIFT)
def lift(request: HttpRequest, suppression_id: UUID) -> HttpResponseBase:
    """What is in force for a person, and the form that lifts what the page shows of it.

    `next` in the address: the page of ours on which it began, and to which it leads back.
    """
    row = get_object_or_404(Suppression, pk=suppression_id)
    back = _back_to(request) or reverse("admin:contacts_suppression_change", args=[row.pk])
    held = _in_force(row)
    form = LiftForm(row, request.POST) if request.method == "POST" else LiftForm(row)
    if request.method == "POST" and form.is_valid():
        seen: list[UUID] = []
        for text in request.POST.getlist("seen"):
            with suppress(ValueError):
                seen.append(UUID(text))
        count = lift_suppressions(
            form.key,
            by=request.user.get_username(),
            why=form.cleaned_data["reason"],
            now=timezone.now(),
            only=seen,
        )
        _said(request, count, left=held.count())
        return HttpResponseRedirect(back)
    context = {"form": form, "row": row, "who": _who(row), "held": list(held), "back": back}
    return render(request, "sync_admin/lift.html", "Lift suppression", **context)


def _back_to(request: HttpRequest) -> str:
    """Where the person came from, if that is a page of ours; else ""."""
    url = request.GET.get("next", "")
    hosts = {request.get_host()}
    return url if url_has_allowed_host_and_scheme(url, hosts, require_https=request.is_secure()) else ""


def _in_force(row: Suppression) -> QuerySet[Suppression]:
    """What is in force for the person of this row, as far as the address is known."""
    persons = of_person(row.email_key) if row.email_key else Suppression.objects.filter(key_hash=row.key_hash)
    return persons.filter(lifted_at=None)


def _who(row: Suppression) -> str:
    return row.email_key or "an erased person"


def _said(request: HttpRequest, count: int, *, left: int) -> None:
    if count:
        text = f"Lifted {count_of(count, 'suppression')}."
        messages.success(request, f"{text} Contacts that were Skipped for it stay so until they are queued.")
    else:
        messages.warning(request, "Nothing was lifted: what the page showed had been lifted already.")
    if left:
        still = f"{count_of(left, 'suppression')} {'is' if left == 1 else 'are'} in force still: recorded meanwhile."
        messages.warning(request, f"{still} The person is not pushed.")


class UploadForm(forms.Form):
    """One file."""

    file = forms.FileField(
        label="CSV file",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv", "aria-describedby": "file-help"}),
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
    )
    dry_run = forms.BooleanField(label="Only check, record nothing", required=False)


@csrf_exempt
def import_file(request: HttpRequest) -> HttpResponseBase:
    """The page with the form: as `sync_admin.importing`, the limit is there before anything reads what arrives, and
    the token is checked by the admin's `admin_view`."""
    limit = UploadLimit(request, largest=LARGEST)
    request.upload_handlers.insert(0, limit)
    answer: HttpResponseBase = _import_file(request, limit)
    return answer


@page(VIEW_SUPPRESSIONS, SUPPRESS)
def _import_file(request: HttpRequest, limit: UploadLimit) -> HttpResponseBase:
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    result: dict[str, Any] = {}
    if request.method == "POST":
        if limit.exceeded:
            form.errors.clear()
            form.add_error("file", _TOO_LARGE)
        elif form.is_valid():
            try:
                result = _imported(form.cleaned_data["file"], dry_run=form.cleaned_data["dry_run"])
            except FileRefused as refused:
                form.add_error("file", str(refused))
    return render(
        request,
        "sync_admin/suppression_import.html",
        "Import suppressions",
        form=form,
        columns=COLUMNS[1:],
        reasons=[one for one in Suppression.Reason if one != Suppression.Reason.ERASED],
        largest=LARGEST // 1024 // 1024,
        **result,
    )


def _imported(file: Any, *, dry_run: bool) -> dict[str, Any]:
    """What became of the rows. Raises FileRefused, with nothing recorded, for a file that is no such CSV."""
    refuse_other_kinds(file)
    now = timezone.now()
    refused: list[Refusal] = []

    def note(refusal: Refusal) -> None:
        if len(refused) < SHOWN:
            refused.append(refusal)

    importer = OptOutImporter(on_refused=note, now=now, dry_run=dry_run)
    importer.run(read_opt_outs(file, now=now))
    tally = importer.tally
    more = f"Here are the first {SHOWN} of {tally.refused:,}." if tally.refused > SHOWN else ""
    return {"tally": tally, "sentence": tally.sentence(dry_run=dry_run), "refused": refused, "refused_more": more}
