"""The sandbox's own endpoints: `/_sandbox/…` for programs, `/` and its form for people."""

import math
from collections.abc import Callable
from urllib.parse import urlencode

from sandbox.faults import Faults, fault_from_json
from sandbox.messages import (
    BadRequest,
    JsonObject,
    JsonValue,
    Request,
    Response,
    html_response,
    json_response,
    split_path,
)
from sandbox.page import PAGE_SIZE, PageView, render
from sandbox.platform import Platform
from sandbox.routing import Params, Route, Router
from sandbox.values import is_number, is_whole, number_in

_LONGEST_LATENCY_MS = 600_000.0


class Control:
    """Answers everything that is no platform's. Runs with the sandbox lock held.

    In: the platforms, the faults in force, and how to read and set the latency.
    """

    def __init__(
        self,
        platforms: list[Platform],
        faults: Faults,
        latency_ms: Callable[[], float],
        set_latency_ms: Callable[[float], None],
    ) -> None:
        self.platforms = platforms
        self.faults = faults
        self.latency_ms = latency_ms
        self.set_latency_ms = set_latency_ms
        self.redirects_followed = 0
        self._router = Router(ROUTES)

    def answer(self, request: Request) -> Response:
        """A request outside every platform in, its answer out."""
        match = self._router.match(request.method, split_path(request.path))
        if match.handler is not None:
            return match.handler(self, request, match.params)
        if match.allowed:
            message: JsonObject = {"message": f"{request.method} is not allowed here"}
            return json_response(405, message, [("Allow", ", ".join(match.allowed))])
        return json_response(404, {"message": "There is nothing at this path"})

    def platform(self, slug: str) -> Platform | None:
        """The platform with this short name; the first one for an empty name."""
        return next((one for one in self.platforms if slug in ("", one.slug)), None)


def add_fault(control: Control, request: Request, params: Params) -> Response:
    """`POST /_sandbox/faults`: put a fault in force."""
    fault = fault_from_json(request.json())
    control.faults.add(fault)
    return json_response(201, fault.as_json())


def clear_faults(control: Control, request: Request, params: Params) -> Response:
    """`DELETE /_sandbox/faults`: everything works again."""
    control.faults.clear()
    return Response(204)


def reset(control: Control, request: Request, params: Params) -> Response:
    """`POST /_sandbox/reset`: fresh accounts, no recorded requests, unused budgets, no faults."""
    control.faults.clear()
    control.redirects_followed = 0
    for platform in control.platforms:
        platform.reset()
    return Response(204)


def read_settings(control: Control, request: Request, params: Params) -> Response:
    """`GET /_sandbox/settings`: every setting with its value."""
    return json_response(200, _settings(control))


def change_settings(control: Control, request: Request, params: Params) -> Response:
    """`POST /_sandbox/settings`: change the named settings; all of them, or none on a 400."""
    wanted = _object(request)
    unknown = sorted(set(wanted) - set(_settings(control)))
    if unknown:
        known = ", ".join(sorted(_settings(control)))
        raise BadRequest(400, f"Unknown settings: {', '.join(unknown)}. Known: {known}")
    latency = wanted.pop("latency_ms", control.latency_ms())
    if not is_number(latency):
        raise BadRequest(400, "latency_ms must be a number")
    if not 0 <= latency <= _LONGEST_LATENCY_MS:
        raise BadRequest(400, "latency_ms must lie between 0 and 600000")
    changes = [
        (platform, {name: value for name, value in wanted.items() if name in platform.kinds})
        for platform in control.platforms
    ]
    try:
        for platform, mine in changes:
            platform.check(mine)
    except ValueError as error:
        raise BadRequest(400, str(error)) from error
    for platform, mine in changes:
        platform.change(mine)
    control.set_latency_ms(float(latency))
    return json_response(200, _settings(control))


