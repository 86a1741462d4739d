"""A DuckDB file is measured where it lies: nothing is brought but a sample."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from factbook.profile.feeding import CUT_MARK, CUT_OVER, KEPT_OF_CUT, Brought, Extent, Feed, Wanted
from factbook.profile.model import ColumnPlan, Family
from factbook.profile.workshop import Workshop
from factbook.sources.contract import TableName
from factbook.sources.embedded_session import EmbeddedSession
from factbook.sources.session import Row, Session
from factbook_sdk.facts.kinds.schema_snapshot import Column
from factbook_sdk.facts.kinds.statistics_snapshot import Sample

_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"})
_FAMILIES: dict[str, Family] = {
    "FLOAT": "float",
    "DOUBLE": "float",
    "BOOLEAN": "boolean",
    "VARCHAR": "text",
    "UUID": "text",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "BLOB": "binary",
}
_SAMPLE = "factbook_rows"


class DuckDBFeed(Feed):
    """DuckDB."""

    def family_of(self, column: Column) -> Family:
        if column.enum_values:
            return "enum"
        if column.data_type in _INTEGERS:
            return "integer"
        if column.data_type.startswith("DECIMAL") and not column.data_type.endswith("]"):
            return "decimal"
        return _FAMILIES.get(column.data_type, "other")

    def extent_of(self, session: Session, table: TableName) -> Extent:
        ((rows,),) = session.rows(f"SELECT count(*) FROM {session.table(table)}")
        return Extent(row_count=int(rows), is_exact=True)

    def prepare(self, session: Session, workshop: Workshop) -> None:
        if isinstance(session, EmbeddedSession):
            import duckdb

            # Where somebody in this process has the file open already, its bounds are theirs, and they are locked.
            with suppress(duckdb.InvalidInputException, duckdb.PermissionException):
                workshop.set_up(session.connection)

    def bring(self, session: Session, wanted: Wanted, workshop: Workshop, *, check_cancelled: Callable[[], None]) -> Brought:
        check_cancelled()
        limit = wanted.limit_seconds
        columns = ", ".join(f"{_selected(session, plan)} AS {plan.key}" for plan in wanted.columns) or "0 AS nothing"
        relation = f"(SELECT {columns} FROM {session.table(wanted.table)})"
        count = wanted.extent.row_count or 0

        def ask(statement: str) -> list[Row]:
            return _own_rows(session, statement, limit)

        sampling = wanted.sampling
        share = (
            1.0 if sampling is None else sampling.share if sampling.share is not None else (sampling.rows or 0) / count if count else 1.0
        )
        if wanted.limit_rows is not None and count * min(1.0, share) > wanted.limit_rows:
            return Brought(relation, ask, 0, 0, 0, is_complete=False)
        if share >= 1 or sampling is None:
            return Brought(relation, ask, count, 0, 1)
        check_cancelled()
        # Without an order, which rows are chosen depends on how threads share them out.
        ask(
            f"CREATE OR REPLACE TEMP TABLE {_SAMPLE} AS SELECT * FROM {relation} USING SAMPLE {share * 100!r}% (bernoulli, {sampling.seed})"
        )
        ((rows,),) = ask(f"SELECT count(*) FROM {_SAMPLE}")
        return Brought(_SAMPLE, ask, int(rows), 0, 2, sample=Sample("bernoulli", int(rows), int(rows) / count))


def _own_rows(session: Session, statement: str, limit_seconds: float | None) -> list[Row]:
    if isinstance(session, EmbeddedSession):
        return session.own_rows(statement, limit_seconds=limit_seconds)
    return session.rows(statement, limit_seconds=limit_seconds)


def _selected(session: Session, plan: ColumnPlan) -> str:
    column = session.quote(plan.name)
    if plan.reading == "presence":
        return f"CASE WHEN {column} IS NOT NULL THEN TRUE END"
    if plan.reading == "lengths":
        return f"octet_length({column})" if plan.family == "binary" else f"length({column}::VARCHAR)"
    if plan.family == "timestamp":
        return f"({column} AT TIME ZONE 'UTC')" if plan.data_type.endswith("TIME ZONE") else f"{column}::TIMESTAMP"
    if plan.family in ("text", "other", "enum"):
        text = f"{column}::VARCHAR"
        cut = f"left({text}, {KEPT_OF_CUT}) || '{CUT_MARK}' || md5({text}) || '{CUT_MARK}' || length({text})"
        return f"CASE WHEN length({text}) > {CUT_OVER} THEN {cut} ELSE {text} END"
    return column
