"""Tables that run the house and say nothing about data: connections and the job queue."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, SmallInteger, Table, Text

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

service_tokens = Table(
    "service_tokens",
    METADATA,
    Column("token_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("grants", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
)
"""Tokens by the SHA-256 ``digest`` of what was shown once. ``grants`` is JSON; ``tenant`` is whose admins see and revoke it, ``*`` for
admins of all tenants alone."""

subscriptions = Table(
    "subscriptions",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("replays", Integer, nullable=False),
    Column("moved_at", BigInteger, nullable=False),
    Column("failure", Text),
    Column("lease_owner", Text),
    Column("lease_until", BigInteger),
)
"""How far each subscriber outside the store has been served, how often from anew, what last failed, and which process serves it now."""

schema_compatibility = Table(
    "schema_compatibility",
    METADATA,
    Column("only_row", SmallInteger, primary_key=True, autoincrement=False),
    Column("oldest_code", Text, nullable=False),
)
"""One row: the oldest revision whose code may use this store, as the newest migration states it."""
