"""One table: decide how much of it to read, have it brought, measure it.

A table of not too many values is read whole, so that every figure is exact. Of a larger one the engine computes the plain figures itself,
where it does that in one pass, and the distribution comes from a sample; asked for in full, it is read whole as well. Where the budget
allows neither, a smaller sample is taken, then the engine's own statistics if they are fresh; else the table is left, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from factbook.errors import StatementFailed, StatementTimeout
from factbook.profile.computing import measure
from factbook.profile.feeding import Brought, EngineFigures, Extent, Feed, Wanted
from factbook.profile.freshness import freshness_of
from factbook.profile.model import ColumnPlan, ProfileRequest, Sampling
from factbook.profile.spending import Ledger
from factbook.profile.workshop import Workshop
from factbook.sources.contract import TableName
from factbook.sources.session import Session
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, Freshness, Sample, StatisticsSnapshot

FEWEST_SAMPLED_ROWS = 1_000
STALE_SHARE = 0.1
"""The engine's statistics count as fresh while no more than this share of the rows changed since they were taken."""

_OF_DISTRIBUTION = (
    "distinct_count",
    "distinct_is_estimate",
    "distinct_method",
    "distinct_error",
    "distinct_low",
    "distinct_high",
    "is_unique",
    "quantiles",
    "frequent",
    "histogram",
    "patterns",
    "suggestions",
)


