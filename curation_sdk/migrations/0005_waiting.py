from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('curation_sdk', '0004_triggers_helper_and_recovery'),
    ]

    operations = [
        migrations.AddField(
            model_name='syncrun',
            name='waiting',
            field=models.PositiveIntegerField(default=0, verbose_name='waiting for an answer'),
        ),
    ]
