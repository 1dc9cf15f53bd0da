"""For migrations of tables that are large and in use."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db.migrations import AddConstraint, AddIndex


class AddIndexWhileInUse(AddIndexConcurrently):
    """Add an index. On PostgreSQL others can write to the table meanwhile; on SQLite they wait, as for any change.

    The migration has to say `atomic = False`. One that is broken off leaves an index that is not valid, and the next
    try says that it exists already: drop it first (`DROP INDEX CONCURRENTLY name`).
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            AddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        else:
            AddIndex.database_backwards(self, app_label, schema_editor, from_state, to_state)


class AddCheckForNewRows(AddConstraint):
    """Add a check. On PostgreSQL the rows that are there are not looked at yet, so others wait for a moment only;
    `ValidateCheck`, in a migration of its own, looks at them. On SQLite it is an ordinary check.

    https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.execute(f"{self.constraint.create_sql(model, schema_editor)} NOT VALID", params=None)


class ValidateCheck(ValidateConstraint):
    """Look at the rows that were there before the check, while others write to the table. Only PostgreSQL needs it."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
