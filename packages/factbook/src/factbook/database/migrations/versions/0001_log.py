"""The log: channels, streams, records, their head, and the positions of views."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
oldest_code = "0001"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "log_head",
        sa.Column("only_row", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("last_offset", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO log_head (only_row, last_offset) VALUES (1, 0)")
    op.create_table(
        "channels",
        sa.Column("channel_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.UniqueConstraint("tenant", "kind", name="uq_channels_tenant_kind"),
    )
    op.create_table(
        "streams",
        sa.Column("stream_id", _BIG, primary_key=True, autoincrement=False),
        sa.Column("channel_no", sa.Integer, sa.ForeignKey("channels.channel_no"), nullable=False),
        sa.Column("target_key", sa.LargeBinary, nullable=False),
        sa.Column("producer_id", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("schema_name", sa.Text),
        sa.Column("table_name", sa.Text),
        sa.UniqueConstraint("channel_no", "target_key", "producer_id", name="uq_streams_channel_no_target_key_producer_id"),
    )
    op.create_index("ix_streams_channel_no_source_id", "streams", ["channel_no", "source_id"])
    op.create_table(
        "records",
        sa.Column("offset", _BIG, primary_key=True, autoincrement=False),
        sa.Column("channel_no", sa.Integer, nullable=False),
        sa.Column("stream_id", sa.BigInteger, nullable=False),
        sa.Column("produced_at", sa.BigInteger, nullable=False),
        sa.Column("id", sa.LargeBinary, nullable=False),
        sa.Column("state_digest", sa.LargeBinary),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("channel_no", "produced_at", "id", name="uq_records_channel_no_produced_at_id"),
    )
    op.create_index("ix_records_stream_id_produced_at_offset", "records", ["stream_id", "produced_at", "offset"])
    op.create_table(
        "projections",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
