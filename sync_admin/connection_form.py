"""The form of the connection page: list or segment, and the names of fields. Reading it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from curation_sdk.connection import Connection, Renaming

#: The form's name for the number of the list or segment.
CHOICE = "choice"


def field_name(ours: str) -> str:
    """The form's name for what a field of ours is called in the account."""
    return f"field-{ours}"


@dataclass(frozen=True, slots=True)
class Entered:
    """What somebody entered: setting -> value, and what is wrong, by the form's names ("" for the whole form)."""

    values: dict[str, Any]
    faults: dict[str, str] = field(default_factory=dict)

    def differing(self, connection: Connection, in_force: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that would change, and those in force that cannot be meant (any more)."""
        return {
            name: value
            for name, value in self.values.items()
            if _meaning(connection, name, value) != _meaning(connection, name, in_force[name])
            or connection.settings_fault({name: in_force[name]})
        }


def read(connection: Connection, post: Mapping[str, str], in_force: Mapping[str, Any]) -> Entered:
    """The values in a form that was sent. What is not in it stays as it is."""
    values: dict[str, Any] = {}
    if choice := connection.choice:
        values[choice.setting] = post.get(CHOICE, in_force[choice.setting]).strip()
    if mapping := connection.mapping:
        names = mapping.names(in_force[mapping.setting])
        entered = {ours: post.get(field_name(ours), names.get(ours, "")).strip() for ours in mapping.fields}
        # As the platform will see it, and only what differs from our own names.
        meant = mapping.names(entered)
        values[mapping.setting] = {ours: meant.get(ours, "") for ours in mapping.fields if meant.get(ours, "") != ours}
    return Entered(values, _faults(connection, values))


def _faults(connection: Connection, values: Mapping[str, Any]) -> dict[str, str]:
    if fault := connection.settings_fault({}):
        return {"": f"Nothing can be set here as long as the environment is wrong: {fault}"}
    faults: dict[str, str] = {}
    for name, value in values.items():
        if not (fault := connection.settings_fault({name: value})):
            continue
        mapping = connection.mapping
        if mapping and name == mapping.setting:
            faults |= dict.fromkeys(map(field_name, _to_blame(connection, mapping, value, fault)), fault)
        else:
            faults[CHOICE] = fault
    return faults


def _to_blame(connection: Connection, mapping: Renaming, changes: Mapping[str, str], fault: str) -> list[str]:
    """The fields that the fault is about: one that is wrong by itself, or those that share a name."""
    alone = [
        ours for ours, one in changes.items() if connection.settings_fault({mapping.setting: {ours: one}}) == fault
    ]
    names = mapping.names(changes)
    shared = [ours for ours, theirs in names.items() if list(names.values()).count(theirs) > 1]
    return shared or alone or list(changes)[:1]


def _meaning(connection: Connection, name: str, value: Any) -> Any:
    mapping = connection.mapping
    return mapping.names(value) if mapping and name == mapping.setting else value
