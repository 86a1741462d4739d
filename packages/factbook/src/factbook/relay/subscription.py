"""How far a subscriber outside the store has been served: its place in the log, and the lease of the process that serves it.

A lease runs out when its process dies, by the store's own clock where it has one. A place is only ever moved by the holder of the lease and
only from where the holder found it, so neither a process that was taken for dead nor a replay in between can lose anything.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, or_, select, update

from factbook.database.control_tables import subscriptions
from factbook.errors import InvalidRequest, NotFound
from factbook.repository.appending import lock_head
from factbook.repository.rows import microseconds, moment
from factbook.repository.sql import SqlRepository

_FAILURE_CHARACTERS = 1000


class Place(msgspec.Struct, frozen=True):
    """Where a subscriber stands. ``replays`` is how often somebody had the log sent from anew."""

    position: int
    replays: int


class RelayStatus(msgspec.Struct, frozen=True):
    """What there is to know about one subscriber. ``lag`` is how many records it has not been served; ``served_by`` who serves it now."""

    name: str
    position: int
    lag: int
    replays: int
    moved_at: datetime
    served_by: str | None
    last_error: str | None

    @property
    def is_watching(self) -> bool:
        """Whether it is a part of the watching, and no bus."""
        return self.name.partition(":")[0] == "watch"


class Subscriptions:
    """The rows of the table ``subscriptions``."""

    def __init__(self, repository: SqlRepository, *, lease_seconds: float) -> None:
        self._repository = repository
        self._lease = timedelta(seconds=lease_seconds)

    def enter(self, name: str, *, at_end: bool) -> None:
        """Make a name known, to be served from the end of the log on or from its beginning; one that is known stays where it is."""
        with self._repository.database.writing() as connection:
            self._enter(connection, name, _now(connection), at_end=at_end)

    def take(self, name: str, owner: str) -> Place | None:
        """Take or renew the lease; return where the subscriber stands, ``None`` while another process holds it."""
        with self._repository.database.writing() as connection:
            now = _now(connection)
            free = or_(subscriptions.c.lease_owner.is_(None), subscriptions.c.lease_owner == owner, subscriptions.c.lease_until < now)
            self._enter(connection, name, now)
            lease = {"lease_owner": owner, "lease_until": now + self._lease // timedelta(microseconds=1)}
            taken = update(subscriptions).where(subscriptions.c.name == name, free).values(**lease)
            row = connection.execute(taken.returning(subscriptions.c.position, subscriptions.c.replays)).first()
            return None if row is None else Place(row.position, row.replays)

    def advance(self, name: str, owner: str, before: Place, position: int) -> bool:
        """Move on and renew the lease; ``False``, and nothing changes, if the lease was lost or somebody asked for a replay meanwhile."""
        with self._repository.database.writing() as connection:
            now = _now(connection)
            held = (
                subscriptions.c.name == name,
                subscriptions.c.lease_owner == owner,
                subscriptions.c.position == before.position,
                subscriptions.c.replays == before.replays,
            )
            values = {"position": position, "moved_at": now, "failure": None, "lease_until": now + self._lease // timedelta(microseconds=1)}
            return connection.execute(update(subscriptions).where(*held).values(**values)).rowcount == 1

    def note_failure(self, name: str, failure: str) -> None:
        """Keep what went wrong until something goes well again."""
        with self._repository.database.writing() as connection:
            noted = {"failure": failure[:_FAILURE_CHARACTERS]}
            connection.execute(update(subscriptions).where(subscriptions.c.name == name).values(**noted))

    def release(self, name: str, owner: str) -> None:
        """Give the lease back."""
        with self._repository.database.writing() as connection:
            held = (subscriptions.c.name == name, subscriptions.c.lease_owner == owner)
            connection.execute(update(subscriptions).where(*held).values(lease_owner=None, lease_until=None))

    def replay(self, name: str, *, after_offset: int) -> RelayStatus:
        """Have the log sent again from behind an offset. Raises :class:`InvalidRequest` for one the log has not reached."""
        with self._repository.database.writing() as connection:
            end = lock_head(connection)
            if not 0 <= after_offset <= end:
                raise InvalidRequest(f"The log has no offset {after_offset:,}", why=f"it ends at {end:,}", field="from")
            self._enter(connection, name, _now(connection))
            again = {"position": after_offset, "replays": subscriptions.c.replays + 1}
            connection.execute(update(subscriptions).where(subscriptions.c.name == name).values(**again))
        return self.status(name)

    def status(self, name: str) -> RelayStatus:
        """Return what there is to know about one subscriber; raises :class:`NotFound`."""
        for found in self.all():
            if found.name == name:
                return found
        raise NotFound(f"Nothing was ever sent to {name}", fix="`factbook relay run` does, or a server with BUS_URL")

    def all(self) -> list[RelayStatus]:
        """Return every subscriber, by name."""
        end = self._repository.last_offset()
        with self._repository.reading() as connection:
            now = _now(connection)
            return [_status(row, end, now) for row in connection.execute(select(subscriptions).order_by(subscriptions.c.name))]

    @staticmethod
    def _enter(connection: Connection, name: str, now: int, *, at_end: bool = False) -> None:
        # Under the lock of the log no other process can enter the same name between the look and the insert.
        if connection.scalar(select(subscriptions.c.name).where(subscriptions.c.name == name)) is None:
            end = lock_head(connection)
            if connection.scalar(select(subscriptions.c.name).where(subscriptions.c.name == name)) is None:
                position = end if at_end else 0
                connection.execute(insert(subscriptions).values(name=name, position=position, replays=0, moved_at=now))


def _status(row: Any, end: int, now: int) -> RelayStatus:
    return RelayStatus(
        name=row.name,
        position=row.position,
        lag=max(0, end - row.position),
        replays=row.replays,
        moved_at=moment(row.moved_at),
        served_by=row.lease_owner if row.lease_owner and row.lease_until >= now else None,
        last_error=row.failure,
    )


def _now(connection: Connection) -> int:
    """Return the time all processes share: the server's clock on PostgreSQL, as leases are judged from several machines."""
    if connection.dialect.name == "postgresql":
        return microseconds(connection.scalars(select(func.clock_timestamp())).one())
    return microseconds(datetime.now(UTC))
