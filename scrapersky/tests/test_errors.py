"""What people and programs read while the database is away."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.test import Client

from scrapersky.errors import database_away


def caused(error: Exception, cause: Exception | None) -> Exception:
    error.__cause__ = cause
    return error


AWAY = [
    caused(OperationalError("connection refused"), psycopg.OperationalError("connection refused")),
    caused(OperationalError("terminating connection"), psycopg.errors.AdminShutdown()),
    caused(OperationalError("starting up"), psycopg.errors.CannotConnectNow()),
    caused(OperationalError("too many clients"), psycopg.errors.TooManyConnections()),
    caused(OperationalError("no room"), psycopg.errors.DiskFull()),
    caused(OperationalError("database is locked"), sqlite3.OperationalError("database is locked")),
    caused(OperationalError("database or disk is full"), sqlite3.OperationalError("database or disk is full")),
    InterfaceError("connection already closed"),
]
OURS = [
    caused(OperationalError("no such column: x"), sqlite3.OperationalError("no such column: x")),
    caused(ProgrammingError("relation does not exist"), psycopg.errors.UndefinedTable()),
    ValueError("locked"),
]


@pytest.mark.parametrize("error", AWAY, ids=str)
def test_the_database_is_away(error: Exception) -> None:
    assert database_away(error)


@pytest.mark.parametrize("error", OURS, ids=str)
def test_an_error_of_ours_is_not_an_outage(error: Exception) -> None:
    assert not database_away(error)


def ask(monkeypatch: pytest.MonkeyPatch, path: str, error: Exception) -> Any:
    def away(*args: Any, **kwargs: Any) -> None:
        raise error

    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "x" * 32
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", away)
    return client.get(path)


@pytest.mark.parametrize("path", ["/admin/contacts/contact/", "/api/v3/contacts"])
def test_it_is_said_in_plain_words(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    answer = ask(monkeypatch, path, AWAY[0])
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    if path.startswith("/api/"):
        assert "Try again in a few seconds" in answer.json()["detail"]
    else:
        assert "Try again in a few seconds" in answer.content.decode()
        assert answer["Content-Type"].startswith("text/html")
    assert "refused" not in answer.content.decode()


def test_an_error_of_ours_stays_a_500(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, "/admin/contacts/contact/", OURS[0]).status_code == 500
