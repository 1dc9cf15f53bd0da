"""Is an address worth a call? Nothing here asks whether the mailbox exists."""

from __future__ import annotations

import re

from email_validator import EmailNotValidError, validate_email

from contacts.address_key import BLANKS

#: Most addresses: what email-validator takes without any question, told in a hundredth of its time. Not the names that
#: are kept for special uses, nor labels with two hyphens, which may be another alphabet's.
_PLAIN = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*"
    r"@(?=.{1,180}\Z)(?:[A-Za-z0-9](?:-?[A-Za-z0-9]){0,30}\.)+(?!(?:arpa|invalid|local|localhost|onion|test)\Z)"
    r"[A-Za-z]{2,20}",
    re.ASCII | re.IGNORECASE,
)


def skip_reason(email: str | None) -> str:
    """Why an address is not worth a call; "" when it is."""
    if not email or not email.strip():
        return "There is no e-mail address. Add one, then queue the contact again."
    if _PLAIN.fullmatch(email):
        return ""
    try:
        # Without the blanks that the database's key leaves out, too: people are suppressed by that key.
        validate_email(email.strip(BLANKS), check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        return f"Invalid e-mail address: {error} Correct it, then queue the contact again."
    return ""
