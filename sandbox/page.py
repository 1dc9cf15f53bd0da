"""The page at `/`: HTML built here, every value escaped, nothing fetched from elsewhere."""

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote, urlencode

from sandbox.journal import RequestRecord
from sandbox.page_style import STYLE
from sandbox.platform import PageContact, Platform

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class PageView:
    """Everything one page shows."""

    platforms: list[Platform]
    platform: Platform
    contacts: list[PageContact]
    total: int
    page: int
    search: str
    requests: list[RequestRecord]
    host: str


def render(view: PageView) -> str:
    """The view as an HTML document."""
    name = escape(view.platform.name)
    base_url = escape(f"http://{view.host}{view.platform.prefix}")
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox: {name} stand-in</title><link rel="icon" href="data:,"><style>{STYLE}</style></head>
<body><main>
<h1>Sandbox</h1>
<p class="dim">Stand-ins for the platforms that ScraperSky pushes contacts to.</p>
<p class="notice"><strong>This is not {name}.</strong> It imitates {name}'s interface on this machine, for
the demo and the tests. Nothing here reaches a real account, nobody is mailed, and all of it is gone when the
sandbox stops.</p>
{_tabs(view)}<p>Base URL: <code>{base_url}</code> &middot; <a href="#requests">Last requests</a></p>
{_contacts_section(view)}
{_requests_section(view)}
</main></body></html>
"""


def _tabs(view: PageView) -> str:
    """Links to the other platforms, once there are several."""
    if len(view.platforms) < 2:
        return ""
    links = [
        f'<a href="/?platform={quote(one.slug)}"{_current(one is view.platform)}>{escape(one.name)}</a>'
        for one in view.platforms
    ]
    return f"<nav>{''.join(links)}</nav>"


def _current(is_current: bool) -> str:
    return ' aria-current="page"' if is_current else ""


def _contacts_section(view: PageView) -> str:
    found = f'{_counted(view.total, "contact")} with "{escape(view.search)}"' if view.search else ""
    heading = found or _counted(view.total, "contact")
    return f"""<section aria-labelledby="contacts"><div class="bar"><h2 id="contacts">{heading}</h2>
<form method="get" action="/" role="search">
<input type="hidden" name="platform" value="{escape(view.platform.slug)}">
<input type="search" name="q" value="{escape(view.search)}" placeholder="Part of an address"
 aria-label="Part of an address">
<button>Search</button></form></div>
{_contacts_table(view)}{_pager(view)}</section>"""


def _contacts_table(view: PageView) -> str:
    if not view.contacts:
        hint = "No address contains that text." if view.search else "No contacts yet. Push some, then reload."
        return f'<div class="empty">{hint}</div>'
    rows = "".join(_contact_row(view, contact) for contact in view.contacts)
    return f"""<table><thead><tr><th>Id</th><th>Address</th><th>Attributes</th><th>Lists</th><th>Mail</th>
<th>Created, modified (UTC)</th></tr></thead><tbody>{rows}</tbody></table>"""


def _contact_row(view: PageView, contact: PageContact) -> str:
    pairs = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in contact.attributes.items())
    attributes = f"<dl>{pairs}</dl>" if pairs else ""
    lists = "<br>".join(escape(name) for name in contact.lists)
    modified = "" if contact.modified == contact.created else f"<br>{_time(contact.modified)}"
    return f"""<tr id="contact-{escape(contact.id)}"><td class="num" data-label="Id">{escape(contact.id)}</td>
<td class="addr">{escape(contact.address)}</td><td data-label="Attributes">{attributes}</td>
<td data-label="Lists">{lists}</td><td>{_mail_cell(view, contact)}</td>
<td data-label="Created, modified">{_time(contact.created)}{modified}</td></tr>"""


def _mail_cell(view: PageView, contact: PageContact) -> str:
    """The block, or the buttons that set it; nothing where there are none."""
    if contact.blocked:
        return '<span class="blocked">Blocked</span>'
    if not contact.can_unsubscribe:
        return ""
    return "".join(_button(view, contact, what) for what in ("unsubscribe", *contact.more))


def _button(view: PageView, contact: PageContact, what: str) -> str:
    path = f"/_sandbox/{quote(view.platform.slug)}/contacts/{quote(contact.id)}/{what}"
    target = escape(f"{path}?{urlencode({'q': view.search, 'page': view.page})}")
    label = escape(f"{what.capitalize()} {contact.address}")
    return f'<form method="post" action="{target}"><button aria-label="{label}">{what.capitalize()}</button></form>'


def _pager(view: PageView) -> str:
    last = max(1, -(-view.total // PAGE_SIZE))
    if last == 1:
        return ""
    newer = _page_link(view, view.page - 1, "Newer") if view.page > 1 else ""
    older = _page_link(view, view.page + 1, "Older") if view.page < last else ""
    here = f"<span>Page {view.page} of {last}</span>"
    return f'<nav class="bar" aria-label="Pages"><span>{newer}</span>{here}<span>{older}</span></nav>'


def _page_link(view: PageView, page: int, label: str) -> str:
    query = urlencode({"platform": view.platform.slug, "q": view.search, "page": page})
    return f'<a href="/?{escape(query)}">{label}</a>'


def _requests_section(view: PageView) -> str:
    rows = "".join(_request_row(record) for record in view.requests)
    table = f"""<table><thead><tr><th>Time (UTC)</th><th>Request</th><th>Answer</th></tr></thead>
<tbody>{rows}</tbody></table>"""
    content = table if rows else '<div class="empty">No requests yet.</div>'
    return f"""<section aria-labelledby="requests"><div class="bar"><h2 id="requests">Last requests</h2>
<span class="dim">the newest 50, newest first</span></div>{content}</section>"""


def _request_row(record: RequestRecord) -> str:
    query = f"?{record.query_string}" if record.query_string else ""
    line = escape(f"{record.method} {record.path}{query}"[:300])
    answer = str(record.status) if record.status else "no answer"
    style = "ok" if 200 <= record.status < 300 and not record.fault else "fail"
    fault = f' <span class="dim">(fault {escape(record.fault)})</span>' if record.fault else ""
    return f"""<tr><td>{_time(record.time)}</td><td><code>{line}</code></td>
<td class="num"><span class="{style}">{answer}</span>{fault}</td></tr>"""


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _time(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f'<time datetime="{moment.isoformat()}">{moment:%Y-%m-%d %H:%M:%S}</time>'
