"""The rooms of one tenant, wired together as :mod:`factbook.app` wires the house. They open nothing before they are used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.contracts import ContractCheck, Contracts
    from factbook.contracts.products import ProductDocuments
    from factbook.dbt import DbtProjects
    from factbook.dictionary import Dictionary
    from factbook.diff import Diffs
    from factbook.diff.comparison import Judge
    from factbook.diff.gate import Gate
    from factbook.diff.gate_model import GateRequest, GateResult
    from factbook.diff.severities import Severities
    from factbook.export.service import Exports
    from factbook.finding import Finder
    from factbook.jobs import Handler, Job, Jobs, Progress
    from factbook.knowledge import Glossary, Notes, Suggestions
    from factbook.lineage.reading import LineageReader
    from factbook.lineage.registering import Registrar
    from factbook.lineage.sql import SqlLineage
    from factbook.lint import Lint
    from factbook.lint.remembering import RememberedCoverage
    from factbook.names.ledger import NameLedger
    from factbook.openlineage import Exports as OpenLineageExports
    from factbook.openlineage import OpenLineage
    from factbook.products import ProductAnalytics, ProductReader, ProductRegistry
    from factbook.profile.job import ProfileOutcome, Profiles
    from factbook.quality import QualityReader
    from factbook.quality.job import Qualities, QualityOutcome
    from factbook.scan.job import ScanOutcome, Scans
    from factbook.serving import Serving
    from factbook.sources.addresses import Addresses
    from factbook.sources.connections import Connections
    from factbook.sources.contract import Probe
    from factbook.watch import Alerts
    from factbook_sdk.repository.contract import MetadataRepository


class Rooms:
    """The rooms of one tenant, built on first use."""

    def __init__(self, house: Factbook, tenant: str) -> None:
        self._house = house
        self.tenant = tenant

    @property
    def is_own(self) -> bool:
        """Whether this is the server's own tenant, whose its environment, files and configured source are."""
        return self.tenant == self._house.settings.tenant

    @property
    def records(self) -> MetadataRepository:
        """The log; whoever reads it here names this tenant."""
        return self._house.repository

    @cached_property
    def connections(self) -> Connections:
        from factbook.sources.connections import Connections

        return Connections(self._house.sql.database, self.tenant, self._house.secret_box, lends=self.is_own)

    @cached_property
    def addresses(self) -> Addresses:
        from factbook.sources.addresses import Addresses

        return Addresses(self.connections, default_url=self._house.default_url if self.is_own else None, tenant=self.tenant)

    @cached_property
    def dictionary(self) -> Dictionary:
        from factbook.dictionary import Dictionary

        return Dictionary(self._house.sql, tenant=self.tenant)

    @cached_property
    def finder(self) -> Finder:
        from factbook.finding import Finder

        return Finder(self._house.sql, self.dictionary, tenant=self.tenant)

    @cached_property
    def exports(self) -> Exports:
        from factbook.export.service import Exports

        return Exports(lambda: self._house.repository, tenant=self.tenant)

    @cached_property
    def lineage(self) -> LineageReader:
        from factbook.lineage.ageing import Ages
        from factbook.lineage.reading import LineageReader

        settings = self._house.settings
        ages = Ages(settings.lineage_stale_days, settings.lineage_gone_days)
        return LineageReader(self._house.sql, tenant=self.tenant, ages=ages)

    @cached_property
    def lineage_by_hand(self) -> Registrar:
        from factbook.lineage.registering import Registrar

        return Registrar(self._house.sql, tenant=self.tenant, max_entries=self._house.settings.max_lineage_entries)

    @cached_property
    def lint(self) -> Lint:
        from factbook.lint import Lint

        repository = self._house.repository
        return Lint(repository, tenant=self.tenant, last_offset=repository.last_offset)

    @cached_property
    def remembered_coverage(self) -> RememberedCoverage:
        from factbook.lint.remembering import RememberedCoverage

        return RememberedCoverage(self._house.sql, self.lint, tenant=self.tenant)

    @cached_property
    def names(self) -> NameLedger:
        from factbook.names.ledger import NameLedger

        return NameLedger(self._house.sql, tenant=self.tenant)

    @cached_property
    def dbt(self) -> DbtProjects:
        from factbook.dbt import DbtProjects

        return DbtProjects(self._house.sql, tenant=self.tenant)

    @cached_property
    def sql_lineage(self) -> SqlLineage:
        from factbook.lineage.sql import SqlLineage
        from factbook.names import Names

        repository = self._house.repository
        return SqlLineage(
            repository,
            tenant=self.tenant,
            names=lambda: Names(repository, tenant=self.tenant),
            reader=lambda: self._house.sql_reader,
        )

    @cached_property
    def openlineage(self) -> OpenLineage:
        from factbook.openlineage import OpenLineage

        repository = self._house.repository
        return OpenLineage(
            repository,
            tenant=self.tenant,
            max_event_bytes=self._house.settings.max_payload_bytes,
            last_offset=repository.last_offset,
        )

    @property
    def openlineage_exports(self) -> OpenLineageExports:
        from factbook.openlineage import Exports

        return Exports(self._house.repository, tenant=self.tenant)

    @cached_property
    def notes(self) -> Notes:
        from factbook.knowledge import Notes

        return Notes(self._house.sql, tenant=self.tenant)

    @cached_property
    def glossary(self) -> Glossary:
        from factbook.knowledge import Glossary

        return Glossary(self._house.sql, tenant=self.tenant)

    @cached_property
    def suggestions(self) -> Suggestions:
        from factbook.knowledge import Suggestions

        return Suggestions(self._house.sql, tenant=self.tenant)

    @cached_property
    def alerts(self) -> Alerts:
        from factbook.watch import Alerts

        return Alerts(self._house.sql, tenant=self.tenant)

    @cached_property
    def diffs(self) -> Diffs:
        from factbook.diff import Diffs

        def state_of(source_id: str) -> object:
            return self._house.sql.last_offset(), self.severities_of(source_id)

        # Where the log is no database there is no telling cheaply whether it has grown.
        state = state_of if self._house.has_database else None
        return Diffs(self._house.repository, tenant=self.tenant, judge_for=self._judge_for, state_of=state)

    @cached_property
    def jobs(self) -> Jobs:
        from factbook.jobs import Jobs

        settings = self._house.settings
        return Jobs(
            self._house.sql,
            tenant=self.tenant,
            handlers=self._handlers(),
            lease_seconds=settings.job_lease_seconds,
            max_attempts=settings.job_attempts,
            retention_days=settings.job_retention_days,
            submitted=self._house.job_submitted,
        )

    def _handlers(self) -> dict[str, Handler]:
        """Return what does each type of job. History is one for all tenants, so its jobs are the server's own."""
        everybodys: dict[str, Handler] = {
            "profile": lambda control: self.profiles.handle(control),
            "quality": lambda control: self.qualities.handle(control),
            "scan": lambda control: self.scans.handle(control),
        }
        if not self.is_own:
            return everybodys
        return everybodys | {name: lambda control: self._house.history.handle(control) for name in ("compact", "retention")}

    @cached_property
    def scans(self) -> Scans:
        from factbook.scan.job import Scans

        return Scans(
            self._house.sql,
            self.addresses,
            tenant=self.tenant,
            max_removal_share=self._house.settings.max_removal_share,
        )

    @cached_property
    def gate(self) -> Gate:
        from factbook.diff.gate import Gate

        return Gate(
            self._house.repository,
            self.diffs,
            tenant=self.tenant,
            severities_of=self.severities_of,
            lineage_gone_days=self._house.settings.lineage_gone_days,
        )

    def severities_of(self, source_id: str) -> Severities:
        """Return what the file of verdict rules says of a source. It is the server's own tenant's, and read each time."""
        from factbook.diff.severities import DEFAULT, load_severities
        from factbook.diff.verdict import RULES

        settings = self._house.settings
        file = settings.verdict_rules or settings.data_dir / "verdict-rules.yaml"
        if not self.is_own or (settings.verdict_rules is None and not file.exists()):
            return DEFAULT
        return load_severities(file, source_id, (rule.name for rule in RULES))

    def _judge_for(self, source_id: str, engine: str | None) -> Judge:
        from factbook.diff.verdict import judge

        severities = self.severities_of(source_id)
        return lambda difference: judge(difference, severities, engine=engine)

    def check_gate(self, request: GateRequest, *, scan: bool = False) -> GateResult:
        """Say whether a pipeline may go on; with ``scan`` by a scan that is made first, as a job that the job list shows."""
        if scan:
            # Only what is registered: a gate takes no addresses.
            self.addresses.url_of(request.source_id)
            self.run_scan(request.source_id, trigger="gate")
        return self.gate.check(request)

    @cached_property
    def qualities(self) -> Qualities:
        from factbook.quality.job import Qualities

        # The file is the server's own, as its environment and its configured source are.
        own_rules = self._house.settings.quality_rules if self.is_own else None
        return Qualities(self._house.sql, self.addresses, tenant=self.tenant, own_rules=own_rules)

    @cached_property
    def contracts(self) -> Contracts:
        from factbook.contracts import Contracts

        return Contracts(self._house.repository, tenant=self.tenant)

    @cached_property
    def product_documents(self) -> ProductDocuments:
        from factbook.contracts.products import ProductDocuments

        return ProductDocuments(self._house.repository, tenant=self.tenant)

    def check_contract(self, contract_id: str, *, allows_sql: bool = False, **options: Any) -> tuple[ContractCheck, list[QualityOutcome]]:
        """Check what a contract promises of structure, then here and now what it promises of data. Options as of :meth:`run_quality`."""
        found = self.contracts.check(contract_id)
        books = self.qualities.contract_rulebooks(contract_id, allows_sql=allows_sql)
        return found, [self.run_quality(source, rules=book, **options) for source, book in books.items()]

    def check_contract_in_background(self, contract_id: str, *, data: bool) -> ContractCheck:
        """Check what a contract promises of structure; with ``data`` a job for each source judges the rest. Its SQL is not run."""
        found = self.contracts.check(contract_id)
        books = self.qualities.contract_rulebooks(contract_id, allows_sql=False) if data else {}
        return found.with_jobs([self.submit_quality(source, rules=book, trigger="contract").job_id for source, book in books.items()])

    @cached_property
    def quality(self) -> QualityReader:
        from factbook.quality import QualityReader

        return QualityReader(self._house.sql, tenant=self.tenant)

    def submit_quality(self, source: str | None = None, *, trigger: str = "api", **options: Any) -> Job:
        """Queue a quality run; options as in :meth:`run_quality`."""
        return self.qualities.submit(self.jobs, source, trigger=trigger, **options)

    def run_quality(
        self,
        source: str | None = None,
        *,
        trigger: str = "cli",
        on_progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> QualityOutcome:
        """Judge here and now. Options: ``rules`` (a :class:`Rulebook`), ``tables``, ``only_rules``, ``tags``, ``budget_seconds``."""
        return self.qualities.run(self.jobs, source, trigger=trigger, on_progress=on_progress, **options)

    @cached_property
    def products(self) -> ProductReader:
        from factbook.products import ProductReader

        return ProductReader(self._house.sql, tenant=self.tenant)

    @cached_property
    def product_registry(self) -> ProductRegistry:
        from factbook.products import ProductRegistry

        return ProductRegistry(self._house.sql, tenant=self.tenant, max_products=self._house.settings.max_products)

    @cached_property
    def product_analytics(self) -> ProductAnalytics:
        from factbook.products import ProductAnalytics

        return ProductAnalytics(self._house.sql, self.products, tenant=self.tenant)

    @cached_property
    def serving(self) -> Serving:
        from factbook.serving import Serving

        house = self._house
        return Serving(
            house.sql,
            self.products.bound,
            self.addresses.url_of,
            lambda scan: self.sql_lineage.on_scan(scan),
            tenant=self.tenant,
            limits=house.serving_limits,
            rate=house.serving_rate,
            pool=house.serving_pool,
            usage=house.usage,
        )

    @cached_property
    def profiles(self) -> Profiles:
        from factbook.profile.job import Profiles

        return Profiles(
            self._house.sql,
            self.addresses,
            tenant=self.tenant,
            memory_bytes=self._house.settings.profile_memory_bytes,
            jobs=lambda: self.jobs,
            metrics_file=self._house.settings.profile_metrics if self.is_own else None,
        )

    def submit_profile(self, source: str | None = None, *, trigger: str = "api", **options: Any) -> Job:
        """Queue a profile of a source id, a URL, or the configured source; options as in :meth:`run_profile`."""
        return self.profiles.submit(source, trigger=trigger, **options)

    def run_profile(
        self,
        source: str | None = None,
        *,
        trigger: str = "cli",
        on_progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> ProfileOutcome:
        """Profile here and now. Options: ``source_id``, ``options`` (:class:`ProfileOptions`), ``resume`` (the id of a job to go on
        with), ``metrics`` (:class:`~factbook.profile.metrics.Metric`, in place of those of PROFILE_METRICS)."""
        return self.profiles.run(source, trigger=trigger, on_progress=on_progress, **options)

    def submit_scan(self, source: str | None = None, *, trigger: str = "api", **options: Any) -> Job:
        """Queue a scan of a source id, a URL, or the configured source; options as in :meth:`run_scan`."""
        return self.scans.submit(self.jobs, source, trigger=trigger, **options)

    def run_scan(
        self,
        source: str | None = None,
        *,
        trigger: str = "cli",
        on_progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> ScanOutcome:
        """Scan here and now. Options: ``source_id``, ``scope`` (:class:`ScanScope`), ``accept_removals``."""
        return self.scans.run(self.jobs, source, trigger=trigger, on_progress=on_progress, **options)

    def test_source(self, source_id: str) -> Probe:
        """Connect to a registered source and say what answers."""
        from factbook.sources.connectors import connector_for

        probe: Probe = connector_for(self.connections.resolve(source_id)).probe()
        return probe

    def test_address(self, source_id: str, url: str, *, password: str | None = None) -> Probe:
        """Connect to what a source is to be, or to be changed to, and say what answers; nothing is kept."""
        from factbook.sources.connectors import connector_for

        probe: Probe = connector_for(self.connections.tried(source_id, url, password=password)).probe()
        return probe
