"""Made-up contacts that look like scraped ones, flaws included; the same ones every time.

Nobody real is behind them: all domains end in .example, which nobody can register (RFC 2606), and all telephone
numbers are from the ranges that the authorities keep free for films and books.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

SEED = 2024
CONTACTS_PER_COMPANY = 3


def _us_phone(random: Random) -> str:
    """555-0100 to 555-0199 in any area (North American Numbering Plan)."""
    area, line = random.choice(["212", "312", "415", "617", "206", "503"]), random.randint(100, 199)
    return random.choice([f"({area}) 555-0{line}", f"+1 {area} 555 0{line}", f"{area}.555.0{line}"])


def _gb_phone(random: Random) -> str:
    """Ofcom's numbers for drama: London, Manchester, Leeds."""
    start = random.choice(["20 7946 0", "161 496 0", "113 496 0"])
    return f"{random.choice(['0', '+44 ', '+44 (0)'])}{start}{random.randint(0, 999):03}"


def _fr_phone(random: Random) -> str:
    """ARCEP's numbers for audiovisual works."""
    start = random.choice(["1 99 00", "2 61 91", "3 53 01", "4 65 71", "5 36 49"])
    return f"{random.choice(['0', '+33 '])}{start} {random.randint(0, 99):02} {random.randint(0, 99):02}"


def _de_phone(random: Random) -> str:
    """The Bundesnetzagentur's numbers for media productions: five cities and a mobile range."""
    area, block = random.choice([("30", "23125"), ("69", "90009"), ("40", "66969"), ("221", "4710"), ("89", "99998")])
    if random.random() < 0.3:
        return f"{random.choice(['0', '+49 '])}171 39200{random.randint(0, 99):02}"
    return f"{random.choice(['0', '+49 ', '0049 '])}{area} {block}{random.randint(0, 999):03}"


def _no_phone(random: Random) -> str:
    """Spain has no range for fiction."""
    return ""


