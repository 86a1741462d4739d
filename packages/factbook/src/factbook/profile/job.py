"""Profiles as jobs: which source is meant, which run it continues, and the profile as the job's handler."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from factbook.errors import InvalidRequest, NotFound
from factbook.jobs import Job, JobControl, Jobs, Progress
from factbook.profile import reading
from factbook.profile.metrics import Metric, Metrics, load_metrics
from factbook.profile.model import ProfileOptions, ProfileRequest, ProfileResult
from factbook.profile.reading import MeasuredPage, MeasuredTable
from factbook.profile.run import profile
from factbook.profile.trends import Trend, trend_of
from factbook.repository.sensitivity import reasons_of
from factbook.sources.addresses import Addresses
from factbook.sources.connectors import connector_for
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.facts.kinds.annotation import Sensitive
from factbook_sdk.repository.contract import DEFAULT_LIMIT, MetadataRepository

JOB_TYPE = "profile"
_EVERYTHING = ProfileOptions()


class ProfileOutcome(msgspec.Struct, frozen=True):
    """A profile run in the foreground: the job as the job list shows it, and what came of it (``None`` if it failed)."""

    job: Job
    result: ProfileResult | None


class Profiles:
    """Submit profiles to the background or run them here, and read what they left."""

    def __init__(
        self,
        repository: MetadataRepository,
        addresses: Addresses,
        *,
        tenant: str,
        memory_bytes: int,
        jobs: Callable[[], Jobs],
        metrics_file: Path | None = None,
    ) -> None:
        self._repository = repository
        self._addresses = addresses
        self._tenant = tenant
        self._memory_bytes = memory_bytes
        self._jobs = jobs
        self._metrics_file = metrics_file

    def handle(self, control: JobControl) -> dict[str, Any]:
        """Run the profile that a job's parameters describe; the job's result is the :class:`ProfileResult` as JSON values."""
        source_id = control.parameters["source_id"]
        request = ProfileRequest(
            source_id=source_id,
            options=msgspec.convert(control.parameters.get("options", {}), ProfileOptions),
            context=MetadataContext(job_id=control.job.job_id, run_id=self._run_of(control.job), tenant=self._tenant),
            memory_bytes=self._memory_bytes,
        )
        connector = connector_for(self._addresses.url_of(source_id))
        metrics = Metrics(self._metrics(control.parameters), source_id)
        result = profile(
            connector,
            self._repository,
            request,
            on_progress=control.report,
            check_cancelled=control.check_cancelled,
            metrics_of=metrics.measure,
            unmatched_of=metrics.unmatched,
        )
        outcome: dict[str, Any] = msgspec.to_builtins(result)
        return outcome

    def _metrics(self, parameters: Mapping[str, Any]) -> list[Metric]:
        """Return the metrics that the job brings, else those of the configured file."""
        if "metrics" in parameters:
            return msgspec.convert(parameters["metrics"], list[Metric])
        return load_metrics(self._metrics_file) if self._metrics_file is not None else []

    def _run_of(self, job: Job) -> str:
        """Return the run that a job belongs to: the job it continues or repeats, else itself."""
        while (earlier := job.parameters.get("resume") or job.retry_of) is not None:
            job = self._jobs().get(earlier)
        return job.job_id

    def submit(self, source: str | None, *, trigger: str, **options: Any) -> Job:
        """Queue a profile of a registered source, a URL, or (``None``) the configured source."""
        parameters = self._parameters(source, keep_password=True, **options)
        return self._jobs().submit(JOB_TYPE, parameters, target=MetadataTarget(parameters["source_id"]), trigger=trigger)

    def run(
        self, source: str | None, *, trigger: str, on_progress: Callable[[Progress], None] | None = None, **options: Any
    ) -> ProfileOutcome:
        """Profile here and now; returns when it is over, raises what ended it."""
        parameters = self._parameters(source, **options)
        target = MetadataTarget(parameters["source_id"])
        job = self._jobs().run_here(JOB_TYPE, parameters, target=target, trigger=trigger, on_progress=on_progress)
        return ProfileOutcome(job, msgspec.convert(job.result, ProfileResult) if job.result is not None else None)

    def _parameters(
        self,
        source: str | None,
        *,
        source_id: str | None = None,
        options: ProfileOptions = _EVERYTHING,
        resume: str | None = None,
        metrics: Sequence[Metric] | None = None,
        keep_password: bool = False,
    ) -> dict[str, Any]:
        source_id = self._addresses.settle(source, source_id=source_id, keep_password=keep_password)
        if resume is not None:
            earlier = self._jobs().get(resume)
            if earlier.job_type != JOB_TYPE or earlier.source_id != source_id:
                raise InvalidRequest(
                    f"{resume} was no profile of {source_id}", fix="Name the job of a profile of the same source", field="resume"
                )
        parameters = {"source_id": source_id, "url": self._addresses.shown(source_id), "options": msgspec.to_builtins(options)}
        if metrics is not None:
            parameters["metrics"] = msgspec.to_builtins(list(metrics))
        return parameters if resume is None else {**parameters, "resume": resume}

    def page(
        self,
        source_id: str,
        *,
        schema: str | None = None,
        as_of: datetime | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> MeasuredPage:
        """Return the last measurement of each table of a source."""
        return reading.latest_page(self._repository, source_id, tenant=self._tenant, schema=schema, as_of=as_of, limit=limit, cursor=cursor)

    def latest(self, source_id: str, name: TableName, *, as_of: datetime | None = None) -> MeasuredTable:
        """Return the last measurement of a table; raises :class:`NotFound`."""
        return reading.latest_of(self._repository, source_id, name, tenant=self._tenant, as_of=as_of)

    def look(
        self, source_id: str, name: TableName, *, columns: Collection[str] | None = None, as_of: datetime | None = None
    ) -> reading.Look:
        """Return the last measurement of a table, if there is one, of all its columns or of some, and which are sensitive."""
        return reading.look_at(self._repository, source_id, name, tenant=self._tenant, columns=columns, as_of=as_of)

    def why_sensitive(self, source_id: str, name: TableName, columns: Collection[str], sensitive: Sensitive) -> dict[str, str]:
        """Return why those of some columns are sensitive that are, as :meth:`look` found: who says so, or whose values they hold."""
        target = MetadataTarget(source_id, name.schema, name.table)
        return reasons_of(self._repository, target, columns, sensitive, tenant=self._tenant)

    def trend(self, source_id: str, name: TableName, *, columns: Collection[str] = (), as_of: datetime | None = None) -> Trend:
        """Return how the figures of a table, and of some of its columns, went."""
        target = MetadataTarget(source_id, name.schema, name.table)
        return trend_of(self._repository, target, tenant=self._tenant, columns=columns, as_of=as_of)

    def latest_of_many(self, source_id: str, names: Sequence[TableName]) -> list[MeasuredTable]:
        """Return the last measurement of each of these tables, in their order; those that have none are left out."""
        return reading.latest_of_many(self._repository, source_id, names, tenant=self._tenant)

    def history(self, source_id: str, name: TableName, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> MeasuredPage:
        """Return a table's measurements, newest first."""
        return reading.history_of(self._repository, source_id, name, tenant=self._tenant, limit=limit, cursor=cursor)

    def find(self, source_id: str, text: str) -> TableName:
        """Return the measured table meant by ``table`` or ``schema.table``; raises :class:`NotFound`, or :class:`InvalidRequest` if there
        are several."""
        names: Sequence[TableName] = reading.names_like(self._repository, source_id, text, tenant=self._tenant)
        if not names:
            raise NotFound(f"{text} of {source_id} was not measured yet", fix=f"factbook profile {source_id} --table {text}", field="table")
        if len(names) > 1:
            raise InvalidRequest(
                f"{text} is the name of {len(names)} tables", why=", ".join(map(str, names[:5])), fix="Name the schema", field="table"
            )
        return names[0]
