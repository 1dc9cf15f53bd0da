"""The connection pages: is a platform's account ready for us, which list and which fields are used, and a trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from contacts.models import Contact
from contacts.permissions import SET_UP, VIEW
from curation_sdk import platform_settings, setting_changes
from curation_sdk.connection import Connection
from curation_sdk.connection_check import check, looked_at
from curation_sdk.models import ConnectionCheck, SettingChange
from curation_sdk.setting_changes import as_written
from curation_sdk.wording import count_of
from scrapersky.platforms import CONNECTIONS, comparison_named, connection_named
from sync_admin import opt_outs
from sync_admin import trial as trials
from sync_admin.connection_form import CHOICE, Entered, field_name, read
from sync_admin.pages import page, render
from sync_admin.trial import Trial

#: Lists or segments that a platform's answer holds at most. With so many there may be more, so a number is asked for.
MOST_CHOICES = 50


@page(VIEW)
def connections(request: HttpRequest) -> HttpResponseBase:
    """All platforms, and what the last look at each found."""
    looks = ConnectionCheck.objects.in_bulk()
    rows = [
        {
            "platform": one.job.platform,
            "label": one.job.label,
            "off": one.job.off_reason(),
            "check": (look := looks.get(one.job.platform)),
            "todo": _todo(look),
        }
        for one in CONNECTIONS
    ]
    return render(request, "sync_admin/connections.html", "Connections", rows=rows)


@page(VIEW)
def connection(request: HttpRequest, platform: str) -> HttpResponseBase:
    """One platform. A look at it asks nobody."""
    return _page(request, _connection_or_404(platform))


@require_POST
@page(VIEW, SET_UP)
def check_connection(request: HttpRequest, platform: str) -> HttpResponseBase:
    """Ask the account now; with `create` in the form, make the fields that are missing."""
    one = _connection_or_404(platform)
    create = "create" in request.POST
    if off := one.job.off_reason():
        messages.error(request, off)
    elif not check(one, create=create, who=str(request.user), now=timezone.now()):
        messages.warning(request, f"Somebody is checking {one.job.label} at this moment. Look again in some seconds.")
    else:
        todo = _todo(ConnectionCheck.objects.filter(pk=platform).first())
        say = messages.warning if todo else messages.success
        say(request, f"Checked {one.job.label}: {todo or 'all is well'}.")
    return redirect("sync-connection", platform)


@require_POST
@page(VIEW, SET_UP)
def change_connection(request: HttpRequest, platform: str) -> HttpResponseBase:
    """Save what was entered, go back to the environment's value of one setting, or try it on a contact unsaved."""
    one = _connection_or_404(platform)
    chosen = platform_settings.chosen(platform)
    wish = request.POST.get("do", "try")
    if wish.startswith("environment:"):
        name = wish.partition(":")[2]
        if name not in one.changeable:
            raise Http404(f"{name} cannot be changed here.")
        return _saved(request, one, {name: setting_changes.FROM_ENVIRONMENT})
    entered = read(one, request.POST, one.in_force(chosen))
    if entered.faults:
        messages.error(request, "Nothing was saved. Correct what is marked below.")
        return _page(request, one, entered=entered, email=request.POST.get("email", ""))
    if wish == "save":
        return _saved(request, one, entered.differing(one, one.in_force(chosen)))
    if not request.user.has_perm(one.job.permission):
        raise PermissionDenied
    tried = trials.trial(one, request.POST.get("email", ""), {**chosen, **entered.values})
    return _page(request, one, entered=entered, email=tried.email, tried=tried)


@require_POST
@page(VIEW, SET_UP)
def push_trial(request: HttpRequest, platform: str) -> HttpResponseBase:
    """Push the contact whose request was shown, and no other request."""
    one = _connection_or_404(platform)
    if not request.user.has_perm(one.job.permission):
        raise PermissionDenied
    tried = trials.trial(one, request.POST.get("email", ""), platform_settings.chosen(platform))
    if off := one.job.off_reason():
        messages.error(request, off)
    elif tried.problem or tried.digest != request.POST.get("digest"):
        messages.error(
            request, tried.problem or "Nothing was sent: the request would be another one by now. See below."
        )
        return _page(request, one, email=tried.email, tried=tried)
    else:
        messages.info(request, trials.push(one.job, tried))
    contact = f"?contact={tried.rows[0]}#try" if tried.rows else ""
    return redirect(reverse("sync-connection", args=[platform]) + contact)


def _saved(request: HttpRequest, one: Connection, wanted: Mapping[str, Any]) -> HttpResponseBase:
    seen = request.POST.get("seen", "")
    number = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 19 else 0
    platform, label = one.job.platform, one.job.label
    if not wanted:
        messages.info(request, "Nothing was changed.")
    elif setting_changes.change(platform, wanted, seen=number, user=request.user, now=timezone.now()):
        messages.success(request, f"Saved. {label}'s next run goes by it.")
    else:
        messages.error(request, "Nothing was saved: somebody else has changed the settings meanwhile. See below.")
    return redirect("sync-connection", platform)


# --- what the page shows ------------------------------------------------------------------------------------------


