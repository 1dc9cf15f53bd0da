from functools import partial

from django.db import migrations, models

from curation_sdk.causes import cause_of
from curation_sdk.database import atomic_with_retry, one_bulk_writer

#: Contacts that are read and written at once.
CHUNK = 2_000

QUEUES = ("contact", "brevo", "hubspot", "mautic", "n8n")


def write(contacts, columns):
    one_bulk_writer()
    contacts.update(**columns)


def name_causes(apps, schema_editor):
    """Give the contacts that have a reason already the cause that they would get today.

    One walk along the keys for each queue, and one UPDATE for each cause of a chunk, in its turn among those who write
    many contacts. A worker that is at it meanwhile has the last word.
    """
    Contact = apps.get_model("contacts", "Contact")
    for queue in QUEUES:
        reason, cause, status = f"{queue}_processing_error", f"{queue}_error_cause", f"{queue}_processing_status"
        # Who is Processing may have been taken by n8n, which is no failure; else the answer brings the cause.
        unnamed = Contact.objects.filter(**{f"{reason}__isnull": False, f"{cause}__isnull": True})
        unnamed = unnamed.exclude(**{status: "Processing"}).order_by("pk")
        last = None
        while True:
            chunk = list((unnamed.filter(pk__gt=last) if last else unnamed).values_list("pk", reason)[:CHUNK])
            if not chunk:
                break
            keys = {}
            for key, text in chunk:
                keys.setdefault(cause_of(text), []).append(key)
            for found, same in keys.items():
                if found:
                    atomic_with_retry(partial(write, unnamed.filter(pk__in=same).order_by(), {cause: found}))
            last = chunk[-1][0]


def column(label):
    return models.CharField(f"{label} cause", max_length=200, null=True, blank=True, editable=False)


class Migration(migrations.Migration):
    atomic = False  # the table may be large and in use

    dependencies = [
        ('contacts', '0011_imports'),
    ]

    operations = [
        migrations.AddField(model_name='contact', name='contact_error_cause', field=column('curation')),
        migrations.AddField(model_name='contact', name='brevo_error_cause', field=column('Brevo')),
        migrations.AddField(model_name='contact', name='hubspot_error_cause', field=column('HubSpot')),
        migrations.AddField(model_name='contact', name='mautic_error_cause', field=column('Mautic')),
        migrations.AddField(model_name='contact', name='n8n_error_cause', field=column('n8n')),
        migrations.RunPython(name_causes, migrations.RunPython.noop, elidable=True),
    ]
