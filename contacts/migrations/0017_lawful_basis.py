"""The lawful basis of a contact. Columns that may be NULL: no row is written, however many there are."""

from django.db import migrations, models

from curation_sdk.migration_operations import AddCheckForNewRows


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0016_suppression_ledger'),
    ]

    operations = [
        migrations.AddField(
            model_name='contact',
            name='lawful_basis',
            field=models.CharField(blank=True, choices=[('consent', 'Consent'), ('legitimate_interest', 'Legitimate interest'), ('contract', 'Contract'), ('legal_obligation', 'Legal obligation')], max_length=20, null=True),
        ),
        migrations.AddField(
            model_name='contact',
            name='lawful_basis_date',
            field=models.DateField(blank=True, null=True, verbose_name='date of the lawful basis'),
        ),
        migrations.AddField(
            model_name='contact',
            name='lawful_basis_source',
            field=models.CharField(blank=True, help_text='Where it comes from: the form, the contract, the weighing of interests.', max_length=500, null=True, verbose_name='source of the lawful basis'),
        ),
        AddCheckForNewRows(
            model_name='contact',
            constraint=models.CheckConstraint(condition=models.Q(('lawful_basis__in', ['consent', 'legitimate_interest', 'contract', 'legal_obligation'])), name='contacts_lawful_basis_valid'),
        ),
    ]
