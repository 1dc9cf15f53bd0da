"""The settings of the stand-ins: what each takes, and from their names to the dataclass that keeps them and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from sandbox.messages import JsonObject, JsonValue
from sandbox.values import is_number, is_whole

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting takes. The words follow "must be"."""

    words: str
    takes: Callable[[JsonValue], bool]


TEXT = Kind("text", lambda value: isinstance(value, str))
NON_EMPTY = Kind("non-empty text", lambda value: isinstance(value, str) and value != "")
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
COUNT = Kind("a whole number, 0 or more", lambda value: is_whole(value) and 0 <= value <= 1_000_000_000)
ONE_OR_MORE = Kind("a whole number, 1 or more", lambda value: is_whole(value) and value >= 1)
OPTIONAL_LIMIT = Kind("1 or more, or null for no limit", lambda value: value is None or ONE_OR_MORE.takes(value))
SECONDS = Kind("a number of seconds from 0 to 3600", lambda value: is_number(value) and 0 <= value <= 3600)


def one_of(*choices: str) -> Kind:
    """One of these texts; "" among them lets the setting be empty."""
    empty = "empty or " if "" in choices else ""
    return Kind(f"{empty}one of {', '.join(filter(None, choices))}", lambda value: value in choices)


def shown(names: Iterable[str], kept: DataclassInstance, prefix: str) -> JsonObject:
    """The settings by their names. The dataclass has the same ones without the prefix."""
    return {name: getattr(kept, name.removeprefix(prefix)) for name in names}


def changed(kept: S, settings: JsonObject, prefix: str) -> S:
    """The dataclass with these settings, which must have been checked."""
    values = {name.removeprefix(prefix): value for name, value in settings.items()}
    return replace(kept, **values)
