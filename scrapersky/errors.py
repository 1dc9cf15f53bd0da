"""What a person or program reads when we cannot answer."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.defaults import server_error

_AWAY = "The database cannot be reached at the moment. Try again in a few seconds."
_PAGE = f"<!doctype html><html lang=en><title>Try again</title><h1>Try again in a moment</h1><p>{_AWAY}</p></html>"

#: What PostgreSQL says when it goes down or comes up (57P01 to 57P03), when a connection is lost (08…), when it
#: has no room or no connection left (53…).
_AWAY_CODES = ("57P0", "53", "08")

#: SQLite has no codes for it.
_AWAY_WORDS = ("locked", "unable to open", "disk is full", "disk I/O error")


def error_500(request: HttpRequest) -> HttpResponseBase:
    """Django's handler for errors of ours: 503 and "try again" when the database is away, else its own page."""
    error = sys.exc_info()[1]
    if error is None or not database_away(error):
        return server_error(request)
    response: HttpResponse
    if request.path.startswith("/api/"):
        response = JsonResponse({"detail": _AWAY}, status=503)
    else:
        # No template: those of the admin would ask the database who is logged in.
        response = HttpResponse(_PAGE, status=503)
    response["Retry-After"] = "5"
    return response


def database_away(error: BaseException) -> bool:
    """Is it the database that cannot do its work now, and not we who asked for something wrong?"""
    if isinstance(error, InterfaceError):
        return True  # the connection was closed under us
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    code = getattr(cause, "sqlstate", None)
    if code is not None:
        return str(code).startswith(_AWAY_CODES)
    if type(cause).__module__.startswith("psycopg"):
        return True  # no code: there was nobody to give one
    return any(word in str(error) for word in _AWAY_WORDS)
