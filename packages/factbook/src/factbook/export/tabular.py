"""What the formats of rows have in common: which rows ``what`` means, in batches that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from factbook.errors import InvalidRequest
from factbook.export.catalog import Catalog
from factbook.export.contract import OnProgress, Option, Tally, What
from factbook.export.rows import ChangeRow, ColumnRow, FactRow, Row, change_rows, column_rows, fact_row
from factbook.export.walking import walk

CARRIES: tuple[What, ...] = ("dictionary", "facts", "diffs")
KINDS = Option("kinds", "Of facts: only these kinds, with commas between; empty for all")

SHAPES: dict[str, type[Row]] = {"dictionary": ColumnRow, "facts": FactRow, "diffs": ChangeRow}

_BATCH = 2_000

_LOST = {
    "dictionary": "tables without a column have no row: the format has a row per column",
    "diffs": "differences that found nothing have no row: the format has a row per change",
}


def shape_of(options: Mapping[str, str]) -> type[Row]:
    """Return the shape of the rows that ``what`` means."""
    return SHAPES[options["what"]]


def batches(catalog: Catalog, options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[list[Any]]:
    """Yield the rows that ``what`` means, some thousand at a time; never an empty list."""
    if options["kinds"] and options["what"] != "facts":
        raise InvalidRequest("kinds chooses among facts", why=f"the export is of {options['what']}", fix="Say what=facts", field="kinds")
    batch: list[Any] = []
    for rows in _READERS[options["what"]](catalog, options, tally, on_progress):
        batch.extend(rows)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _dictionary(catalog: Catalog, _options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[list[ColumnRow]]:
    tally.add("tables", 0)
    tally.add("columns", 0)
    for entry in walk(catalog, on_progress):
        rows = list(column_rows(entry))
        tally.add("tables")
        tally.add("columns", len(rows))
        if not rows:
            tally.lose(_LOST["dictionary"])
        yield rows


def _facts(catalog: Catalog, options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[list[FactRow]]:
    kinds = [name.strip() for name in options["kinds"].split(",") if name.strip()]
    tally.add("facts", 0)
    for item in catalog.records(kinds or None):
        tally.add("facts")
        on_progress(tally.counts["facts"], None, f"offset {item.offset:,}")
        yield [fact_row(item)]


def _diffs(catalog: Catalog, _options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[list[ChangeRow]]:
    tally.add("diffs", 0)
    tally.add("changes", 0)
    for item in catalog.diffs():
        rows = list(change_rows(item))
        tally.add("diffs")
        tally.add("changes", len(rows))
        if not rows:
            tally.lose(_LOST["diffs"])
        on_progress(tally.counts["diffs"], None, item.record.target.source_id)
        yield rows


_READERS: dict[str, Callable[[Catalog, Mapping[str, str], Tally, OnProgress], Iterator[list[Any]]]] = {
    "dictionary": _dictionary,
    "facts": _facts,
    "diffs": _diffs,
}
