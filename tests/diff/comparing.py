"""What the tests of comparing share: scans of what a test says is there, and a judge that says no more than how bad it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from factbook.diff.model import Verdict
from factbook.diff.service import Diffs
from factbook.scan import ScanRequest, scan
from factbook_sdk.facts import MetadataContext
from factbook_sdk.repository.memory import MemoryRepository

SEVERITY = {"removed": "breaking", "changed": "risky", "added": "compatible"}


def judge(difference):
    """Return a verdict that follows from what changed: enough to tell that a judge was asked."""
    severity = "cosmetic" if difference.aspect in ("comment", "order") else SEVERITY[difference.change]
    return Verdict(f"{difference.object}_{difference.change}", severity, ("readers",), f"{difference.path} {difference.change}")


class Log:
    """A log with the scans of one or more sources, and what compares them."""

    def __init__(self, repository=None, *, source_id="src", now=None):
        self.repository = repository or MemoryRepository()
        self.source_id = source_id
        now = now or (lambda: datetime.now(UTC) + timedelta(seconds=1))
        self.diffs = Diffs(self.repository, tenant="default", judge_for=lambda source_id, engine: judge, now=now)
        self.runs = 0

    def scan(self, connector, *, source_id=None, run_id=None, **options):
        """Scan and return the run's id."""
        self.runs += 1
        run_id = run_id or f"run-{self.runs}"
        context = MetadataContext(job_id=run_id, run_id=run_id)
        request = ScanRequest(source_id or self.source_id, context=context, **({"accept_removals": True} | options))
        scan(connector, self.repository, request)
        return run_id

    def facts(self, kind):
        """Return the stored records of a kind, in the order of the log."""
        return [item.record for item in self.repository.tail(kinds=[kind], limit=10_000).records]

    def last_scan(self):
        return self.facts("catalog_scan")[-1]


def found(comparison):
    """Return what a comparison found as plain tuples: change, object, table, path, aspect."""
    return {(item.change, item.object, item.name.table if item.name else None, item.path, item.aspect) for item, _ in comparison.judged}


def proposed(comparison):
    """Return the renames that are proposed as plain tuples: object, table, before, after."""
    return {(item.object, item.table, item.before, item.after) for item in comparison.renames}
