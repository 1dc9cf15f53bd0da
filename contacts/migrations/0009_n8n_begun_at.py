from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0008_n8n_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='contact',
            name='n8n_begun_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='n8n delivery begun'),
        ),
    ]
