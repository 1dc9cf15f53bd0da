"""What an address tells about its mailbox."""

from __future__ import annotations

import pytest

from contacts.address_key import email_key
from contacts.emails import classify_email, is_gmail
from contacts.models import Contact, EmailType


@pytest.mark.parametrize(
    "email",
    [
        *("info@acme.example", "INFO@Acme.Example", " info@acme.example ", "info2@acme.example"),
        *("sales@acme.example", "kontakt@acme.example", "accueil@acme.example", "contacto@acme.example"),
        *("contatti@acme.example", "biuro@acme.example", "klantenservice@acme.example", "büro@acme.example"),
        *("contact+news@acme.example", "customer-service@acme.example", "customer.service@acme.example"),
        *("info.paris@acme.example", "sales_uk@acme.example", "no-reply@acme.example", "noreply@acme.example"),
        *("do-not-reply@acme.example", "ne-pas-repondre@acme.example", "hr@acme.example"),
        *("info@gmail.com", "kontakt@gmx.de"),  # the role beats the provider
    ],
)
def test_role_addresses_are_service(email: str) -> None:
    assert classify_email(email) == EmailType.SERVICE


@pytest.mark.parametrize(
    "domain",
    [
        *("gmail.com", "googlemail.com", "GMail.com", "gmx.de", "gmx.net", "gmx.co.uk", "yahoo.com", "yahoo.co.uk"),
        *("yahoo.com.br", "hotmail.fr", "outlook.com", "outlook.de", "live.nl", "web.de", "orange.fr", "mail.ru"),
        *("icloud.com", "proton.me", "t-online.de", "libero.it", "wp.pl", "seznam.cz", "qq.com", "laposte.net"),
    ],
)
def test_free_mail(domain: str) -> None:
    assert classify_email(f"jane.doe@{domain}") == EmailType.FREE


@pytest.mark.parametrize(
    "email",
    [
        *("jane.doe@acme.example", "j@acme.co.uk", "müller@firma.example", "infographics.jane@acme.example"),
        *("informant@acme.example", "it.smith@acme.example", "post.anna@acme.example", "ola@acme.example"),
        *("jane@notgmail.com", "jane@gmail.com.acme.example", "jane@mail.gmx.acme.example", "o'neil@acme.example"),
    ],
)
def test_everything_else_is_corporate(email: str) -> None:
    assert classify_email(email) == EmailType.CORPORATE


@pytest.mark.parametrize(
    "email",
    [
        *(None, "", "   ", "none", "jane", "jane@", "@acme.example", "jane@acme", "jane@@acme.example"),
        *("jane doe@acme.example", "jane@acme.example, joe@acme.example", "<jane@acme.example>", "a@b@c.example"),
        *("jane@acme..example", "jane@.example", "jane@acme.example.", "mailto:jane@acme.example"),
    ],
)
def test_what_is_no_address_is_unknown(email: str | None) -> None:
    assert classify_email(email) == EmailType.UNKNOWN
    assert not is_gmail(email)


def test_a_long_address_takes_no_time() -> None:
    assert classify_email("a" * 100_000 + "@" + "b." * 100_000) == EmailType.UNKNOWN


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("jane@gmail.com", True),
        (" Jane@GoogleMail.com ", True),
        ("info@gmail.com", True),
        ("jane@gmail.com.acme.example", False),
        ("jane@notgmail.com", False),
        ("gmail.com", False),
        ("@gmail.com", False),
        (None, False),
    ],
)
def test_is_gmail(email: str | None, expected: bool) -> None:
    assert is_gmail(email) is expected


@pytest.mark.parametrize(
    ("email", "key"),
    [
        ("  Jane.Doe@Acme.EXAMPLE ", "jane.doe@acme.example"),
        ("\tjane@acme.example\r\n", "jane@acme.example"),
        ("not an address", "not an address"),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_email_key(email: str | None, key: str | None) -> None:
    assert email_key(email) == key


@pytest.mark.django_db
@pytest.mark.parametrize(
    "email",
    [
        "Jane.Doe@Acme.EXAMPLE",
        "  jane@acme.example  ",
        "JANE+Tag@ACME.example",
        "\tJane@acme.example\r\n",
        "\u00a0jane@acme.example\u3000",
        "ÉMILE@acme.example",
        "jane'); DROP TABLE contacts; --",
        None,
    ],
)
def test_email_key_is_the_databases(email: str | None) -> None:
    contact = Contact.objects.create(email=email)
    contact.refresh_from_db()
    assert contact.email_key == email_key(email)
