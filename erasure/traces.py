"""What a person leaves in texts: the words by which they could be recognised, in every form that we keep."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus
from uuid import UUID

from django.conf import settings

from contacts.address_key import BLANKS
from contacts.models import Contact
from contacts.phones import read_phone
from contacts.placeholders import clean_name, clean_phone

#: What stands in place of such a word.
ERASED = "[erased]"

#: A shorter number is somebody's extension, and in every second text.
FEWEST_DIGITS = 7


@dataclass(frozen=True)
class Traces:
    """`key`: the address as compared, "" where there is none. `contact_ids`: the rows. `words`: see `words_of`; among
    them `numbers`, which tell less of who is meant: a colleague may be reached by the same one."""

    key: str
    contact_ids: tuple[UUID, ...] = ()
    words: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @cached_property
    def spelt(self) -> tuple[str, ...]:
        """The words in each spelling, the longest first: where one holds another, nothing of it is left over."""
        spelt = {form.casefold(): form for word in self.words for form in _spellings(word)}.values()
        return tuple(sorted(spelt, key=lambda form: (-len(form), form)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # Not within a longer word: ada@acme.co is nobody in dada@acme.co, nor in ada@acme.co.uk.
        forms = "|".join(map(re.escape, self.spelt))
        return re.compile(rf"{_BEFORE}(?:{forms})(?![\w-]|\.(?!csv\b|tsv\b|txt\b)\w)", re.IGNORECASE)

    def identified_in(self, value: Any) -> bool:
        """As `named_in`, by more than a number."""
        return Traces(self.key, words=tuple(one for one in self.words if one not in self.numbers)).named_in(value)

    def named_in(self, value: Any) -> bool:
        """Does a text, or a text somewhere in JSON, hold one of the words?"""
        return bool(self.words) and self.without(value) != value

    def without(self, value: Any) -> Any:
        """A text, or JSON with all its texts, without the words."""
        if not self.words:
            return value
        if isinstance(value, str):
            return self._without_in_json(value) if value[:1] in ("{", "[") else self._pattern.sub(ERASED, value)
        if isinstance(value, list):
            return [self.without(one) for one in value]
        if isinstance(value, dict):
            return {self.without(name): self.without(one) for name, one in value.items()}
        return value

    def _without_in_json(self, text: str) -> str:
        """A text that may be JSON, and then has to stay JSON: an event is still to be read."""
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            return self._pattern.sub(ERASED, text)
        rest = self.without(parsed)
        return text if rest == parsed else json.dumps(rest)


#: What comes before a word: no letter of a longer one (o'ada@acme.co is somebody else), unless it belongs to an escape
#: of a page's address (%3Cada@…, but not %2B, a plus) or of JSON (\n, \u003c).
_BEFORE = r"(?:(?<![\w.+-])(?<!\w')|(?<=%[0-9a-f]{2})(?<!%2[bde])(?<!%5f)|(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4}))"


def words_of(key: str, rows: Sequence[Contact]) -> tuple[str, ...]:
    """The address as compared and as it was written; whole names, of two words at least; numbers, as they were
    written and in the form in which platforms get them."""
    found = {key, *((row.email or "").strip(BLANKS) for row in rows)}
    found |= {name for row in rows for name in _names(row.name)}
    found |= set(numbers_of(rows))
    return tuple(sorted(found - {""}))


def numbers_of(rows: Sequence[Contact]) -> tuple[str, ...]:
    """The numbers among them."""
    return tuple(sorted({number for row in rows for number in _numbers(row.phone_number)}))


def _names(name: str | None) -> Iterator[str]:
    clean = clean_name(name)
    for one in (name or "").strip(), clean or "":
        if clean and len(clean.split()) > 1:
            yield one


def _numbers(phone: str | None) -> Iterator[str]:
    text = clean_phone(phone)
    if not text or sum(map(str.isdigit, text)) < FEWEST_DIGITS:
        return
    yield from ((phone or "").strip(), text)
    for region in {settings.BREVO_PHONE_REGION, settings.CURATION_PHONE_REGION}:
        if number := read_phone(phone, region).number:
            yield from (number, number.lstrip("+"))


def _spellings(word: str) -> Iterable[str]:
    """A word as it is, in the address of a page, in JSON."""
    in_paths = {sign.join(word.split()) for sign in "-_"} if " " in word else set()
    return {word, quote(word, safe=""), quote(word), quote_plus(word), json.dumps(word)[1:-1], *in_paths}
