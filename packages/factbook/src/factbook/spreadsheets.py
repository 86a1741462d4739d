"""CSV (RFC 4180) that a spreadsheet can open without harm."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

_FORMULA = frozenset("=+-@\t\r\n")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as lines of CSV in UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def defuse(row: list[str]) -> int:
    """Put an apostrophe before what a spreadsheet would run as a formula, in place; return how often."""
    changed = 0
    for index, cell in enumerate(row):
        if cell[:1] in _FORMULA and cell and not _NUMBER.fullmatch(cell):
            row[index] = f"'{cell}"
            changed += 1
    return changed
