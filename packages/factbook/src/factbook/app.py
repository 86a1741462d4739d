"""The one place where the rooms are wired together. It holds no logic and opens nothing before it is used."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factbook.errors import ConfigurationError, NeedsDatabase, TemporaryError
from factbook.rooms import Rooms
from factbook.settings import Settings, load_settings
from factbook_sdk.facts import Admission, KindRegistry, builtin_kinds

if TYPE_CHECKING:
    from factbook.access.audit import AuditTrail
    from factbook.access.clerk import Clerk
    from factbook.access.doorkeeper import Doorkeeper
    from factbook.access.tokens import Tokens
    from factbook.backfill import BackfillReport
    from factbook.backfill import OnProgress as OnBackfill
    from factbook.backfill import Options as BackfillOptions
    from factbook.dictionary import Dictionary
    from factbook.diff import Diffs
    from factbook.diff.gate_model import GateRequest, GateResult
    from factbook.events import Bus
    from factbook.history import History
    from factbook.history.nightly import Nightly
    from factbook.jobs import Job, Jobs, Progress
    from factbook.jobs.worker import Worker
    from factbook.kinds import GovernedKinds, Kinds
    from factbook.knowledge import Glossary, Notes, Suggestions
    from factbook.lineage.reading import LineageReader
    from factbook.lineage.sql import SqlReader
    from factbook.lint import Lint
    from factbook.profile.job import ProfileOutcome, Profiles
    from factbook.relay import Relay, Subscriptions
    from factbook.repository.copying import CopyReport, OnCopied
    from factbook.repository.files.store import FilesRepository
    from factbook.repository.projection import Projection
    from factbook.repository.sql import SqlRepository
    from factbook.scan.job import ScanOutcome, Scans
    from factbook.serving import Limits, UsageCounter
    from factbook.serving.pool import Pool
    from factbook.serving.rate import RateLimit
    from factbook.sources.connections import Connections
    from factbook.sources.contract import Probe
    from factbook.sources.secrets import SecretBox
    from factbook.watch import Alerts, Follower, Vital, Watcher
    from factbook.watch.rules import Rulebook
    from factbook_sdk.repository.contract import MetadataRepository, StoredRecord

MAX_TENANTS_KEPT = 1000


class Factbook:
    """Everything behind the faces. Attributes are built on first use; :meth:`close` releases what was opened.

    ``connections``, ``dictionary``, ``jobs``, ``scans`` and what uses them are those of the setting TENANT; :meth:`of` gives others'.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or load_settings()
        self.job_submitted = threading.Event()
        self._rooms: dict[str, Rooms] = {}

    def of(self, tenant: str) -> Rooms:
        """Return the rooms of a tenant."""
        rooms = self._rooms.get(tenant)
        if rooms is None:
            if len(self._rooms) >= MAX_TENANTS_KEPT:
                # They hold nothing that cannot be had again; a new dictionary, because other threads may be reading the old one.
                self._rooms = {}
            rooms = self._rooms.setdefault(tenant, Rooms(self, tenant))
        return rooms

    @property
    def own(self) -> Rooms:
        return self.of(self.settings.tenant)

    @cached_property
    def governed_kinds(self) -> GovernedKinds:
        from factbook.kinds import GovernedKinds

        return GovernedKinds(builtin_kinds(), accepts_unknown=self.settings.accepts_unknown_kinds)

    @cached_property
    def kinds(self) -> Kinds:
        from factbook.kinds import Kinds

        return Kinds(self.repository, self.governed_kinds, tenant=self.settings.tenant)

    @property
    def has_database(self) -> bool:
        """Whether facts are kept in a database, so that there are sources, scans, jobs and views."""
        from factbook.repository.urls import is_files

        return not is_files(self.settings.meta_db_url)

    @cached_property
    def repository(self) -> SqlRepository | FilesRepository:
        from factbook.repository.archive.place import open_place
        from factbook.repository.urls import open_repository

        admission = self._admission(self.governed_kinds)
        archive = open_place(self.settings.archive_url, self.settings.data_dir / "archive-drafts")
        repository = open_repository(self.settings.meta_db_url, admission=admission, projections=self.projections(), archive=archive)
        self.governed_kinds.attach(repository)
        return repository

    @property
    def sql(self) -> SqlRepository:
        """Return the repository for what needs a database; raises :class:`NeedsDatabase` where facts are kept in files."""
        from factbook.repository.sql import SqlRepository

        if not self.has_database or not isinstance(self.repository, SqlRepository):
            raise NeedsDatabase
        return self.repository

    @staticmethod
    def projections() -> tuple[Projection, ...]:
        """Return the views that follow the log."""
        from factbook.dictionary.projection import DictionaryProjection
        from factbook.finding.projection import FindingProjection
        from factbook.jobs.projection import JobsProjection
        from factbook.knowledge.projection import NotesProjection
        from factbook.lineage.projection import LineageProjection
        from factbook.names.projection import NamesProjection
        from factbook.products.projection import ProductsProjection
        from factbook.repository.indexing import IndexProjection
        from factbook.watch.projection import AlertsProjection

        return (
            DictionaryProjection(),
            JobsProjection(),
            AlertsProjection(),
            NamesProjection(),
            ProductsProjection(),
            FindingProjection(),
            LineageProjection(),
            NotesProjection(),
            IndexProjection(builtin_kinds()),
        )

    @cached_property
    def secret_box(self) -> SecretBox:
        from factbook.sources.secrets import SecretBox

        return SecretBox.open(self.settings.secret_key, self.settings.data_dir)

    @property
    def connections(self) -> Connections:
        return self.own.connections

    @property
    def dictionary(self) -> Dictionary:
        return self.own.dictionary

    @property
    def lineage(self) -> LineageReader:
        return self.own.lineage

    @property
    def lint(self) -> Lint:
        return self.own.lint

    @property
    def notes(self) -> Notes:
        return self.own.notes

    @property
    def glossary(self) -> Glossary:
        return self.own.glossary

    @property
    def suggestions(self) -> Suggestions:
        return self.own.suggestions

    @property
    def diffs(self) -> Diffs:
        return self.own.diffs

    @property
    def jobs(self) -> Jobs:
        return self.own.jobs

    @property
    def scans(self) -> Scans:
        return self.own.scans

    @property
    def alerts(self) -> Alerts:
        return self.own.alerts

    @property
    def profiles(self) -> Profiles:
        return self.own.profiles

    @cached_property
    def tokens(self) -> Tokens:
        from factbook.access.tokens import Tokens

        return Tokens(self.sql.database)

    @cached_property
    def doorkeeper(self) -> Doorkeeper:
        from factbook.access.doorkeeper import Doorkeeper

        return Doorkeeper(self.tokens)

    @cached_property
    def audit_trail(self) -> AuditTrail:
        from factbook.access.audit import AuditTrail

        return AuditTrail(lambda facts: self.repository.bulk_store(facts))

    def clerk(self) -> Clerk:
        """Return what stores the audit trail and the use of tokens once it is started. Facts in files have no tokens beside them."""
        from factbook.access.clerk import Clerk

        return Clerk(self.audit_trail, self.doorkeeper, self.tokens) if self.has_database else Clerk(self.audit_trail)

    def has_admin_token(self) -> bool:
        """Return whether an admin token is good now. A store that was never made is not made for this."""
        from factbook.database.engine import Database

        if not self.has_database:
            return False
        file = Database(self.settings.meta_db_url).file
        return (file is None or file.exists()) and self.tokens.has_admin()

    @cached_property
    def usage(self) -> UsageCounter:
        """What counts the rows that products serve; it stores what is left when the house is closed."""
        from factbook.jobs.service import new_worker_id
        from factbook.serving import UsageCounter

        return UsageCounter(lambda facts: self.repository.bulk_store(facts), run_id=new_worker_id())

    @cached_property
    def serving_limits(self) -> Limits:
        from factbook.serving import Limits

        return Limits(self.settings.serve_max_rows, self.settings.serve_seconds)

    @cached_property
    def serving_rate(self) -> RateLimit:
        from factbook.serving.rate import RateLimit

        return RateLimit(self.settings.serve_per_minute)

    @cached_property
    def serving_pool(self) -> Pool:
        from factbook.serving.pool import Pool

        return Pool()

    def worker(self) -> Worker:
        """Return a worker that runs the queued jobs of all tenants in this process once it is started."""
        from factbook.jobs.tenants import JobsOfTenants
        from factbook.jobs.worker import Worker

        everybodys = JobsOfTenants(self.sql, lambda tenant: self.of(tenant).jobs, own=self.jobs)
        return Worker(everybodys, concurrency=self.settings.job_workers, hourly=self.sql.make_months)

    @property
    def has_bus(self) -> bool:
        """Whether records leave this process."""
        return not self.settings.bus_url.startswith("memory:")

    @cached_property
    def bus(self) -> Bus:
        from factbook.events import open_bus

        return open_bus(self.settings.bus_url)

    @cached_property
    def relay(self) -> Relay:
        """What publishes the log to the bus, once it is started."""
        from factbook.events.urls import parse_bus_url

        return self._relay(parse_bus_url(self.settings.bus_url).place)

    def _relay(self, name: str) -> Relay:
        from factbook.jobs.service import new_worker_id
        from factbook.relay import Relay

        return Relay(
            self.sql,
            self.bus,
            name=name,
            source=self.settings.bus_source,
            owner=new_worker_id(),
            lease_seconds=self.settings.relay_lease_seconds,
        )

    def persist(self, name: str, *, once: bool) -> int:
        """Store what comes over the bus, and nothing else, until interrupted; return how many records were new."""
        from factbook.relay.following import follow
        from factbook.relay.persist import Persist

        if not self.has_bus:
            raise ConfigurationError("No bus is named", fix="Add --url nats://HOST:PORT, or set BUS_URL")
        with closing(self._open_copy(self.settings.meta_db_url)) as repository:
            handler = Persist(repository)
            follow(self.bus, name, handler, once=once)
        return handler.stored

    def raise_alerts(self, name: str, *, once: bool) -> int:
        """Judge what comes over the bus, or without one what the log holds, until interrupted; return how many alerts were stored."""
        from factbook.relay.following import follow
        from factbook.watch.raising import Raising, over_a_bus

        raising = Raising(self.repository, self.rulebook)
        follow(self.bus, name, over_a_bus(raising), relay=None if self.has_bus else self._relay(f"memory:{name}"), once=once)
        return raising.stored

    @cached_property
    def rulebook(self) -> Rulebook:
        """The rules in force; raises :class:`ConfigurationError` for a file that is wrong."""
        from factbook.watch.reading import complete, load
        from factbook.watch.rules import Rulebook

        tenant, file = self.settings.tenant, self.settings.watch_rules
        return load(Path(file), tenant=tenant) if file else complete(Rulebook(), tenant=tenant)

    @cached_property
    def watcher(self) -> Watcher:
        """What follows the log, raises alerts and brings them to people, once it is started."""
        from factbook.jobs.service import new_worker_id
        from factbook.watch import Watcher

        return Watcher(
            self.sql,
            self.rulebook,
            owner=new_worker_id(),
            tenant=self.settings.tenant,
            followers=self.followers(),
            vitals=self._vitals,
            source=self.settings.bus_source,
            lease_seconds=self.settings.relay_lease_seconds,
        )

    def followers(self) -> tuple[Follower, ...]:
        """Return what sees every stored record before the rules do, and may store facts of its own."""
        return (self._compare_scans, self._trace_views)

    def _compare_scans(self, batch: Sequence[StoredRecord]) -> None:
        """Say of each scan what changed since the one before it. While the verdict rules are wrong, scans wait: none is passed over."""
        for item in batch:
            if item.record.kind != "catalog_scan":
                continue
            try:
                self.of(item.record.context.tenant).diffs.on_scan(item.record)
            except ConfigurationError as error:
                raise TemporaryError(error.what, why=error.why, fix=error.fix) from error

    def _trace_views(self, batch: Sequence[StoredRecord]) -> None:
        """Say of each scan what the views of its source are made from, as far as it changed."""
        for item in batch:
            if item.record.kind == "catalog_scan":
                self.of(item.record.context.tenant).sql_lineage.on_scan(item.record)

    @cached_property
    def sql_reader(self) -> SqlReader:
        """The process that reads SQL, which is started with the first statement."""
        from factbook.lineage.sql import SqlReader

        return SqlReader()

    def _vitals(self) -> list[Vital]:
        from factbook.health import disk_of
        from factbook.watch import Vital

        warnings: list[str] = []
        disk = disk_of(self.settings.data_dir, self.settings.disk_free_min_bytes, warnings)
        if disk is None:
            return []
        title = "The disk of the data folder has room again" if disk.is_enough else "The disk of the data folder is nearly full"
        message = "; ".join(warnings)
        return [Vital(name="factbook.disk", label=platform.node() or "-", is_well=disk.is_enough, title=title, message=message)]

    @property
    def subscriptions(self) -> Subscriptions:
        from factbook.relay import Subscriptions

        return Subscriptions(self.sql, lease_seconds=self.settings.relay_lease_seconds)

    @cached_property
    def history(self) -> History:
        from factbook.history import History

        return History(self.sql, kinds=self.kinds, compact_after_days=self.settings.compact_after_days)

    def nightly(self) -> Nightly | None:
        """Return what applies retention and compacts each night once it is started, or ``None`` where that is off."""
        from factbook.history.nightly import Nightly

        at = self.settings.compact_at
        return None if at is None else Nightly(self.sql, self.history, self.jobs, tenant=self.settings.tenant, at=at)

    def check_gate(self, request: GateRequest, *, scan: bool = False) -> GateResult:
        """Say whether a pipeline may go on, as :meth:`Rooms.check_gate` does."""
        return self.own.check_gate(request, scan=scan)

    def submit_scan(self, source: str | None = None, *, trigger: str = "api", **options: Any) -> Job:
        """Queue a scan as :meth:`Rooms.submit_scan` does."""
        return self.own.submit_scan(source, trigger=trigger, **options)

    def run_scan(
        self,
        source: str | None = None,
        *,
        trigger: str = "cli",
        on_progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> ScanOutcome:
        """Scan here and now as :meth:`Rooms.run_scan` does."""
        return self.own.run_scan(source, trigger=trigger, on_progress=on_progress, **options)

    def run_profile(
        self,
        source: str | None = None,
        *,
        trigger: str = "cli",
        on_progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> ProfileOutcome:
        """Measure a source's tables here and now as :meth:`Rooms.run_profile` does."""
        return self.own.run_profile(source, trigger=trigger, on_progress=on_progress, **options)

    def run_backfill(self, mapping: Path, *, into: str | None, options: BackfillOptions, on_progress: OnBackfill) -> BackfillReport:
        """Store what old logs tell, in the store or in the service at the URL ``into`` (with SERVICE_TOKEN)."""
        from factbook.backfill import Destination, backfill

        tenant = self.settings.tenant
        if into is None:
            admission = self._admission(self.governed_kinds)
            return backfill(mapping, Destination("the store", lambda: self.repository, admission, tenant, self.kinds), options, on_progress)
        from factbook_sdk.repository.remote import RemoteRepository

        builtin = builtin_kinds()
        admission = self._admission(builtin)
        with closing(RemoteRepository(into, token=self.settings.service_token or None, compress=True)) as remote:
            return backfill(mapping, Destination(into, lambda: remote, admission, tenant, builtin), options, on_progress)

    def copy_records(self, into: str, *, after_offset: int = 0, on_copied: OnCopied | None = None) -> CopyReport:
        """Copy the store's log into another store, or into the service at an HTTP address (with SERVICE_TOKEN)."""
        from factbook.repository.copying import copy_log
        from factbook_sdk.repository.remote import RemoteRepository

        is_service = into.startswith(("http://", "https://"))
        token = self.settings.service_token or None
        sink: MetadataRepository = RemoteRepository(into, token=token, compress=True) if is_service else self._open_copy(into)
        with closing(sink):
            return copy_log(self.repository, sink, tenant=self.settings.tenant, after_offset=after_offset, on_copied=on_copied)

    def _open_copy(self, url: str) -> SqlRepository | FilesRepository:
        """Open a store that takes what another one has taken, definitions of kinds among it."""
        from factbook.kinds import GovernedKinds
        from factbook.repository.archive.place import open_place
        from factbook.repository.urls import open_repository

        governed = GovernedKinds(builtin_kinds(), is_copying=True)
        admission = self._admission(governed)
        is_own = url == self.settings.meta_db_url
        archive = open_place(self.settings.archive_url, self.settings.data_dir / "archive-drafts") if is_own else None
        repository = open_repository(url, admission=admission, projections=self.projections(), archive=archive)
        governed.attach(repository)
        return repository

    def _admission(self, kinds: GovernedKinds | KindRegistry) -> Admission:
        return Admission(kinds, max_payload_bytes=self.settings.max_payload_bytes)

    def test_source(self, source_id: str) -> Probe:
        """Connect to a registered source and say what answers."""
        return self.own.test_source(source_id)

    def submit_sample_scan(self, *, trigger: str = "api") -> Job:
        """Queue a scan of the sample database, a copy of which is put into DATA_DIR and registered as ``chinook``.

        Raises :class:`InvalidRequest` where another database is registered by that name."""
        from factbook.demo import ensure_source

        file = ensure_source(self.settings.data_dir.resolve() / "sample" / "chinook.sqlite")
        return self.submit_scan(f"sqlite:///{file}", trigger=trigger)

    def default_url(self) -> str:
        """Return the configured source; the demo source is made on first use."""
        if self.settings.uses_demo_source:
            from factbook.demo import ensure_source

            ensure_source(Path(self.settings.source_db_url.removeprefix("sqlite:///")))
        return self.settings.source_db_url

    def close(self) -> None:
        """Release what was opened; closing twice is harmless."""
        if "serving_pool" in self.__dict__:
            self.serving_pool.close()
        if "usage" in self.__dict__:
            self.usage.stop()
        if "watcher" in self.__dict__:
            self.watcher.stop()
        if "relay" in self.__dict__:
            self.relay.stop()
        if "bus" in self.__dict__:
            self.bus.close()
        if "sql_reader" in self.__dict__:
            self.sql_reader.close()
        if "repository" in self.__dict__:
            self.repository.close()
