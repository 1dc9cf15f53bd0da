"""Counts in sentences, and other people's text made fit to store."""

from __future__ import annotations


def count_of(count: int, noun: str, plural: str = "") -> str:
    """ "1 contact", "2 contacts", "1,204 contacts"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def storable(text: str, longest: int = 1000) -> str:
    """Text from outside as every database takes it: no NUL or other control characters, no lone surrogates.

    Cut at `longest` characters, with an ellipsis in place of the last.
    """
    clean = "".join(
        character if character.isprintable() else " "
        for character in text[: longest + 1].encode("utf-8", "replace").decode("utf-8")
    )
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"
