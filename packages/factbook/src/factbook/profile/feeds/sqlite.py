"""Rows of SQLite, where every value has a type of its own and a column only a leaning.

A column is read as what its declaration leans to. Where a value is found that does not fit, the storage classes of all columns are
counted (``typeof``, one pass) and the rows are read anew, so that figures are of what is there: numbers where all are numbers, else what is
written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from factbook.errors import InternalError, StatementFailed
from factbook.profile.feeding import Brought, Extent, Feed, Wanted
from factbook.profile.feeds.drawing import drawn_keys
from factbook.profile.feeds.loading import RELATION, Loading
from factbook.profile.feeds.records import Recording, Surprise
from factbook.profile.model import ColumnPlan, Family
from factbook.profile.workshop import Workshop
from factbook.sources.contract import TableName
from factbook.sources.embedded_session import EmbeddedSession
from factbook.sources.session import Session
from factbook_sdk.facts.kinds.schema_snapshot import Column
from factbook_sdk.facts.kinds.statistics_snapshot import Sample

_ROWS_PER_CHUNK = 5_000
_CLASSES = ("integer", "real", "text", "blob")
_EXTENT = (
    "SELECT (SELECT max(CAST(substr(stat, 1, instr(stat || ' ', ' ') - 1) AS INTEGER)) FROM sqlite_stat1 WHERE tbl = ?), "
    "(SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size())"
)
_ANALYSED = "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'"
_ROWIDS = ("rowid", "_rowid_", "oid")
_TYPES: Mapping[Family, str] = {"integer": "BIGINT", "float": "DOUBLE"}


class SQLiteFeed(Feed):
    """A declared date is text, or a number, as whoever wrote it liked: it is a date where every value is one in ISO 8601."""

    def family_of(self, column: Column) -> Family:
        """Return what a column leans to, by the five rules of SQLite's manual, and dates by their declared name."""
        declared = column.data_type.upper()
        if "INT" in declared or declared.startswith("BOOL"):
            return "integer"
        if any(word in declared for word in ("CHAR", "CLOB", "TEXT")):
            return "text"
        if "BLOB" in declared:
            return "binary"
        if any(word in declared for word in ("REAL", "FLOA", "DOUB", "DEC", "NUM")):
            return "float"
        if declared.startswith(("DATETIME", "TIMESTAMP")):
            return "timestamp"
        return "date" if declared.startswith("DATE") else "other"

    def extent_of(self, session: Session, table: TableName) -> Extent:
        if not session.rows(_ANALYSED)[0][0]:
            return Extent()
        return Extent(row_count=session.rows(_EXTENT, (table.table,))[0][0])

    def bring(self, session: Session, wanted: Wanted, workshop: Workshop, *, check_cancelled: Callable[[], None]) -> Brought:
        if not isinstance(session, EmbeddedSession):
            raise InternalError("The feed of SQLite was given another session", why=type(session).__name__)
        where, sample, asked = self._choose(session, wanted)
        types = {column.key: _type(column) for column in wanted.columns} or {"nothing": "INTEGER"}
        columns: list[ColumnPlan] = list(wanted.columns)
        try:
            brought = _read(session, wanted, columns, where, types, workshop, check_cancelled)
        except (Surprise, StatementFailed) as surprise:
            if isinstance(surprise, StatementFailed) and "UTF-8" not in str(surprise.why):
                raise
            counts = _classes(session, wanted, columns, where)
            columns = [_as_found(column, counts[column.key]) for column in columns]
            types = {column.key: _type(column) for column in columns}
            with _decoding_anything(session):
                brought = _read(session, wanted, columns, where, types, workshop, check_cancelled)
            asked += 2
        columns = [_as_dated(column, workshop) for column in columns]
        if sample is not None:
            sample = msgspec.structs.replace(sample, rows=brought.rows)
        return msgspec.structs.replace(brought, statements=asked + 1, sample=sample, columns=columns)

    def _choose(self, session: Session, wanted: Wanted) -> tuple[str, Sample | None, int]:
        """Return a WHERE clause that draws the sample, what to call it, and how many statements that took.

        Rows are found by rowids drawn at random; a view and a table without rowids are read to the end, and dice thrown for each row.
        """
        sampling = wanted.sampling
        if sampling is None:
            return "", None, 0
        table, count = session.table(wanted.table), wanted.extent.row_count
        taken = {column.name.lower() for column in wanted.columns}
        rowid = next((name for name in _ROWIDS if name not in taken), None)
        try:
            ((lowest, highest),) = session.rows(f"SELECT min({rowid}), max({rowid}) FROM {table}") if rowid else ((None, None),)
        except StatementFailed:
            lowest = highest = None
        if isinstance(lowest, int) and isinstance(highest, int):
            found = f"{rowid} IN (SELECT value FROM json_each('{{}}'))"
            drawn = drawn_keys(
                sampling, lowest, highest, lambda keys: _counted(session, f"{table} WHERE {found.format(json.dumps(list(keys)))}")
            )
            if drawn is not None:
                return f" WHERE {found.format(json.dumps(drawn.keys))}", Sample("rowids drawn at random", 0, drawn.share), 3
        if sampling.share is not None:
            share = sampling.share
        else:
            count = _counted(session, table)
            share = min(1.0, (sampling.rows or 0) / count) if count else 1.0
        # SQLite's dice cannot be seeded: another run draws other rows.
        chance = f" WHERE abs(random() % 1000000000) < {round(share * 1_000_000_000)}"
        return chance, Sample("every row read, drawn by random()", 0, share), 2


