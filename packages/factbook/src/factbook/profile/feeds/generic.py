"""Rows of any database that SQLAlchemy has a dialect for, as its driver gives them: one SELECT, and no figure of the engine's own."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping

import msgspec

from factbook.profile.feeding import Brought, Extent, Feed, Wanted
from factbook.profile.feeds.loading import RELATION, Loading
from factbook.profile.feeds.records import NUMBERS, Recording, Surprise
from factbook.profile.model import ColumnPlan, Family, Sampling
from factbook.profile.workshop import Workshop
from factbook.sources.contract import TableName
from factbook.sources.session import Session
from factbook_sdk.facts.kinds.schema_snapshot import Column
from factbook_sdk.facts.kinds.statistics_snapshot import Sample

_FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"(big|small|tiny|medium|hyper)?int(eger)?\d*|(big|small)?serial|byteint", "integer"),
    (r"decimal|numeric|number|dec|money", "decimal"),
    (r"float\d*|real|double|double precision|binary_(float|double)", "float"),
    (r"bool(ean)?", "boolean"),
    (r"(n?var)?char(acter)?2?|character varying|n?text|n?clob|string|long varchar|n?varchar2?", "text"),
    (r"date", "date"),
    (r"(small)?datetime2?|timestamp( with(out)? time zone)?|timestamp_?(n?tz|ltz)", "timestamp"),
    (r"time( without time zone)?", "time"),
    (r"enum", "enum"),
    (r"(long|medium|tiny)?blob|(var)?binary|bytea|raw|image", "binary"),
)
_TYPES: Mapping[Family, str] = {
    "integer": "HUGEINT", "float": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP", "time": "TIME",
}  # fmt: skip


class GenericFeed(Feed):
    """Values are what the driver makes of them. A number that the workshop's type cannot hold makes its column one of text, as printed."""

    def family_of(self, column: Column) -> Family:
        declared = " ".join(re.sub(r"\([^)]*\)", " ", column.data_type.lower()).split())
        return next((family for pattern, family in _FAMILIES if re.fullmatch(pattern, declared)), "other")

    def extent_of(self, session: Session, table: TableName) -> Extent:
        return Extent()

    def bring(self, session: Session, wanted: Wanted, workshop: Workshop, *, check_cancelled: Callable[[], None]) -> Brought:
        columns = list(wanted.columns)
        sampling, counted, statements = wanted.sampling, 0, 1
        if sampling is not None and sampling.rows is not None:
            counted, statements = _count(session, wanted), 2
            if counted <= sampling.rows:
                sampling = None
        while True:
            keep = _dice(sampling, counted)
            types = {column.key: _type(column) for column in columns} or {"nothing": "INTEGER"}
            selected = ", ".join(_selected(session, column) for column in columns) or "1"
            rows, is_complete = 0, True
            try:
                with Loading(workshop, types, "json") as loading:
                    recording = Recording(loading, types)
                    statement = f"SELECT {selected} FROM {session.table(wanted.table)}"
                    for chunk in session.chunks(statement, limit_seconds=wanted.limit_seconds):
                        check_cancelled()
                        kept = [row for row in chunk if keep()]
                        rows += len(kept)
                        if kept:
                            recording.write(kept)
                        if _over(wanted.limit_rows, rows) or _over(wanted.limit_bytes, loading.bytes):
                            is_complete = False
                            break
                    loading.finish()
            except Surprise as surprise:
                columns = [_as_found(column, surprise) if column.key == surprise.key else column for column in columns]
                continue
            sample = None
            if sampling is not None:
                share = sampling.share if sampling.share is not None else rows / counted
                sample = Sample("every row read, drawn here", rows, share)
            return Brought(RELATION, workshop.ask, rows, loading.bytes, statements, is_complete, sample, columns=columns)


def _count(session: Session, wanted: Wanted) -> int:
    ((rows,),) = session.rows(f"SELECT count(*) FROM {session.table(wanted.table)}", limit_seconds=wanted.limit_seconds)
    return int(rows)


def _dice(sampling: Sampling | None, counted: int) -> Callable[[], bool]:
    """Return what says of one row after the other whether it is kept. Every row is read, since nothing is known of the engine.

    So many rows are drawn of ``counted`` by Knuth's Algorithm S: each is kept with the chance that what is still wanted has among what
    is still to come, which needs no memory and ends at that number. Rows that came after the count are not drawn.
    """
    if sampling is None:
        return lambda: True
    generator = random.Random(sampling.seed)  # noqa: S311 - a sample, not a secret
    if sampling.share is not None:
        share = sampling.share
        return lambda: generator.random() < share
    wanted, coming = sampling.rows or 0, counted

    def keep() -> bool:
        nonlocal wanted, coming
        is_kept = generator.random() * coming < wanted
        wanted, coming = wanted - is_kept, max(0, coming - 1)
        return is_kept

    return keep


def _selected(session: Session, column: ColumnPlan) -> str:
    name = session.quote(column.name)
    if column.reading == "presence":
        return f"CASE WHEN {name} IS NULL THEN NULL ELSE 1 END"
    return f"LENGTH({name})" if column.reading == "lengths" else name


def _type(column: ColumnPlan) -> str:
    if column.reading != "values":
        return "BIGINT" if column.reading == "lengths" else "BOOLEAN"
    if column.family == "decimal":
        precision = column.precision
        return f"DECIMAL({precision}, {column.scale or 0})" if precision is not None and precision <= 38 else "DOUBLE"
    return _TYPES.get(column.family, "VARCHAR")


def _as_found(column: ColumnPlan, surprise: Surprise) -> ColumnPlan:
    is_number = surprise.kinds <= NUMBERS and column.family != "float"
    family: Family = "float" if is_number else "text" if surprise.kinds == {str} else "other"
    reason = f"declared {column.data_type}, it holds values of another type"
    return msgspec.structs.replace(column, family=family, reason=reason)


def _over(limit: int | None, value: int) -> bool:
    return limit is not None and value > limit
