"""Store the records of a file or of stdin, a piece at a time, and say what became of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from factbook.app import Factbook
from factbook.cli.progress import progress
from factbook.cli.tables import show_table
from factbook.cli.terminal import note, say
from factbook.errors import InvalidRequest
from factbook_sdk.repository.contract import Outcome
from factbook_sdk.repository.intake import store_document

_LINES = 5_000
"""Lines of NDJSON stored at once: memory stays level however long the file is."""

_MAX_REFUSED = 1_000


class Refused(msgspec.Struct, frozen=True):
    """A record that was refused. ``place`` is its line in NDJSON, or its number in a JSON list, counted from 1."""

    place: int
    reason: str
    field: str | None


class StoreReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of the records. ``refused`` explains at most 1,000; ``counts["rejected"]`` is exact. ``warnings`` are about kinds."""

    counts: dict[str, int]
    refused: list[Refused]
    warnings: list[str] = []


class Piece(msgspec.Struct, frozen=True):
    """A document with the place of each record in it."""

    body: bytes
    places: Sequence[int]


def store(factbook: Factbook, file: str, *, atomic: bool, quiet: bool) -> StoreReport:
    """Store every record of the file (``-`` is stdin)."""
    counts = {outcome.value: 0 for outcome in Outcome} | {"rejected": 0}
    refused: list[Refused] = []
    warnings: dict[str, None] = {}
    tenant = factbook.settings.tenant
    with opened_file(file) as stream, progress("Storing", "records", quiet=quiet) as move:
        for piece in pieces(stream, whole=atomic):
            report = store_document(factbook.repository, piece.body, tenants={tenant}, atomic=atomic, warn=factbook.kinds.warnings)
            for name, number in report.counts.items():
                counts[name] += number
            refused += [Refused(piece.places[item.index], item.reason, item.field) for item in report.rejections]
            del refused[_MAX_REFUSED:]
            warnings |= dict.fromkeys(report.warnings)
            move(sum(counts.values()), None, "")
    return StoreReport(counts, refused, list(warnings))


def show(report: StoreReport) -> None:
    """Print the counts, and the refused records with their reasons."""
    say(", ".join(f"{number:,} {name}" for name, number in report.counts.items()))
    for warning in report.warnings:
        note(f"warning: {warning}", style="yellow")
    if report.refused:
        show_table(("place", "refused because"), [(str(item.place), item.reason) for item in report.refused], right=("place",))
        if report.counts["rejected"] > len(report.refused):
            note(f"and {report.counts['rejected'] - len(report.refused):,} more")


@contextmanager
def opened_file(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        if sys.stdin.isatty():
            note("Reading records from the terminal; Ctrl-D ends them.", style="dim")
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - only opening may be blamed on the name
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read", why=error.strerror or "", fix="Name a file, or - for stdin", field="file") from error
    with stream:
        yield stream


def pieces(stream: BinaryIO, *, whole: bool) -> Iterator[Piece]:
    """Cut NDJSON into pieces of many lines; anything else, and what must be stored all or none, is one piece."""
    numbered = ((number, line) for number, line in enumerate(stream, start=1) if line.strip())
    first = next(numbered, (1, b""))
    if whole or not _is_object(first[1]):
        lines = [first, *numbered]
        body = b"".join(line for _, line in lines)
        yield Piece(body, range(1, sys.maxsize) if body.lstrip().startswith(b"[") else [number for number, _ in lines])
        return
    again = chain([first], numbered)
    while lines := list(islice(again, _LINES)):
        yield Piece(b"".join(line for _, line in lines), [number for number, _ in lines])


def _is_object(line: bytes) -> bool:
    """Return whether the line is an object by itself, as a line of NDJSON is."""
    try:
        msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return True
