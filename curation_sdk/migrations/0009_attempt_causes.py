from django.db import migrations, models


class Migration(migrations.Migration):
    # In one transaction: SQLite copies the table for this, and what is written meanwhile must not be lost.

    dependencies = [
        ('curation_sdk', '0008_connection'),
    ]

    operations = [
        migrations.AddField(
            model_name='syncattempt',
            name='cause',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=200),
        ),
    ]