def _page(
    request: HttpRequest,
    one: Connection,
    *,
    entered: Entered | None = None,
    email: str = "",
    tried: Trial | None = None,
) -> HttpResponseBase:
    job = one.job
    chosen = platform_settings.chosen(job.platform)
    in_force = one.in_force(chosen)
    look = ConnectionCheck.objects.filter(pk=job.platform).first()
    result = look.result if look else {}
    fresh = bool(result) and result["settings"] == looked_at(one, chosen)
    changes = setting_changes.history(job.platform)
    contact = tried.contact if tried else _contact(request)
    return render(
        request,
        "sync_admin/connection.html",
        f"{job.label}: connection",
        job=job,
        off=job.off_reason(),
        comparable=comparison_named(job.platform) is not None,
        address=_address(one, request),
        secrets=[{"setting": name, "is_set": bool(getattr(settings, name))} for name in one.secrets],
        webhook=one.webhook(),
        opt_outs=opt_outs.shown(job),
        look=look,
        result=result,
        fresh=fresh,
        todo=_todo(look),
        can_make=sum(finding["can_make"] for finding in result.get("findings", ())) if fresh else 0,
        general=[finding for finding in result.get("findings", ()) if not finding["about"]],
        choice=_choice(one, entered, in_force, chosen, result),
        mapping=_mapping(one, entered, in_force, chosen, result if fresh else {}),
        form_fault=entered.faults.get("", "") if entered else "",
        changes=[_change(change) for change in changes],
        seen=setting_changes.latest_change(job.platform) if not entered else request.POST.get("seen", ""),
        email=email or (contact.email if contact else ""),
        tried=tried,
        unsaved=bool(entered and entered.differing(one, in_force)),
        contact=contact,
        sync_status=getattr(contact, job.sync_status) if contact else "",
        processing_error=getattr(contact, job.processing_error) if contact else "",
        remote_id=getattr(contact, job.contact_id) if contact else "",
        attempt=trials.last_attempt(job, contact) if contact and not tried else None,
        may_set_up=request.user.has_perm(SET_UP),
        may_try=request.user.has_perms([SET_UP, job.permission]),
    )


def _address(one: Connection, request: HttpRequest) -> dict[str, Any]:
    """The platform's address. Not one that is none: it may hold a log-in, or be a key in the wrong place."""
    text = getattr(settings, one.address)
    hidden = False
    if text and not platform_settings.is_base_url(text):
        text = "set, and no address that can be used"
    elif text and one.job.address_is_secret and not request.user.has_perm(SET_UP):
        text, hidden = platform_settings.without_path(text), True
    return {"setting": one.address, "value": text, "hidden": hidden}


def _choice(
    one: Connection,
    entered: Entered | None,
    in_force: Mapping[str, Any],
    chosen: Mapping[str, Any],
    result: Mapping[str, Any],
) -> dict[str, Any] | None:
    """The list or segment: the number, and those to choose from where the account has told all of them."""
    if not (choice := one.choice):
        return None
    value = (entered.values if entered else in_force)[choice.setting]
    known = result.get("choices")
    options = known if known is not None and len(known) < MOST_CHOICES else None
    if options is not None and value and value not in [number for number, _ in options]:
        options = [*options, [value, "not in the account when it was last asked"]]
    return {
        "name": CHOICE,
        "setting": choice.setting,
        "noun": choice.noun,
        "value": value,
        "options": options,
        "fault": entered.faults.get(CHOICE, "") if entered else "",
        "origin": _origin(one, choice.setting, chosen),
    }


def _mapping(
    one: Connection,
    entered: Entered | None,
    in_force: Mapping[str, Any],
    chosen: Mapping[str, Any],
    result: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Each field of ours: its name in the account, and how it stands there."""
    if not (mapping := one.mapping):
        return None
    checked = mapping.names(in_force[mapping.setting])
    names = mapping.names(entered.values[mapping.setting]) if entered else checked
    findings = {finding["about"]: finding for finding in result.get("findings", ())}
    rows = [
        {
            "ours": ours,
            "kind": kind,
            "name": field_name(ours),
            "value": names.get(ours, ""),
            # A name that is typed and not saved yet is none that the account was asked about.
            "finding": findings.get(ours) if names.get(ours) == checked.get(ours) else None,
            "fault": entered.faults.get(field_name(ours), "") if entered else "",
        }
        for ours, kind in mapping.fields.items()
    ]
    return {
        "setting": mapping.setting,
        "noun": mapping.noun,
        "plural": mapping.plural,
        "rows": rows,
        "origin": _origin(one, mapping.setting, chosen),
    }


def _origin(one: Connection, name: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Where the setting's value comes from, and what the environment says."""
    here = name in chosen
    return {
        "here": here,
        "change": setting_changes.origin(one.job.platform, name) if here else None,
        "environment": as_written(getattr(settings, name)),
    }


def _change(change: SettingChange) -> dict[str, Any]:
    return {
        "when": change.changed_at,
        "who": change.changed_by_name,
        "name": change.name,
        "before": _shown(change.before),
        "after": _shown(change.after),
    }


def _shown(value: Any) -> str:
    return "as the environment says" if value is None else as_written(value) or "none"


def _todo(look: ConnectionCheck | None) -> str:
    """What the last look left to do, for people; "" when all is well, or nobody has looked."""
    if look is None or not look.result:
        return ""
    if look.result["failed"]:
        return "it could not be asked"
    wrong = sum(not finding["ok"] for finding in look.result["findings"])
    return f"{count_of(wrong, 'thing')} to do" if wrong else ""


def _contact(request: HttpRequest) -> Contact | None:
    """The contact that has just been tried."""
    try:
        key = UUID(request.GET.get("contact", ""))
    except ValueError:
        return None
    return Contact.objects.filter(pk=key).first()


def _connection_or_404(platform: str) -> Connection:
    if one := connection_named(platform):
        return one
    raise Http404(f"There is no platform named {platform}.")
