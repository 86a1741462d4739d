"""The months of ``records``: on PostgreSQL the table is partitioned by the month of ``produced_at``, on SQLite it is one table.

The partitions form a chain without gaps: ``records_past`` from the beginning of time, a ``records_YYYY_MM`` for each month since the
store was made, ``records_later`` to the end of time. So no record is ever refused for its time, and PostgreSQL knows the partitions to be
in order, which a default partition would take from it: a stream's latest record is then found by looking from the newest month backwards.

New months are cut from the beginning of ``records_later``, two of them ahead. Records that lie in it already move along.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from factbook.database.engine import Database

MONTHS_AHEAD = 2

_LOCK_SECONDS = 3
"""How long a new month may hold up readers while it waits for a long reading to end; there is time until it is needed."""

_NAME = re.compile(r"records_(\d{4})_(\d{2})")
_COLUMNS = '"offset", channel_no, stream_id, produced_at, id, state_digest, body'

_PARTITIONS = "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'records'::regclass"


class Month(NamedTuple):
    """A calendar month in UTC."""

    year: int
    month: int

    @property
    def table(self) -> str:
        return f"records_{self.year:04d}_{self.month:02d}"

    @property
    def begins_at(self) -> int:
        """Its first microsecond since 1970."""
        return int(datetime(self.year, self.month, 1, tzinfo=UTC).timestamp()) * 1_000_000

    def after(self, months: int) -> Month:
        """Return the month so many months later."""
        years, place = divmod(self.month - 1 + months, 12)
        return Month(self.year + years, place + 1)


def make_months(database: Database, *, today: datetime | None = None) -> list[Month]:
    """Make the months that are missing up to two months ahead of the server's clock (or of ``today``), and return them.

    Where none is missing this is one small read. Raises :class:`StoreBusy` when a long reading keeps the table too long; nothing is changed
    then, and later is early enough.
    """
    if database.dialect != "postgresql":
        return []
    with database.reading() as connection:
        if not list(_missing(connection, today)):
            return []
    with database.writing() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
        # Writers lock the log's head before they touch records, and so must we: in another order we would wait for each other.
        connection.execute(text("SELECT last_offset FROM log_head FOR UPDATE"))
        # Another process may have been quicker.
        missing = list(_missing(connection, today))
        if missing:
            _cut(connection, missing)
        return missing


def months(connection: Connection) -> list[Month]:
    """Return the months that have a partition of their own, in order."""
    named = (_NAME.fullmatch(name) for name in connection.scalars(text(_PARTITIONS)))
    return sorted(Month(int(match[1]), int(match[2])) for match in named if match)


def _missing(connection: Connection, today: datetime | None) -> Iterator[Month]:
    last = months(connection)[-1]
    now = (today or connection.scalars(text("SELECT clock_timestamp()")).one()).astimezone(UTC)
    until = Month(now.year, now.month).after(MONTHS_AHEAD)
    while last < until:
        last = last.after(1)
        yield last


def _cut(connection: Connection, missing: list[Month]) -> None:
    """Cut a run of months from the beginning of ``records_later``."""
    connection.execute(text("ALTER TABLE records DETACH PARTITION records_later"))
    for month in missing:
        bounds = f"FROM ({month.begins_at}) TO ({month.after(1).begins_at})"
        connection.execute(text(f"CREATE TABLE {month.table} PARTITION OF records FOR VALUES {bounds}"))
    end = missing[-1].after(1).begins_at
    # Numbers and names of our own throughout.
    moving = f"WITH moved AS (DELETE FROM records_later WHERE produced_at < {end} RETURNING {_COLUMNS})"  # noqa: S608
    connection.execute(text(f"{moving} INSERT INTO records ({_COLUMNS}) SELECT {_COLUMNS} FROM moved"))  # noqa: S608
    connection.execute(text(f"ALTER TABLE records ATTACH PARTITION records_later FOR VALUES FROM ({end}) TO (MAXVALUE)"))
