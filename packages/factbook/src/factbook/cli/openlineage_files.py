"""Events in files: read piece by piece, written one a line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from factbook.app import Factbook
from factbook.cli.progress import progress
from factbook.cli.record_files import opened_file, pieces
from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, say
from factbook.errors import InvalidRequest
from factbook_sdk.repository.intake import split_documents

_MAX_SHOWN = 1_000
_PAGE = 1_000


class Misunderstood(msgspec.Struct, frozen=True):
    """An event that was not stored. ``place`` is its line in NDJSON, or its number in a list, counted from 1."""

    place: int
    reason: str


class IngestReport(msgspec.Struct, frozen=True):
    """What became of a file's events. ``failed`` names at most 1,000; the counts are of all."""

    received: int
    successful: int
    failed: list[Misunderstood]


def ingest(factbook: Factbook, file: str, *, quiet: bool) -> IngestReport:
    """Store every event of the file (``-`` is stdin)."""
    room = factbook.own.openlineage
    received = successful = 0
    failed: list[Misunderstood] = []
    with opened_file(file) as stream, progress("Storing", "events", quiet=quiet) as move:
        for piece in pieces(stream, whole=False):
            answer = room.receive_all(split_documents(piece.body))
            received += answer.summary.received
            successful += answer.summary.successful
            failed += [Misunderstood(piece.places[item.index], item.reason) for item in answer.failed_events]
            del failed[_MAX_SHOWN:]
            move(received, None, "")
    if not received:
        raise InvalidRequest("There is no event in it", fix="Give a JSON object, a JSON list or NDJSON", field="file")
    return IngestReport(received, successful, failed)


def show(report: IngestReport) -> None:
    """Print the counts, and the events that were not understood."""
    say(f"{count(report.successful, 'event')} stored, {report.received - report.successful:,} not understood")
    if report.failed:
        show_table(("place", "refused because"), [(str(item.place), item.reason) for item in report.failed], right=("place",))


def all_events(factbook: Factbook, **question: Any) -> Iterator[dict[str, Any]]:
    """Yield events page by page."""
    cursor: str | None = None
    while True:
        page = factbook.own.openlineage.events(limit=_PAGE, cursor=cursor, **question)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def write(events: Iterable[dict[str, Any]], output: str, *, quiet: bool) -> None:
    """Write events one a line to a file, or to stdout for ``-``."""
    if output == "-":
        for event in events:
            sys.stdout.write(f"{msgspec.json.encode(event).decode()}\n")
        return
    written = 0
    draft = Path(f"{output}.part")
    try:
        with draft.open("wb") as stream:
            for event in events:
                stream.write(msgspec.json.encode(event) + b"\n")
                written += 1
        os.replace(draft, output)
    except OSError as error:
        raise InvalidRequest(f"{output} cannot be written", why=error.strerror or "", fix="Name another file", field="output") from error
    finally:
        draft.unlink(missing_ok=True)
    if not quiet:
        note(f"{count(written, 'event')} written to {output}")
