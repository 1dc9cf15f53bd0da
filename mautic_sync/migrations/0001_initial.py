import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('contacts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='MauticOptOut',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('told_at', models.DateTimeField()),
                ('suppression', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='mautic_opt_out', to='contacts.suppression')),
            ],
            options={
                'verbose_name': 'opt-out told to Mautic',
                'verbose_name_plural': 'opt-outs told to Mautic',
                'db_table': 'mautic_opt_outs',
                'ordering': ['-told_at', '-id'],
            },
        ),
    ]
