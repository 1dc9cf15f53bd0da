"""Searching contacts by parts of their address, name or domain, in a way that indexes can serve.

Django's own search asks for "address OR name OR domain's name" across a join, and no index answers an OR that spans
two tables: PostgreSQL would read every contact. So the domains are looked up first, and the contacts found by key.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.text import smart_split, unescape_string_literal

from contacts.models import Contact, Domain

#: A word that is part of more domains than this is so common that reading on from the newest contact finds a page
#: of it soon; then the database may join.
MOST_DOMAINS = 500

#: The trigram indexes cannot look for less, so there is nothing to win by looking for domains first.
SHORTEST = 3

#: Look-ups per search. Nobody types so many words; each costs a query.
MOST_LOOKUPS = 10

#: Totals of a search are exact up to this: each contact that is counted has its texts compared.
EXACT_UP_TO = 1_000


def search_contacts(contacts: QuerySet[Contact], text: str) -> QuerySet[Contact]:
    """Those of the contacts in which every word of `text` is part of the address, the name or the domain.

    As in Django's admin: in any case, and a phrase in quotes is one word.
    """
    for number, word in enumerate(_words(text)):
        found = Q(email__icontains=word) | Q(name__icontains=word)
        domains = _domains(word) if len(word) >= SHORTEST and number < MOST_LOOKUPS else None
        found |= Q(domain__domain__icontains=word) if domains is None else Q(domain__in=domains)
        contacts = contacts.filter(found)
    return contacts


def _words(text: str) -> list[str]:
    words: dict[str, None] = {}
    for word in smart_split(text):
        quoted = word.startswith(('"', "'")) and word[0] == word[-1]
        words[unescape_string_literal(word) if quoted else word] = None
    return list(words)


def _domains(word: str) -> list[UUID] | None:
    """The keys of the domains with this word in their name; None when there are too many to name."""
    keys = list(
        Domain.objects.filter(domain__icontains=word).order_by().values_list("pk", flat=True)[: MOST_DOMAINS + 1]
    )
    return keys if len(keys) <= MOST_DOMAINS else None
