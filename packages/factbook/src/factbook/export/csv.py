"""CSV (RFC 4180) in UTF-8: a header, then a row per column, fact or change.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula and runs it, and names and comments are whatever
somebody wrote into a database. Such a cell gets a leading apostrophe, unless it is a number; ``spreadsheet=no`` writes it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from msgspec.structs import astuple

from factbook.export.catalog import Catalog
from factbook.export.contract import FileExporter, OnProgress, Option, Tally, What
from factbook.export.rows import fields_of
from factbook.export.tabular import CARRIES, KINDS, batches, shape_of
from factbook.spreadsheets import csv_lines, defuse
from factbook_sdk.facts.codec import canonical_json

_CHANGED = "cells that a spreadsheet would run as a formula begin with an apostrophe; spreadsheet=no leaves them as they are"


class CsvExporter(FileExporter):
    """Missing values are empty, booleans ``true`` and ``false``, moments ISO 8601 in UTC, lists and objects JSON."""

    name: ClassVar[str] = "csv"
    description: ClassVar[str] = "CSV with a header: a row per column, fact or change"
    carries: ClassVar[tuple[What, ...]] = CARRIES
    media_type: ClassVar[str] = "text/csv; charset=utf-8"
    suffix: ClassVar[str] = ".csv"
    options: ClassVar[tuple[Option, ...]] = (
        KINDS,
        Option("spreadsheet", "Defuse what a spreadsheet would run as a formula", "yes", ("yes", "no")),
    )

    def chunks(self, catalog: Catalog, options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[bytes]:
        shape = shape_of(options)
        yield csv_lines([fields_of(shape)])
        for batch in batches(catalog, options, tally, on_progress):
            rows = [[_CELLS[type(value)](value) for value in astuple(row)] for row in batch]
            if options["spreadsheet"] == "yes":
                tally.lose(_CHANGED, sum(map(defuse, rows)))
            yield csv_lines(rows)


_CELLS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    str: str,
    int: str,
    bool: lambda value: "true" if value else "false",
    list: lambda value: canonical_json(value).decode(),
    msgspec.Raw: lambda value: bytes(value).decode(),
    datetime: lambda value: value.isoformat().replace("+00:00", "Z"),
}
"""How a value of each type is written."""
