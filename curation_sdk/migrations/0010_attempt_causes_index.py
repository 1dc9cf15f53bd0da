from django.db import migrations, models

from curation_sdk.migration_operations import AddIndexWhileInUse


class Migration(migrations.Migration):
    atomic = False  # the table may be large and in use

    dependencies = [
        ('curation_sdk', '0009_attempt_causes'),
    ]

    operations = [
        AddIndexWhileInUse(
            model_name='syncattempt',
            index=models.Index(condition=models.Q(('cause', ''), _negated=True), fields=['platform', 'cause', '-created_at'], name='sync_attempts_cause'),
        ),
    ]
