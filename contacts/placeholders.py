"""Scraped cells that look like data and are none: "Phone not found", "Contact at example.com".

The scraper stores such words where it found nothing. They stay in the table, as everything it stored does,
and are left out where a platform would take them for somebody's name or number. When in doubt a name is kept:
a placeholder that slips through looks odd, a real name that is dropped is lost.
"""

from __future__ import annotations

import re
import unicodedata

#: The whole value, in lower case and without brackets, quotes or dots around it.
_WORDS = frozenset(
    {
        *("n/a", "#n/a", "n.a", "none", "null", "undefined", "unknown", "unavailable", "anonymous", "tbd"),
        *("not found", "not available", "not applicable", "not provided", "not given", "not specified"),
        *("contact", "contact us", "contact me", "contact form", "contact page", "contact person"),
        *("unbekannt", "nicht gefunden", "nicht verfügbar", "nicht angegeben", "keine angabe", "k.a"),
        *("inconnu", "inconnue", "non trouvé", "non disponible", "non renseigné", "non communiqué"),
        *("desconocido", "no encontrado", "no disponible", "sin nombre", "desconhecido", "não encontrado"),
        *("sconosciuto", "non trovato", "non disponibile", "onbekend", "niet gevonden"),
    }
)

#: What Python and pandas write for "nothing". Case matters: Nan is a given name, Na a family name.
_EXACT = frozenset({"nan", "NaN", "<NA>"})

_SUBJECT = (
    r"(?:(?:full|first|last|contact|company|business|phone|telephone|mobile|fax|e-?mail) )?"
    r"(?:name|contact|person|phone|telephone|mobile|fax|number|e-?mail|address|info|information)s?"
)
_MISSING = r"(?:not (?:found|available|provided|given|specified|known)|unavailable|unknown|missing|n/a)"

_PHRASES = re.compile(
    "|".join(
        [
            rf"{_SUBJECT} (?:is |was )?{_MISSING}",
            rf"(?:no|missing|unknown) {_SUBJECT}(?: (?:found|available|provided|given))?",
            r"contact at .+",  # the scraper's own: "Contact at example.com"
            r"(?:mailto:)?[^\s@]+@[^\s@]+\.[^\s@]+",  # an address standing as a name
            r"(?:https?://|www\.)\S+",
        ]
    )
)

#: Domains that templates show and nobody writes from. The first three belong to no one (RFC 2606, section 3).
_SHOWN_DOMAINS = frozenset(
    {
        *("example.com", "example.net", "example.org", "yourdomain.com", "your-domain.com", "yourcompany.com"),
        *("yoursite.com", "yourwebsite.com", "your-website.com", "mysite.com", "mywebsite.com", "companyname.com"),
    }
)

#: What stands before the @ in templates: alone it shows one, or together with a domain that also has real people.
_SHOWN_NAME = re.compile(
    "|".join(
        [
            r"your[-_.]?(?:e?-?mail|name|e?-?mail[-_.]?address)",
            r"votre[-_.]?(?:e?-?mail|nom|adresse)",
            r"(?:ihre?|deine?)[-_.]?(?:e?-?mail|name|adresse)",
            r"[ts]u[-_.]?(?:e?-?mail|correo|nombre)",
        ]
    )
)
_SHOWN_WORDS = frozenset(
    {
        *("you", "your", "name", "user", "username", "email", "e-mail", "mail", "example", "someone", "somebody"),
        *("test", "firstname.lastname", "first.last", "john.doe", "jane.doe", "max.mustermann", "vorname.nachname"),
    }
)
_SHOWN_WITH_WORDS = frozenset({"domain.com", "mydomain.com", "email.com", "company.com", "website.com", "site.com"})

#: What a scraper takes for an address in a page's source: "logo@2x.png". No top-level domain is called like that.
_FILE = re.compile(r".+\.(?:png|jpe?g|gif|webp|svg|avif|bmp|ico|css|js|woff2?|ttf|pdf)")

#: The key of a website's error reports, which has the form of an address: 32 digits, at Sentry's servers or Wix's.
_REPORT_KEY = re.compile(r"[0-9a-f]{32}@(?:[a-z0-9-]+\.)*sentry[a-z0-9-]*\.[a-z0-9.-]+")

_AROUND = " .,:;!?\"'`*_()[]{}<>«»“”„\u2018\u2019"

#: Control characters, and those that are invisible or turn the text around. The joiners that Persian and the
#: Indic scripts spell with (U+200C, U+200D) are letters to their readers and stay.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def clean_name(value: str | None) -> str | None:
    """Return the name with white space folded and control characters gone, or None when there is none."""
    folded = _fold(value)
    if not folded or _is_placeholder(folded) or not any(character.isalpha() for character in folded):
        return None
    return folded


def clean_phone(value: str | None) -> str | None:
    """Return the number as written but for white space and control characters, or None when there is none.

    Whether a telephone can be reached under it is not our question here.
    """
    folded = _fold(value)
    return None if not folded or _is_no_number(folded) else folded


def is_placeholder_phone(value: str | None) -> bool:
    """Return whether something stands where the number should, and is not one. False for a blank."""
    folded = _fold(value)
    return bool(folded) and _is_no_number(folded)


def is_placeholder_email(value: str | None) -> bool:
    """Return whether something stands where the address should and is nobody's: "Email not found", "logo@2x.png".

    False for a blank. Whether what remains is an address at all is not our question here.
    """
    folded = _fold(value)
    if "@" not in folded:
        return bool(folded) and _is_placeholder(folded)
    local, _, domain = folded.casefold().strip(_AROUND).rpartition("@")
    return (
        domain in _SHOWN_DOMAINS
        or _SHOWN_NAME.fullmatch(local) is not None
        or (local in _SHOWN_WORDS and domain in _SHOWN_WITH_WORDS)
        or _FILE.fullmatch(domain) is not None
        or _REPORT_KEY.fullmatch(f"{local}@{domain}") is not None
    )


def _fold(value: str | None) -> str:
    """Return `value` without control characters; any white space, a line break too, is one space."""
    return " ".join(_INVISIBLE.sub("", " ".join((value or "").split())).split())


def _is_no_number(folded: str) -> bool:
    """A number has a digit other than zero; "keine Telefonnummer" and "000-000" have none."""
    digits = {unicodedata.digit(character) for character in folded if character.isdigit()}
    return not digits - {0} or _is_placeholder(folded)


def _is_placeholder(folded: str) -> bool:
    """Return whether the whole value is one of the words that stand for "nothing found"."""
    bare = folded.casefold().strip(_AROUND)
    return folded in _EXACT or bare in _WORDS or _PHRASES.fullmatch(bare) is not None
