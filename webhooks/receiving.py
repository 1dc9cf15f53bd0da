"""Taking events in: stored as they came, answered at once. Nothing else happens while the platform waits.

One statement stores all events of a call. It is written out, and not the ORM's, for the answer's sake.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse, UnreadablePostError
from django.utils import timezone

from webhooks.models import PlatformEvent
from webhooks.source import NotEvents, Piece, Source
from webhooks.waking import wake

logger = logging.getLogger(__name__)

State = PlatformEvent.State

#: Brevo sends up to 500 events at once, of about a kilobyte each. Django itself refuses more than 2.5 MB.
LONGEST_BODY = 2_000_000
MOST_EVENTS = 20_000

#: So many of them are stored by one statement.
AT_ONCE = 2_000

#: Of a body that nobody can read, so much is kept.
KEPT_OF_UNREADABLE = 50_000

#: Seconds after which the platform may try again when we are in trouble. Brevo has a timetable of its own.
TRY_AGAIN = 60

_COLUMNS = "platform, key, event, email_key, body, received_at, state, tries, result, problem"
_ROW = "(%s, %s, %s, %s, %s, %s, %s, 0, '', %s)"


def body_of(request: HttpRequest) -> bytes | JsonResponse:
    """The raw bytes; an answer instead when there are too many of them or the sender hung up."""
    try:
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            return _in_chunks(request)
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if length <= LONGEST_BODY:
            return request.body
    except RequestDataTooBig:
        pass
    except (UnreadablePostError, ValueError, OSError):
        return said(400, "The body could not be read to its end.")
    return _too_large()


def _in_chunks(request: HttpRequest) -> bytes | JsonResponse:
    """A body without a length. Django takes it for an empty one, and we would lose the event.

    Where the server does not know its end (`wsgi.input_terminated`), reading would never end.
    """
    if not request.META.get("wsgi.input_terminated"):
        return said(400, "This server takes no body without a length. Send it with a Content-Length header.")
    stream, body = request.META["wsgi.input"], bytearray()
    while len(body) <= LONGEST_BODY and (piece := stream.read(min(65_536, LONGEST_BODY + 1 - len(body)))):
        body += piece
    return bytes(body) if len(body) <= LONGEST_BODY else _too_large()


def _too_large() -> JsonResponse:
    return said(413, f"The body is larger than {LONGEST_BODY // 1_000_000} MB. Send fewer events at once.")


def receive(source: Source, raw: bytes) -> JsonResponse:
    """Store the events of a body that is known to come from the platform. The caller has seen to that.

    200 when they are stored, whatever they say. 400 for what holds no events, which is kept for people. Our own
    trouble is 429: Brevo tries again after that, and drops an event for good on any other error.
    """
    now = timezone.now()
    try:
        return _receive(source, raw, now)
    except Error as error:
        # The database is away, locked, full or not migrated. Its message may hold what is in the body.
        logger.error("%s: an event could not be stored (%s); asked to send it again", source.label, _name(error))
    except Exception:
        logger.exception("%s: an event could not be taken in; asked to send it again", source.label)
    answer = said(429, "The events could not be stored. Send them again later.")
    answer["Retry-After"] = str(TRY_AGAIN)
    return answer


def said(status: int, detail: str) -> JsonResponse:
    """An answer in the API's form."""
    return JsonResponse({"detail": detail}, status=status)


def _receive(source: Source, raw: bytes, now: datetime) -> JsonResponse:
    # One odd byte in a campaign's name is no reason to refuse an event: Brevo would drop it for good.
    text = raw.decode("utf-8-sig", "replace").replace("\x00", "\ufffd")
    try:
        pieces = source.split(_parsed(text), text)
    except NotEvents as error:
        kept = text[:KEPT_OF_UNREADABLE]
        key = hashlib.sha256(b"unreadable" + raw).hexdigest()
        store(source.platform, [Piece("", "", key, kept, readable=False)], now=now, problem=str(error))
        return said(400, str(error))
    if len(pieces) > MOST_EVENTS:
        return said(413, f"The body holds more than {MOST_EVENTS:,} events. Send fewer at once.")
    if pieces:
        store(source.platform, pieces, now=now, problem="It is no JSON object.")
        wake()
    return JsonResponse({"received": len(pieces)})


def store(platform: str, pieces: Sequence[Piece], *, now: datetime, problem: str = "") -> None:
    """Keep the events, in their order, but for those that are there already. `problem`: of unreadable ones."""
    for start in range(0, len(pieces), AT_ONCE):
        _store(platform, pieces[start : start + AT_ONCE], now, problem)


def _store(platform: str, pieces: Sequence[Piece], now: datetime, problem: str) -> None:
    when = connection.ops.adapt_datetimefield_value(now)
    values: list[Any] = []
    for piece in pieces:
        state, trouble = (State.RECEIVED, "") if piece.readable else (State.UNREADABLE, problem)
        values += (platform, piece.key, piece.event, piece.address, piece.body, when, state.value, trouble)
    rows = ", ".join([_ROW] * len(pieces))
    sql = f"INSERT INTO platform_events ({_COLUMNS}) VALUES {rows} ON CONFLICT (platform, key) DO NOTHING"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotEvents("The body is no JSON. Send a JSON object, or an array of objects.") from error


def _name(error: Exception) -> str:
    cause = error.__cause__
    return type(cause or error).__name__
