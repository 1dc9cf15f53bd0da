"""Suppressions become a ledger: one row for each reason and source, lifted by a person, hashes of erased people."""

from __future__ import annotations

from typing import Any

import django.db.models.functions.datetime
from django.db import migrations, models


def keep_the_date(apps: Any, schema_editor: Any) -> None:
    """Those that are there were recorded when they began, not now."""
    apps.get_model("contacts", "Suppression").objects.update(recorded_at=models.F("since"))


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0015_default_views'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='suppression',
            options={'ordering': ['-since', 'email_key'], 'permissions': [('lift_suppression', 'Can lift suppressions')]},
        ),
        migrations.AddField(
            model_name='suppression',
            name='key_hash',
            field=models.CharField(blank=True, db_default='', default='', max_length=80, verbose_name='hash of the e-mail'),
        ),
        migrations.AddField(
            model_name='suppression',
            name='lift_reason',
            field=models.TextField(blank=True, db_default='', default='', editable=False, verbose_name='why it was lifted'),
        ),
        migrations.AddField(
            model_name='suppression',
            name='lifted_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='lifted'),
        ),
        migrations.AddField(
            model_name='suppression',
            name='lifted_by',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=150),
        ),
        migrations.AddField(
            model_name='suppression',
            name='recorded_at',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='recorded'),
        ),
        migrations.RunPython(keep_the_date, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='suppression',
            name='email_key',
            field=models.CharField(blank=True, db_default='', default='', help_text='Kept without spaces around it and in lower case.', max_length=320, verbose_name='e-mail'),
        ),
        migrations.AlterField(
            model_name='suppression',
            name='note',
            field=models.TextField(blank=True, db_default='', default='', verbose_name='evidence'),
        ),
        migrations.AlterField(
            model_name='suppression',
            name='reason',
            field=models.CharField(choices=[('unsubscribed', 'Unsubscribed'), ('hard_bounce', 'Hard bounce'), ('complaint', 'Spam complaint'), ('blocked', 'Blocked on a platform'), ('request', 'Asked not to be contacted'), ('manual', 'Our decision'), ('erased', 'Asked to be forgotten')], db_default='manual', default='manual', max_length=20),
        ),
        migrations.AddIndex(
            model_name='suppression',
            index=models.Index(condition=models.Q(('key_hash__gt', '')), fields=['key_hash'], name='suppressions_erased'),
        ),
        migrations.AddIndex(
            model_name='suppression',
            index=models.Index(condition=models.Q(('lifted_at__isnull', False)), fields=['email_key', 'lifted_at'], name='suppressions_lifted'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True)), fields=('email_key', 'key_hash', 'reason', 'source'), name='suppressions_once_in_force'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.CheckConstraint(condition=models.Q(('email_key', ''), ('key_hash', ''), _connector='XOR'), name='suppressions_address_or_hash'),
        ),
    ]
