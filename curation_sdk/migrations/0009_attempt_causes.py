from django.db import migrations, models

from curation_sdk.causes import cause_of

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
        ('curation_sdk', '0008_connection'),
    ]

    operations = [
        migrations.AddField(
            model_name='syncattempt',
            name='cause',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=200),
        ),
        migrations.RunPython(name_causes, migrations.RunPython.noop, elidable=True),
    ]
