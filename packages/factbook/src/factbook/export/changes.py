"""What changed in each table, from the ``catalog_diff`` facts of a source: the last changes, in words. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from factbook.export.relations import Place
from factbook.export.saying import value_text
from factbook_sdk.facts.kinds.catalog_diff import CatalogDiff, Change
from factbook_sdk.repository.contract import StoredRecord

MAX_CHANGES = 100
"""Changes kept of one table: the newest. The log has all of them."""

_MAX_TEXT = 200


class Changed(msgspec.Struct, frozen=True):
    """One change of one table, as a page shows it."""

    moment: datetime
    change: str
    severity: str
    path: str
    before: str
    after: str
    reason: str


def changes_by_table(diffs: Iterable[StoredRecord]) -> dict[Place, list[Changed]]:
    """Return the changes of each table, newest first.

    Comparisons with another source or with a file are no history. Where the stretches of two comparisons overlap, a change that both
    name is told once.
    """
    found: dict[Place, list[Changed]] = defaultdict(list)
    told: dict[tuple[Place, str, str, str, str], datetime] = {}
    for stored in diffs:
        target, payload = stored.record.target, stored.record.payload
        if payload is None or not _is_history(payload):
            continue
        diff = msgspec.convert(payload, CatalogDiff)
        for change in diff.changes:
            place = (change.schema or target.schema or "", change.table or target.table or "")
            shown = _changed(diff.after.moment, change)
            key = (place, shown.change, shown.path, shown.before, shown.after)
            if key in told and diff.before.moment < told[key]:
                continue
            told[key] = diff.after.moment
            found[place].append(shown)
    newest = {place: sorted(changes, key=lambda item: item.moment, reverse=True) for place, changes in found.items()}
    return {place: changes[:MAX_CHANGES] for place, changes in newest.items()}


def _is_history(payload: dict[str, Any]) -> bool:
    """Return whether both sides of a comparison are the source itself, the earlier first."""
    sides = payload["before"], payload["after"]
    return all("source_id" not in side and "file" not in side for side in sides) and sides[0]["moment"] <= sides[1]["moment"]


def _changed(moment: datetime, change: Change) -> Changed:
    before, after = _shown(change.before), _shown(change.after)
    return Changed(moment, change.change, change.severity, change.path, before, after, change.reason or "")


def _shown(value: Any) -> str:
    text = value_text(value)
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"
