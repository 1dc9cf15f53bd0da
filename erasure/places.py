"""Every table in which somebody may be named, listed by hand: what becomes of it, and what an export shows of it.

A test goes through all tables and fails when a text column is neither here nor among those that hold nobody
(`NOBODY_THERE`): whoever adds a table says here what it keeps of people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db.models import Model, Q
from django_q.models import OrmQ, Schedule, Task

from contacts.models import (
    BasisChange,
    Contact,
    ContactImport,
    ContactImportPart,
    DefaultView,
    Domain,
    Page,
    RefusedRow,
    Suppression,
)
from curation_sdk.models import (
    BulkOperation,
    ChosenContact,
    ConnectionCheck,
    LastWebhook,
    PlatformSettings,
    QueuePause,
    SettingChange,
    SparedContact,
    StatusCounts,
    SyncAttempt,
    SyncRun,
    WorkerHeartbeat,
)
from erasure.models import Deletion, Erasure
from erasure.traces import ERASED, Traces
from n8n_sync.models import Enrichment, EnrichmentEvent
from opt_outs.models import LastTelling, Sweep, ToldOptOut
from reconciliation.models import HeldContact, Reconciliation
from webhooks.models import PlatformEvent, Recheck

#: Stands in place of a text that was about the person as a whole.
GONE = "Erased: it was about a person who asked to be forgotten."


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A table.

    `theirs`: the rows that are about the person; None: there are none. `becomes`: what their columns become; None:
    such rows are deleted. `named`: columns in which anybody may be named. Where the person is, the words are taken
    out; with `whole`, a row that names the person, by more than a number, is taken for theirs. Not so one that says
    in the column `owner` that it is about somebody else: it may be an opt-out that is still to be applied.
    """

    model: type[Model]
    theirs: Callable[[Traces], Q] | None = None
    becomes: Mapping[str, Any] | None = field(default_factory=dict)
    named: tuple[str, ...] = ()
    whole: bool = False
    owner: str = ""

    def takes_whole(self, row: Any, traces: Traces) -> bool:
        """Is a row that names the person to be taken for theirs?"""
        owner = getattr(row, self.owner) if self.owner else None
        if not self.whole or (owner and owner not in (traces.key, *traces.contact_ids)):
            return False
        return any(traces.identified_in(getattr(row, column)) for column in self.named)

    @property
    def label(self) -> str:
        return str(self.model._meta.verbose_name_plural)


def _by_contact(column: str) -> Callable[[Traces], Q]:
    return lambda traces: Q(**{f"{column}__in": traces.contact_ids})


def _operations(traces: Traces) -> Q:
    return Q(pk__in=ChosenContact.objects.filter(contact_id__in=traces.contact_ids).values("operation"))


def _logged(traces: Traces) -> Q:
    kind = ContentType.objects.get_for_model(Contact)
    return Q(content_type=kind, object_id__in=[str(one) for one in traces.contact_ids])


def _by_key(traces: Traces) -> Q:
    return Q(email_key=traces.key) if traces.key else Q(pk__in=[])


