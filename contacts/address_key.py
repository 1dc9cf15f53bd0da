"""The form in which addresses are compared, for Python and for the database: the two agree to the letter."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Func, Value

#: What `str.strip()` takes off. Scrapers leave line breaks, tabs and no-break spaces around an address.
BLANKS = "".join(character for code in range(0x3001) if (character := chr(code)).isspace())

#: Only these letters have a lower case here: what others become depends on the database and its locale.
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def email_key(email: str | None) -> str | None:
    """Return `email` as it is compared: without blanks around it, A to Z in lower case. None for a blank."""
    return (email or "").strip(BLANKS).translate(_LOWER) or None


class AddressKey(Func):
    """SQL for `email_key`: an expression for a generated column. A blank address comes out as "", not NULL."""

    arity = 1
    output_field = CharField()

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        address, params = compiler.compile(self.source_expressions[0])
        blanks, blanks_params = compiler.compile(Value(BLANKS))
        # PostgreSQL lowers by its locale otherwise.
        collation = ' COLLATE "C"' if connection.vendor == "postgresql" else ""
        sql = f"LOWER(LTRIM(RTRIM({address}, {blanks}), {blanks}){collation})"
        return sql, [*params, *blanks_params, *blanks_params]