def _read(
    session: Session,
    wanted: Wanted,
    columns: Sequence[ColumnPlan],
    where: str,
    types: Mapping[str, str],
    workshop: Workshop,
    check_cancelled: Callable[[], None],
) -> Brought:
    selected = ", ".join(_selected(session, column) for column in columns) or "1"
    statement = f"SELECT {selected} FROM {session.table(wanted.table)}{where}"
    rows, is_complete = 0, True
    with Loading(workshop, types, "json") as loading:
        recording = Recording(loading, types)
        for chunk in session.chunks(statement, size=_ROWS_PER_CHUNK, limit_seconds=wanted.limit_seconds):
            check_cancelled()
            rows += len(chunk)
            recording.write(chunk)
            if _over(wanted.limit_rows, rows) or _over(wanted.limit_bytes, loading.bytes):
                is_complete = False
                break
        loading.finish()
    return Brought(RELATION, workshop.ask, rows, loading.bytes, 1, is_complete)


def _selected(session: Session, column: ColumnPlan) -> str:
    name = session.quote(column.name)
    if column.reading == "presence":
        return f"iif({name} IS NULL, NULL, 1)"
    return f"length({name})" if column.reading == "lengths" else name


def _type(column: ColumnPlan) -> str:
    if column.reading != "values":
        return "BIGINT" if column.reading == "lengths" else "BOOLEAN"
    return _TYPES.get(column.family, "VARCHAR")


def _classes(session: Session, wanted: Wanted, columns: Sequence[ColumnPlan], where: str) -> dict[str, dict[str, int]]:
    """Return how many values of each storage class every column holds; classes without any are left out."""
    sums = [f"total(typeof({session.quote(column.name)}) = '{kind}')" for column in columns for kind in _CLASSES]
    answer = iter(
        session.rows(f"SELECT {', '.join(sums)} FROM {session.table(wanted.table)}{where}", limit_seconds=wanted.limit_seconds)[0]
    )
    counts = {column.key: {kind: int(next(answer)) for kind in _CLASSES} for column in columns}
    return {key: {kind: count for kind, count in found.items() if count} for key, found in counts.items()}


def _as_found(column: ColumnPlan, counts: Mapping[str, int]) -> ColumnPlan:
    """Return how a column is measured when what it holds is known, and say what that is where its declaration says otherwise."""
    if column.reading != "values" or column.family not in _TYPES or counts.keys() <= {"integer"}:
        return column
    reason = f"declared {column.data_type or 'without a type'}, it holds {', '.join(f'{count} {kind}' for kind, count in counts.items())}"
    if counts.keys() <= {"integer", "real"}:
        return msgspec.structs.replace(column, family="float", reason=None if column.family == "float" else reason)
    return msgspec.structs.replace(column, family="text" if counts.keys() == {"text"} else "other", reason=reason)


def _as_dated(column: ColumnPlan, workshop: Workshop) -> ColumnPlan:
    """Make a declared date what it is: a date, a moment in UTC, or text where one value is neither."""
    if column.family not in ("date", "timestamp") or column.reading != "values":
        return column
    day, moment = r"\d{4}-\d\d-\d\d", r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?"
    key = column.key
    values, days, moments = workshop.ask(
        f"SELECT count({key}), count(*) FILTER (regexp_full_match({key}, '{day}') AND try_cast({key} AS DATE) IS NOT NULL), "
        f"count(*) FILTER (regexp_full_match({key}, '{moment}') AND try_cast({key} AS TIMESTAMPTZ) IS NOT NULL) FROM {RELATION}"
    )[0]
    if days == values and column.family == "date":
        workshop.ask(f"ALTER TABLE {RELATION} ALTER {key} TYPE DATE")
        return column
    if moments == values:
        workshop.ask(f"ALTER TABLE {RELATION} ALTER {key} TYPE TIMESTAMP USING CAST({key} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'")
        return msgspec.structs.replace(column, family="timestamp")
    reason = f"declared {column.data_type}, {values - moments} of its {values} values are no date in ISO 8601"
    return msgspec.structs.replace(column, family="text", reason=reason)


def _counted(session: Session, relation: str) -> int:
    return int(session.rows(f"SELECT count(*) FROM {relation}")[0][0])


def _over(limit: int | None, value: int) -> bool:
    return limit is not None and value > limit


@contextmanager
def _decoding_anything(session: EmbeddedSession) -> Iterator[None]:
    """Let texts come that are no UTF-8. It costs a call of Python a text, so it is done where it must."""
    before = session.connection.text_factory
    session.connection.text_factory = _decoded
    try:
        yield
    finally:
        session.connection.text_factory = before


def _decoded(text: bytes) -> str:
    """Return a text whose bytes are no UTF-8 so that it stays distinct from others."""
    return text.decode("utf-8", "backslashreplace")
