"""History as a service: policies, what is due by them, and the jobs that do it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import msgspec
import structlog

from factbook.history.model import HistoryPlan, HistoryReport, KindPolicy, PlannedStep
from factbook.history.policies import Policies, drop_of, rule_of
from factbook.jobs import Job, JobControl, Jobs, Progress
from factbook.kinds import Kinds
from factbook.repository.compaction import Compactor, Rule
from factbook.repository.dropping import Drop, Dropped, all_channels, count_due, drop_due
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.retention_policy import RetentionPolicy

log = structlog.get_logger(__name__)

JobType = Literal["compact", "retention"]
JOB_TYPES: tuple[JobType, ...] = ("compact", "retention")
"""``compact`` archives alone; ``retention`` drops first what is to be dropped."""


class HistoryOutcome(msgspec.Struct, frozen=True):
    """A run in the foreground: the job as the job list shows it, and what it did."""

    job: Job
    report: HistoryReport


class History:
    """The history of one store. Policies are a tenant's own; a run serves all tenants, each by its policies."""

    def __init__(self, repository: SqlRepository, *, kinds: Kinds, compact_after_days: int) -> None:
        self._repository = repository
        self._kinds = kinds
        self._compact_after_days = compact_after_days
        self._compactor = Compactor(repository)
        self.exclusive = self._compactor.exclusive
        self._reports: dict[str, HistoryReport] = {}

    def policies(self, tenant: str) -> list[KindPolicy]:
        """Return the policy in force for each kind, by name."""
        return self._policies(tenant).of([kind.name for kind in self._kinds.listed(tenant)])

    def set_policy(self, tenant: str, kind: str, policy: RetentionPolicy | None) -> KindPolicy:
        """State a policy; ``None`` goes back to the built-in one. Raises :class:`InvalidRequest` where it would break views."""
        return self._policies(tenant).set(self._kinds.get(kind, tenant).name, policy)

    def plan(self, tenant: str, *, drop: bool = True) -> HistoryPlan:
        """Return what a run would do now for a tenant; nothing is changed."""
        rules, drops = self._due(tenant)
        dropped = [PlannedStep("drop", each.tenant, each.kind, count_due(self._repository, each)) for each in drops] if drop else []
        archived = [
            PlannedStep("archive", due.rule.tenant, due.rule.kind, due.records, due.month, due.body_bytes)
            for due in self._compactor.plan(rules)
        ]
        return HistoryPlan([step for step in (*dropped, *archived) if step.records])

    def submit(self, jobs: Jobs, job_type: JobType, *, trigger: str) -> Job:
        """Queue a run for a worker."""
        return jobs.submit(job_type, {}, target=MetadataTarget(job_type), trigger=trigger)

    def run(self, jobs: Jobs, job_type: JobType, *, trigger: str, on_progress: Callable[[Progress], None] | None = None) -> HistoryOutcome:
        """Run here and now; raises what ended it, :class:`StoreBusy` while another process does the same."""
        job = jobs.run_here(job_type, {}, target=MetadataTarget(job_type), trigger=trigger, on_progress=on_progress)
        return HistoryOutcome(job, self._reports[job.job_id])

    def handle(self, control: JobControl) -> None:
        """Do the work of a job. What it did is logged: as its result, it would tell the one tenant whose job it is about all others."""
        with self.exclusive.hold():
            rules, drops = self._due(None)
            dropped = Dropped()
            for drop in drops if control.job.job_type == "retention" else ():
                one = drop_due(self._repository, drop, check_cancelled=control.check_cancelled)
                dropped = Dropped(dropped.records + one.records, dropped.files + one.files)
                control.report(dropped.records, None, "dropped")
            done = self._compactor.run(rules, on_progress=control.report, check_cancelled=control.check_cancelled)
        report = HistoryReport(done.records, done.files, done.body_bytes, done.file_bytes, dropped.records, dropped.files)
        self._reports = {control.job.job_id: report}
        log.info("history_kept", job_id=control.job.job_id, **msgspec.structs.asdict(report))

    def give_back(self) -> None:
        """Give the room of emptied bodies back to the disk; writers wait meanwhile."""
        self._compactor.give_back()

    def _due(self, tenant: str | None) -> tuple[list[Rule], list[Drop]]:
        now = datetime.now(UTC)
        with self._repository.reading() as connection:
            channels = [channel for channel in all_channels(connection) if tenant in (None, channel.tenant)]
        rules, drops = [], []
        for owner in sorted({channel.tenant for channel in channels}):
            theirs = [channel for channel in channels if channel.tenant == owner]
            for channel, policy in zip(theirs, self._policies(owner).of([channel.kind for channel in theirs]), strict=True):
                rules.append(rule_of(channel, policy, self._kinds, now, self._compact_after_days))
                drop = drop_of(channel, policy, self._kinds, now)
                drops += [] if drop is None else [drop]
        return rules, drops

    def _policies(self, tenant: str) -> Policies:
        return Policies(self._repository, tenant, viewed=self._repository.projections.kinds)
