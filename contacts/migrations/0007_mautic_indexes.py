from django.db import migrations, models

from curation_sdk.migration_operations import AddIndexWhileInUse


class Migration(migrations.Migration):
    atomic = False  # the table may be large and in use

    dependencies = [
        ('contacts', '0006_hubspot_indexes'),
    ]

    operations = [
        # Small: it held nothing but contacts that had been queued for Mautic.
        migrations.RemoveIndex(
            model_name='contact',
            name='contacts_mautic_status',
        ),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(fields=['mautic_sync_status', '-created_at', '-id'], name='contacts_mautic_status'),
        ),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(fields=['mautic_sync_status'], name='contacts_mautic_counts'),
        ),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(condition=models.Q(('mautic_contact_id__isnull', False)), fields=['mautic_contact_id'], name='contacts_mautic_id'),
        ),
    ]
