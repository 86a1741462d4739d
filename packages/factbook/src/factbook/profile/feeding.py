"""The feed contract: how the rows of one table come from a source to where they are measured.

Statements that measure are DuckDB's, whatever the source is (``profile/computing.py``). A feed brings the rows of one table into a
relation of the workshop, once; all figures are computed there. To write a feed for another engine: subclass :class:`Feed` in
``profile/feeds/<engine>.py`` and name it in ``profile/feeds/__init__.py``.

The relation has a column for each :class:`~factbook.profile.model.ColumnPlan`, named by its ``key``, of a type that follows its family:

=============  ==========================================================================================================
integer        any integer type of DuckDB that holds all values
decimal        ``DECIMAL(p, s)`` that holds all values exactly; ``DOUBLE`` only where none does
float          ``FLOAT`` or ``DOUBLE``
boolean        ``BOOLEAN``
date           ``DATE``
timestamp      ``TIMESTAMP``, in UTC
time           ``TIME``
text, enum     ``VARCHAR``; a text over ``CUT_OVER`` characters as :func:`cut` gives it
other          ``VARCHAR``, as the engine prints it, equal exactly when the printed values are equal; cut alike
=============  ==========================================================================================================

With ``reading`` ``lengths``: a ``BIGINT``, in characters (binary: bytes). With ``presence``: ``TRUE`` where there is a value. Nulls are
null. Where rows were chosen by blocks (pages), a column ``block`` (``BIGINT``) tells which row came with which others: errors are
estimated from how blocks differ, because rows of one block resemble each other.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from factbook.profile.model import ColumnPlan, Family, Sampling
from factbook.sources.contract import TableName
from factbook.sources.session import Row, Session
from factbook_sdk.facts.kinds.schema_snapshot import Column
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, Sample

if TYPE_CHECKING:
    from factbook.profile.workshop import Workshop

CUT_OVER = 4096
KEPT_OF_CUT = 256
CUT_MARK = "\ufdd0"
"""A code point that Unicode promises never to assign stands between the parts of a text that was cut."""

Ask = Callable[[str], list[Row]]
"""Runs a DuckDB statement and returns its rows."""


def cut(text: str) -> str:
    """Return a text that is too long as its beginning, its MD5 and its length: it stays distinct from others and is measured right."""
    if len(text) <= CUT_OVER:
        return text
    digest = hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    return f"{text[:KEPT_OF_CUT]}{CUT_MARK}{digest}{CUT_MARK}{len(text)}"


class Extent(msgspec.Struct, frozen=True):
    """What the engine says of a table before any row is read. ``row_count`` is exact where ``is_exact``, else its estimate.

    ``statistics_at`` is when its own statistics were taken, ``stale_share`` what share of the rows changed since; ``changed_at`` its own
    note of the last change of data. ``None`` is not known.
    """

    row_count: int | None = None
    is_exact: bool = False
    size_bytes: int | None = None
    changed_at: datetime | None = None
    statistics_at: datetime | None = None
    stale_share: float | None = None


class Wanted(msgspec.Struct, frozen=True):
    """What is to be brought of a table. Over ``limit_rows`` or ``limit_bytes`` a feed stops and says that it did not bring all."""

    table: TableName
    columns: Sequence[ColumnPlan]
    extent: Extent = Extent()
    sampling: Sampling | None = None
    limit_rows: int | None = None
    limit_bytes: int | None = None
    limit_seconds: float | None = None


class Brought(msgspec.Struct, frozen=True):
    """What was brought. ``relation`` stands after FROM in statements for ``ask``. ``sample`` is set where rows were chosen.

    ``is_complete`` is whether all rows of the table (of the sample) came; what stopped at a limit is no sample and is thrown away.
    ``bytes`` is what travelled, as exactly as the driver tells. ``blocks`` is how many blocks the table has, where rows came by blocks.
    """

    relation: str
    ask: Ask
    rows: int
    bytes: int
    statements: int
    is_complete: bool = True
    sample: Sample | None = None
    blocks: int | None = None
    columns: Sequence[ColumnPlan] | None = None
    """The plans as the columns came, where one came otherwise than it was wanted: numbers that no decimal holds as ``float``."""
    extremes: Mapping[str, tuple[str, str]] = {}
    """The least and the largest value as the source writes them, by key, of columns that may have lost digits on the way."""


class EngineFigures(msgspec.Struct, frozen=True):
    """Exact figures that the engine itself computed: rows, and per column what needs neither sorting nor counting of values."""

    rows: int
    columns: list[ColumnStatistics]
    statements: int


class EngineStatistics(msgspec.Struct, frozen=True):
    """The engine's own statistics of a table in our terms, and when they were taken."""

    columns: list[ColumnStatistics]
    taken_at: datetime


class Feed(ABC):
    """Brings rows of one engine. Stateless; the session and the workshop are handed in."""

    @abstractmethod
    def family_of(self, column: Column) -> Family:
        """Return what can be measured of a column, by its type as the scan saw it."""

    def prepare(self, session: Session, workshop: Workshop) -> None:  # noqa: B027 - most have nothing to prepare
        """Bound a session before its first statement, where the engine works in this process."""

    @abstractmethod
    def extent_of(self, session: Session, table: TableName) -> Extent:
        """Return what the engine says of a table at no cost; may raise :class:`~factbook.errors.StatementFailed`."""

    @abstractmethod
    def bring(self, session: Session, wanted: Wanted, workshop: Workshop, *, check_cancelled: Callable[[], None]) -> Brought:
        """Bring the rows, in one statement and one snapshot, with memory for a part of them only.

        ``check_cancelled`` is called at least once a second while rows come; what it raises ends the reading.
        Raises :class:`~factbook.errors.StatementFailed` where the source refuses this table, :class:`~factbook.errors.StatementTimeout`
        where ``limit_seconds`` or the connector's own limit is over.
        """

    def figures_of(
        self, session: Session, table: TableName, columns: Sequence[ColumnPlan], *, limit_seconds: float | None = None
    ) -> EngineFigures | None:
        """Return the plain aggregates of all columns as the engine computes them in a pass over the table, or ``None`` where that is no
        cheaper than bringing the rows. Raises what :meth:`bring` raises."""
        return None

    def statistics_of(self, session: Session, table: TableName, columns: Sequence[ColumnPlan], extent: Extent) -> EngineStatistics | None:
        """Return the engine's own statistics, or ``None`` where it keeps none. Values of sensitive columns are never asked for."""
        return None
