"""The job list follows the log: one row per job, folded from its ``job_run`` facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Index, MetaData, Table, Text, bindparam, insert, select, tuple_, update

from factbook.repository.projection import Projection
from factbook.repository.rows import microseconds
from factbook_sdk.facts.kinds.job_run import JobRun, JobState
from factbook_sdk.repository.contract import StoredRecord

PRODUCER_ID = "jobs.v1"

jobs = Table(
    "jobs",
    MetaData(),
    Column("tenant", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("job_type", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("retry_of", Text),
    Column("run", Text, nullable=False),
    Column("submitted_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Index("ix_jobs_newest", "tenant", "submitted_at", "job_id"),
    Index("ix_jobs_in_state", "tenant", "state", "submitted_at", "job_id"),
    Index("ix_jobs_of_source", "tenant", "source_id", "job_type", "submitted_at"),
    Index("ix_jobs_retries", "tenant", "retry_of"),
)
"""``run`` is the last ``job_run`` payload as JSON. Times are microseconds since 1970 in UTC."""

_LOOKUP = 400

_Key = tuple[str, str]


class JobsProjection(Projection):
    """One row per job of ours. Other producers may speak of their jobs under the same kind; those are facts, not our queue."""

    name = "jobs"
    version = 2
    kinds = frozenset({"job_run"})
    tables = (jobs,)

    def apply(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        runs = [(item, msgspec.convert(item.record.payload, JobRun)) for item in records if item.record.producer_id == PRODUCER_ID]
        keys = sorted({_key(item, run) for item, run in runs})
        known = _load(connection, keys)
        rows = dict(known)
        for item, run in runs:
            rows[_key(item, run)] = _fold(rows.get(_key(item, run)), item, run)
        _write(connection, [rows[key] for key in keys if key not in known], [rows[key] for key in keys if key in known])


def _key(item: StoredRecord, run: JobRun) -> _Key:
    return item.record.context.tenant, run.job_id


def _load(connection: Connection, keys: Sequence[_Key]) -> dict[_Key, dict[str, Any]]:
    found: dict[_Key, dict[str, Any]] = {}
    for start in range(0, len(keys), _LOOKUP):
        wanted = tuple_(jobs.c.tenant, jobs.c.job_id).in_(keys[start : start + _LOOKUP])
        for row in connection.execute(select(jobs).where(wanted)).mappings():
            found[row["tenant"], row["job_id"]] = dict(row)
    return found


def _write(connection: Connection, new: list[dict[str, Any]], changed: list[dict[str, Any]]) -> None:
    """Insert and update; appends go one after the other, so nobody else inserts in between."""
    if new:
        connection.execute(insert(jobs), new)
    if changed:
        statement = update(jobs).where(jobs.c.tenant == bindparam("of_tenant"), jobs.c.job_id == bindparam("of_job"))
        connection.execute(statement, [_changes(row) for row in changed])


def _changes(row: dict[str, Any]) -> dict[str, Any]:
    moved = {name: row[name] for name in ("state", "run", "started_at", "finished_at")}
    return {"of_tenant": row["tenant"], "of_job": row["job_id"], **moved}


def _fold(row: dict[str, Any] | None, item: StoredRecord, run: JobRun) -> dict[str, Any]:
    """Return the job's row after one more transition. A job that ended stays ended."""
    moment = microseconds(item.record.produced_at)
    if row is None:
        row = {
            "tenant": item.record.context.tenant,
            "job_id": run.job_id,
            "job_type": run.job_type,
            "retry_of": run.retry_of,
            "source_id": item.record.target.source_id,
            "target": msgspec.json.encode(item.record.target, order="sorted").decode(),
            "submitted_at": moment,
            "started_at": None,
            "finished_at": None,
        }
    elif row["finished_at"] is not None:
        return row
    row = {**row, "state": run.state.value, "run": msgspec.json.encode(run, order="sorted").decode()}
    if run.state is JobState.RUNNING and row["started_at"] is None:
        row["started_at"] = moment
    if run.state.is_final:
        row["finished_at"] = moment
    return row
