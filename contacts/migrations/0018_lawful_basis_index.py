from django.db import migrations, models

from curation_sdk.migration_operations import AddCheckWhileInUse, AddIndexWhileInUse


class Migration(migrations.Migration):
    atomic = False  # the table may be large and in use

    dependencies = [
        ('contacts', '0017_lawful_basis'),
    ]

    operations = [
        AddCheckWhileInUse(
            model_name='contact',
            constraint=models.CheckConstraint(condition=models.Q(('lawful_basis__in', ['consent', 'legitimate_interest', 'contract', 'legal_obligation'])), name='contacts_lawful_basis_valid'),
        ),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(condition=models.Q(('lawful_basis__isnull', False)), fields=['lawful_basis', '-created_at', '-id'], name='contacts_lawful_basis'),
        ),
    ]
