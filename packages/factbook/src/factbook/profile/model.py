"""What goes into a profile and what comes out of it. Values only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataContext
from factbook_sdk.facts.kinds.statistics_snapshot import Bill, Origin, StatisticsSnapshot

Family = Literal["integer", "decimal", "float", "boolean", "text", "date", "timestamp", "time", "enum", "binary", "other"]
"""What can be measured of a column. ``timestamp`` is a moment with or without a zone (in UTC then). ``enum`` and ``other`` (JSON, arrays,
intervals, addresses, geometry …) are measured by how they are written: they have distinct values and no order."""

Reading = Literal["values", "lengths", "presence"]
"""What of a column is brought: its values, only their lengths (an integer), or only whether there is one (``TRUE`` or null)."""

OnProgress = Callable[[int, int | None, str], None]
"""Called with the tables done, the tables to do and the one that is next."""


class ColumnPlan(msgspec.Struct, frozen=True):
    """How one column is measured. ``key`` (``c0``, ``c1`` …) is its name in the workshop; ``reason`` says why less than its values is read.

    ``is_unique`` is whether the source promises it, by a primary key or a unique constraint of this column alone.
    """

    key: str
    name: str
    data_type: str
    family: Family
    reading: Reading = "values"
    reason: str | None = None
    is_sensitive: bool = False
    is_unique: bool = False
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    loose_collation: str | None = None
    """The collation of a text, where by its name it calls equal what differs in case."""


class Sampling(msgspec.Struct, frozen=True):
    """How many rows, or what share of them (0 to 1), to look at. The same seed chooses the same rows where the engine can promise that."""

    rows: int | None = None
    share: float | None = None
    seed: int = 1


class Budget(msgspec.Struct, frozen=True):
    """What one run may cost at most; ``None`` is no ceiling."""

    seconds: float | None = None
    rows: int | None = None
    bytes: int | None = None


class ProfileOptions(msgspec.Struct, frozen=True):
    """``tables`` and ``exclude_columns`` are patterns (``table``, ``schema.table``; ``column``, ``table.column``, ``schema.table.column``).

    ``engine_statistics``: ``auto`` takes the engine's own statistics where the budget allows no reading and they are fresh, ``only``
    reads no rows at all, ``never`` leaves them. ``full`` reads every row also of tables that are large.
    """

    tables: list[str] = []
    sampling: Sampling | None = None
    budget: Budget = Budget()
    exclude_columns: list[str] = []
    engine_statistics: Literal["auto", "only", "never"] = "auto"
    full: bool = False


class ProfileRequest(msgspec.Struct, frozen=True):
    """``context.run_id`` names the run: what it measured already is not measured again. ``memory_bytes`` bounds the workshop.

    A table of up to ``whole_cells`` values (rows by columns) is read whole; of a larger one the distribution comes from ``sampled_rows``
    rows.
    """

    source_id: str
    options: ProfileOptions = ProfileOptions()
    context: MetadataContext = MetadataContext()
    memory_bytes: int = 1 << 30
    whole_cells: int = 10_000_000
    sampled_rows: int = 100_000


class TableProfiled(msgspec.Struct, frozen=True):
    """One table of a run in a line. ``skipped`` says why less, or nothing, was measured."""

    schema: str
    table: str
    origin: Origin | None = None
    row_count: int | None = None
    rows_read: int = 0
    bytes_read: int = 0
    seconds: float = 0.0
    skipped: str | None = None
    resumed: bool = False
    """Whether an earlier attempt of the same run had measured it."""
    is_kept: bool = False
    """Whether nothing was stored, and the last measurement stands."""
    failed_metrics: list[str] = []
    """The numbers somebody defined that could not be measured; the measurement says why."""

    @classmethod
    def kept(cls, name: TableName, bill: Bill) -> TableProfiled:
        """Return the line of a table of whose rows a sample drew none."""
        return cls(
            name.schema,
            name.table,
            rows_read=bill.rows_read,
            bytes_read=bill.bytes_read,
            seconds=bill.seconds,
            skipped="the sample drew none of its rows: the last measurement stands",
            is_kept=True,
        )

    @classmethod
    def of(cls, name: TableName, snapshot: StatisticsSnapshot, *, resumed: bool = False) -> TableProfiled:
        """Return the line of what was measured of a table."""
        bill = snapshot.bill or Bill(0, 0, 0, 0.0)
        return cls(
            name.schema,
            name.table,
            snapshot.origin,
            snapshot.row_count,
            bill.rows_read,
            bill.bytes_read,
            bill.seconds,
            snapshot.skipped,
            resumed,
            failed_metrics=[metric.name for metric in snapshot.metrics if metric.failure is not None],
        )

    @property
    def name(self) -> TableName:
        return TableName(self.schema, self.table)


class ProfileFailure(msgspec.Struct, frozen=True):
    """A table that could not be measured. ``reason`` holds no secret and no value."""

    schema: str
    table: str
    reason: str


class ProfileResult(msgspec.Struct, frozen=True):
    """The tables of a run in the order in which they were measured, those that failed, and the bill of all.

    ``unmatched_metrics`` are the metrics that no known table of the source is meant by.
    """

    source_id: str
    started_at: datetime
    tables: list[TableProfiled]
    failures: list[ProfileFailure]
    bill: Bill
    unmatched_metrics: list[str] = []
