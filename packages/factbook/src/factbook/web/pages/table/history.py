"""``/ui/table/…/history``: each moment a table changed, what became of one of its columns, and what differs between any two moments."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableReader
from factbook.api.parameters import Cursor
from factbook.diff.columns import ColumnHistory
from factbook.diff.history import TableMoment
from factbook.errors import InvalidRequest, NotFound
from factbook.web.pages.table.head import PATH, Table, table_of
from factbook.web.pages.table.profile import After, Before
from factbook.web.parameters import AsOf, ColumnName
from factbook.web.routing import Pages, Part
from factbook_sdk.facts.kinds.catalog_diff import Change

router = Pages()

MOMENTS = 25
CHOICES = 200
CHANGES = 200
"""Changes that are shown of one moment; the page of differences has them all."""


class Run(msgspec.Struct, frozen=True):
    """The run that saw a change. ``job_id`` is set where its job is still listed and whoever looks may see it."""

    run_id: str
    job_id: str | None


class Between(msgspec.Struct, frozen=True):
    """What differs between two moments of the table, the worst first; ``total`` counts also what is left out."""

    before: datetime
    after: datetime
    changes: list[Change]
    total: int


class History(msgspec.Struct, frozen=True):
    """Moments, the newest first, each with the one before it where that is known; and what was asked for besides.

    ``moments`` are those one can compare, ``pattern`` names the table alone to the page of differences, ``column`` is the column whose
    history ``of_column`` is, and ``columns`` are those there are.
    """

    history: list[TableMoment]
    earlier: list[datetime | None]
    runs: dict[str, Run]
    moments: list[datetime]
    between: Between | None
    columns: list[str]
    column: str | None
    of_column: ColumnHistory | None
    pattern: str


@router.page(f"{PATH}/history")
def history(
    request: Request,
    rooms: TableReader,
    source_id: Part,
    schema: Part,
    table: Part,
    column: ColumnName = None,
    before: Before = None,
    after: After = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show the history of a table."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    of_column = rooms.diffs.column_history(source_id, chosen.name, column, as_of=as_of) if column else None
    shown, following = _moments(chosen, cursor) if of_column is None else ([], None)
    moments = rooms.diffs.moments(source_id, chosen.name, limit=CHOICES, as_of=as_of)
    runs = {item.run_id for item in shown} | {item.run_id for item in (of_column.items if of_column is not None else ())}
    content = History(
        shown,
        [_earlier(item.at, moments) for item in shown],
        {run_id: Run(run_id, _job(chosen, run_id)) for run_id in runs if run_id is not None},
        moments,
        _between(chosen, before, after),
        [item.name for item in chosen.snapshot.columns],
        column or None,
        of_column,
        pattern_of(chosen),
    )
    return chosen.show("history", content, next_cursor=following)


def pattern_of(table: Table) -> str:
    """Return the pattern that means this table alone: characters that stand for others in a pattern stand for themselves."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(table.name))


def _moments(table: Table, cursor: str | None) -> tuple[list[TableMoment], str | None]:
    try:
        found = table.rooms.diffs.history(table.target.source_id, table.name, limit=MOMENTS, cursor=cursor, as_of=table.as_of)
    except NotFound:
        # Only scans of ours tell a history; somebody else may have said what the table is.
        return [], None
    return found.items, found.next_cursor


def _earlier(at: datetime, moments: list[datetime]) -> datetime | None:
    return next((moment for moment in moments if moment < at), None)


def _job(table: Table, run_id: str) -> str | None:
    if not table.may("JobReader"):
        return None
    try:
        return table.rooms.jobs.get(run_id).job_id
    except (NotFound, InvalidRequest):
        return None


def _between(table: Table, before: datetime | None, after: datetime | None) -> Between | None:
    if before is None or after is None:
        return None
    old, new = sorted((before, after))
    changes = table.rooms.diffs.changes_between(table.target.source_id, table.name, old, new)
    return Between(old, new, changes[:CHANGES], len(changes))
