from django.db import migrations, models

from curation_sdk.causes import cause_of
from curation_sdk.migration_operations import AddIndexWhileInUse

#: Attempts that are read and written at once.
CHUNK = 1_000

#: What has a cause: not a success with a warning, and not an answer that came too late.
FAILED = ("skipped", "retry", "rejected", "exhausted", "throttled", "stopped", "crashed")


def name_causes(apps, schema_editor):
    """Give the attempts that are there already the cause that they would get today."""
    SyncAttempt = apps.get_model("curation_sdk", "SyncAttempt")
    last = 0
    while True:
        unnamed = SyncAttempt.objects.filter(pk__gt=last, cause="", outcome__in=FAILED).order_by("pk")
        chunk = list(unnamed.only("reason", "message")[:CHUNK])
        if not chunk:
            return
        keys = {}
        for attempt in chunk:
            keys.setdefault(cause_of(attempt.reason, attempt.message), []).append(attempt.pk)
        for cause, same in keys.items():
            SyncAttempt.objects.filter(pk__in=same).update(cause=cause)
        last = chunk[-1].pk


class Migration(migrations.Migration):
    atomic = False  # the table may be large and in use

    dependencies = [
        ('curation_sdk', '0009_attempt_causes'),
    ]

    operations = [
        migrations.RunPython(name_causes, migrations.RunPython.noop, elidable=True),
        AddIndexWhileInUse(
            model_name='syncattempt',
            index=models.Index(condition=models.Q(('cause', ''), _negated=True), fields=['platform', 'cause', '-created_at'], name='sync_attempts_cause'),
        ),
    ]
