"""What the job loop leaves behind: its runs, the attempts worth a look, and who is working."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from curation_sdk.jobs import job_named, label_of


class SyncRun(models.Model):
    """One cycle of a platform's loop that had something to do.

    While it is running the row is also the lock: of the running rows of a platform, no two hold one slot. A
    run whose heartbeat has stopped is declared lost by the next one, which takes its slot.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        STOPPED = "stopped", "Stopped"  # by the platform or by its settings: a person has to act
        LOST = "lost", "Lost"  # its worker died

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", "Schedule"
        ADMIN = "admin", "Admin"
        API = "api", "API"
        COMMAND = "command", "Command"
        SUCCESSOR = "successor", "Previous run"
        HELPER = "helper", "Busy run"  # it had more to do than one claim, and there was a free slot
        RECOVERY = "recovery", "Recovery"  # after a crash, or at a worker's start
        HAND = "hand", "By hand"  # somebody asked for this run

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    platform = models.CharField(max_length=20)
    trigger = models.CharField(max_length=10, choices=Trigger)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    slot = models.PositiveSmallIntegerField(editable=False)
    worker = models.CharField(max_length=255, editable=False)
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    # The platform asked us to wait until then; runs that start earlier do nothing.
    resume_at = models.DateTimeField(null=True, blank=True)
    # Who wants the run to end, by his name, which outlives his account. The run looks at it while it works.
    cancelled_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    synced = models.PositiveIntegerField(default=0)
    warned = models.PositiveIntegerField("of these with a warning", default=0)
    skipped = models.PositiveIntegerField(default=0)
    retried = models.PositiveIntegerField("to be tried again", default=0)
    failed = models.PositiveIntegerField(default=0)
    released = models.PositiveIntegerField("given back unpushed", default=0)
    late = models.PositiveIntegerField("answered too late", default=0)
    waiting = models.PositiveIntegerField("waiting for an answer", default=0)
    reason = models.TextField("why it stopped", blank=True, default="")
    notes = models.TextField(blank=True, default="")

    class Meta:
        db_table = "sync_runs"
        ordering = ["-started_at", "-id"]
        get_latest_by = "started_at"
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "slot"],
                condition=models.Q(state="running"),
                name="sync_runs_one_running_per_slot",
            )
        ]
        indexes = [
            models.Index(fields=["platform", "-started_at"], name="sync_runs_latest"),
            # Does a platform want to be left alone? Asked before each run, and by each page; few rows say so.
            models.Index(
                fields=["platform", "resume_at"],
                name="sync_runs_resume_at",
                condition=models.Q(resume_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{label_of(self.platform)}, {self.started_at:%Y-%m-%d %H:%M}"


class SyncAttempt(models.Model):
    """An attempt that was not a plain success: a retry, a refusal, a skip, a success with a warning.

    Rows are only ever added, and nothing decides anything from them: they are for people.
    """

    class Outcome(models.TextChoices):
        SYNCED = "synced", "Synced, with a warning"
        SKIPPED = "skipped", "Skipped"
        RETRY = "retry", "To be tried again"
        REJECTED = "rejected", "Rejected"
        EXHAUSTED = "exhausted", "Every try failed"
        THROTTLED = "throttled", "Told to slow down"
        STOPPED = "stopped", "Run stopped"
        CRASHED = "crashed", "Our bug"
        LATE = "late", "Answered too late"

    id = models.BigAutoField(primary_key=True)
    contact = models.ForeignKey("contacts.Contact", on_delete=models.CASCADE, related_name="sync_attempts")
    run = models.ForeignKey(SyncRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="attempts")
    platform = models.CharField(max_length=20)
    created_at = models.DateTimeField("when")
    outcome = models.CharField(max_length=10, choices=Outcome)
    reason = models.TextField()
    # As on the contact; "" where nothing is to be put right.
    cause = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)
    http_status = models.PositiveSmallIntegerField("HTTP status", null=True, blank=True)
    code = models.CharField("platform's code", max_length=100, blank=True, default="")
    message = models.TextField("platform's message", blank=True, default="")
    request_id = models.CharField("platform's request id", max_length=100, blank=True, default="")
    duration_ms = models.PositiveIntegerField("milliseconds", null=True, blank=True)

    class Meta:
        db_table = "sync_attempts"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["contact", "-created_at"], name="sync_attempts_of_contact"),
            # The list, newest first; and from its other end what is old enough to go.
            models.Index(fields=["-created_at", "-id"], name="sync_attempts_newest"),
            # The last answer with a cause.
            models.Index(
                fields=["platform", "cause", "-created_at"],
                name="sync_attempts_cause",
                condition=~models.Q(cause=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{label_of(self.platform)}: {self.get_outcome_display()}"


class QueuePause(models.Model):
    """A queue that somebody has paused: contacts can be queued, and no run begins until somebody lifts it."""

    platform = models.CharField(primary_key=True, max_length=20)
    paused_by = models.CharField(max_length=150)  # by name, which outlives the account
    paused_at = models.DateTimeField("since")
    reason = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        db_table = "queue_pauses"

    def __str__(self) -> str:
        return self.platform


class WorkerHeartbeat(models.Model):
    """A `qcluster` process, and when it last said that it lives."""

    name = models.CharField(primary_key=True, max_length=255)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "worker_heartbeats"

    def __str__(self) -> str:
        return self.name


class BulkOperation(models.Model):
    """Something that was asked for many contacts at once, and how far a worker has got with it.

    It goes through the contacts in the order of `created_at` and `id`, chunk by chunk. Each chunk is one
    transaction that also moves the cursor and the counts, so whatever ends it, nothing is lost or done twice.

    One that begins with a preview keeps the contacts that were chosen (ChosenContact), a worker's first work where
    they are many. Until a person confirms it nothing else happens; then exactly those are dealt with.
    """

    class Action(models.TextChoices):
        QUEUE = "queue", "Queue"
        RETRY = "retry", "Retry failed"
        SKIP = "skip", "Skip"
        TAKE_OUT = "take_out", "Take out of the queue"
        UNDO = "undo", "Undo"  # of the one that `undoes` names

    class State(models.TextChoices):
        DRAFT = "draft", "Not confirmed"  # its preview can be looked at
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        CANCELLED = "cancelled", "Stopped"  # by a person
        FAILED = "failed", "Failed"  # `problem` says why

    #: There is still something to do.
    UNFINISHED = (State.WAITING, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    platform = models.CharField(max_length=20)
    action = models.CharField(max_length=10, choices=Action)
    selection = models.JSONField()  # what the job's `select` understands
    reason = models.TextField("reason of a skip", blank=True, default="")
    trigger = models.CharField("asked through", max_length=10, choices=SyncRun.Trigger)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    requested_at = models.DateTimeField("asked for")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # Whoever holds it. A worker that finds another value here has lost it.
    token = models.UUIDField(null=True, blank=True, editable=False)
    worker = models.CharField(max_length=255, blank=True, default="", editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # The last contact that has been dealt with.
    cursor_created_at = models.DateTimeField(null=True, blank=True, editable=False)
    cursor_id = models.UUIDField(null=True, blank=True, editable=False)
    queued = models.PositiveIntegerField(default=0)
    already_queued = models.PositiveIntegerField(default=0)
    skipped = models.JSONField(default=dict)  # label of the rule -> contacts
    spared = models.PositiveIntegerField("left alone", default=0)
    problem = models.TextField(blank=True, default="")
    cursor_row = models.BigIntegerField(null=True, blank=True, editable=False)  # likewise, of those that were kept
    # How many contacts were kept for it; NULL: it looks for them itself, by the selection.
    chosen = models.PositiveIntegerField(null=True, blank=True)
    confirmed = models.BooleanField(default=True)
    forecast = models.JSONField(default=dict)  # what the preview shows: see `curation_sdk.forecast`
    undoes = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="undoings")
    undone = models.PositiveIntegerField("taken back", default=0)
    too_late = models.PositiveIntegerField("too late to take back", default=0)

    class Meta:
        db_table = "bulk_operations"
        ordering = ["-requested_at", "-id"]
        get_latest_by = "requested_at"
        indexes = [
            models.Index(
                fields=["platform", "requested_at", "id"],
                name="bulk_operations_unfinished",
                condition=models.Q(state__in=["waiting", "running"]),
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["undoes"],
                name="bulk_operations_undone_once",
                condition=models.Q(state__in=["waiting", "running", "finished"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.what}, {self.requested_at:%Y-%m-%d %H:%M}"

    @property
    def what(self) -> str:
        """What is to be done, in words: "Queue for Brevo"."""
        job = job_named(self.platform)
        return f"{self.get_action_display()} for {job.name if job else self.platform}"

    @property
    def skipped_count(self) -> int:
        counts: dict[str, Any] = self.skipped
        return sum(counts.values())


class SparedContact(models.Model):
    """A contact about which a person decided something after an operation was asked for that has not reached it yet.

    The later word stands: the operation leaves the contact alone. Gone when the operation ends.
    """

    id = models.BigAutoField(primary_key=True)
    operation = models.ForeignKey(BulkOperation, on_delete=models.CASCADE, related_name="+")
    contact_id = models.UUIDField()  # no foreign key: the contact may be deleted, and this means nothing then

    class Meta:
        db_table = "bulk_operation_spared"
        constraints = [models.UniqueConstraint(fields=["operation", "contact_id"], name="bulk_operation_spared_once")]

    def __str__(self) -> str:
        return str(self.contact_id)


class ChosenContact(models.Model):
    """A contact that is kept for an operation from its preview on; then what it was before the operation queued it."""

    id = models.BigAutoField(primary_key=True)
    operation = models.ForeignKey(BulkOperation, on_delete=models.CASCADE, related_name="+", db_index=False)
    contact_id = models.UUIDField(db_index=True)  # no foreign key: the contact may be deleted, and falls away then
    # A person said something else about it later: neither the operation nor its undoing touches it.
    decided = models.BooleanField(default=False, db_default=False)
    # "": the operation has not queued it.
    status_before = models.CharField(max_length=10, default="", db_default="")
    processing_before = models.CharField(max_length=10, null=True)
    reason_before = models.TextField(null=True)
    cause_before = models.CharField(max_length=200, null=True)

    class Meta:
        db_table = "bulk_operation_chosen"
        constraints = [models.UniqueConstraint(fields=["operation", "contact_id"], name="bulk_operation_chosen_once")]
        indexes = [
            # Through them in parts, in the order in which they were kept.
            models.Index(fields=["operation", "id"], name="bulk_operation_chosen_parts"),
            models.Index(fields=["operation"], name="bulk_operation_chosen_decided", condition=models.Q(decided=True)),
        ]

    def __str__(self) -> str:
        return str(self.contact_id)


class PlatformSettings(models.Model):
    """Settings of a platform that people changed in the admin. They win over the environment's.

    values: by the setting's name. What is not there is the environment's. Never a secret.
    """

    platform = models.CharField(primary_key=True, max_length=20)
    values = models.JSONField(default=dict)

    class Meta:
        db_table = "platform_settings"
        verbose_name_plural = "platform settings"

    def __str__(self) -> str:
        return self.platform


class SettingChange(models.Model):
    """One change of a setting in the admin. Rows are only ever added.

    before, after: None for "as the environment says". changed_by_name stays when the user is deleted.
    """

    id = models.BigAutoField(primary_key=True)
    platform = models.CharField(max_length=20)
    name = models.CharField("setting", max_length=100)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    changed_at = models.DateTimeField("when")
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    changed_by_name = models.CharField("who", max_length=150, blank=True, default="")

    class Meta:
        db_table = "setting_changes"
        ordering = ["-id"]
        indexes = [models.Index(fields=["platform", "-id"], name="setting_changes_latest")]

    def __str__(self) -> str:
        return f"{self.name}, {self.changed_at:%Y-%m-%d %H:%M}"


class ConnectionCheck(models.Model):
    """What the last look at a platform's account found, so that reading it costs no call.

    begun_at: a check is under way since then. account: what the platform's own code keeps of the account. It stays
    when a later check cannot ask.
    """

    platform = models.CharField(primary_key=True, max_length=20)
    begun_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    checked_by_name = models.CharField(max_length=150, blank=True, default="")
    result = models.JSONField(default=dict)
    account = models.JSONField(null=True, editable=False)

    class Meta:
        db_table = "connection_checks"

    def __str__(self) -> str:
        return self.platform


class LastWebhook(models.Model):
    """When a platform's webhook last brought something that was its own."""

    platform = models.CharField(primary_key=True, max_length=20)
    received_at = models.DateTimeField()

    class Meta:
        db_table = "last_webhooks"

    def __str__(self) -> str:
        return self.platform


class StatusCounts(models.Model):
    """How many contacts of a large table were in each sync status of a platform, a while ago.

    For a page that would else wait for a count, and whose script asks for fresh numbers at once.
    """

    platform = models.CharField(primary_key=True, max_length=20)
    counts = models.JSONField()  # SyncStatus value -> contacts
    counted_at = models.DateTimeField()

    class Meta:
        db_table = "status_counts"
        verbose_name_plural = "status counts"

    def __str__(self) -> str:
        return self.platform
