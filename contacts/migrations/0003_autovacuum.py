from django.db import migrations

# Each contact that goes through a platform is updated three times (queued, taken, answered), and every time the indexed
# status or time changes, so the old version stays in the table and in every index until a vacuum. PostgreSQL's own
# settings wait until a fifth of the table is dead and then go slowly: with a million contacts that is a fifth of the
# space and, because a page with a fresh change is not "all visible", a slow status summary for hours. So: at a
# fiftieth, at a speed that keeps up with a bulk change, and new statistics at a twentieth, since the planner chooses
# between the indexes by how common a status is. After imports as well, for the same "all visible".
#
# No fillfactor: free space in the pages helps only updates that change no indexed column, and ours always do.
CONTACTS = {
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "2000",
}


def tune(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        settings = ", ".join(f"{name} = {value}" for name, value in CONTACTS.items())
        schema_editor.execute(f"ALTER TABLE contacts SET ({settings})")


def undo(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE contacts RESET ({', '.join(CONTACTS)})")


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0002_list_indexes'),
    ]

    operations = [migrations.RunPython(tune, undo, elidable=False)]
