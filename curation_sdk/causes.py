"""What lies behind a reason: the sentence with its particulars taken out, so that equal troubles read the same. Pure.

'Brevo refused it (400): "Invalid phone +1 212 555 0142".' of one contact and the same with another number of the next
are one cause: 'Brevo refused it (400): "Invalid phone …".' The HTTP status stays, and so do our own advice, settings
and addresses. A platform that knows better names the cause itself (`Rejected.cause`).
"""

from __future__ import annotations

import re

from curation_sdk.wording import storable

#: As many characters as the columns hold.
LONGEST = 200

OMITTED = "…"

#: A platform's own words within a sentence of ours, as `answers.quoted` puts them there.
_WORDS = re.compile(r'(?<=: )"(.*?)"(?=\.(?: |$))')

_ADDRESS = r"https?://[^\s\"'<>]*[^\s\"'<>.,;:)]"
_MAIL = r"[^\s\"'“”<>(),;:@]{1,64}@(?:[^\s\"'“”<>(),;:]*[^\s\"'“”<>(),;:.])?"
_STATUS = r"\([1-5]\d\d\)"
_UUID = r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
_ID = r"\b(?=[A-Za-z-]{0,40}\d)(?=[\d-]{0,40}[A-Za-z])[A-Za-z\d-]{10,}\b"
_NUMBER = r"(?<![A-Za-z_\d])\+?(?:\(\d+\)|\d)(?:[\d\s().,:/+-]*\d)?(?:\s?(?:x|ext\.?)\s?\d+)?"
#: Not an apostrophe: a letter stands before or behind that one.
_SINGLE = r"(?<!\w)'[^']{1,300}'(?!\w)"
_DOUBLE = r'"[^"]{0,300}"|“[^”]{0,300}”|\u2018[^\u2019]{0,300}\u2019|«[^»]{0,300}»'
_PARTICULARS = f"{_DOUBLE}|{_SINGLE}|{_MAIL}|{_UUID}|{_ID}|{_NUMBER}"

#: In a platform's words nothing is kept but the status.
_THEIRS = re.compile(f"(?P<kept>{_STATUS})|{_ADDRESS}|`[^`]*`|{_PARTICULARS}")

#: In ours addresses, commands and the names of things, such as "API enabled", are advice.
_COMMAND = r'"manage\.py [a-z\d_ -]+"'
_OURS = re.compile(f'(?P<kept>{_STATUS}|{_ADDRESS}|{_COMMAND}|"[A-Za-z][A-Za-z. ]*")|{_PARTICULARS}')

_ROW = re.compile(f"{OMITTED}(?:[\\s,]*{OMITTED})+")
_ONE = re.compile(f"({OMITTED} )(second|minute|contact|character)\\b|({OMITTED} )try\\b")


def cause_of(reason: str, said: str = "") -> str:
    """The cause behind a reason; "" for none. said: the platform's own words, where they stand in it in quotes."""
    before, words, after = _split(reason, said)
    return _fit(f'{_masked(_OURS, before)}"{_masked(_THEIRS, words)}"{_masked(_OURS, after)}' if words else before)


def without_particulars(words: str) -> str:
    """Somebody else's words with nothing in them that differs from one contact to the next."""
    return _fit(_masked(_THEIRS, words))


def _split(reason: str, said: str) -> tuple[str, str, str]:
    """What stands before the platform's words, the words, and what stands behind them."""
    if said and f'"{said}"' in reason:
        before, _, after = reason.partition(f'"{said}"')
        return before, said, after
    if found := _WORDS.search(reason):
        return reason[: found.start()], found[1], reason[found.end() :]
    return _masked(_OURS, reason), "", ""


def _masked(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda found: found["kept"] or OMITTED, text)


def _fit(text: str) -> str:
    """No two gaps in a row, one form for any number, and as long as the column at most."""
    text = _ROW.sub(OMITTED, " ".join(text.split()))
    text = _ONE.sub(lambda found: f"{found[1]}{found[2]}s" if found[2] else f"{found[3]}tries", text)
    return storable(text, LONGEST)
