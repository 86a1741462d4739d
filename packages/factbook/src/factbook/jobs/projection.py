"""The job list follows the log: one row per job, folded from its ``job_run`` facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, Table, Text, select

from factbook.database.bulk import bulk_upsert
from factbook.repository.projection import Projection
from factbook.repository.rows import microseconds
from factbook_sdk.facts.kinds.job_run import JobRun, JobState
from factbook_sdk.repository.contract import StoredRecord

jobs = Table(
    "jobs",
    MetaData(),
    Column("job_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("submitted_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("attempt", Integer, nullable=False),
)
Index("ix_jobs_newest", jobs.c.tenant, jobs.c.submitted_at, jobs.c.job_id)
"""``run`` is the last ``job_run`` payload as JSON. Times are microseconds since 1970 in UTC."""

_COLUMNS = tuple(column.name for column in jobs.columns)
_LOOKUP = 500


class JobsProjection(Projection):
    """One row per job."""

    name = "jobs"
    version = 1
    kinds = frozenset({"job_run"})
    tables = (jobs,)

    def apply(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        runs = [(item, msgspec.convert(item.record.payload, JobRun)) for item in records]
        rows = _load(connection, sorted({run.job_id for _, run in runs}))
        for item, run in runs:
            rows[run.job_id] = _fold(rows.get(run.job_id), item, run)
        touched = {run.job_id for _, run in runs}
        bulk_upsert(connection, jobs, _COLUMNS, [[rows[job_id][name] for name in _COLUMNS] for job_id in sorted(touched)], key=("job_id",))


def _load(connection: Connection, job_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(job_ids), _LOOKUP):
        for row in connection.execute(select(jobs).where(jobs.c.job_id.in_(job_ids[start : start + _LOOKUP]))).mappings():
            found[row["job_id"]] = dict(row)
    return found


def _fold(row: dict[str, Any] | None, item: StoredRecord, run: JobRun) -> dict[str, Any]:
    """Return the job's row after one more transition. A job that ended stays ended."""
    moment = microseconds(item.record.produced_at)
    if row is None:
        row = {
            "job_id": run.job_id,
            "tenant": item.record.context.tenant,
            "source_id": item.record.target.source_id,
            "parameters": "{}",
            "submitted_at": moment,
            "started_at": None,
            "finished_at": None,
        }
    elif row["finished_at"] is not None:
        return row
    parameters = msgspec.json.encode(run.parameters, order="sorted").decode() if run.parameters else row["parameters"]
    row = {**row, "state": run.state.value, "attempt": run.attempt, "parameters": parameters}
    row["run"] = msgspec.json.encode(msgspec.structs.replace(run, parameters={}), order="sorted").decode()
    if run.state is JobState.RUNNING and row["started_at"] is None:
        row["started_at"] = moment
    if run.state.is_final:
        row["finished_at"] = moment
    return row
