"""Rows of PostgreSQL, by COPY through a pipe into the workshop."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from factbook.errors import InternalError, StatementFailed
from factbook.profile.feeding import CUT_MARK, CUT_OVER, KEPT_OF_CUT, Brought, EngineFigures, EngineStatistics, Extent, Feed, Wanted
from factbook.profile.feeds import postgres_figures, postgres_statistics
from factbook.profile.feeds.fitting import fitted_number
from factbook.profile.feeds.pipe import Reading, read_through_pipe
from factbook.profile.model import ColumnPlan, Family
from factbook.profile.workshop import Workshop
from factbook.sources.contract import TableName
from factbook.sources.postgres_session import PostgresSession
from factbook.sources.session import Session
from factbook_sdk.facts.kinds.schema_snapshot import Column
from factbook_sdk.facts.kinds.statistics_snapshot import Sample

_FAMILIES: dict[str, Family] = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "oid": "integer",
    "numeric": "decimal",
    "real": "float",
    "double precision": "float",
    "boolean": "boolean",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamp",
    "time without time zone": "time",
    "text": "text",
    "character varying": "text",
    "character": "text",
    "bpchar": "text",
    "name": "text",
    '"char"': "text",
    # Written in one way only, and ordered as it is written.
    "uuid": "text",
    "bytea": "binary",
}
_TYPES: dict[Family, str] = {"boolean": "BOOLEAN", "float": "DOUBLE", "date": "DATE", "timestamp": "TIMESTAMP", "time": "TIME"}
_INTEGERS = {"smallint": "SMALLINT", "integer": "INTEGER"}
_SHORT = frozenset({"uuid", "name", '"char"'})
_MODIFIERS = re.compile(r"\s*\([^)]*\)")
_RELATION = "factbook_rows"
_FEW_BLOCKS = 100
"""Below so many blocks in a sample, rows are chosen one by one: too few blocks say too little about how blocks differ."""


class PostgresFeed(Feed):
    """PostgreSQL, and what speaks its protocol and its COPY."""

    def family_of(self, column: Column) -> Family:
        if column.enum_values:
            return "enum"
        return _FAMILIES.get(_base(column.data_type if column.domain is None else column.domain.base_type or "other"), "other")

    def extent_of(self, session: Session, table: TableName) -> Extent:
        return postgres_statistics.extent_of(session, table)

    def bring(self, session: Session, wanted: Wanted, workshop: Workshop, *, check_cancelled: Callable[[], None]) -> Brought:
        if not isinstance(session, PostgresSession):
            raise InternalError("The feed of PostgreSQL was given another session", why=type(session).__name__)
        try:
            return _bring(session, wanted, workshop, check_cancelled, is_careful=False)
        except _DoesNotFit:
            return _bring(session, wanted, workshop, check_cancelled, is_careful=True)

    def figures_of(
        self, session: Session, table: TableName, columns: Sequence[ColumnPlan], *, limit_seconds: float | None = None
    ) -> EngineFigures | None:
        return postgres_figures.figures_of(session, table, columns, limit_seconds=limit_seconds)

    def statistics_of(self, session: Session, table: TableName, columns: Sequence[ColumnPlan], extent: Extent) -> EngineStatistics | None:
        return postgres_statistics.statistics_of(session, table, columns, extent)


class _DoesNotFit(Exception):
    """A value is not what its type promised DuckDB: NaN among decimals, a year that it cannot count."""


def _bring(
    session: PostgresSession, wanted: Wanted, workshop: Workshop, check_cancelled: Callable[[], None], *, is_careful: bool
) -> Brought:
    workshop.clear()
    source, sample, has_blocks = _rows_of(session, wanted)
    selected = [_selected(session, plan) for plan in wanted.columns]
    selected.append("(tableoid::bigint << 32) + (ctid::text::point)[0]::bigint" if has_blocks else "0")
    statement = f"COPY (SELECT {', '.join(selected)} FROM {source}) TO STDOUT"
    reading = Reading(
        columns=[plan.key for plan in wanted.columns] + ["block"],
        expressions=[_read(plan, is_careful) + f" AS {plan.key}" for plan in wanted.columns]
        + (["block::BIGINT AS block"] if has_blocks else []),
        relation=_RELATION,
        limit_rows=wanted.limit_rows,
        limit_bytes=wanted.limit_bytes,
    )
    try:
        passed = read_through_pipe(
            session.copy_out(statement, limit_seconds=wanted.limit_seconds), reading, session, workshop, check_cancelled
        )
    except StatementFailed as error:
        if is_careful or error.why != "conversion error":
            raise
        raise _DoesNotFit from error
    columns = [_fitted(plan, workshop, is_careful) for plan in wanted.columns] if passed.is_complete else wanted.columns
    if sample is not None:
        count = wanted.extent.row_count
        share = min(1.0, passed.rows / count) if count else sample.share
        sample = msgspec.structs.replace(sample, rows=passed.rows, share=share)
    blocks = postgres_statistics.blocks_of(session, wanted.table) if has_blocks else None
    statements = 1 + is_careful + has_blocks
    return Brought(_RELATION, workshop.ask, passed.rows, passed.bytes, statements, passed.is_complete, sample, blocks, columns)


def _rows_of(session: PostgresSession, wanted: Wanted) -> tuple[str, Sample | None, bool]:
    """Return what to select from, how the rows are chosen, and whether they come by blocks."""
    name, sampling, count = session.table(wanted.table), wanted.sampling, wanted.extent.row_count
    if sampling is None:
        return name, None, False
    share = sampling.share if sampling.share is not None else (sampling.rows or 0) / count if count else 1.0
    if share >= 1:
        return name, None, False
    if not postgres_statistics.can_be_sampled(session, wanted.table):
        return f"{name} WHERE random() < {share!r}", Sample("random", 0, share), False
    has_blocks = postgres_statistics.blocks_of(session, wanted.table) * share >= _FEW_BLOCKS
    method = "system" if has_blocks else "bernoulli"
    return f"{name} TABLESAMPLE {method} ({share * 100!r}) REPEATABLE ({sampling.seed})", Sample(method, 0, share), has_blocks


def _base(data_type: str) -> str:
    return "other" if data_type.endswith("[]") else _MODIFIERS.sub("", data_type).strip()


def _selected(session: Session, plan: ColumnPlan) -> str:
    """Return what is asked of PostgreSQL for a column."""
    column = session.quote(plan.name)
    if plan.reading == "presence":
        # A composite value whose fields are all null "IS NULL", and is a value all the same.
        return f"nullif({column} IS DISTINCT FROM NULL, false)"
    if plan.reading == "lengths":
        return f"octet_length({column})" if plan.family == "binary" else f"char_length({column}::text)"
    if plan.family not in ("text", "other"):
        return column
    # Blanks that only fill a char(n) are no part of the value; the cast takes them off.
    column = column if _base(plan.data_type) in ("text", "character varying") else f"{column}::text"
    if _base(plan.data_type) in _SHORT or (plan.length is not None and plan.length <= CUT_OVER):
        return column
    cut = f"left({column}, {KEPT_OF_CUT}) || '{CUT_MARK}' || md5({column}) || '{CUT_MARK}' || char_length({column})"
    return f"CASE WHEN octet_length({column}) > {CUT_OVER} AND char_length({column}) > {CUT_OVER} THEN {cut} ELSE {column} END"


def _read(plan: ColumnPlan, is_careful: bool) -> str:
    """Return how DuckDB reads a column from the text that COPY prints."""
    text = plan.key
    if plan.reading == "presence":
        return f"{text}::BOOLEAN"
    if plan.reading == "lengths":
        return f"{text}::BIGINT"
    if plan.family in ("text", "enum", "other"):
        return f"CASE WHEN contains({text}, '\\') THEN {_unescaped(text)} ELSE {text} END"
    if plan.family == "integer":
        return f"{text}::{_INTEGERS.get(_base(plan.data_type), 'BIGINT')}"
    if plan.family == "decimal":
        return text if is_careful or not _is_decimal(plan) else f"{text}::DECIMAL({plan.precision}, {plan.scale or 0})"
    kind = _TYPES[plan.family]
    if plan.family not in ("date", "timestamp"):
        return f"{text}::{'FLOAT' if _base(plan.data_type) == 'real' else kind}"
    return text if is_careful else _moment(text, kind)


def _moment(text: str, kind: str) -> str:
    # DuckDB takes a bare BC for a time zone, and loses it.
    before = f"regexp_replace({text}, '^(\\S+)(.*) BC$', '\\1 (BC)\\2')"
    return f"CASE WHEN ends_with({text}, ' BC') THEN {before}::{kind} ELSE {text}::{kind} END"


def _unescaped(text: str) -> str:
    r"""Return the expression that undoes COPY's backslashes.

    COPY prints none of the six control characters it escapes, so that they can stand for what is meant meanwhile: ``\\`` for a backspace,
    and the last escape left, ``\b``, for a backslash, until both change places.
    """
    text = f"replace({text}, '\\\\', chr(8))"
    for letter, code in (("t", 9), ("n", 10), ("v", 11), ("f", 12), ("r", 13)):
        text = f"replace({text}, '\\{letter}', chr({code}))"
    return f"translate(replace({text}, '\\b', '\\'), '\\' || chr(8), chr(8) || '\\')"


def _is_decimal(plan: ColumnPlan) -> bool:
    scale = plan.scale or 0
    return plan.precision is not None and plan.precision <= 38 and 0 <= scale <= plan.precision


def _fitted(plan: ColumnPlan, workshop: Workshop, is_careful: bool) -> ColumnPlan:
    """Give what came as text the type that holds it: numbers without declared digits, and what did not fit the type it promised."""
    if plan.reading == "values" and plan.family == "decimal" and (is_careful or not _is_decimal(plan)):
        return fitted_number(plan, _RELATION, workshop)
    if plan.reading == "values" and plan.family in ("date", "timestamp") and is_careful:
        kind = _TYPES[plan.family]
        try:
            workshop.ask(f"ALTER TABLE {_RELATION} ALTER {plan.key} TYPE {kind} USING {_moment(plan.key, kind)}")
        except StatementFailed:
            return msgspec.structs.replace(
                plan, family="other", reason="measured by how they are written: some lie outside the years that can be counted"
            )
    return plan
