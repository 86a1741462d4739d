"""Where words go: answers to stdout, everything else to stderr; plain and never cut when nobody watches."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_PIPED_WIDTH = 100_000
"""Columns assumed where the output is no terminal, so that no name is ever cut or wrapped."""


def out() -> Console:
    """Return the console for answers."""
    return _console(sys.stdout)


def err() -> Console:
    """Return the console for progress, hints and errors."""
    return _console(sys.stderr)


def say(text: str, *, style: str | None = None) -> None:
    """Print a line of the answer."""
    out().print(printable(text, keep_lines=True), style=style)


def note(text: str, *, style: str | None = None) -> None:
    """Print a line that is no part of the answer."""
    err().print(printable(text, keep_lines=True), style=style)


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    width = None if stream.isatty() else _PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def printable(text: str, *, keep_lines: bool = False) -> str:
    """Return the text with control characters escaped: a table's name must not steer the reader's terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or (keep_lines and char == "\n") else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def command() -> str:
    """Return what to type to call this program again: ``factbook`` where that finds it, else the path it was called by."""
    found, called = shutil.which("factbook"), Path(sys.argv[0])
    if called.name != "factbook" or (found is not None and Path(found).resolve() == called.resolve()):
        return "factbook"
    return str(called)


def utc(moment: datetime | None) -> str:
    """Return a moment in UTC as ISO 8601, to the second."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(duration_seconds: float) -> str:
    """Return a duration as people read it."""
    if duration_seconds < 60:
        return f"{duration_seconds:.2f} s"
    minutes, rest = divmod(round(duration_seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return the number with its noun: ``1 table``, ``11 tables``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
