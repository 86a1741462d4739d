"""A comparison as records of the log: the same ones whoever makes them, and when."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from factbook.diff.comparison import Comparison
from factbook.diff.moments import INSTANT, Scan
from factbook.diff.payload import parts_of
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.catalog_diff import State
from factbook_sdk.repository.contract import MetadataRepository, Outcome, Stored

PRODUCER_ID = "diff.v1"


def records_of(comparison: Comparison, scan: Scan | None, *, tenant: str) -> list[MetadataRecord]:
    """Return the facts of a settled comparison in the order in which to store them; ``scan`` is the one behind its later side.

    The first part comes last: it is the latest fact then, and where it is the others are.
    """
    context = MetadataContext(
        job_id=scan.job_id if scan else None,
        run_id=comparison.after.run_id,
        namespace=scan.namespace if scan else None,
        tenant=tenant,
    )
    moment = max(comparison.before.moment, comparison.after.moment)
    target, payloads = MetadataTarget(comparison.source_id), map(msgspec.to_builtins, reversed(parts_of(comparison)))
    return [MetadataRecord(target, "catalog_diff", payload, moment, PRODUCER_ID, context) for payload in payloads]


def outcomes(stored: Sequence[Stored]) -> dict[str, int]:
    """Return how many facts are new and how many were there: ``{"stored": n, "duplicate": n}``."""
    return {outcome.value: sum(item.outcome is outcome for item in stored) for outcome in (Outcome.STORED, Outcome.DUPLICATE)}


def is_stored(repository: MetadataRepository, earlier: Scan, scan: Scan, *, tenant: str) -> bool:
    """Return whether the comparison of two scans of a source is in the log."""
    page = repository.query(
        "catalog_diff",
        targets=[MetadataTarget(scan.source_id)],
        producer_id=PRODUCER_ID,
        tenant=tenant,
        since=scan.moment,
        until=scan.moment + INSTANT,
        order="desc",
        limit=100,
    )
    states = msgspec.to_builtins([State(earlier.moment, earlier.run_id), State(scan.moment, scan.run_id)])
    return any([(item.record.payload or {}).get(side) for side in ("before", "after")] == states for item in page.records)
