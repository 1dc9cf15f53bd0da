from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mautic_sync', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='mauticoptout',
            name='tried_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='mauticoptout',
            name='told_at',
            field=models.DateTimeField(null=True),
        ),
    ]
