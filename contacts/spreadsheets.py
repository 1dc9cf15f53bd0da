"""Cells that no spreadsheet takes for a formula, and back again.

A scraped text such as `=HYPERLINK(…)` would be run by whoever opens the file in Excel. The remedy is an apostrophe in
front: https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import re

#: What spreadsheets begin a formula with, the wide forms of Asian keyboards too, behind any apostrophes of the text.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def harmless(text: str) -> str:
    """The text as it goes into a cell. No two texts look the same there."""
    return f"'{text}" if _FORMULA.match(text) else text


def as_it_was(cell: str) -> str:
    """The text of a cell that `harmless` made."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
