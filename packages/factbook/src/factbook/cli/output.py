"""What commands print: JSON or tables on stdout, notes and errors on stderr. A secret never passes here: values come redacted."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

import msgspec
import typer

from factbook.cli.exit_codes import BUG, INTERRUPTED, exit_code
from factbook.errors import FactbookError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_WIDTH_WHEN_PIPED = 10_000


def verb(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Show every error of a command in one shape and end with its exit code."""

    @functools.wraps(function)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        as_json = bool(kwargs.get("as_json"))
        try:
            return function(*args, **kwargs)
        except FactbookError as error:
            show_error(error, as_json=as_json)
            raise typer.Exit(exit_code(error)) from None
        except KeyboardInterrupt:
            note("Interrupted.")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of our output went away (`| head`); point stdout elsewhere, or Python complains when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except typer.Exit:
            raise
        except Exception as error:
            if os.environ.get("FACTBOOK_DEBUG"):
                traceback.print_exc()
            note(f"error: Factbook broke: {type(error).__name__}")
            note("  why: this is a bug of ours")
            note("  do:  repeat with FACTBOOK_DEBUG=1 and report what it prints (look for secrets first)")
            raise typer.Exit(BUG) from None

    return guarded


def show_error(error: FactbookError, *, as_json: bool) -> None:
    """Print an error to stderr: what failed, why, what to do; as one JSON object when JSON was asked for."""
    if as_json:
        parts = {"code": error.code, "what": error.what, "why": error.why, "fix": error.fix, "field": error.field}
        note(msgspec.json.encode({"error": {name: value for name, value in parts.items() if value}}).decode())
        return
    note(f"error: {error.what}")
    if error.why:
        note(f"  why: {error.why}")
    if error.fix:
        note(f"  do:  {error.fix}")


def note(text: str) -> None:
    """Print a line to stderr."""
    print(text, file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Print a line to stdout."""
    print(text, flush=True)


def print_json(value: Any) -> None:
    """Print one JSON document, indented for people."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_ndjson(values: Iterable[Any]) -> None:
    """Print one JSON document a line."""
    for value in values:
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """Print a table; in a pipe it is as wide as it needs to be, so that no name is cut."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=_WIDTH_WHEN_PIPED)
    table = Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(show(value)) for value in row))
    with console.capture() as captured:
        console.print(table)
    sys.stdout.write("\n".join(line.rstrip() for line in captured.get().strip("\n").splitlines()) + "\n")


def show(value: Any) -> str:
    """Return a value as a table shows it: times in UTC to the second, yes or nothing, nothing for null."""
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%SZ}"
    return str(value)


def parse_moment(text: str | None, name: str) -> datetime | None:
    """Read an ISO 8601 moment; a date alone is its first moment in UTC."""
    from factbook.errors import InvalidRequest
    from factbook_sdk.facts.record import as_utc

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{text}T00:00:00Z" if len(text) == 10 else text)
    except ValueError as error:
        raise InvalidRequest(
            f"{text!r} is no moment", why=str(error), fix="Write 2026-01-31 or 2026-01-31T12:00:00Z", field=name
        ) from error
    return as_utc(moment, name)
