"""Refused rows on the terminal."""

from __future__ import annotations

from django.core.management.base import OutputWrapper

from contacts.importing.problems import Refusal
from contacts.importing.source import Source

#: Refused rows that are shown one by one.
SHOWN = 100


class Report:
    """Shows the refused rows, the first of them; counts the others."""

    def __init__(self, source: Source, stderr: OutputWrapper) -> None:
        self._source = source
        self._stderr = stderr
        self._count = 0

    def refused(self, refusal: Refusal) -> None:
        self._count += 1
        if self._count <= SHOWN:
            self._source.clear_progress()
            self._stderr.write(f"line {refusal.line}: {refusal.message}")

    def finish(self) -> None:
        if self._count > SHOWN:
            self._source.clear_progress()
            self._stderr.write(f"and {self._count - SHOWN:,} more")
