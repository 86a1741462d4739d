"""Records by month on PostgreSQL, and the oldest code that may use the store.

An existing table becomes the partition of the past as it lies: no row of it is copied but those of months to come. What takes time is the
index of the new primary key, which must hold the time by which the table is partitioned.
"""

from datetime import UTC, datetime
from itertools import pairwise

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
oldest_code = "0002"

_COLUMNS = '"offset", channel_no, stream_id, produced_at, id, state_digest, body'


def upgrade() -> None:
    compatibility = op.create_table(
        "schema_compatibility",
        sa.Column("only_row", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("oldest_code", sa.Text, nullable=False),
    )
    op.bulk_insert(compatibility, [{"only_row": 1, "oldest_code": oldest_code}])
    if op.get_bind().dialect.name == "postgresql":
        _partition()


def _partition() -> None:
    # As every writer does: the head first, then the records.
    op.execute("SELECT last_offset FROM log_head FOR UPDATE")
    _set_aside()
    op.execute(
        """
        CREATE TABLE records (
            "offset" bigint NOT NULL,
            channel_no integer NOT NULL,
            stream_id bigint NOT NULL,
            produced_at bigint NOT NULL,
            id bytea NOT NULL,
            state_digest bytea,
            body text NOT NULL,
            CONSTRAINT pk_records PRIMARY KEY ("offset", produced_at),
            CONSTRAINT uq_records_channel_no_produced_at_id UNIQUE (channel_no, produced_at, id)
        ) PARTITION BY RANGE (produced_at)
        """
    )
    op.execute('CREATE INDEX ix_records_stream_id_produced_at_offset ON records (stream_id, produced_at, "offset")')
    now = op.get_bind().execute(sa.text("SELECT clock_timestamp()")).scalar_one().astimezone(UTC)
    # What was written this month stays with the past as well.
    holds_this_month = sa.text(f"SELECT EXISTS (SELECT FROM records_past WHERE produced_at >= {_begin(now.year, now.month)})")  # noqa: S608 - a number
    first = now.month + int(op.get_bind().execute(holds_this_month).scalar_one())
    begins = [_begin(now.year, month) for month in range(first, now.month + 4)]
    for begin, end in pairwise(begins):
        name = f"records_{datetime.fromtimestamp(begin // 1_000_000, UTC):%Y_%m}"
        op.execute(f"CREATE TABLE {name} PARTITION OF records FOR VALUES FROM ({begin}) TO ({end})")
    op.execute(f"CREATE TABLE records_later PARTITION OF records FOR VALUES FROM ({begins[-1]}) TO (MAXVALUE)")
    moving = f"WITH moved AS (DELETE FROM records_past WHERE produced_at >= {begins[0]} RETURNING {_COLUMNS})"  # noqa: S608 - likewise
    op.execute(f"{moving} INSERT INTO records ({_COLUMNS}) SELECT {_COLUMNS} FROM moved")  # noqa: S608 - our own names
    op.execute(f"ALTER TABLE records ATTACH PARTITION records_past FOR VALUES FROM (MINVALUE) TO ({begins[0]})")


def _set_aside() -> None:
    op.execute("ALTER TABLE records RENAME TO records_past")
    op.execute("ALTER TABLE records_past DROP CONSTRAINT pk_records")
    op.execute('ALTER TABLE records_past ADD CONSTRAINT records_past_pkey PRIMARY KEY ("offset", produced_at)')
    op.execute("ALTER TABLE records_past RENAME CONSTRAINT uq_records_channel_no_produced_at_id TO records_past_content_key")
    op.execute("ALTER INDEX ix_records_stream_id_produced_at_offset RENAME TO records_past_stream_idx")


def _begin(year: int, month: int) -> int:
    """Return the first microsecond of a month; 13 is the next January."""
    return int(datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