def spend_budget(control: Control, request: Request, params: Params) -> Response:
    """`POST /_sandbox/budget`: another program spends `calls` of the platform's budget right now."""
    wanted = _object(request)
    platform = control.platform(str(wanted.get("platform", "")))
    calls, bucket = wanted.get("calls"), wanted.get("bucket", "contacts")
    if platform is None:
        raise BadRequest(400, "No such platform")
    if not is_whole(calls) or not 0 <= calls <= 1_000_000:
        raise BadRequest(400, "calls must be a whole number from 0 to 1000000")
    try:
        platform.use_budget(calls, str(bucket))
    except ValueError as error:
        raise BadRequest(400, str(error)) from error
    return Response(204)


def read_state(control: Control, request: Request, params: Params) -> Response:
    """`GET /_sandbox/state`: counts per platform, and the faults with how often each has struck."""
    platforms: JsonObject = {}
    for platform in control.platforms:
        by_status = platform.journal.by_status()
        platforms[platform.slug] = {
            **platform.counts(),
            "requests": sum(by_status.values()),
            "by_status": {str(status) if status else "no answer": n for status, n in sorted(by_status.items())},
            "refused": by_status.get(429, 0),
        }
    faults: list[JsonValue] = [fault.as_json() for fault in control.faults.all()]
    state: JsonObject = {
        "platforms": platforms,
        "faults": faults,
        "redirects_followed": control.redirects_followed,
    }
    return json_response(200, state)


def redirected(control: Control, request: Request, params: Params) -> Response:
    """Where a redirect fault leads. It looks like a success: whoever follows has been fooled."""
    control.redirects_followed += 1
    return json_response(200, {"id": 1, "message": "A redirect fault leads here; nothing was stored"})


def show_page(control: Control, request: Request, params: Params) -> Response:
    """`GET /`: the page for people."""
    query = request.query()
    platform = control.platform(_first(query, "platform"))
    if platform is None:
        return json_response(404, {"message": "No such platform"})
    search = _first(query, "q").strip()[:254]
    page = number_in(_first(query, "page")) or 1
    total, _ = platform.page_contacts(search, 0, 0)
    page = min(page, max(1, math.ceil(total / PAGE_SIZE)))
    _, contacts = platform.page_contacts(search, (page - 1) * PAGE_SIZE, PAGE_SIZE)
    host = request.headers.get("host", "127.0.0.1")
    view = PageView(control.platforms, platform, contacts, total, page, search, platform.journal.latest(50), host)
    return html_response(200, render(view))


def befall(control: Control, request: Request, params: Params) -> Response:
    """The page's buttons: something happens to the contact, and back to where the reader was."""
    platform = control.platform(params["platform"])
    if platform is None or not platform.befall(params["contact"], params["what"]):
        return json_response(404, {"message": "No such contact"})
    query = request.query()
    back = urlencode({"platform": platform.slug, "q": _first(query, "q"), "page": _first(query, "page")})
    return Response(303, headers=[("Location", f"/?{back}#contact-{params['contact']}")])


ROUTES: list[Route[Control]] = [
    Route("GET", "/", show_page),
    Route("POST", "/_sandbox/faults", add_fault),
    Route("DELETE", "/_sandbox/faults", clear_faults),
    Route("POST", "/_sandbox/reset", reset),
    Route("GET", "/_sandbox/settings", read_settings),
    Route("POST", "/_sandbox/settings", change_settings),
    Route("POST", "/_sandbox/budget", spend_budget),
    Route("GET", "/_sandbox/state", read_state),
    Route("GET", "/_sandbox/redirected", redirected),
    Route("POST", "/_sandbox/redirected", redirected),
    Route("POST", "/_sandbox/{platform}/contacts/{contact}/{what}", befall),
]


def _settings(control: Control) -> JsonObject:
    settings: JsonObject = {"latency_ms": control.latency_ms()}
    for platform in control.platforms:
        settings.update(platform.settings())
    return settings


def _object(request: Request) -> JsonObject:
    value = request.json()
    if not isinstance(value, dict):
        raise BadRequest(400, "Send a JSON object")
    return value


def _first(query: dict[str, list[str]], name: str) -> str:
    return query.get(name, [""])[0]
