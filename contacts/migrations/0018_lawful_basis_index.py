from django.db import migrations, models

from curation_sdk.migration_operations import AddIndexWhileInUse, ValidateCheck


class Migration(migrations.Migration):
    atomic = False  # the table may be large and in use

    dependencies = [
        ('contacts', '0017_lawful_basis'),
    ]

    operations = [
        ValidateCheck(model_name='contact', name='contacts_lawful_basis_valid'),
        AddIndexWhileInUse(
            model_name='contact',
            index=models.Index(condition=models.Q(('lawful_basis__isnull', False)), fields=['lawful_basis', '-created_at', '-id'], name='contacts_lawful_basis'),
        ),
    ]
