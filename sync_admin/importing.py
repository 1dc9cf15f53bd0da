"""Contacts from a CSV file, in the browser: upload, preview, confirm, progress, what was refused."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePath
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from contacts.importing import work
from contacts.importing.check import Kind
from contacts.importing.columns import COLUMNS
from contacts.importing.forgetting import kept_for
from contacts.importing.problems import FileRefused
from contacts.importing.refused import refused_rows
from contacts.importing.upload import LARGEST, TOO_LARGE, receive
from contacts.models import ContactImport, RefusedRow
from contacts.permissions import CURATE
from contacts.tasks import start_soon
from curation_sdk.wording import count_of
from curation_sdk.workers import worker_alive
from sync_admin.pages import page, render
from sync_admin.upload_limit import UploadLimit

#: Importing brings contacts in, and decides which are worth it.
PERMISSIONS = (CURATE, "contacts.add_contact")

#: Refused rows on the page; the file has all of them.
SHOWN = 100

#: Imports in the history.
LATEST = 20

State = ContactImport.State

#: In the order in which the preview shows them: what a person may want to look at first.
_KINDS = {Kind.NEW_FOR_ADDRESS: "New row for a known address", Kind.THERE: "There already", Kind.NEW: "New"}

_NO_WORKER = 'No worker is running, so the file waits. "manage.py qcluster" starts one.'


class UploadForm(forms.Form):
    """One file."""

    file = forms.FileField(
        label="CSV file",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv", "aria-describedby": "file-help"}),
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
    )


@csrf_exempt
def import_contacts(request: HttpRequest) -> HttpResponseBase:
    """The page with the form. It limits what is read, then checks the token as every form does.

    The limit has to be there before anything reads the form; so the check of the middleware, which reads it, is left
    out, and that of the admin's `admin_view` counts.
    """
    limit = UploadLimit(request, largest=LARGEST)
    request.upload_handlers.insert(0, limit)
    answer: HttpResponseBase = _import_contacts(request, limit)
    return answer


@page(*PERMISSIONS)
def _import_contacts(request: HttpRequest, limit: UploadLimit) -> HttpResponseBase:
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if request.method == "POST":
        upload = _receive(request, form, limit)
        if upload is not None:
            if not work.check_at_once(upload):
                start_soon()
            return redirect("sync-import-detail", upload.pk)
    return render(
        request,
        "sync_admin/import.html",
        "Import",
        form=form,
        columns=COLUMNS,
        largest=LARGEST // 1024 // 1024,
        kept_for=kept_for(),
        imports=[
            {"import": upload, "badge": _badge(upload), "label": _label(upload), "text": _outcome(upload)}
            for upload in ContactImport.objects.select_related("uploaded_by").defer("preview")[:LATEST]
        ],
    )


def _receive(request: HttpRequest, form: UploadForm, limit: UploadLimit) -> ContactImport | None:
    """Keep the file; None when it cannot be imported, and the form says why."""
    if limit.exceeded:
        form.errors.clear()
        form.add_error("file", TOO_LARGE)
    elif form.is_valid():
        file = form.cleaned_data["file"]
        try:
            return receive(file, name=file.name, size=file.size, user=request.user, now=timezone.now())
        except FileRefused as refused:
            form.add_error("file", str(refused))
    return None


@page(*PERMISSIONS)
def import_detail(request: HttpRequest, upload_id: UUID) -> HttpResponseBase:
    """How one import stands: being checked, its preview, its progress, its result."""
    upload = get_object_or_404(ContactImport.objects.select_related("uploaded_by", "confirmed_by"), pk=upload_id)
    refused = list(RefusedRow.objects.filter(contact_import=upload)[:SHOWN])
    refused_count = max(upload.wrong, upload.refused)
    wanted = upload.new + upload.new_for_address
    return render(
        request,
        "sync_admin/import_detail.html",
        f"Import of {upload.file_name}",
        upload=upload,
        badge=_badge(upload),
        progress=progress(upload, now=timezone.now()),
        live=upload.state in (*ContactImport.WAITING, *ContactImport.RUNNING),
        waits_for_person=upload.state == State.CHECKED,
        can_cancel=upload.state in ContactImport.UNFINISHED,
        ended=upload.state not in ContactImport.UNFINISHED,
        checked=upload.checked_at is not None,
        found=found(upload),
        wanted=count_of(wanted, "row") if wanted else "",
        rows=[_preview_row(row) for row in sorted(upload.preview, key=_place)],
        refused=refused,
        refused_more=f"Here are the first {SHOWN} of {refused_count:,}." if refused_count > SHOWN else "",
        kept_for=kept_for(),
    )


@page(*PERMISSIONS)
def import_state(request: HttpRequest, upload_id: UUID) -> HttpResponseBase:
    """The same in JSON, for the page to follow."""
    upload = get_object_or_404(ContactImport.objects.defer("preview"), pk=upload_id)
    return JsonResponse(progress(upload, now=timezone.now()))


@require_POST
@page(*PERMISSIONS)
def import_confirm(request: HttpRequest, upload_id: UUID) -> HttpResponseBase:
    """Have a checked file imported."""
    upload = get_object_or_404(ContactImport, pk=upload_id)
    if _nothing_to_import(upload):
        messages.warning(request, "There is nothing to import: no row is new.")
    elif work.confirm(upload, user=request.user, now=timezone.now()):
        start_soon()
    else:
        messages.warning(request, "Nothing was changed: this import is not one that waits to be confirmed.")
    return redirect("sync-import-detail", upload.pk)


@require_POST
@page(*PERMISSIONS)
def import_cancel(request: HttpRequest, upload_id: UUID) -> HttpResponseBase:
    """Stop it, and delete the file."""
    upload = get_object_or_404(ContactImport, pk=upload_id)
    if work.cancel(upload, now=timezone.now()):
        messages.success(request, "The import was cancelled and its file deleted. What had been imported stays.")
    else:
        messages.warning(request, "Nothing was changed: this import had ended already.")
    return redirect("sync-import-detail", upload.pk)


@page(*PERMISSIONS)
def import_refused(request: HttpRequest, upload_id: UUID) -> HttpResponseBase:
    """The refused rows as a CSV file."""
    upload = get_object_or_404(ContactImport, pk=upload_id)
    name = f"refused-{PurePath(upload.file_name).stem}.csv"
    disposition = content_disposition_header(True, name) or "attachment"
    return StreamingHttpResponse(
        refused_rows(upload), content_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition}
    )


def progress(upload: ContactImport, *, now: datetime) -> dict[str, Any]:
    """How far it is, ready for JSON."""
    waiting = upload.state in ContactImport.WAITING
    share = 100 * upload.cursor // max(upload.lines, 1) if upload.state in ContactImport.RUNNING else 0
    return {
        "state": upload.state,
        "label": _label(upload),
        "percent": min(share, 100),
        "text": _outcome(upload),
        "problem": _NO_WORKER if waiting and not worker_alive(now=now) else upload.problem,
    }


def _outcome(upload: ContactImport) -> str:
    """In a sentence what has been found or done so far."""
    if upload.state == State.UPLOADED and not upload.cursor:
        return "The check begins as soon as a worker is free."
    if upload.state in (State.UPLOADED, State.CHECKING):
        return f"Checked as far as line {upload.cursor:,} of {upload.lines:,}."
    if _nothing_to_import(upload):
        return "There is nothing to import: no row is new."
    if upload.state == State.CHECKED:
        return f"{count_of(upload.new + upload.new_for_address, 'row')} can be imported. Nothing is imported yet."
    if upload.state == State.CONFIRMED and not upload.cursor:
        return "The import begins as soon as a worker is free."
    if upload.state in (State.CONFIRMED, State.IMPORTING):
        return f"Line {upload.cursor:,} of {upload.lines:,}: {work.sentence(upload)}"
    if upload.state != State.DONE and not upload.confirmed_at:
        return "Nothing was imported."
    return work.sentence(upload)


def _place(row: dict[str, Any]) -> tuple[int, int]:
    """Kind by kind, and within each in the order of the file."""
    return list(_KINDS).index(Kind(row["kind"])), row["line"]


def _preview_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the preview in words."""
    return {
        **row,
        "label": _KINDS[Kind(row["kind"])],
        "differs": f"{count_of(len(row['changes']), 'column')} {'differs' if len(row['changes']) == 1 else 'differ'}:",
    }


