from django.db import migrations


class Migration(migrations.Migration):
    # Apart from the rows' way out: PostgreSQL changes no table in the transaction that still checks its rows.

    dependencies = [
        ('mautic_sync', '0003_to_opt_outs'),
    ]

    operations = [
        migrations.DeleteModel(
            name='MauticOptOut',
        ),
    ]
