"""From method and path to a handler. Routes are listed by hand; `{name}` stands for one path part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sandbox.messages import Request, Response

T = TypeVar("T")
Params = dict[str, str]
Handler = Callable[[T, Request, Params], Response]


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """One line of a platform's table: `Route("GET", "/contacts/{identifier}", read_contact)`."""

    method: str
    pattern: str
    handler: Handler[T]


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """What the table says: a handler with its parameters, or only the methods the path would take."""

    handler: Handler[T] | None
    params: Params
    allowed: tuple[str, ...]


class Router(Generic[T]):
    """Looks routes up by the number of parts; earlier lines win, so fixed names go before `{name}`."""

    def __init__(self, routes: list[Route[T]]) -> None:
        self._by_length: dict[int, list[tuple[list[str], Route[T]]]] = {}
        for route in routes:
            parts = route.pattern.split("/")[1:]
            self._by_length.setdefault(len(parts), []).append((parts, route))

    def match(self, method: str, parts: list[str]) -> Match[T]:
        """Method and decoded path parts in. HEAD is served by the GET handler; the wire drops the body."""
        wanted = "GET" if method == "HEAD" else method
        allowed: list[str] = []
        first: list[str] = []
        for pattern, route in self._by_length.get(len(parts), []):
            params = _fit(pattern, parts)
            if params is None:
                continue
            if not first:
                first = pattern
            elif pattern != first:
                break  # a more general pattern must not answer for a path that a fixed one names
            if route.method == wanted:
                return Match(route.handler, params, ())
            allowed.append(route.method)
        return Match(None, {}, tuple(sorted(set(allowed))))


def _fit(pattern: list[str], parts: list[str]) -> Params | None:
    params: Params = {}
    for expected, part in zip(pattern, parts, strict=True):
        if expected.startswith("{"):
            if not part:
                return None
            params[expected[1:-1]] = part
        elif expected != part:
            return None
    return params
