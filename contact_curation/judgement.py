"""What a contact's data is worth, and how it is written properly. Pure: no network, no database, no settings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contacts.address_key import BLANKS
from contacts.deliverable import skip_reason
from contacts.emails import classify_email, is_gmail
from contacts.models import EmailType
from contacts.phones import read_phone
from contacts.placeholders import clean_name, clean_phone, is_placeholder_email

if TYPE_CHECKING:
    from contacts.models import Contact

#: What a person writes for one number, and nothing else: no extension, no second number, no words.
_ONE_NUMBER = re.compile(r"\+?[\d\s().\-/\u2010-\u2015]+")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said of a contact.

    `problem`: why it cannot be used, and what to correct; "" when it can. `remarks`: what is odd about it all the
    same. `better`: columns and what should stand there instead; only those that differ.
    """

    problem: str = ""
    remarks: tuple[str, ...] = ()
    better: dict[str, Any] = field(default_factory=dict)


def judge(contact: Contact, phone_region: str) -> Judgement:
    """Look at a contact's address, name and phone number. `phone_region`: of numbers without a country."""
    if problem := _problem(contact.email):
        return Judgement(problem)
    email = (contact.email or "").strip(BLANKS)
    kind, kind_remark = _kind(contact.email_type, email)
    name, name_remark = _name(contact.name)
    phone, phone_remark = _phone(contact.phone_number, phone_region)
    should_be = {
        "email": email,
        "email_type": kind,
        "has_gmail": is_gmail(email),
        "name": name,
        "phone_number": phone,
    }
    better = {column: value for column, value in should_be.items() if value != getattr(contact, column)}
    remarks = (kind_remark, name_remark, phone_remark)
    return Judgement("", tuple(filter(None, remarks)), better)


def _problem(email: str | None) -> str:
    """Why nothing can be sent to this address, and what to do; "" when it looks well. Does not ask whether it exists.

    That there is none at all is found out before a contact gets here.
    """
    if is_placeholder_email(email):
        address = (email or "").strip(BLANKS)
        return f'"{address}" is a placeholder, not somebody\'s address. Enter theirs, then queue the contact again.'
    return skip_reason(email)


def _kind(stood: str, email: str) -> tuple[str, str]:
    """The kind of mailbox, and a remark when it is not the one that stood there: somebody may have meant it.

    CORPORATE is what we take an address for when nothing speaks against it, so it takes no other word's place.
    """
    found = classify_email(email).value
    if found == stood or (found in (EmailType.CORPORATE, EmailType.UNKNOWN) and stood != EmailType.UNKNOWN):
        return stood, ""
    return found, "" if stood == EmailType.UNKNOWN else f"The e-mail type was {stood} and is {found}."


def _name(name: str | None) -> tuple[str | None, str]:
    """The name with white space folded, and what is odd about it. What is none stays as it was scraped."""
    if not name or not name.strip():
        return name, ""
    clean = clean_name(name)
    return (clean, "") if clean else (name, f'The name "{name}" is a placeholder of the scraper.')


def _phone(phone: str | None, region: str) -> tuple[str | None, str]:
    """The number in the form that every platform reads (E.164), and what is odd about it.

    A number that cannot be read, or that says more than E.164 can (an extension, a second number, a word), stays as
    it was scraped.
    """
    read = read_phone(phone, region)
    if read.oddity:
        hint = " CURATION_PHONE_REGION would help with national numbers." if read.national else ""
        return phone, f"{read.oddity}.{hint}"
    plain = read.number and _ONE_NUMBER.fullmatch(clean_phone(phone) or "")
    return (read.number if plain else phone), ""
