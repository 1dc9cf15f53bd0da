from django.db import migrations, models

from curation_sdk.migration_operations import AddIndexWhileInUse


class Migration(migrations.Migration):
    atomic = False  # the table may be large and in use

    dependencies = [
        ('contacts', '0007_mautic_indexes'),
    ]

    operations = [
        # So far it held no New contacts, which are all of them as long as a platform is not in use.
        migrations.RemoveIndex(model_name='contact', name='contacts_n8n_status'),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(fields=['n8n_sync_status', '-created_at', '-id'], name='contacts_n8n_status'),
        ),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(fields=['n8n_sync_status'], name='contacts_n8n_counts'),
        ),
    ]
