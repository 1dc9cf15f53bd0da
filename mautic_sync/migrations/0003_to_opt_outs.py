"""What Mautic was told is kept with what the other platforms were told."""

from django.db import migrations

AT_ONCE = 1_000


def _copy(apps, source, target, values):
    """All rows of one table into another, in parts."""
    rows = source.objects.order_by("pk")
    last = 0
    while part := list(rows.filter(pk__gt=last)[:AT_ONCE]):
        target.objects.bulk_create([target(**values(row)) for row in part], ignore_conflicts=True)
        last = part[-1].pk


def move(apps, schema_editor):
    _copy(
        apps,
        apps.get_model("mautic_sync", "MauticOptOut"),
        apps.get_model("opt_outs", "ToldOptOut"),
        lambda row: {
            "platform": "mautic",
            "suppression_id": row.suppression_id,
            "told_at": row.told_at,
            "tried_at": row.tried_at,
        },
    )


def move_back(apps, schema_editor):
    told = apps.get_model("opt_outs", "ToldOptOut")
    old = apps.get_model("mautic_sync", "MauticOptOut")
    for row in told.objects.filter(platform="mautic").iterator(chunk_size=AT_ONCE):
        values = {"told_at": row.told_at, "tried_at": row.tried_at}
        old.objects.get_or_create(suppression_id=row.suppression_id, defaults=values)
    told.objects.filter(platform="mautic").delete()


class Migration(migrations.Migration):

    dependencies = [
        ('mautic_sync', '0002_tried_at'),
        ('opt_outs', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(move, move_back),
    ]
