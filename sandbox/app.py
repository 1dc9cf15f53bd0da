"""What happens to a request: its platform, then faults, then answer, journal and latency."""

import logging
import threading
from collections.abc import Callable

from sandbox.control import Control
from sandbox.faults import Fault, Faults
from sandbox.journal import RequestRecord, keep_body
from sandbox.messages import BadRequest, Request, Response, html_response, split_path
from sandbox.platform import Platform

logger = logging.getLogger("sandbox")

_HTML_TITLES = {502: "502 Bad Gateway", 403: "Access denied", 524: "A timeout occurred"}


class App:
    """Answers every request. One lock guards all state; nothing waits while holding it."""

    def __init__(
        self,
        platforms: list[Platform],
        lock: threading.RLock,
        stopping: threading.Event,
        latency_seconds: float,
        verbose: bool,
    ) -> None:
        self.faults = Faults()
        self.latency_seconds = latency_seconds
        self._platforms = platforms
        self._lock = lock
        self._stopping = stopping
        self._verbose = verbose
        self._control = Control(platforms, self.faults, self._latency_ms, self._set_latency_ms)

    def _latency_ms(self) -> float:
        return self.latency_seconds * 1000

    def _set_latency_ms(self, value: float) -> None:
        self.latency_seconds = value / 1000

    def answer(self, request: Request) -> Response:
        """A request in, its answer out. A latency or a hang waits here, at most until shutdown."""
        platform = self._platform_of(request.path)
        if platform is None:
            with self._lock:
                response = self._control.answer(request)
        else:
            response = self._ask(platform, request)
            if self.latency_seconds > 0:
                self._stopping.wait(self.latency_seconds)
        if self._verbose:
            status = "no answer" if response.abort else response.status
            logger.info("%s %a -> %s", request.method, request.path, status)  # %a: a path may hold control codes
        return response

    def _platform_of(self, path: str) -> Platform | None:
        for platform in self._platforms:
            if path.startswith(platform.prefix) and path[len(platform.prefix) :][:1] in ("/", ""):
                return platform
        return None

    def _ask(self, platform: Platform, request: Request) -> Response:
        """The platform's answer, or what a fault makes of it; recorded before it is sent."""
        relative = request.path[len(platform.prefix) :] or "/"
        with self._lock:
            fault = self.faults.pick(request, relative)
            if fault is None or fault.kind == "lost_answer":
                response = _handled(platform, request, relative)
            elif fault.kind in ("hang", "reset"):
                response = Response(0)
            else:
                response = _faulty(platform, request, fault)
            if fault is not None and fault.kind in ("lost_answer", "hang", "reset"):
                response.abort = "reset" if fault.kind == "reset" else "close"
            platform.journal.add(
                RequestRecord(
                    method=request.method,
                    path=relative,
                    query_string=request.query_string,
                    raw_body=keep_body(request.body),
                    time=request.received,
                    status=0 if response.abort else response.status,
                    fault="" if fault is None else fault.kind,
                )
            )
        if fault is not None and fault.kind == "hang":
            self._stopping.wait(fault.seconds)
        return response


def _handled(platform: Platform, request: Request, relative: str) -> Response:
    try:
        return platform.handle(request, split_path(relative))
    except BadRequest as error:
        return platform.error(error.status, error.message)
    except Exception:
        logger.exception("The sandbox failed on %s %s", request.method, request.path)
        return platform.error(500, "The sandbox itself failed; see its log")


def _faulty(platform: Platform, request: Request, fault: Fault) -> Response:
    """An answer that goes wrong without any work being done."""
    makers: dict[str, Callable[[], Response]] = {
        "502_html": lambda: _edge_page(502),
        "403_html": lambda: _edge_page(403),
        "524_html": lambda: _edge_page(524),
        # A status that means success, so that only reading the body can tell a client the truth.
        "truncated_json": lambda: Response(201 if request.method == "POST" else 200, b'{"id": 4'),
        "empty_200": lambda: Response(200),
        "garbage_200": lambda: Response(200, b"\x00\xff\xfe<<< not JSON >>>"),
        "redirect": lambda: Response(302, headers=[("Location", "/_sandbox/redirected")]),
    }
    maker = makers.get(fault.kind)
    return maker() if maker else platform.fault(fault.kind, fault.reset_after)


def _edge_page(status: int) -> Response:
    """The HTML that a proxy or a content network in front of an API answers with."""
    title = _HTML_TITLES[status]
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return html_response(status, page)
