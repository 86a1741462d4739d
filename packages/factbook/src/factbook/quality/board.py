"""How good all sources are, at a look: scores through time, rules that do not hold now, promises that are not kept, reconciliations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from factbook.quality.facts import Facts, just_after
from factbook.quality.model import (
    PRODUCER_ID,
    FailingRule,
    LastResult,
    MissedPromise,
    QualityBoard,
    Reconciliation,
    RulePage,
    ScoreAt,
    SourceQuality,
)
from factbook.repository import naming
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.facts.kinds.quality_result import QualityResult
from factbook_sdk.facts.kinds.quality_score import QualityScore
from factbook_sdk.facts.kinds.recon_result import ReconResult
from factbook_sdk.facts.kinds.sla_adherence import SlaAdherence
from factbook_sdk.repository.contract import MetadataRepository, Targets, Within, check_limit
from factbook_sdk.repository.filters import Condition, Operator

MAX_SOURCES = 200
MAX_READ = 500
"""Results that did not pass, and reconciliations, that are looked through, the newest first."""
TREND = 30
_FAILING = ("failed", "warned", "error")
_RANKS = {outcome: rank for rank, outcome in enumerate(_FAILING)}


class _Place(NamedTuple):
    source_id: str
    table: TableName | None


def board(repository: MetadataRepository, registered: Sequence[str], *, tenant: str, as_of: datetime | None = None) -> QualityBoard:
    """Return every source that is registered or was scored, those first that need somebody most."""
    known = sorted({*registered, *naming.sources_of(repository, "quality_score", tenant=tenant)})
    shown = known[:MAX_SOURCES]
    reading = _Reading(repository, tenant, as_of)
    failing, is_complete = reading.failing(None)
    missed = reading.missed(None)
    scores, trends = reading.scores(shown), reading.trends(shown)
    items = [
        _source(source_id, scores.get(source_id), trends.get(source_id, []), failing.get(source_id, []), missed.get(source_id, []))
        for source_id in shown
    ]
    return QualityBoard(sorted(items, key=_need), len(known) - len(shown), is_complete, as_of)


def board_of(repository: MetadataRepository, source_id: str, *, tenant: str, as_of: datetime | None = None) -> SourceQuality:
    """Return one source as the board has it, with everything that does not hold."""
    reading = _Reading(repository, tenant, as_of)
    failing, _ = reading.failing(source_id)
    missed = reading.missed(source_id).get(source_id, [])
    score, trend = reading.scores([source_id]).get(source_id), reading.trends([source_id]).get(source_id, [])
    return _source(source_id, score, trend, failing.get(source_id, []), missed)


def rule_page(
    repository: MetadataRepository,
    target: MetadataTarget,
    rule: str,
    *,
    tenant: str,
    limit: int,
    cursor: str | None = None,
    as_of: datetime | None = None,
) -> RulePage:
    """Return what a rule said of a table, or of the source, through time, the newest first."""
    page = repository.query(
        "quality_result",
        targets=[target],
        where=[Condition("payload.rule", Operator.EQ, rule)],
        tenant=tenant,
        until=None if as_of is None else just_after(as_of),
        order="desc",
        limit=check_limit(limit),
        cursor=cursor,
    )
    results = [LastResult(item.record.produced_at, msgspec.convert(item.record.payload, QualityResult)) for item in page.records]
    return RulePage(target.source_id, target.schema, target.table, rule, results, page.next_cursor)


def reconciliations(
    repository: MetadataRepository, source_id: str | None, *, tenant: str, as_of: datetime | None = None
) -> list[Reconciliation]:
    """Return the last result of each reconciliation among the newest, those that did not pass first."""
    page = repository.query(
        "recon_result",
        targets=None if source_id is None else Within(source_id),
        tenant=tenant,
        until=None if as_of is None else just_after(as_of),
        order="desc",
        limit=MAX_READ,
    )
    last: dict[tuple[MetadataTarget, str], Reconciliation] = {}
    for item in page.records:
        target, said = item.record.target, msgspec.convert(item.record.payload, ReconResult)
        last.setdefault((target, said.check), Reconciliation(target.source_id, target.schema, target.table, item.record.produced_at, said))
    return sorted(last.values(), key=lambda one: (one.result.outcome == "passed", -one.at.timestamp()))


class _Reading:
    """What the log of one tenant says of quality at a moment."""

    def __init__(self, repository: MetadataRepository, tenant: str, as_of: datetime | None) -> None:
        self._repository = repository
        self._tenant = tenant
        self._as_of = as_of
        self._until = None if as_of is None else just_after(as_of)

    def scores(self, sources: Sequence[str]) -> dict[str, tuple[datetime, QualityScore]]:
        """Return the scores of sources as a whole."""
        targets = [MetadataTarget(source_id) for source_id in sources]
        found = self._repository.latest_many(targets, "quality_score", producer_id=PRODUCER_ID, tenant=self._tenant, as_of=self._as_of)
        return {
            target.source_id: (item.record.produced_at, msgspec.convert(item.record.payload, QualityScore))
            for target, item in found.items()
            if item.record.payload is not None
        }

    def trends(self, sources: Sequence[str]) -> dict[str, list[ScoreAt]]:
        """Return the last scores that sources had, the oldest first."""
        if not sources:
            return {}
        page = self._repository.query(
            "quality_score",
            targets=[MetadataTarget(source_id) for source_id in sources],
            producer_id=PRODUCER_ID,
            tenant=self._tenant,
            until=self._until,
            order="desc",
            limit=min(MAX_READ, TREND * len(sources)),
        )
        found: dict[str, list[ScoreAt]] = defaultdict(list)
        for item in page.records:
            points = found[item.record.target.source_id]
            if item.record.payload is not None and len(points) < TREND:
                points.insert(0, ScoreAt(item.record.produced_at, item.record.payload.get("score")))
        return found

    def failing(self, source_id: str | None) -> tuple[dict[str, list[FailingRule]], bool]:
        """Return the rules in force whose last result did not pass, by source, and whether all such results were looked at."""
        page = self._repository.query(
            "quality_result",
            targets=_within(source_id),
            where=[Condition("payload.outcome", Operator.IN, list(_FAILING))],
            tenant=self._tenant,
            until=self._until,
            order="desc",
            limit=MAX_READ,
        )
        candidates: dict[str, dict[TableName | None, set[str]]] = defaultdict(lambda: defaultdict(set))
        for item in page.records:
            place = _place(item.record.target)
            candidates[place.source_id][place.table].add(str((item.record.payload or {}).get("rule")))
        return {source: self._still_failing(source, wanted) for source, wanted in candidates.items()}, page.next_cursor is None

    def _still_failing(self, source_id: str, candidates: dict[TableName | None, set[str]]) -> list[FailingRule]:
        targets = {
            MetadataTarget(source_id) if name is None else MetadataTarget(source_id, name.schema, name.table): name for name in candidates
        }
        scores = self._repository.latest_many(
            list(targets), "quality_score", producer_id=PRODUCER_ID, tenant=self._tenant, as_of=self._as_of
        )
        wanted: dict[TableName | None, set[str]] = dict(candidates)
        for target, item in scores.items():
            # Rules that a score no longer names are in force no more; a source's own score names tables and no rules.
            rules = set((item.record.payload or {}).get("rules", ()))
            name = targets[target]
            if name is not None and rules:
                wanted[name] = candidates[name] & rules
        facts = Facts(self._repository, source_id, MetadataContext(tenant=self._tenant))
        found = [
            FailingRule(source_id, name.schema if name else None, name.table if name else None, last.at, last.result)
            for name, results in facts.last_results(wanted, until=self._until).items()
            for last in results
            if last.result.outcome in _FAILING
        ]
        return sorted(found, key=lambda one: (_RANKS[one.result.outcome], one.schema or "", one.table or "", one.result.rule))

    def missed(self, source_id: str | None) -> dict[str, list[MissedPromise]]:
        """Return the promises whose last word is that they were missed, by source."""
        page = self._repository.query(
            "sla_adherence",
            targets=_within(source_id),
            where=[Condition("payload.outcome", Operator.EQ, "missed")],
            producer_id=PRODUCER_ID,
            tenant=self._tenant,
            until=self._until,
            order="desc",
            limit=MAX_READ,
        )
        names: dict[str, set[TableName | None]] = defaultdict(set)
        for item in page.records:
            place = _place(item.record.target)
            names[place.source_id].add(place.table)
        found: dict[str, list[MissedPromise]] = {}
        for source, tables in names.items():
            facts = Facts(self._repository, source, MetadataContext(tenant=self._tenant))
            kept = facts.promises(sorted(tables, key=str), until=self._until)
            found[source] = [
                MissedPromise(source, name.schema if name else None, name.table if name else None, promise)
                for name, promises in kept.items()
                for promise in promises
                if _is_missed(promise)
            ]
        return found


def _is_missed(promise: SlaAdherence) -> bool:
    return promise.outcome == "missed"


def _within(source_id: str | None) -> Targets | None:
    return None if source_id is None else Within(source_id)


def _place(target: MetadataTarget) -> _Place:
    name = TableName(target.schema or "", target.table or "") if target.schema or target.table else None
    return _Place(target.source_id, name)


def _source(
    source_id: str,
    scored: tuple[datetime, QualityScore] | None,
    trend: list[ScoreAt],
    failing: list[FailingRule],
    missed: list[MissedPromise],
) -> SourceQuality:
    at, score = scored if scored is not None else (None, None)
    return SourceQuality(source_id, score, at, trend, failing, missed)


def _need(item: SourceQuality) -> tuple[bool, bool, float, str]:
    """Return what sources are sorted by: what breaks its word, then what fails, then the lowest score; what nobody judged comes last."""
    score = item.score.score if item.score is not None else None
    return not item.missed, not item.failing, 101.0 if score is None else score, item.source_id
