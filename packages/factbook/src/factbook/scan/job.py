"""Scans as jobs: which source is meant, and the scan as the job's handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from factbook.jobs import Job, JobControl, Jobs, Progress
from factbook.scan.model import ScanRequest, ScanResult
from factbook.scan.run import scan
from factbook.sources.addresses import Addresses
from factbook.sources.connectors import connector_for
from factbook.sources.contract import ScanScope
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository

JOB_TYPE = "scan"
_EVERYTHING = ScanScope()


class ScanOutcome(msgspec.Struct, frozen=True):
    """A scan run in the foreground: the job as the job list shows it, and what the scan has to say (``None`` if it failed)."""

    job: Job
    result: ScanResult | None


class Scans:
    """Submit scans to the background or run them here. Both leave the same trace."""

    def __init__(
        self,
        repository: MetadataRepository,
        addresses: Addresses,
        *,
        tenant: str,
        max_removal_share: float,
    ) -> None:
        self._repository = repository
        self._addresses = addresses
        self._tenant = tenant
        self._max_removal_share = max_removal_share

    def handle(self, control: JobControl) -> dict[str, Any]:
        """Run the scan that a job's parameters describe; the job's result is the :class:`ScanResult` as JSON values."""
        parameters = control.parameters
        source_id = parameters["source_id"]
        request = ScanRequest(
            source_id=source_id,
            scope=msgspec.convert(parameters.get("scope", {}), ScanScope),
            context=MetadataContext(job_id=control.job.job_id, run_id=control.job.job_id, tenant=self._tenant),
            accept_removals=parameters.get("accept_removals", False),
            max_removal_share=self._max_removal_share,
        )
        result = scan(
            connector_for(self._addresses.url_of(source_id)),
            self._repository,
            request,
            on_progress=control.report,
            check_cancelled=control.check_cancelled,
        )
        outcome: dict[str, Any] = msgspec.to_builtins(result)
        return outcome

    def submit(self, jobs: Jobs, source: str | None, *, trigger: str, **options: Any) -> Job:
        """Queue a scan of a registered source, a URL, or (``None``) the configured source."""
        parameters = self._parameters(source, keep_password=True, **options)
        return jobs.submit(JOB_TYPE, parameters, target=MetadataTarget(parameters["source_id"]), trigger=trigger)

    def run(
        self, jobs: Jobs, source: str | None, *, trigger: str, on_progress: Callable[[Progress], None] | None = None, **options: Any
    ) -> ScanOutcome:
        """Scan here and now; returns when it is over, raises what ended it."""
        parameters = self._parameters(source, **options)
        target = MetadataTarget(parameters["source_id"])
        job = jobs.run_here(JOB_TYPE, parameters, target=target, trigger=trigger, on_progress=on_progress)
        return ScanOutcome(job, msgspec.convert(job.result, ScanResult) if job.result is not None else None)

    def _parameters(
        self,
        source: str | None,
        *,
        source_id: str | None = None,
        scope: ScanScope = _EVERYTHING,
        accept_removals: bool = False,
        keep_password: bool = False,
    ) -> dict[str, Any]:
        source_id = self._addresses.settle(source, source_id=source_id, keep_password=keep_password)
        return {
            "source_id": source_id,
            "url": self._addresses.shown(source_id),
            "scope": msgspec.to_builtins(scope),
            "accept_removals": accept_removals,
        }
