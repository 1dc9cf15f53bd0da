"""The keyed hash by which erased people are known again: HMAC-SHA256 of the address as it is compared.

Python and the database make the same one, so that rows which a scraper adds by plain SQL are recognised as well. The
key is `ERASURE_KEY`. Whoever has it can tell whether an address that he knows is among the erased, and no more.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from django.conf import settings
from django.db.models import CharField, Func, Value

_BLOCK = 64  # bytes, of SHA-256


def address_hash(key: str) -> str:
    """The hash of an address as `email_key` gives it: 8 hex digits that name the key, a dollar sign, 64 hex digits."""
    return key_name() + hmac.new(_key(), key.encode(), hashlib.sha256).hexdigest()


def key_name() -> str:
    """What the hashes of the present key begin with."""
    return hmac.new(_key(), b"", hashlib.sha256).hexdigest()[:8] + "$"


class AddressHash(Func):
    """SQL for `address_hash` of an `email_key`.

    PostgreSQL has SHA-256 but no HMAC without an extension, so it is spelt out (RFC 2104): the two pads are values of
    the statement. SQLite calls our function (`contacts.apps`).
    """

    arity = 1
    function = "address_hash"
    output_field = CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        address, params = compiler.compile(self.source_expressions[0])
        name, params_of_name = compiler.compile(Value(key_name()))
        padded = _key().ljust(_BLOCK, b"\0")
        outer, inner = (bytes(byte ^ pad for byte in padded).hex() for pad in (0x5C, 0x36))
        mac = f"sha256(decode(%s, 'hex') || sha256(decode(%s, 'hex') || convert_to(COALESCE({address}, ''), 'UTF8')))"
        return f"({name} || encode({mac}, 'hex'))", [*params_of_name, outer, inner, *params]


def make_sqlite_function(connection: Any) -> None:
    """Teach a connection to SQLite `address_hash`."""
    connection.connection.create_function("address_hash", 1, lambda key: address_hash(key or ""), deterministic=True)


def _key() -> bytes:
    return hashlib.sha256(settings.ERASURE_KEY.encode()).digest()
