"""Reading a scraped phone number. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import phonenumbers

from contacts.placeholders import clean_phone, is_placeholder_phone


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text is as a phone number: in E.164, an extension left out; None when it is none.

    `oddity`: why it is none, a sentence without its full stop; "" when there is no text at all. `national`: it might
    be one in a country that we were not told.
    """

    number: str | None
    oddity: str = ""
    national: bool = False


def read_phone(phone: str | None, region: str) -> Reading:
    """Read it. region: two letters of the country of numbers that are written without one; "": none is assumed."""
    if is_placeholder_phone(phone):
        return Reading(None, f'The phone "{phone}" is a placeholder of the scraper')
    text = clean_phone(phone)
    if text is None:
        return Reading(None)
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        national = not region and not text.startswith("+")
        return Reading(None, f'The phone "{text}" cannot be read as a number', national)
    if not phonenumbers.is_valid_number(number):
        return Reading(None, f'The phone "{text}" is not a valid number')
    return Reading(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
