"""The rooms of one tenant, wired together as :mod:`factbook.app` wires the house. They open nothing before they are used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.dictionary import Dictionary
    from factbook.jobs import Job, Jobs, Progress
    from factbook.scan.job import ScanOutcome, Scans
    from factbook.sources.connections import Connections
    from factbook.sources.contract import Probe


class Rooms:
    """The rooms of one tenant, built on first use."""

    def __init__(self, house: Factbook, tenant: str) -> None:
        self._house = house
        self.tenant = tenant

    @property
    def is_own(self) -> bool:
        """Whether this is the server's own tenant, whose its environment, files and configured source are."""
        return self.tenant == self._house.settings.tenant

    @cached_property
    def connections(self) -> Connections:
        from factbook.sources.connections import Connections

        return Connections(self._house.sql.database, self.tenant, self._house.secret_box, lends=self.is_own)

    @cached_property
    def dictionary(self) -> Dictionary:
        from factbook.dictionary import Dictionary

        return Dictionary(self._house.sql, tenant=self.tenant)

    @cached_property
    def jobs(self) -> Jobs:
        from factbook.jobs import Jobs

        settings = self._house.settings
        return Jobs(
            self._house.sql,
            tenant=self.tenant,
            handlers={"scan": lambda control: self.scans.handle(control)},
            lease_seconds=settings.job_lease_seconds,
            max_attempts=settings.job_attempts,
            retention_days=settings.job_retention_days,
            submitted=self._house.job_submitted,
        )

    @cached_property
    def scans(self) -> Scans:
        from factbook.scan.job import Scans

        return Scans(
            self._house.sql,
            self.connections,
            default_url=self._house.default_url if self.is_own else None,
            tenant=self.tenant,
            max_removal_share=self._house.settings.max_removal_share,
        )

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