class TableMeasurement:
    """One table under measurement, in one session and one workshop."""

    def __init__(
        self,
        name: TableName,
        plans: Sequence[ColumnPlan],
        request: ProfileRequest,
        *,
        feed: Feed,
        session: Session,
        workshop: Workshop,
        ledger: Ledger,
        check_cancelled: Callable[[], None],
    ) -> None:
        self._name = name
        self._plans = plans
        self._request = request
        self._options = request.options
        self._feed = feed
        self._session = session
        self._workshop = workshop
        self._ledger = ledger
        self._check_cancelled = check_cancelled

    def measure(self) -> StatisticsSnapshot:
        """Return what was measured. A table that was left has ``skipped`` and no columns. Raises what the source raises for this table."""
        self._ledger.take(statements=1)
        extent = self._feed.extent_of(self._session, self._name)
        if self._options.engine_statistics == "only":
            return self._engines(extent, "only the engine's statistics were asked for")
        if self._ledger.used_up is not None:
            return self._engines(extent, self._ledger.used_up)
        try:
            return self._read(extent)
        except StatementTimeout:
            if not self._ledger.seconds_left and self._ledger.budget.seconds is not None:
                return self._engines(extent, self._ledger.used_up or "the budget of seconds is used up")
            raise

    def _read(self, extent: Extent) -> StatisticsSnapshot:
        sampling = self._options.sampling or self._affordable(extent)
        if sampling is None and self._is_large(extent) and not self._options.full:
            figures = self._figures()
            if figures is not None:
                return self._in_two(extent, figures)
        if sampling is not None and sampling.rows is not None and sampling.rows < FEWEST_SAMPLED_ROWS and self._options.sampling is None:
            return self._engines(extent, "the budget left too few rows for a sample")
        brought = self._bring(extent, sampling)
        if brought.sample is not None and not brought.rows:
            # A few rows cost little, and a table that has no more is measured in full.
            brought = self._bring(extent, None, at_most=FEWEST_SAMPLED_ROWS)
            if not brought.is_complete:
                return self._nothing_drawn(extent, sampling)
        if not brought.is_complete:
            return self._engines(extent, "the table is larger than the engine thought, and the budget did not suffice")
        snapshot = self._snapshot(extent, brought)
        if brought.sample is None or self._options.sampling is not None:
            return snapshot
        return msgspec.structs.replace(snapshot, skipped="the budget paid for a sample only")

    def _is_large(self, extent: Extent) -> bool:
        return extent.row_count is not None and extent.row_count * max(1, len(self._plans)) > self._request.whole_cells

    def _affordable(self, extent: Extent) -> Sampling | None:
        """Return the sample that what is left of the budget pays for; ``None`` if it pays for the whole table."""
        shares = []
        if extent.row_count and self._ledger.rows_left is not None and extent.row_count > self._ledger.rows_left:
            shares.append(self._ledger.rows_left * 0.9 / extent.row_count)
        if extent.size_bytes and self._ledger.bytes_left is not None and extent.size_bytes > self._ledger.bytes_left:
            shares.append(self._ledger.bytes_left * 0.5 / extent.size_bytes)
        return Sampling(rows=int(min(shares) * extent.row_count)) if shares and extent.row_count else None

    def _figures(self) -> EngineFigures | None:
        """Return what the engine computes in a pass; ``None`` where it cannot, or where a figure overflows there."""
        try:
            figures = self._feed.figures_of(self._session, self._name, self._plans, limit_seconds=self._ledger.seconds_left)
        except StatementFailed as error:
            self._ledger.take(statements=1)
            if error.why is not None and "permission" in error.why:
                raise
            return None
        if figures is not None:
            self._ledger.take(rows=figures.rows, statements=figures.statements)
        return figures

    def _bring(self, extent: Extent, sampling: Sampling | None, *, at_most: int | None = None) -> Brought:
        limits = [limit for limit in (self._ledger.rows_left, at_most) if limit is not None]
        wanted = Wanted(
            self._name,
            self._plans,
            extent,
            sampling,
            limit_rows=min(limits, default=None),
            limit_bytes=self._ledger.bytes_left,
            limit_seconds=self._ledger.seconds_left,
        )
        brought = self._feed.bring(self._session, wanted, self._workshop, check_cancelled=self._check_cancelled)
        self._ledger.take(rows=brought.rows, bytes_read=brought.bytes, statements=brought.statements)
        return brought

    def _nothing_drawn(self, extent: Extent, sampling: Sampling | None) -> StatisticsSnapshot:
        """Say that a sample has no row, which tells nothing of a table that has some."""
        share = sampling.share if sampling is not None else None
        return StatisticsSnapshot(
            origin="sampled",
            row_count=extent.row_count,
            row_count_is_estimate=extent.row_count is not None and not extent.is_exact,
            size_bytes=extent.size_bytes,
            sample=Sample("drawn at random", 0, share),
            skipped="the sample drew none of its rows",
        )

    def _snapshot(self, extent: Extent, brought: Brought) -> StatisticsSnapshot:
        is_whole = brought.sample is None
        columns = self._computed(brought, brought.rows if is_whole else extent.row_count)
        return StatisticsSnapshot(
            origin="exact" if is_whole else "sampled",
            row_count=brought.rows if is_whole else extent.row_count,
            row_count_is_estimate=not is_whole and extent.row_count is not None and not extent.is_exact,
            size_bytes=extent.size_bytes,
            columns=columns,
            sample=brought.sample,
            freshness=self._freshness(columns, extent) if is_whole else None,
        )

    def _computed(self, brought: Brought, rows_of_table: int | None) -> list[ColumnStatistics]:
        return measure(brought, self._plans, rows_of_table=rows_of_table, table=self._name.table, check_cancelled=self._check_cancelled)

    def _in_two(self, extent: Extent, figures: EngineFigures) -> StatisticsSnapshot:
        """Take plain figures from the engine and the distribution from a sample."""
        rows_left = self._ledger.rows_left
        wanted = self._request.sampled_rows
        rows = wanted if rows_left is None else min(wanted, int(rows_left * 0.9))
        counted = msgspec.structs.replace(extent, row_count=figures.rows, is_exact=True)
        brought = self._bring(counted, Sampling(rows=rows)) if rows >= FEWEST_SAMPLED_ROWS else None
        columns = figures.columns
        if brought is not None and brought.is_complete and brought.rows:
            sampled = self._computed(brought, figures.rows)
            columns = [
                _joined(plan, exact, part, figures.rows) for plan, exact, part in zip(self._plans, figures.columns, sampled, strict=True)
            ]
        return StatisticsSnapshot(
            origin="exact",
            row_count=figures.rows,
            size_bytes=extent.size_bytes,
            columns=columns,
            sample=brought.sample if brought is not None else None,
            freshness=self._freshness(columns, extent),
            skipped="the sample drew no row: there is no distribution"
            if brought is not None and not brought.rows and figures.rows
            else None,
        )

    def _freshness(self, columns: Sequence[ColumnStatistics], extent: Extent) -> Freshness | None:
        return freshness_of(self._plans, columns, extent, datetime.now(UTC))

    def _engines(self, extent: Extent, reason: str) -> StatisticsSnapshot:
        """Take the engine's own statistics where they are fresh; else say why there are none."""
        mode = self._options.engine_statistics
        statistics = None
        if mode == "auto" and (extent.stale_share is None or extent.stale_share > STALE_SHARE):
            reason = f"{reason}, and the engine's own statistics are older than {STALE_SHARE:.0%} of the rows"
        elif mode != "never":
            statistics = self._feed.statistics_of(self._session, self._name, self._plans, extent)
            self._ledger.take(statements=1)
        return StatisticsSnapshot(
            origin="engine",
            row_count=extent.row_count,
            row_count_is_estimate=extent.row_count is not None and not extent.is_exact,
            size_bytes=extent.size_bytes,
            columns=statistics.columns if statistics is not None else [],
            engine_statistics_at=statistics.taken_at if statistics is not None else None,
            skipped=reason,
        )


def _joined(plan: ColumnPlan, exact: ColumnStatistics, sampled: ColumnStatistics, rows: int) -> ColumnStatistics:
    """Return the exact figures of a column with the distribution that a sample shows. A promise of the source is exact."""
    if plan.reading != "values":
        return exact
    changes = {name: getattr(sampled, name) for name in _OF_DISTRIBUTION} | {"distribution_origin": "sampled"}
    if plan.is_unique and exact.null_count is not None:
        changes |= {"distinct_count": rows - exact.null_count, "distinct_is_estimate": False, "distinct_method": "unique by its constraint"}
        changes |= {"distinct_low": None, "distinct_high": None, "distinct_error": None}
        changes |= {"is_unique": True, "is_key_candidate": not exact.null_count and rows > 1}
    elif exact.minimum is not None:
        changes["is_constant"] = exact.minimum == exact.maximum
    return msgspec.structs.replace(exact, **changes)