def found(upload: ContactImport) -> list[dict[str, str]]:
    """What the check has found, kind by kind."""
    return [
        {"name": "New", "count": f"{upload.new:,}", "help": "Nobody has the address yet, or the row has none."},
        {
            "name": "New rows for a known address",
            "count": f"{upload.new_for_address:,}",
            "help": "Each becomes a contact of its own; what is there stays as it is. "
            "Platforms get rows with one address as one person, the latest values first.",
        },
        {
            "name": "There already",
            "count": f"{upload.there:,}",
            "help": "The same row was imported before, or stands twice in the file. It is left as it is.",
        },
        {
            "name": "Refused",
            "count": f"{upload.wrong:,}",
            "help": "Something is wrong with the row. It is not imported.",
        },
    ]


def _nothing_to_import(upload: ContactImport) -> bool:
    """Was it checked, and no row found that an import would add?"""
    return upload.state == State.CHECKED and not upload.new + upload.new_for_address


def _label(upload: ContactImport) -> str:
    """The state in words."""
    return "Nothing to import" if _nothing_to_import(upload) else upload.get_state_display()


def _badge(upload: ContactImport) -> str:
    """The badge of the state, in the colours that the admin has for others."""
    if _nothing_to_import(upload):
        return "skipped"
    if upload.state == State.DONE:
        return "complete"
    if upload.state == State.FAILED:
        return "error"
    if upload.state == State.CANCELLED:
        return "skipped"
    return "processing" if upload.state in ContactImport.RUNNING else "queued"
