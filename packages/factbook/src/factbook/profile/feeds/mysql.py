"""Rows of MySQL and MariaDB: the server writes each row as one line, the driver hands lines through.

PyMySQL is written in Python and makes 20 values of a row in 10 µs; one text a row costs it 2.5 µs, and the server writes it meanwhile.
For a million rows of 20 columns: 3.0 s against 10.3 s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from factbook.errors import StatementFailed
from factbook.profile.feeding import CUT_MARK, CUT_OVER, KEPT_OF_CUT, Brought, EngineStatistics, Extent, Feed, Wanted
from factbook.profile.feeds.drawing import drawn_keys
from factbook.profile.feeds.fitting import extremes_of, fitted_number
from factbook.profile.feeds.loading import RELATION, Loading
from factbook.profile.model import ColumnPlan, Family
from factbook.profile.workshop import Workshop
from factbook.sources.contract import TableName
from factbook.sources.session import Session
from factbook_sdk.facts.kinds.schema_snapshot import Column
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, Sample

_FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"(tiny|small|medium|big)?int|integer|year|bit|serial|bool", "integer"),
    (r"decimal|numeric|dec|fixed", "decimal"),
    (r"float|double|real", "float"),
    (r"date$", "date"),
    (r"datetime|timestamp", "timestamp"),
    (r"enum", "enum"),
    (r"(tiny|medium|long)?text|varchar|char|nvarchar|nchar", "text"),
    (r"(tiny|medium|long)?blob|binary|varbinary", "binary"),
)
_EXTENT = (
    "SELECT engine, table_rows, data_length + index_length, update_time FROM information_schema.tables "
    "WHERE table_schema = %s AND table_name = %s"
)
_STATISTICS = "SELECT n_rows, last_update FROM mysql.innodb_table_stats WHERE database_name = %s AND table_name = %s"
_DISTINCT = (
    "SELECT stat_description, max(stat_value), min(last_update) FROM mysql.innodb_index_stats "
    "WHERE database_name = %s AND table_name = %s AND stat_name = 'n_diff_pfx01' GROUP BY stat_description"
)
_PRIMARY_KEY = (
    "SELECT c.column_name, c.data_type FROM information_schema.statistics AS s JOIN information_schema.columns AS c "
    "USING (table_schema, table_name, column_name) WHERE s.table_schema = %s AND s.table_name = %s AND s.index_name = 'PRIMARY'"
)
_EXACT_ENGINES = frozenset({"MyISAM", "Aria", "MEMORY"})


class MySQLFeed(Feed):
    """Values come as the server prints them, numbers exactly. Texts are distinct by their characters, whatever the collation says.

    ``TIME`` reaches from -838 to 838 hours and is no time of day; it and ``SET``, JSON and geometry are measured as they are written. A
    date with a zero in it (``0000-00-00``) is no day and no null: it comes as ``-infinity``, before all days.
    """

    def family_of(self, column: Column) -> Family:
        declared = column.data_type.lower().split("(")[0].split()[0] if column.data_type else ""
        return next((family for pattern, family in _FAMILIES if re.fullmatch(pattern, declared)), "other")

    def extent_of(self, session: Session, table: TableName) -> Extent:
        rows = session.rows(_EXTENT, (table.schema, table.table))
        if not rows:
            return Extent()
        engine, count, size, changed = rows[0]
        taken = None
        try:
            found = session.rows(_STATISTICS, (table.schema, table.table))
            taken = _moment(found[0][1]) if found else None
        except StatementFailed:
            # Reading the server's own schema takes a privilege that few users have.
            taken = None
        return Extent(_whole(count), engine in _EXACT_ENGINES, _whole(size), _moment(changed), taken)

    def bring(self, session: Session, wanted: Wanted, workshop: Workshop, *, check_cancelled: Callable[[], None]) -> Brought:
        where, sample, asked = self._choose(session, wanted)
        line = ", ".join(_written(session, column) for column in wanted.columns) or "1"
        statement = f"SELECT CAST(CONCAT_WS(',', {line}) AS BINARY) FROM {session.table(wanted.table)}{where}"
        rows, is_complete = 0, True
        with Loading(workshop, {column.key: _type(column) for column in wanted.columns} or {"nothing": "INTEGER"}, "mysql") as loading:
            for chunk in session.chunks(statement, limit_seconds=wanted.limit_seconds):
                check_cancelled()
                rows += len(chunk)
                try:
                    loading.write(b"\n".join([row[0] for row in chunk]) + b"\n")
                except TypeError as error:
                    raise StatementFailed(
                        f"A row of {wanted.table} is too long to be sent",
                        why="the server gives NULL for a text longer than its max_allowed_packet",
                        fix="Leave out its longest columns with --exclude, or raise max_allowed_packet",
                    ) from error
                if _over(wanted.limit_rows, rows) or _over(wanted.limit_bytes, loading.bytes):
                    is_complete = False
                    break
            loading.finish()
        if sample is not None:
            sample = msgspec.structs.replace(sample, rows=rows)
        wide = [column for column in wanted.columns if _is_wide(column)]
        extremes = extremes_of(wide, RELATION, workshop)
        columns = [fitted_number(column, RELATION, workshop) if column in wide else column for column in wanted.columns]
        return Brought(
            RELATION, workshop.ask, rows, loading.bytes, asked + 1, is_complete, sample, columns=columns or None, extremes=extremes
        )

    def statistics_of(self, session: Session, table: TableName, columns: Sequence[ColumnPlan], extent: Extent) -> EngineStatistics | None:
        """Return InnoDB's estimates of distinct values, which it keeps of the columns that an index begins with."""
        try:
            found = {name: (count, at) for name, count, at in session.rows(_DISTINCT, (table.schema, table.table))}
        except StatementFailed:
            return None
        statistics = [
            ColumnStatistics(
                column.name,
                distinct_count=int(found[column.name][0]),
                distinct_is_estimate=True,
                distinct_method="InnoDB's sample of index pages",
            )
            for column in columns
            if column.name in found
        ]
        moments = [_moment(at) for _, at in found.values()]
        oldest = min((moment for moment in moments if moment is not None), default=None)
        return EngineStatistics(statistics, oldest) if statistics and oldest is not None else None

    def _choose(self, session: Session, wanted: Wanted) -> tuple[str, Sample | None, int]:
        """Return a WHERE clause that draws the sample, what to call it, and how many statements that took.

        A number as primary key lets rows be looked up by keys drawn at random. Without one the server throws dice for each row, and reads
        all of them; MySQL has no TABLESAMPLE.
        """
        sampling = wanted.sampling
        if sampling is None:
            return "", None, 0
        keys = session.rows(_PRIMARY_KEY, (wanted.table.schema, wanted.table.table))
        if len(keys) == 1 and "int" in keys[0][1]:
            key, table = session.quote(keys[0][0]), session.table(wanted.table)
            ((lowest, highest),) = session.rows(f"SELECT min({key}), max({key}) FROM {table}")
            drawn = drawn_keys(sampling, lowest, highest, lambda probes: _hits(session, table, key, probes))
            if drawn is not None:
                return (
                    f" WHERE {key} IN ({', '.join(map(str, drawn.keys)) or 'NULL'})",
                    Sample("primary keys drawn at random", 0, drawn.share),
                    4,
                )
        count = wanted.extent.row_count
        share = sampling.share if sampling.share is not None else min(1.0, (sampling.rows or 0) / count) if count else 1.0
        return f" WHERE rand({int(sampling.seed)}) < {share!r}", Sample("every row read, drawn by rand()", 0, share), 1


