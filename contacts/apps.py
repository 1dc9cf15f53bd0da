from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate

from contacts.address_hash import make_sqlite_function

#: SQLite has no type for a UUID: Django keeps 32 hex digits and finds no row whose id is written in another way. A
#: scraper's plain INSERT with dashes or capitals is put right as it comes in.
SQLITE_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS contacts_id_form AFTER INSERT ON contacts
WHEN NEW.id GLOB '*[^0-9a-f]*'
BEGIN
    UPDATE contacts SET id = lower(replace(NEW.id, '-', '')) WHERE rowid = NEW.rowid;
END
"""


class ContactsConfig(AppConfig):
    name = "contacts"
    verbose_name = "Contacts"

    def ready(self) -> None:
        from contacts import checks  # noqa: F401 - registers them
        from contacts.search_index import keep_search_indexes
        from curation_sdk.schedules import minutes_on_migrate

        connection_created.connect(teach_sqlite, dispatch_uid="contacts.teach_sqlite")
        # After every `migrate`: SQLite drops a table's triggers when a migration changes the table.
        post_migrate.connect(keep_ids_in_form, sender=self, dispatch_uid="contacts.keep_ids_in_form")
        post_migrate.connect(keep_search_indexes, sender=self, dispatch_uid="contacts.keep_search_indexes")
        minutes_on_migrate("contact_imports", "contacts.tasks.process_imports", 1)


def teach_sqlite(connection: Any, **_: Any) -> None:
    """Give each new connection to SQLite the function that it lacks."""
    if connection.vendor == "sqlite":
        make_sqlite_function(connection)


def keep_ids_in_form(using: str, **_: Any) -> None:
    """Make the trigger, on SQLite."""
    from django.db import connections

    connection = connections[using]
    if connection.vendor == "sqlite" and "contacts" in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(SQLITE_TRIGGER)
