"""What does not hold by its last word, of all sources at once: quality rules, promises, and comparisons of a source with its sink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord
from factbook_sdk.repository.filters import Condition, Operator

WITHIN = timedelta(days=7)
"""How far back is looked: what nobody judged for longer is no news."""

MAX_BAD = 100
"""Facts of a kind that say so, the newest of which are looked at."""
MAX_PAGES = 10
"""Pages of as many facts about the same tables that are looked through for what was said after."""

_OUTCOME = "payload.outcome"


class _Sort(msgspec.Struct, frozen=True):
    """A kind of checks: the field that names one, and the outcomes that say it does not hold, or that it does."""

    kind: str
    name: str
    bad: tuple[str, ...]
    good: tuple[str, ...]


SORTS = (
    _Sort("quality_result", "rule", ("failed", "error", "warned"), ("passed",)),
    _Sort("sla_adherence", "name", ("missed",), ("met",)),
    _Sort("recon_result", "check", ("failed", "timed_out", "error"), ("passed", "warned")),
)
READS = tuple(sort.kind for sort in SORTS)


class FailingCheck(msgspec.Struct, frozen=True, omit_defaults=True):
    """A check whose last word is that it does not hold. ``kind`` says of what sort it is; ``reason`` what the check itself says."""

    kind: str
    source_id: str
    schema: str | None
    table: str | None
    name: str
    outcome: str
    at: datetime
    reason: str | None = None


class FailingChecks(msgspec.Struct, frozen=True):
    """Checks that do not hold, the newest first. ``is_complete`` is false where there was more than is read."""

    items: list[FailingCheck]
    since: datetime
    is_complete: bool


def failing(repository: MetadataRepository, kinds: Sequence[str], *, tenant: str, until: datetime) -> FailingChecks:
    """Return what did not hold by its last word before a moment, of the sorts that are among ``kinds``."""
    since, items, is_complete = until - WITHIN, list[FailingCheck](), True
    for sort in SORTS:
        if sort.kind in kinds:
            found, all_of_them = _failing(repository, sort, tenant, since, until)
            items += found
            is_complete = is_complete and all_of_them
    return FailingChecks(sorted(items, key=lambda item: item.at, reverse=True), since, is_complete)


def _failing(repository: MetadataRepository, sort: _Sort, tenant: str, since: datetime, until: datetime) -> tuple[list[FailingCheck], bool]:
    is_bad = Condition(_OUTCOME, Operator.IN, list(sort.bad))
    bad = repository.query(sort.kind, where=[is_bad], tenant=tenant, since=since, until=until, order="desc", limit=MAX_BAD)
    newest: dict[tuple[MetadataTarget, str], StoredRecord] = {}
    for item in bad.records:
        newest.setdefault(_key(sort, item), item)
    over, is_complete = _over(repository, sort, tenant, newest, until)
    found = [_check(sort, item) for key, item in newest.items() if key not in over]
    return found, is_complete and bad.next_cursor is None


def _over(
    repository: MetadataRepository, sort: _Sort, tenant: str, newest: Mapping[tuple[MetadataTarget, str], StoredRecord], until: datetime
) -> tuple[set[tuple[MetadataTarget, str]], bool]:
    """Return which checks hold again by what was said after, the newest first until all are known; and whether all are."""
    over, unknown, cursor = set[tuple[MetadataTarget, str]](), set(newest), None
    for _ in range(MAX_PAGES):
        if not unknown:
            break
        page = repository.query(
            sort.kind,
            targets=list({target: None for target, _ in newest}),
            tenant=tenant,
            since=min(item.record.produced_at for item in newest.values()),
            until=until,
            order="desc",
            limit=MAX_BAD,
            cursor=cursor,
        )
        for item in page.records:
            key, outcome = _key(sort, item), _said(item)["outcome"]
            if key in unknown and outcome in (*sort.good, *sort.bad):
                unknown.discard(key)
                over |= {key} if outcome in sort.good else set()
        cursor = page.next_cursor
        if cursor is None:
            return over, True
    return over, not unknown


def _key(sort: _Sort, item: StoredRecord) -> tuple[MetadataTarget, str]:
    return item.record.target, _said(item)[sort.name]


def _said(item: StoredRecord) -> dict[str, Any]:
    return item.record.payload or {}


def _check(sort: _Sort, item: StoredRecord) -> FailingCheck:
    said, target = _said(item), item.record.target
    reason = said.get("reason") or said.get("expected") if sort.kind == "quality_result" else None
    return FailingCheck(
        sort.kind, target.source_id, target.schema, target.table, said[sort.name], said["outcome"], item.record.produced_at, reason
    )