def _written(session: Session, column: ColumnPlan) -> str:
    """Return the expression that writes a column as one field of the line: quoted where it may hold anything, else bare."""
    name = session.quote(column.name)
    if column.reading == "presence":
        return f"IF({name} IS NULL, 'NULL', 'true')"
    if column.reading == "lengths":
        length = f"LENGTH({name})" if column.family == "binary" else f"CHAR_LENGTH({name})"
        return f"IFNULL({length}, 'NULL')"
    match column.family:
        case "integer":
            # A BIT is bytes unless it is reckoned with.
            return f"IFNULL({name} + 0, 'NULL')"
        case "decimal":
            return f"IFNULL({name}, 'NULL')"
        case "float":
            # A FLOAT is printed with six digits, and what is measured is all of it.
            return f"IFNULL({name if column.data_type.lower().startswith('double') else f'CAST({name} AS DOUBLE)'}, 'NULL')"
        case "date" | "timestamp":
            return f"IFNULL(IF(MONTH({name}) = 0 OR DAYOFMONTH({name}) = 0, '-infinity', {name}), 'NULL')"
        case "binary":
            return _quoted(f"HEX({name})")
        case _:
            kind = column.data_type.lower()
            if any(word in kind for word in ("geometry", "point", "linestring", "polygon", "collection")):
                return _quoted(f"ST_AsText({name})")
            return _quoted(f"CONVERT({name} USING utf8mb4)", may_be_long=_may_be_long(column))


def _quoted(text: str, *, may_be_long: bool = True) -> str:
    if not may_be_long:
        return f"QUOTE({text})"
    short = f"CONCAT(LEFT({text}, {KEPT_OF_CUT}), '{CUT_MARK}', MD5({text}), '{CUT_MARK}', CHAR_LENGTH({text}))"
    # Bytes are counted at once and characters one by one, and there are never more characters than bytes.
    return f"QUOTE(IF(LENGTH({text}) > {CUT_OVER} AND CHAR_LENGTH({text}) > {CUT_OVER}, {short}, {text}))"


def _may_be_long(column: ColumnPlan) -> bool:
    return column.family != "enum" and (column.length is None or column.length > CUT_OVER)


def _type(column: ColumnPlan) -> str:
    """Return the workshop's type for a column."""
    if column.reading != "values":
        return "BIGINT" if column.reading == "lengths" else "BOOLEAN"
    match column.family:
        case "integer":
            return "UBIGINT" if re.search(r"unsigned|bit|serial", column.data_type.lower()) else "BIGINT"
        case "decimal":
            return "VARCHAR" if _is_wide(column) else f"DECIMAL({column.precision or 10}, {column.scale or 0})"
        case "float":
            return "DOUBLE"
        case "date":
            return "DATE"
        case "timestamp":
            return "TIMESTAMP"
        case _:
            return "VARCHAR"


def _is_wide(column: ColumnPlan) -> bool:
    """Return whether a column may hold more digits than the workshop's decimals: those end at 38, MySQL's at 65."""
    return column.reading == "values" and column.family == "decimal" and (column.precision or 10) > 38


def _hits(session: Session, table: str, key: str, keys: Sequence[int]) -> int:
    return int(session.rows(f"SELECT count(*) FROM {table} WHERE {key} IN ({', '.join(map(str, keys))})")[0][0])


def _over(limit: int | None, value: int) -> bool:
    return limit is not None and value > limit


def _whole(value: Any) -> int | None:
    return int(value) if value is not None else None


def _moment(value: Any) -> datetime | None:
    # The session's zone is UTC.
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else None
