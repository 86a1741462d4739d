"""The history on a page: what changed in the source itself, each change once, newest first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from factbook.export.changes import MAX_CHANGES, changes_by_table
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.repository.contract import StoredRecord


def change(path: str, **more: Any) -> dict[str, Any]:
    return {"change": "changed", "severity": "risky", "schema": "main", "table": "orders", "path": path, **more}


def diff(before: int, after: int, *changes: dict[str, Any], **side: str) -> StoredRecord:
    """Return a comparison of two days of January; ``side`` says more of the second."""
    payload = {
        "before": {"moment": f"2026-01-{before:02}T00:00:00Z"},
        "after": {"moment": f"2026-01-{after:02}T00:00:00Z", **side},
        "counts": {},
        "changes": list(changes),
    }
    moment = datetime(2026, 1, after, tzinfo=UTC)
    return StoredRecord(1, "0" * 32, MetadataRecord(MetadataTarget("shop"), "catalog_diff", payload, moment, "diff.v1"))


def told(*diffs: StoredRecord) -> list[tuple[int, str]]:
    return [(item.moment.day, item.path) for item in changes_by_table(diffs).get(("main", "orders"), [])]


def test_the_newest_comes_first() -> None:
    assert told(diff(1, 2, change("a")), diff(2, 3, change("b"))) == [(3, "b"), (2, "a")]


def test_a_change_that_two_overlapping_comparisons_name_is_told_once() -> None:
    assert told(diff(1, 2, change("a")), diff(1, 3, change("a"), change("b"))) == [(3, "b"), (2, "a")]


def test_a_change_that_comes_again_is_told_again() -> None:
    assert told(diff(1, 2, change("a")), diff(2, 3, change("a"))) == [(3, "a"), (2, "a")]


def test_comparisons_with_others_and_backwards_are_no_history() -> None:
    assert told(diff(1, 2, change("a"), source_id="staging")) == []
    assert told(diff(1, 2, change("a"), file="catalog.json")) == []
    assert told(diff(3, 2, change("a"))) == []


def test_long_values_are_cut() -> None:
    [found] = changes_by_table([diff(1, 2, change("a", before={"x": "y" * 1000}, after=None))])["main", "orders"]
    assert len(found.before) == 201
    assert found.after == ""


def test_a_restless_table_tells_its_last_changes() -> None:
    found = told(*(diff(day, day + 1, *(change(f"{day}.{number}") for number in range(20))) for day in range(1, 10)))
    assert len(found) == MAX_CHANGES
    assert (found[0][0], found[-1][0]) == (10, 6)
