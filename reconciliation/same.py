"""Is a value that a platform holds the one that we sent? Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

#: Nothing but digits and what stands between them.
_PHONE = re.compile(r"[+(]?[\d\s().\-/+]{6,}")


def differing(sent: Mapping[str, Any], held: Mapping[str, Any], *, may_lack: Collection[str] = ()) -> list[str]:
    """The names of what was sent and is held otherwise. may_lack: what the platform may have refused by itself."""
    return [
        name
        for name, ours in sent.items()
        if not same(ours, held.get(name)) and not (name in may_lack and is_blank(held.get(name)))
    ]


def same(ours: Any, theirs: Any) -> bool:
    """Are they the same, but for what platforms make of a value by themselves?

    Blanks around and between words, phones with other signs between the digits, the slash at the end of an address,
    and how true and false are written.
    """
    theirs = _text(theirs)
    if isinstance(ours, bool):
        return ours == (theirs in ("true", "1", "yes"))
    ours = _text(ours)
    if ours == theirs:
        return True
    if _PHONE.fullmatch(ours) and _PHONE.fullmatch(theirs):
        return re.sub(r"\D", "", ours) == re.sub(r"\D", "", theirs)
    return "://" in ours and ours.rstrip("/").lower() == theirs.rstrip("/").lower()


def is_blank(value: Any) -> bool:
    return not _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = " ".join(str(value).split())
    return text.lower() if text.lower() in ("true", "false") else text
