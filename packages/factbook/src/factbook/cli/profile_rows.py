"""What a profile has to say: tables with their figures, columns with a bar for nulls, and the bill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from factbook.cli.documents import show_json
from factbook.cli.tables import show_facts, show_table
from factbook.cli.terminal import count, note, say, seconds, utc

if TYPE_CHECKING:
    from factbook.profile import MeasuredPage, MeasuredTable
    from factbook.profile.job import ProfileOutcome
    from factbook.profile.model import TableProfiled
    from factbook_sdk.facts.kinds.statistics_snapshot import Bill, ColumnStatistics, StatisticsSnapshot

_SHOWN_TABLES = 3
_SHOWN_FAILURES = 20
_SHOWN_CHARACTERS = 24
_BAR = 5
_UNITS = ("B", "kB", "MB", "GB", "TB")


def document(outcome: ProfileOutcome, measured: Sequence[MeasuredTable]) -> dict[str, Any]:
    """Return the answer for programs: the job with its result, and what was measured of each table."""
    return {"job": outcome.job, "tables": measured}


def has_failures(outcome: ProfileOutcome) -> bool:
    """Return whether some tables, or numbers that somebody defined, could not be measured."""
    result = outcome.result
    return result is not None and (bool(result.failures) or any(table.failed_metrics for table in result.tables))


def show(outcome: ProfileOutcome, measured: Sequence[MeasuredTable], *, quiet: bool = False) -> None:
    """Print the answer for people: the columns of a few tables, or a line for each of many; then failures and the bill."""
    result = outcome.result
    if result is None:
        say(f"{outcome.job.job_id}: {outcome.job.state.value}")
        return
    if len(measured) <= _SHOWN_TABLES:
        for table in measured:
            _show_table(table)
    else:
        _show_tables(measured)
    if result.failures:
        say("Not measured:", style="red")
        show_table(("table", "why"), [(f"{item.schema}.{item.table}", item.reason) for item in result.failures[:_SHOWN_FAILURES]])
        if len(result.failures) > _SHOWN_FAILURES:
            say(f"and {len(result.failures) - _SHOWN_FAILURES:,} more; --json lists them all")
    _show_kept(result.tables)
    _show_failed_metrics(result.tables, measured)
    if result.unmatched_metrics:
        names = ", ".join(result.unmatched_metrics)
        say(f"No table of {result.source_id} is meant by these metrics, whose `table` may be misspelt: {names}", style="yellow")
    say(f"Measured {count(len(measured), 'table')} of {result.source_id}: {_bill(result.bill)}.", style="bold")
    if not quiet:
        note(f"job {outcome.job.job_id}  |  next: factbook profile show {result.source_id} TABLE", style="dim")


def _show_kept(tables: Sequence[TableProfiled]) -> None:
    for table in [table for table in tables if table.is_kept][:_SHOWN_FAILURES]:
        say(f"{table.name}: {table.skipped}", style="yellow")


def _show_failed_metrics(tables: Sequence[TableProfiled], measured: Sequence[MeasuredTable]) -> None:
    """Print why numbers could not be measured; of tables with sensitive columns, no more than that."""
    failed = {(table.name.schema, table.name.table) for table in tables if table.failed_metrics}
    rows = [
        (f"{table.schema}.{table.table}", metric.name, metric.failure)
        for table in measured
        if (table.schema, table.table) in failed
        for metric in table.statistics.metrics
        if metric.failure is not None
    ]
    if rows:
        say("Numbers that could not be measured:", style="red")
        show_table(("table", "metric", "why"), rows[:_SHOWN_FAILURES])
        if len(rows) > _SHOWN_FAILURES:
            say(f"and {len(rows) - _SHOWN_FAILURES:,} more; --json lists them all")


def show_page(page: MeasuredPage, *, as_json: bool = False) -> None:
    """Print measured tables, a line each."""
    if as_json:
        show_json(page)
        return
    _show_tables(page.items)
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")


def show_one(table: MeasuredTable, *, as_json: bool = False) -> None:
    """Print one table with its columns."""
    show_json(table) if as_json else _show_table(table)


def _show_tables(tables: Sequence[MeasuredTable]) -> None:
    show_table(
        ("table", "rows", "size", "columns", "freshest", "how", "measured", "note"),
        [
            (
                f"{table.schema}.{table.table}",
                _rows(table.statistics),
                _size(table.statistics.size_bytes),
                len(table.statistics.columns) or "",
                table.statistics.freshness.latest if table.statistics.freshness is not None else None,
                _how(table.statistics),
                table.measured_at,
                table.statistics.skipped,
            )
            for table in tables
        ],
        right=("rows", "size", "columns"),
        whole=("table",),
    )


def _show_table(table: MeasuredTable) -> None:
    statistics = table.statistics
    say(f"{table.schema}.{table.table}", style="bold")
    freshness = statistics.freshness
    show_facts(
        [
            ("rows", _rows(statistics)),
            ("size", _size(statistics.size_bytes)),
            ("freshest", f"{utc(freshness.latest)} ({freshness.column or 'as the engine says'})" if freshness is not None else None),
            ("how", _how(statistics)),
            ("measured", f"{utc(table.measured_at)}, {_bill(statistics.bill)}" if statistics.bill is not None else utc(table.measured_at)),
            ("note", statistics.skipped),
        ]
    )
    if statistics.columns:
        show_table(
            ("column", "type", "null", "distinct", "minimum", "maximum", "most frequent", "flags"),
            [_column(column, statistics) for column in statistics.columns],
            right=("distinct",),
            whole=("column",),
        )
    if statistics.metrics:
        show_table(
            ("metric", "value", "unit", "failure"), [(item.name, item.value, item.unit, item.failure) for item in statistics.metrics]
        )


def _column(column: ColumnStatistics, statistics: StatisticsSnapshot) -> tuple[Any, ...]:
    return (
        column.name,
        column.data_type,
        _null_bar(column.null_share),
        _distinct(column),
        _short(column.minimum),
        _short(column.maximum),
        _frequent(column, statistics),
        _flags(column),
    )


def _null_bar(share: float | None) -> str:
    """Return a share as a bar of five cells and a number; that a column has a null at all is never rounded away."""
    if not share:
        return "" if share is None else f"{'·' * _BAR}   0 %"
    filled = min(_BAR, max(1, round(share * _BAR)))
    percent = 99 if 0.99 <= share < 1 else max(1, round(share * 100))
    return f"{'█' * filled}{'·' * (_BAR - filled)} {percent:>3} %"


def _distinct(column: ColumnStatistics) -> str:
    if column.distinct_count is None:
        return f"≥ {column.distinct_low:,}" if column.distinct_low is not None else ""
    if not column.distinct_is_estimate:
        return f"{column.distinct_count:,}"
    if column.distinct_low is None or column.distinct_high is None:
        return f"~{column.distinct_count:,}"
    return f"{column.distinct_low:,} … {column.distinct_high:,}"


def _frequent(column: ColumnStatistics, statistics: StatisticsSnapshot) -> str:
    """Return the most frequent value with its share of the rows that were read; one that is as rare as the others says nothing."""
    rows = statistics.sample.rows if statistics.sample is not None else statistics.row_count
    if not column.frequent or not rows or column.frequent[0].count < rows / 100:
        return ""
    return f"{_short(column.frequent[0].value)} {column.frequent[0].count / rows:.0%}"


def _flags(column: ColumnStatistics) -> str:
    flags = [
        ("sensitive", column.is_sensitive),
        ("key candidate", column.is_key_candidate),
        ("unique", column.is_unique and not column.is_key_candidate),
        ("constant", column.is_constant),
    ]
    words = [word for word, holds in flags if holds]
    words += [pattern.pattern for pattern in column.patterns if pattern.share > 0.5]
    words += [f"{suggestion.classification}?" for suggestion in column.suggestions[:1] if not column.is_sensitive]
    return ", ".join(words)


def _short(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _rows(statistics: StatisticsSnapshot) -> str:
    if statistics.row_count is None:
        return ""
    return f"{'~' if statistics.row_count_is_estimate else ''}{statistics.row_count:,}"


def _how(statistics: StatisticsSnapshot) -> str:
    sample = statistics.sample
    if statistics.origin == "engine":
        taken = statistics.engine_statistics_at
        return f"the engine's statistics of {utc(taken)}" if taken is not None else "nothing was read"
    if sample is None:
        return "every row"
    part = f"a sample of {sample.rows:,} rows ({sample.method})"
    return part if statistics.origin == "sampled" else f"every row; distribution: {part}"


def _size(size: int | None) -> str:
    if size is None:
        return ""
    number, unit = float(size), 0
    while number >= 1000 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.3g} {_UNITS[unit]}"


def _bill(bill: Bill) -> str:
    return f"read {bill.rows_read:,} rows, {_size(bill.bytes_read)}, {seconds(bill.seconds)}"
