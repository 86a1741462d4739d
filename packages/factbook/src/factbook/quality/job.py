"""Quality runs as jobs: which source and which rules are meant, and the run as the job's handler.

The text of the rules travels with the job, so that any worker can go on with it and the trace says what was judged by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from factbook.errors import ConfigurationError, FactbookError, InvalidRequest
from factbook.jobs import Job, JobControl, Jobs, Progress
from factbook.quality.contracts import Rulebook, contract_rulebooks
from factbook.quality.facts import Facts
from factbook.quality.model import JOB_TYPE, Noted, QualityRequest, QualityRun
from factbook.quality.rules import read_text, rules_of
from factbook.quality.running import run_quality
from factbook.sources.addresses import Addresses
from factbook.sources.connectors import connector_for
from factbook.sources.contract import TableName
from factbook.sources.urls import is_url
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository

__all__ = ["Qualities", "QualityOutcome", "Rulebook"]


class QualityOutcome(msgspec.Struct, frozen=True):
    """A run in the foreground: the job as the job list shows it, and what it found (``None`` if it failed)."""

    job: Job
    result: QualityRun | None


class Qualities:
    """Submit quality runs to the background or run them here. ``own_rules`` is the server's own rules file, where there is one."""

    def __init__(self, repository: MetadataRepository, addresses: Addresses, *, tenant: str, own_rules: Path | None) -> None:
        self._repository = repository
        self._addresses = addresses
        self._tenant = tenant
        self._own_rules = own_rules

    def handle(self, control: JobControl) -> dict[str, Any]:
        """Do the run that a job's parameters describe; the job's result is the :class:`QualityRun` as JSON values."""
        parameters = control.parameters
        text = parameters.get("rules_text")
        request = QualityRequest(
            source_id=parameters["source_id"],
            rules=None if text is None else rules_of(text, parameters["rules_name"], parameters.get("rules_tables")),
            tables=parameters.get("tables", []),
            only_rules=parameters.get("only_rules", []),
            tags=parameters.get("tags", []),
            budget_seconds=parameters.get("budget_seconds"),
            allows_sql=parameters.get("allows_sql", False),
            keeps_scores=parameters.get("rules_tables") is not None,
            context=MetadataContext(job_id=control.job.job_id, run_id=control.job.job_id, tenant=self._tenant),
        )
        found = run_quality(
            lambda: connector_for(self._addresses.url_of(request.source_id)),
            self._repository,
            request,
            on_progress=control.report,
            check_cancelled=control.check_cancelled,
        )
        outcome: dict[str, Any] = msgspec.to_builtins(found)
        return outcome

    def submit(self, jobs: Jobs, source: str | None, *, trigger: str, **options: Any) -> Job:
        """Queue a run for a registered source, or (``None``) the one the rules name, else the configured one."""
        parameters = self._parameters(source, takes_urls=False, **options)
        return jobs.submit(JOB_TYPE, parameters, target=MetadataTarget(parameters["source_id"]), trigger=trigger)

    def run(
        self, jobs: Jobs, source: str | None, *, trigger: str, on_progress: Callable[[Progress], None] | None = None, **options: Any
    ) -> QualityOutcome:
        """Run here and now; returns when it is over, raises what ended it."""
        parameters = self._parameters(source, **options)
        target = MetadataTarget(parameters["source_id"])
        job = jobs.run_here(JOB_TYPE, parameters, target=target, trigger=trigger, on_progress=on_progress)
        return QualityOutcome(job, msgspec.convert(job.result, QualityRun) if job.result is not None else None)

    def results(self, job: Job) -> list[Noted]:
        """Return every result of a run, by table and rule."""
        facts = Facts(self._repository, job.source_id, MetadataContext(run_id=job.job_id, tenant=self._tenant))
        found = facts.results_of_run()
        places = sorted(found, key=lambda name: (name is None, name or TableName("", "")))
        return [
            Noted(found[place][rule], place.schema if place else None, place.table if place else None)
            for place in places
            for rule in sorted(found[place])
        ]

    @property
    def has_own_rules(self) -> bool:
        """Whether the server has rules of its own for the tenant (QUALITY_RULES)."""
        return self._own_rules is not None

    def own_rulebook(self) -> Rulebook:
        """Return the server's own rules (QUALITY_RULES); raises :class:`InvalidRequest` where there are none."""
        if self._own_rules is None:
            raise InvalidRequest(
                "No rules are given", why="this server has none of its own for the tenant", fix="Send them as document", field="document"
            )
        try:
            return Rulebook(self._own_rules.name, read_text(self._own_rules))
        except FactbookError as error:
            # Where the server keeps its files is nobody's business who asks over HTTP.
            raise ConfigurationError("The server's own rules cannot be read", fix="Set QUALITY_RULES to a rules file") from error

    def contract_rulebooks(self, contract_id: str, *, allows_sql: bool) -> dict[str, Rulebook]:
        """Return what a contract promises of data, by source, read from its facts; nothing of a source where it promises nothing.

        Its SQL is run only where whoever asks says so: a fact may be anybody's.
        """
        return contract_rulebooks(self._repository, contract_id, tenant=self._tenant, allows_sql=allows_sql)

    def _parameters(
        self,
        source: str | None,
        *,
        rules: Rulebook | None = None,
        tables: Sequence[str] = (),
        only_rules: Sequence[str] = (),
        tags: Sequence[str] = (),
        budget_seconds: float | None = None,
        takes_urls: bool = True,
    ) -> dict[str, Any]:
        if rules is not None:
            # Refused here, where somebody is there to read it, and not when a worker comes to it.
            known = rules_of(rules.text, rules.name, rules.tables)
            source = source or (known.source if known.source and not set("*?[") & set(known.source) else None)
        if rules is None and (only_rules or tags):
            raise InvalidRequest("Rules are chosen and no rules are there to choose from", fix="Add --rules FILE", field="rules")
        if not takes_urls and source is not None and is_url(source):
            raise InvalidRequest(
                "A source is named by its URL", why="only registered ones are judged", fix="Register it first", field="source_id"
            )
        source_id = self._addresses.settle(source)
        parameters: dict[str, Any] = {
            "source_id": source_id,
            "url": self._addresses.shown(source_id),
            "tables": list(tables),
            "only_rules": list(only_rules),
            "tags": list(tags),
        }
        if budget_seconds is not None:
            parameters["budget_seconds"] = budget_seconds
        if rules is not None:
            parameters |= {"rules_name": rules.name, "rules_text": rules.text, "allows_sql": rules.allows_sql}
            if rules.tables is not None:
                parameters["rules_tables"] = rules.tables
        return parameters
