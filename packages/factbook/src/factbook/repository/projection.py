"""Views that follow the log: their contract, their stored positions, and how they catch up or are rebuilt.

To write a view: subclass :class:`Projection`, declare its tables on a MetaData of its own, and fold records into them in ``apply``. The
machinery calls it inside the transaction that appends (read your writes), in log order, each record once. A new ``version`` drops the
tables and replays the log.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from sqlalchemy import Connection, Table, delete, insert, select

from factbook.database.log_tables import channels
from factbook.database.log_tables import projections as positions
from factbook.repository.appending import lock_head
from factbook.repository.archive.bodies import Bodies
from factbook.repository.reading import between
from factbook_sdk.repository.contract import StoredRecord

REPLAY_RECORDS = 2000

OnReplay = Callable[[str, int, int], None]
"""Called with the view's name, the offset reached and the offset to reach."""


class Projection(ABC):
    """One view of the log. ``apply`` may use nothing but its records, the log below them, and its own tables, or replaying would not give
    the same."""

    name: ClassVar[str]
    version: ClassVar[int]
    kinds: ClassVar[frozenset[str]]
    tables: ClassVar[tuple[Table, ...]]
    bodies: Bodies = Bodies()
    """Where bodies of archived records are, for a view that looks at the log again; the repository sets it."""

    @abstractmethod
    def apply(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        """Fold records (of ``kinds`` only, every tenant's) into the tables."""

    def wanted(self, kinds: frozenset[str]) -> frozenset[str]:
        """Return which of these kinds the view follows; one whose kinds are not fixed says so here."""
        return kinds & self.kinds

    def forget(self, connection: Connection, tenant: str, kind: str) -> None:  # noqa: B027 - most views need nothing of the sort
        """Take out what the view holds of records of a kind that are no longer in the log."""

    def create(self, connection: Connection) -> None:
        """Make the tables."""
        for table in self.tables:
            table.create(connection)

    def drop(self, connection: Connection) -> None:
        """Drop the tables, if they are there."""
        for table in reversed(self.tables):
            table.drop(connection, checkfirst=True)


class Projections:
    """The views of one repository, kept in step with its log."""

    def __init__(self, projections: Sequence[Projection], bodies: Bodies) -> None:
        self._projections = tuple(projections)
        self._bodies = bodies
        for projection in projections:
            projection.bodies = bodies

    @property
    def kinds(self) -> frozenset[str]:
        """Return the kinds that views are built from."""
        return frozenset[str]().union(*(projection.kinds for projection in self._projections))

    def forget(self, connection: Connection, tenant: str, kind: str) -> None:
        """Let every view forget records of a kind that were dropped."""
        for projection, position in self._ours(connection):
            if position is not None:
                projection.forget(connection, tenant, kind)

    def are_current(self, connection: Connection, end: int) -> bool:
        """Return whether every view has our version and has seen the whole log: one small query."""
        stored = _stored(connection)
        return all(stored.get(projection.name) == (projection.version, end) for projection in self._projections)

    def positions(self, connection: Connection) -> dict[str, int]:
        """Return the stored position of each of our views."""
        stored = _stored(connection)
        return {projection.name: stored[projection.name][1] for projection in self._projections if projection.name in stored}

    def catch_up(self, connection: Connection, on_replay: OnReplay | None = None) -> None:
        """Make missing or outdated views and replay what they have not seen. A view of a newer version is left to its newer code."""
        end = lock_head(connection)
        for projection, position in self._ours(connection):
            if position is None:
                self._make(connection, projection)
            self._replay(connection, projection, position or 0, end, on_replay)

    def rebuild(self, connection: Connection, on_replay: OnReplay | None = None) -> int:
        """Drop every view and replay the whole log into new ones; return the offset reached."""
        end = lock_head(connection)
        for projection in self._projections:
            self._make(connection, projection)
            self._replay(connection, projection, 0, end, on_replay)
        return end

    def follow(self, connection: Connection, appended: Sequence[StoredRecord]) -> None:
        """Fold what this transaction has just appended; a view that is behind catches up first."""
        if not appended or not self._projections:
            return
        before, end = appended[0].offset - 1, appended[-1].offset
        present = frozenset({item.record.kind for item in appended})
        ours = self._ours(connection)
        for projection, position in ours:
            if position is None:
                self._make(connection, projection)
            if position != before:
                self._replay(connection, projection, position or 0, before, None)
            self._fold(connection, projection, appended, present)
        self._reach(connection, [projection for projection, _ in ours], end)

    def _ours(self, connection: Connection) -> list[tuple[Projection, int | None]]:
        """Return each view with its position, ``None`` where it must be made anew; views of newer code are left out."""
        stored = _stored(connection)
        ours: list[tuple[Projection, int | None]] = []
        for projection in self._projections:
            version, position = stored.get(projection.name, (0, 0))
            if version <= projection.version:
                ours.append((projection, position if version == projection.version else None))
        return ours

    @staticmethod
    def _make(connection: Connection, projection: Projection) -> None:
        projection.drop(connection)
        projection.create(connection)
        connection.execute(delete(positions).where(positions.c.name == projection.name))
        connection.execute(insert(positions).values(name=projection.name, version=projection.version, position=0))

    def _replay(self, connection: Connection, projection: Projection, position: int, end: int, on_replay: OnReplay | None) -> None:
        kinds = sorted(projection.wanted(frozenset(connection.scalars(select(channels.c.kind).distinct()))))
        while position < end:
            batch = between(connection, self._bodies, position, end, kinds, REPLAY_RECORDS)
            position = batch[-1].offset if len(batch) == REPLAY_RECORDS else end
            self._fold(connection, projection, batch, frozenset({item.record.kind for item in batch}))
            self._reach(connection, [projection], position)
            if on_replay is not None:
                on_replay(projection.name, position, end)

    @staticmethod
    def _fold(connection: Connection, projection: Projection, batch: Sequence[StoredRecord], present: frozenset[str]) -> None:
        wanted = projection.wanted(present)
        if wanted:
            projection.apply(connection, batch if wanted == present else [item for item in batch if item.record.kind in wanted])

    @staticmethod
    def _reach(connection: Connection, followers: Sequence[Projection], position: int) -> None:
        """Write down how far views have come: one driver-level statement for all of them, as every commit pays for it."""
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        names = [projection.name for projection in followers]
        statement = f"UPDATE projections SET position = {mark} WHERE name IN ({', '.join([mark] * len(names))})"  # noqa: S608 - only marks
        if names:
            connection.exec_driver_sql(statement, (position, *names))


def _stored(connection: Connection) -> dict[str, tuple[int, int]]:
    rows = connection.execute(select(positions.c.name, positions.c.version, positions.c.position))
    return {name: (version, position) for name, version, position in rows}
