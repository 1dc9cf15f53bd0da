from django.db import migrations, models

from curation_sdk.migration_operations import AddIndexWhileInUse


class Migration(migrations.Migration):
    atomic = False  # the table may be large and in use

    dependencies = [
        ('contacts', '0005_curation_indexes'),
    ]

    operations = [
        # The list by HubSpot's status, and the counts: as for Brevo, now that HubSpot is in use.
        migrations.RemoveIndex(model_name='contact', name='contacts_hubspot_status'),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(fields=['hubspot_sync_status', '-created_at', '-id'], name='contacts_hubspot_status'),
        ),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(fields=['hubspot_sync_status'], name='contacts_hubspot_counts'),
        ),
    ]