@dataclass(frozen=True)
class Country:
    """What the contacts of one country are made from."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    trades: tuple[str, ...]  # eight, and ten places: so every pair comes up before one repeats
    places: tuple[str, ...]
    company: str
    role: str
    page: str
    context: str
    phone: Callable[[Random], str]


COUNTRIES = (
    Country(
        ("Emily", "James", "Olivia", "Michael", "Sofía", "DeShawn", "Mary-Kate", "Wei", "Aaliyah", "Robert"),
        ("Johnson", "O'Malley", "García", "Washington", "Nguyen", "Miller", "Smith-Jones", "Kowalski", "Lee"),
        ("Bakery", "Roofing", "Dental", "Outdoors", "Coffee", "Logistics", "Books", "Solar"),
        ("Maple", "Lakeside", "Redwood", "Pioneer", "Harbor", "Juniper", "Summit", "Canyon", "Willow", "Dune"),
        "{place} {trade}",
        "info",
        "contact",
        "{name} | {company} | Call us or drop by, we are open Monday to Saturday.",
        _us_phone,
    ),
    Country(
        ("Oliver", "Amelia", "Siobhán", "Harry", "Isla", "Mohammed", "Zoë", "George", "Priya", "Rhys"),
        ("Taylor", "Patel", "Davies", "MacDonald", "Okonkwo", "Brontë", "Hughes", "Clarke", "Singh", "Evans"),
        ("Plumbing", "Gardens", "Tea Rooms", "Joinery", "Opticians", "Cycles", "Removals", "Pottery"),
        ("Ashdown", "Kingsmere", "Thorn", "Oakham", "Fernhill", "Wexcombe", "Rosedale", "Brook", "Lark", "Stone"),
        "{place} {trade}",
        "enquiries",
        "about-us",
        "For a quotation please ask for {name} at {company}.",
        _gb_phone,
    ),
    Country(
        ("Léa", "François", "Chloé", "Jérôme", "Anaïs", "Lucas", "Noémie", "Gaël", "Inès", "Jean-Baptiste"),
        ("Lefèvre", "Dubois", "Moreau", "N'Diaye", "Benoît", "Rousseau", "d'Artois", "Fournier", "Nguyễn"),
        ("Boulangerie", "Menuiserie", "Fleuriste", "Librairie", "Plomberie", "Brasserie", "Fromagerie", "Optique"),
        ("Beaulieu", "Clairval", "Fleury", "Rivebelle", "Valmont", "Belair", "Hautbois", "Claire", "Grandpré", "Aube"),
        "{trade} {place}",
        "accueil",
        "nous-contacter",
        "{company} : {name} vous répond du lundi au vendredi, de 9 h à 18 h.",
        _fr_phone,
    ),
    Country(
        ("Anna", "Jürgen", "Sören", "Käthe", "Lukas", "Mehmet", "Zoé", "Björn", "Hannelore", "Łukasz"),
        ("Müller", "Weiß", "Schröder", "Şahin", "von der Heide", "Nowak", "Großmann", "Krüger", "Özdemir"),
        ("Tischlerei", "Bäckerei", "Gartenbau", "Optik", "Fahrräder", "Malerei", "Buchhandlung", "Elektro"),
        ("Nordlicht", "Blauwald", "Sonnental", "Eichen", "Stern", "Linden", "Silbersee", "Rosen", "Möwen", "Grün"),
        "{trade} {place}",
        "kontakt",
        "impressum",
        "Ihre Ansprechperson bei {company}: {name}. Rufen Sie uns gerne an.",
        _de_phone,
    ),
    Country(
        ("Lucía", "Íñigo", "María José", "Andrés", "Nuria", "Javier", "Begoña", "Óscar", "Montserrat", "Raúl"),
        ("Núñez", "Fernández", "Ibáñez", "Peña", "Castillo", "Muñoz", "López", "Ortega", "Vázquez", "Iglesias"),
        ("Panadería", "Carpintería", "Floristería", "Librería", "Óptica", "Bodega", "Ferretería", "Papelería"),
        ("Valverde", "Montaña", "Riosol", "Almendra", "Campo", "Solana", "Encinar", "Marazul", "Peñalba", "Olivar"),
        "{trade} {place}",
        "contacto",
        "contacto",
        "{company}. Persona de contacto: {name}. Presupuesto sin compromiso.",
        _no_phone,
    ),
)

#: With how the mailbox is spelt, which no rule would guess.
_OTHER_SCRIPTS = (
    ("山田 花子", "hanako.yamada"),
    ("Мария Иванова", "m.ivanova"),
    ("Ελένη Παππά", "eleni"),
    ("ليلى حداد", "layla.haddad"),
)
_NO_ADDRESSES = ("{local}@", "{local}(at){domain}", "{local} @{domain}", "@{domain}", "{local}@{domain}@{domain}")
_NO_PHONES = ("Phone not found", "N/A", "Phone not found", "-")
_UNREADABLE_PHONES = ("call reception, ext. 12", "12-34", "on request, 9-17 h", "+00 1234 567 890 123 456")


@dataclass(frozen=True)
class _Company:
    country: Country
    name: str
    domain: str
    phone: str
    shares_phone: bool
    people: list[str]


def demo_contacts(count: int) -> Iterator[dict[str, str]]:
    """Yield the first `count` made-up contacts as rows of a CSV file, column by column.

    The n-th is the same whatever `count` is, so that loading more adds to what is there.
    """
    random = Random(SEED)  # noqa: S311 - nothing to guess here
    company = _company(0, random)
    row: dict[str, str] = {}
    for number in range(count):
        if number and number % CONTACTS_PER_COMPANY == 0:
            company = _company(number // CONTACTS_PER_COMPANY, random)
        row = _contact(number, company, random, row)
        yield row


def _company(number: int, random: Random) -> _Company:
    country = COUNTRIES[number % len(COUNTRIES)]
    turn = number // len(COUNTRIES)
    place = country.places[turn % 10]
    trade = country.trades[(turn // 10 + turn) % 8]
    again = turn // 80
    name = country.company.format(trade=trade, place=place)
    if again:
        name += f" {again + 1}"
    firsts = random.sample(country.first_names, CONTACTS_PER_COMPANY)
    return _Company(
        country=country,
        name=name,
        domain=f"{_ascii(name)}.example",
        phone=country.phone(random),
        shares_phone=number % 4 == 1,
        people=[f"{first} {random.choice(country.last_names)}" for first in firsts],
    )


def _contact(number: int, company: _Company, random: Random, before: dict[str, str]) -> dict[str, str]:
    """Return one row: a good one, made worse for the numbers that are there to show a flaw."""
    country = company.country
    name = company.people[number % CONTACTS_PER_COMPANY]
    local = _ascii(name.partition(" ")[0]) + "." + _ascii(name.partition(" ")[2])
    if number % 37 == 5:
        name, local = _OTHER_SCRIPTS[number // 37 % len(_OTHER_SCRIPTS)]
    elif number % 31 == 12:
        name, local = name.split()[0], _ascii(name.split()[0])
    row = {
        "email": f"{local}@{company.domain}",
        "name": name,
        "phone_number": company.phone if company.shares_phone else country.phone(random),
        "email_type": "",
        "has_gmail": "",
        "domain": company.domain,
        "page_url": f"https://www.{company.domain}/{country.page}",
        # No two rows are the same: the number is in here.
        "source_url": f"https://maps.example/place/{100_001 + number}",
        "context": country.context.format(name=name, company=company.name),
    }
    _vary_address(row, number, local, company)
    _spoil(row, number, local, company, before)
    return row


def _vary_address(row: dict[str, str], number: int, local: str, company: _Company) -> None:
    """Make some addresses an office's, and some a free-mail provider's."""
    if number % 10 == 0:
        row["email"] = f"{company.country.role}@{company.domain}"
    elif number % 8 == 3:
        google = number % 16 == 3
        row["email"] = f"{local}{number}@{'gmail' if google else 'freemail'}.example"
        row["email_type"] = "FREE"
        row["has_gmail"] = "yes" if google else "no"


def _spoil(row: dict[str, str], number: int, local: str, company: _Company, before: dict[str, str]) -> None:
    """Put in what a scraper gets wrong."""
    if number % 15 == 4:
        row["phone_number"] = _NO_PHONES[number // 15 % len(_NO_PHONES)]
    if number % 20 == 6:
        row["name"] = f"Contact at {company.domain}"
    if number % 40 == 17:
        row["phone_number"] = _UNREADABLE_PHONES[number // 40 % len(_UNREADABLE_PHONES)]
    if number % 27 == 14 and before["email"]:  # the third of a company: the one before is a colleague's
        _repeat(row, before, upper=bool(number % 2))
    elif number % 60 == 27:
        row |= {"email": "", "email_type": "", "has_gmail": ""}
    elif number % 60 == 42:
        broken = _NO_ADDRESSES[number // 60 % len(_NO_ADDRESSES)]
        row |= {"email": broken.format(local=local, domain=company.domain), "email_type": "", "has_gmail": ""}


def _repeat(row: dict[str, str], before: dict[str, str], *, upper: bool) -> None:
    """Make of `row` the person before, found on another page and spelt in other letters."""
    row |= before | {"phone_number": row["phone_number"], "source_url": row["source_url"]}
    row["page_url"] += "/team"
    row["email"] = before["email"].upper() if upper else before["email"].title()


def _ascii(text: str) -> str:
    """Return the text as it would stand in an address: "Jérôme d'Artois" as "jerome-dartois"."""
    spelt = text.lower()
    for letter, letters in (("ß", "ss"), ("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ł", "l")):
        spelt = spelt.replace(letter, letters)
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    return "-".join(plain.replace("'", "").split())
