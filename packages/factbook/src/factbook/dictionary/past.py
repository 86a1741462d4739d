"""Which scans tell something when the dictionary of a moment is put together from the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from factbook_sdk.repository.contract import StoredRecord


def telling(items: Iterable[StoredRecord]) -> Iterator[StoredRecord]:
    """Leave out scans that the next scan of the source, with no structure in between, makes superfluous: it saw all they saw."""
    waiting: dict[str, StoredRecord] = {}
    for item in items:
        if item.record.kind != "catalog_scan":
            yield from waiting.values()
            waiting = {}
            yield item
            continue
        earlier = waiting.pop(item.record.target.source_id, None)
        if earlier is not None and not _saw_as_much(item, earlier):
            yield earlier
        waiting[item.record.target.source_id] = item
    yield from waiting.values()


def _saw_as_much(later: StoredRecord, earlier: StoredRecord) -> bool:
    """Return whether a scan confirms whatever an earlier one confirms, as far as its fact tells at once."""
    new, old = later.record.payload or {}, earlier.record.payload or {}
    is_whole = not new.get("scope") and not new.get("failures") and new["counts"]["failed"] == 0
    complete = {name for name, reading in new["schemas"].items() if reading["complete"]}
    return is_whole and complete.issuperset(old["schemas"])
