"""The pages under /admin/sync/privacy/: erase people, see certificates, hand out what is held about a person."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from contacts.models import Contact
from contacts.permissions import VIEW
from curation_sdk.models import SyncRun
from curation_sdk.tasks import start_soon
from curation_sdk.wording import count_of
from erasure.admin_actions import MOST
from erasure.certificate import certificate as certified
from erasure.certificate import sentence
from erasure.erasing import NobodyFound, NotErased, Who, erase_person, look, person_named, whose
from erasure.exporting import export_person
from erasure.job import ERASE, ERASURE, EXPORT, SEE
from erasure.models import Erasure
from sync_admin.pages import page, render

#: Erasures on the page.
LATEST = 100

#: What has to be typed.
WORD = "ERASE"


@page(SEE)
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """The latest erasures, and a field for an address that may be in no row of ours."""
    erasures = Erasure.objects.prefetch_related("deletions")[:LATEST]
    rows = [{"shown": (shown := certified(one)), "sentence": sentence(shown)} for one in erasures]
    return render(request, "erasure/privacy.html", "Privacy", erasures=rows, most=LATEST)


@page(VIEW, ERASE)
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest) -> HttpResponse:
    """Show what would go; erase once a person has typed the word and said why."""
    given = request.POST if request.method == "POST" else request.GET
    try:
        # An address is never taken from the page's own address, which is logged.
        people = _people(given.getlist("contact"), request.POST.get("address", ""))
    except NobodyFound as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("privacy" if request.user.has_perm(SEE) else "admin:index"))
    why, typed = request.POST.get("why", "").strip(), request.POST.get("typed", "").strip()
    problem = ""
    if "typed" in request.POST:
        if not why:
            problem = "Say why: it stands in the certificate."
        elif typed != WORD:
            problem = f"Type {WORD} in capital letters to confirm."
        elif request.POST.getlist("seen") != [_seen(who) for who in people]:
            problem = "A contact has another address by now. See below who would be erased, and confirm once more."
        else:
            return _erase(request, people, why)
    looks = [(who, look(who), _seen(who)) for who in people]
    title = f"Erase {count_of(len(people), 'person', 'people')}"
    context = {"looks": looks, "contacts": given.getlist("contact"), "address": request.POST.get("address", "")}
    return render(request, "erasure/erase.html", title, **context, why=why, problem=problem, word=WORD)


def _seen(who: Who) -> str:
    """What the page sends back of each person: nobody is erased whom it did not show."""
    return who.key or str(who.contact_id)


def _erase(request: HttpRequest, people: list[Who], why: str) -> HttpResponse:
    user: Any = request.user
    erasures = []
    for who in people:
        try:
            erasures.append(erase_person(who, by=user.get_username(), why=why, now=timezone.now()))
        except NotErased as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("privacy" if user.has_perm(SEE) else "admin:index"))
        LogEntry.objects.log_actions(user.pk, erasures[-1:], ADDITION, "Erased a person.", single_object=True)
    start_soon(ERASURE, SyncRun.Trigger.ADMIN)
    count = count_of(len(people), "person", "people")
    messages.success(request, f"Erased here: {count}. The platforms are being asked.")
    if len(erasures) == 1 and user.has_perm(SEE):
        return HttpResponseRedirect(reverse("privacy-certificate", args=[erasures[0].pk]))
    return HttpResponseRedirect(reverse("privacy" if user.has_perm(SEE) else "admin:contacts_contact_changelist"))


@page(SEE)
@require_safe
def certificate(request: HttpRequest, number: int) -> HttpResponse:
    """The certificate as a page, to print."""
    shown = certified(get_object_or_404(Erasure, pk=number))
    return render(
        request, "erasure/certificate.html", f"Certificate of erasure {number}", shown=shown, sentence=sentence(shown)
    )


@page(SEE)
@require_safe
def certificate_json(request: HttpRequest, number: int) -> HttpResponse:
    """The certificate as JSON."""
    shown = certified(get_object_or_404(Erasure, pk=number))
    return _file(shown, f"erasure-{number}.json")


@page(VIEW, EXPORT)
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """Everything that is held about a person, as a JSON file. Who fetched it stands in the contact's history."""
    try:
        (who,) = _people(request.POST.getlist("contact")[:1], request.POST.get("address", ""))
    except NobodyFound as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("privacy" if request.user.has_perm(SEE) else "admin:index"))
    now = timezone.now()
    held = export_person(who, now=now)
    user: Any = request.user
    LogEntry.objects.log_actions(user.pk, who.rows, CHANGE, "Exported everything that is held about the person.")
    return _file(held, f"person-{now:%Y-%m-%d-%H%M}.json")


def _people(ids: list[str], address: str) -> list[Who]:
    """Whom the ids and the address name, each once. Raises NobodyFound when they name nobody, or too many."""
    if address.strip():
        return [person_named(address)]
    if not ids or len(ids) > MOST:
        raise NobodyFound(f"Choose between 1 and {MOST} contacts, or give an address.")
    try:
        contacts = list(Contact.objects.filter(pk__in=ids).order_by("created_at", "pk"))
    except (ValidationError, ValueError):
        contacts = []
    if not contacts:
        raise NobodyFound("There is no such contact.")
    people = {who.key or who.contact_id: who for who in map(whose, contacts)}
    return list(people.values())


def _file(body: dict[str, Any], name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return JsonResponse(body, json_dumps_params={"indent": 2, "ensure_ascii": False}, headers=headers)
