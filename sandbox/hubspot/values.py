"""Which property values HubSpot takes. Pure."""

from __future__ import annotations

import re

from sandbox.hubspot.errors import PropertyFault, bad_values, invalid
from sandbox.hubspot.store import Property
from sandbox.messages import JsonValue

LONGEST = 65_536  # characters of a text property
_ADDRESS = re.compile(r"[^\s@<>(),;:\"\[\]\\]+@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}")
_WRONG = {
    "number": "INVALID_INTEGER",
    "date": "INVALID_DATE",
    "datetime": "INVALID_DATE",
    "bool": "INVALID_OPTION",
    "enumeration": "INVALID_OPTION",
}
_FORMS = {
    "number": re.compile(r"-?\d+(\.\d+)?"),
    "date": re.compile(r"\d{4}-\d\d-\d\d|-?\d+"),
    "datetime": re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|-?\d+"),
    "bool": re.compile(r"true|false"),
}


def checked(values: JsonValue, known: dict[str, Property]) -> dict[str, str]:
    """The `properties` of a request, all sound. Raises the 400 that names everything wrong with them.

    One bad value refuses the whole contact. A property that does not exist is not ignored, but an error.
    """
    if not isinstance(values, dict):
        raise invalid("Invalid input JSON: properties must be an object")
    texts: dict[str, str] = {}
    faults: list[PropertyFault] = []
    for name, value in values.items():
        if not isinstance(value, str):
            raise invalid(f"Invalid input JSON: the value of {name} must be a string")
        fault = _fault(name, value, known.get(name))
        if fault is None:
            texts[name] = value
        else:
            faults.append(fault)
    if faults:
        raise bad_values(faults)
    return texts


def _fault(name: str, value: str, known: Property | None) -> PropertyFault | None:
    if known is None:
        return PropertyFault(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    if known.read_only:
        return PropertyFault(name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
    if not value:
        return None
    if name == "email" and not is_address(value):
        return PropertyFault(name, "INVALID_EMAIL", f"Email address {value} is invalid")
    if len(value) > LONGEST:
        return PropertyFault(name, "PROPERTY_VALUE_TOO_LONG", f'"{name}" holds at most {LONGEST} characters')
    form = _FORMS.get(known.type)
    fits = form.fullmatch(value) if form else not known.options or set(value.split(";")) <= set(known.options)
    if not fits:
        return PropertyFault(name, _WRONG[known.type], f"{value} was not a valid {known.type} for {name}.")
    return None


def is_address(text: str) -> bool:
    """Does HubSpot take this for an e-mail address?"""
    return len(text) <= 254 and _ADDRESS.fullmatch(text.strip()) is not None
