"""Where a record comes from, as ``extras.original_source`` says it.

The digest is of the rows a record was made of, not of their files: a log that grows leaves the records of its earlier rows, and their
ids, as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

from factbook.backfill.mapping import Format
from factbook_sdk.facts.codec import digest

MAX_FILES = 50
MAX_RANGES = 100

Place = tuple[int, int, int, bytes]
"""File number, first line, last line, digest of the row."""


def original_source(places: Sequence[Place], files: Sequence[PurePosixPath], format: Format) -> dict[str, Any]:
    """Return the provenance of a record: its files with the lines in them (in reports: the numbers of the rows), the number of rows,
    and BLAKE2b-128 over the rows' digests in this order. Beyond 50 files the others are counted, beyond 100 ranges of lines in a file
    only the first and last line are told."""
    ordered = sorted(places)
    name = "rows" if format == "json" else "lines"
    found = [{"file": str(files[number]), name: _ranges(list(part))} for number, part in groupby(ordered, key=lambda place: place[0])]
    more = {"more_files": len(found) - MAX_FILES} if len(found) > MAX_FILES else {}
    merged = digest(b"".join(place[3] for place in ordered)).hex()
    return {"files": found[:MAX_FILES], "merged_rows": len(ordered), "digest": merged} | more


def _ranges(places: Iterable[Place]) -> str:
    """Return lines as people write them: ``1-3,7``."""
    joined: list[list[int]] = []
    for _, first, last, _ in places:
        if joined and first == joined[-1][1] + 1:
            joined[-1][1] = last
        else:
            joined.append([first, last])
    if len(joined) > MAX_RANGES:
        return f"{joined[0][0]}…{joined[-1][1]}"
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in joined)
