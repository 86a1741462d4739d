"""Tables that run the house and say nothing about data: connections and the job queue."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from factbook.database.metadata import METADATA

sources = Table(
    "sources",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("source_id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
"""``url`` holds no password; ``secret`` is the encrypted one. Times are microseconds since 1970 in UTC."""

job_queue = Table(
    "job_queue",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("job_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("moved_at", BigInteger, nullable=False),
    Column("run_after", BigInteger, nullable=False),
    Column("worker_id", Text),
    Column("lease_until", BigInteger),
    Column("cancel_requested", Boolean, nullable=False),
    Column("progress_done", BigInteger),
    Column("progress_total", BigInteger),
    Column("progress_text", Text),
    Index(None, "tenant", "state", "run_after"),
)
"""Jobs that are not over. ``run`` is the last ``job_run`` payload as JSON, ``moved_at`` its time; the row goes when the job is final."""