#: Besides the person's own contacts and pages, uploaded files and the task queue's results: see `erasure.forgetting`.
PLACES = (
    # Of others: the text around an address on a page often names colleagues.
    Place(
        Contact,
        named=(
            *("name", "phone_number", "context", "source_url", "lawful_basis_source"),
            *("contact_processing_error", "brevo_processing_error", "hubspot_processing_error"),
            *("mautic_processing_error", "n8n_processing_error"),
            *("contact_error_cause", "brevo_error_cause", "hubspot_error_cause", "mautic_error_cause"),
            "n8n_error_cause",
        ),
    ),
    Place(Page, named=("url",)),
    Place(
        SyncAttempt,
        theirs=_by_contact("contact"),
        becomes={"reason": GONE, "cause": "", "message": "", "code": "", "request_id": ""},
        named=("reason", "cause", "code", "message"),
    ),
    Place(
        Enrichment,
        theirs=_by_contact("contact"),
        becomes=None,
        named=(
            *("error", "phone", "street", "city", "state", "zip_code", "country"),
            *("company_name", "company_website", "company_industry", "company_size", "company_description"),
            *("linkedin", "twitter", "facebook", "instagram", "github", "additional_emails", "sources"),
        ),
    ),
    Place(
        EnrichmentEvent,
        theirs=_by_contact("contact_id"),
        becomes={"body": "", "problem": GONE},
        named=("body", "problem"),
        whole=True,
        owner="contact_id",
    ),
    Place(
        ChosenContact,
        theirs=_by_contact("contact_id"),
        becomes={"reason_before": None, "cause_before": None},
        named=("reason_before", "cause_before"),
    ),
    Place(SparedContact, theirs=_by_contact("contact_id")),
    Place(BulkOperation, theirs=_operations, named=("selection", "reason", "problem", "forecast")),
    Place(
        PlatformEvent,
        theirs=_by_key,
        becomes={"body": "{}", "email_key": "", "result": "", "problem": ""},
        named=("body", "result", "problem"),
        whole=True,
        owner="email_key",
    ),
    Place(Recheck, theirs=_by_key, becomes=None),
    Place(HeldContact, theirs=_by_key, becomes=None, named=("details",)),
    Place(Reconciliation, named=("problem",)),
    Place(Sweep, named=("problem",)),
    Place(LastTelling, named=("problem",)),
    Place(SyncRun, named=("reason", "notes")),
    Place(LogEntry, theirs=_logged, becomes={"object_repr": ERASED}, named=("object_repr", "change_message")),
    Place(Suppression, theirs=_by_key, named=("note", "lift_reason")),
    Place(RefusedRow, becomes={"text": "", "reason": GONE}, named=("text", "reason"), whole=True),
    Place(BasisChange, named=("source",)),
    Place(ContactImport, named=("file_name", "problem")),
    Place(DefaultView, named=("query",)),
    Place(QueuePause, named=("reason",)),
    Place(SettingChange, named=("before", "after")),
    Place(ConnectionCheck, named=("result",)),
)

#: Tables besides contacts that know people by `email_key`.
BY_ADDRESS: tuple[type[Model], ...] = (Suppression, PlatformEvent, Recheck, HeldContact)

#: Text columns in which nobody stands, by table: names of ours and of who works here, settings, companies; the data of
#: an erasure, which goes with the platforms' confirmation; and what `erasure.forgetting` sees to by itself.
NOBODY_THERE: Mapping[type[Model], tuple[str, ...]] = {
    BasisChange: ("changed_by",),
    SyncRun: ("platform", "worker", "cancelled_by"),
    SyncAttempt: ("platform",),
    QueuePause: ("platform", "paused_by"),
    WorkerHeartbeat: ("name",),
    BulkOperation: ("platform", "worker", "skipped"),
    PlatformSettings: ("platform", "values"),
    SettingChange: ("platform", "name", "changed_by_name"),
    ConnectionCheck: ("platform", "account", "checked_by_name"),
    LastWebhook: ("platform",),
    StatusCounts: ("platform", "counts"),
    ChosenContact: ("status_before", "processing_before"),
    PlatformEvent: ("platform", "key", "event"),
    Recheck: ("platform",),
    HeldContact: ("remote_id",),
    Reconciliation: ("platform", "asked_by", "against", "cursor", "counts"),
    Sweep: ("platform", "last_id"),
    LastTelling: ("platform",),
    ToldOptOut: ("platform",),
    Domain: ("domain", "company_name"),
    ContactImport: ("worker", "preview"),
    ContactImportPart: ("data",),
    Suppression: ("email_key", "key_hash", "source", "lifted_by"),  # the ledger's own: `suppress_erased`
    Erasure: ("key_hash", "by_name", "why", "contact_ids", "done"),
    Deletion: ("platform", "address", "remote_ids", "reason", "cause", "outcome"),
    LogEntry: ("object_id",),
    Permission: ("name", "codename"),
    Group: ("name",),
    User: ("password", "username", "first_name", "last_name", "email"),
    ContentType: ("app_label", "model"),
    Session: ("session_key", "session_data"),  # who is logged in, and nothing of ours
    Task: ("id", "name", "func", "hook", "group", "cluster"),
    Schedule: ("name", "func", "hook", "args", "kwargs", "cron", "task", "cluster", "intended_date_kwarg"),
    OrmQ: ("key", "payload"),  # names of functions and why a run begins
}
