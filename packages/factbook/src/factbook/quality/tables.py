"""The quality of one table over time: its score, what each rule said at each run, and what did not fit its own history."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import msgspec

from factbook.quality.facts import Facts, just_after
from factbook.quality.model import PRODUCER_ID, FoundAnomaly, TableQuality
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.facts.kinds.anomaly import Anomaly
from factbook_sdk.facts.kinds.quality_result import QualityOutcome, QualityResult
from factbook_sdk.facts.kinds.quality_score import QualityScore
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord

MAX_SCORES = 400
"""Scores of one table that are shown, the newest: one for each time that it changed."""
MAX_RESULTS = 2_000
"""Results of one table that are looked through, the newest."""
MAX_OUTCOMES = 20
"""Outcomes of one rule that are shown, the newest."""
MAX_ANOMALIES = 500


class ScoredAt(msgspec.Struct, frozen=True):
    """A score that a table had from a moment on; none where too little could be judged."""

    at: datetime
    score: float | None


class OutcomeAt(msgspec.Struct, frozen=True):
    """What a rule said at one run."""

    at: datetime
    run_id: str | None
    outcome: QualityOutcome
    observed: float | None = None
    rows_failed: int | None = None


class RuleOutcomes(msgspec.Struct, frozen=True):
    """What one rule said over time, newest first."""

    rule: str
    outcomes: list[OutcomeAt]


class QualityOverTime(msgspec.Struct, frozen=True):
    """What is known of one table: how it is (``None`` where nobody judged it), its scores, oldest first, and its rules by id.

    ``is_complete`` is false where there is more than is looked through.
    """

    now: TableQuality | None
    scores: list[ScoredAt]
    rules: list[RuleOutcomes]
    is_complete: bool


def quality_over_time(
    repository: MetadataRepository, source_id: str, name: TableName, *, tenant: str, as_of: datetime | None
) -> QualityOverTime:
    """Return the quality of a table up to a moment; rules that nobody asks any more have their outcomes still."""
    target, until = MetadataTarget(source_id, name.schema, name.table), None if as_of is None else just_after(as_of)

    def newest(kind: str, limit: int, producer_id: str | None = None) -> tuple[list[StoredRecord], bool]:
        page = repository.query(kind, targets=[target], producer_id=producer_id, tenant=tenant, until=until, order="desc", limit=limit)
        return [item for item in page.records if item.record.payload is not None], page.next_cursor is None

    scored, scores_complete = newest("quality_score", MAX_SCORES, PRODUCER_ID)
    judged, results_complete = newest("quality_result", MAX_RESULTS)
    scores = [(item.record.produced_at, msgspec.convert(item.record.payload, QualityScore)) for item in scored]
    facts = Facts(repository, source_id, MetadataContext(tenant=tenant))
    promises = facts.promises([name], until=until)[name]
    now = None
    if scores or judged or promises:
        at, score = scores[0] if scores else (None, None)
        results = facts.last_results({name: score.rules if score is not None else None}, until=until)[name]
        now = TableQuality(name.schema, name.table, score, at, results, promises)
    return QualityOverTime(
        now, [ScoredAt(at, score.score) for at, score in reversed(scores)], _rules(judged), scores_complete and results_complete
    )


def score_of(
    repository: MetadataRepository, source_id: str, name: TableName, *, tenant: str, as_of: datetime | None
) -> QualityScore | None:
    """Return the score of a table at a moment, if it was judged."""
    target = MetadataTarget(source_id, name.schema, name.table)
    stored = repository.latest(target, "quality_score", producer_id=PRODUCER_ID, tenant=tenant, as_of=as_of)
    return None if stored is None or stored.record.payload is None else msgspec.convert(stored.record.payload, QualityScore)


def anomalies_of(
    repository: MetadataRepository, source_id: str, name: TableName, *, tenant: str, as_of: datetime | None
) -> list[FoundAnomaly]:
    """Return what quality runs found of a table that does not fit its own history, newest first, at most ``MAX_ANOMALIES``."""
    target, until = MetadataTarget(source_id, name.schema, name.table), None if as_of is None else just_after(as_of)
    page = repository.query("anomaly", targets=[target], tenant=tenant, until=until, order="desc", limit=MAX_ANOMALIES)
    return [
        FoundAnomaly(item.record.produced_at, name.schema, name.table, msgspec.convert(item.record.payload, Anomaly))
        for item in page.records
        if item.record.payload is not None
    ]


def _rules(judged: list[StoredRecord]) -> list[RuleOutcomes]:
    found: defaultdict[str, list[OutcomeAt]] = defaultdict(list)
    for item in judged:
        result = msgspec.convert(item.record.payload, QualityResult)
        own = found[result.rule]
        if len(own) < MAX_OUTCOMES:
            record = item.record
            own.append(OutcomeAt(record.produced_at, record.context.run_id, result.outcome, result.observed, result.rows_failed))
    return [RuleOutcomes(rule, found[rule]) for rule in sorted(found)]
