"""Is an address worth a call? Nothing here asks whether the mailbox exists."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from contacts.address_key import BLANKS


def skip_reason(email: str | None) -> str:
    """Why an address is not worth a call; "" when it is."""
    if not email or not email.strip():
        return "There is no e-mail address. Add one, then queue the contact again."
    try:
        # Without the blanks that the database's key leaves out, too: people are suppressed by that key.
        validate_email(email.strip(BLANKS), check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        return f"Invalid e-mail address: {error} Correct it, then queue the contact again."
    return ""
