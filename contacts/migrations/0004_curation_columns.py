from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0003_autovacuum'),
    ]

    operations = [
        migrations.AddField(
            model_name='contact',
            name='contact_curated_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='curated'),
        ),
        migrations.AddField(
            model_name='contact',
            name='contact_next_attempt_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='curation next attempt'),
        ),
        migrations.AddField(
            model_name='contact',
            name='contact_retry_count',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='curation retries'),
        ),
    ]
