from django.db import migrations, models

from curation_sdk.migration_operations import AddIndexWhileInUse


class Migration(migrations.Migration):
    atomic = False  # the table may be large and in use

    dependencies = [
        ('contacts', '0012_error_causes'),
    ]

    operations = [
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(condition=models.Q(('contact_error_cause__isnull', False)), fields=['contact_curation_status', 'contact_error_cause', 'contact_next_attempt_at'], name='contacts_curation_causes'),
        ),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(condition=models.Q(('brevo_error_cause__isnull', False)), fields=['brevo_sync_status', 'brevo_error_cause', 'brevo_next_attempt_at'], name='contacts_brevo_causes'),
        ),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(condition=models.Q(('hubspot_error_cause__isnull', False)), fields=['hubspot_sync_status', 'hubspot_error_cause', 'hubspot_next_attempt_at'], name='contacts_hubspot_causes'),
        ),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(condition=models.Q(('mautic_error_cause__isnull', False)), fields=['mautic_sync_status', 'mautic_error_cause', 'mautic_next_attempt_at'], name='contacts_mautic_causes'),
        ),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(condition=models.Q(('n8n_error_cause__isnull', False)), fields=['n8n_sync_status', 'n8n_error_cause', 'n8n_next_attempt_at'], name='contacts_n8n_causes'),
        ),
    ]
