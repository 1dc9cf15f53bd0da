from django.db import migrations, models

from curation_sdk.migration_operations import AddIndexWhileInUse


class Migration(migrations.Migration):
    atomic = False  # the table may be large and in use

    dependencies = [
        ('contacts', '0004_curation_columns'),
    ]

    operations = [
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(condition=models.Q(('contact_processing_status__in', ('Queued', 'Processing'))), fields=['contact_next_attempt_at', 'id'], name='contacts_curation_due'),
        ),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(fields=['contact_curation_status'], name='contacts_curation_counts'),
        ),
    ]
