"""The page for people."""

import re
from html.parser import HTMLParser


class Wellformed(HTMLParser):
    """Fails on a tag that closes another than the last one opened."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "link", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def page(client, query=""):
    answer = client("GET", f"/{query}", root=True)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    text = answer.raw.decode()
    Wellformed(text)
    return text


def test_an_empty_sandbox_says_what_it_is(brevo):
    text = page(brevo)
    assert "This is not Brevo." in text
    assert "No contacts yet" in text
    assert "No requests yet" in text
    assert "/brevo/v3" in text
    assert not re.search(r"(src|href)=\"(https?:)?//", text)


def test_contacts_and_requests_are_shown_escaped(brevo):
    brevo.upsert("a&b@acme.example", attributes={"FIRSTNAME": "<script>alert(1)</script>"}, listIds=[2])
    brevo("GET", "/contacts?filter=<b>".replace("<", "%3C").replace(">", "%3E"))
    text = page(brevo, "?q=a%26b")
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "a&amp;b@acme.example" in text
    assert "ScraperSky demo (2)" in text
    assert "1 contact with" in text
    assert "POST /contacts" in text
    hostile = page(brevo, "?q=%22%3E%3Cscript%3E")
    assert "<script>" not in hostile
    assert brevo("GET", "/", root=True, headers={"Host": "<i>x"}).raw.count(b"<i>") == 0


def test_pages_of_100_and_search(brevo):
    for number in range(103):
        brevo.upsert(f"a{number:03d}@acme.example")
    text = page(brevo)
    assert "103 contacts" in text
    assert text.index("a102@acme.example") < text.index("a101@acme.example")
    assert text.count("<tr id=") == 100
    assert text.count("POST /contacts") == 50
    assert "Page 1 of 2" in text
    second = page(brevo, "?page=2")
    assert second.count("<tr id=") == 3
    assert page(brevo, "?page=99").count("<tr id=") == 3
    assert page(brevo, "?page=x").count("<tr id=") == 100
    assert page(brevo, "?q=A10").count("<tr id=") == 3
    assert "No address contains that text" in page(brevo, "?q=zzz")
    assert brevo("GET", "/?platform=odd", root=True).status == 404


def test_the_button_unsubscribes(brevo, sandbox):
    brevo.upsert("a@acme.example")
    action = re.search(r'<form method="post" action="([^"]+)"', page(brevo, "?q=acme")).group(1)
    answer = brevo("POST", action.replace("&amp;", "&"), root=True)
    assert answer.status == 303
    assert sandbox.brevo.contact("a@acme.example").email_blacklisted
    assert answer.headers["location"] == "/?platform=brevo&q=acme&page=1#contact-1"
    text = page(brevo, "?q=acme")
    assert 'class="blocked"' in text
    assert "/unsubscribe" not in text
    for gone in ("brevo/contacts/9", "brevo/contacts/x", "odd/contacts/1"):
        assert brevo("POST", f"/_sandbox/{gone}/unsubscribe", root=True).status == 404


def test_requests_without_an_answer_and_faults_are_marked(brevo, sandbox):
    sandbox.add_fault("502_html", times=1)
    brevo("GET", "/contacts")
    assert "(fault 502_html)" in page(brevo)
