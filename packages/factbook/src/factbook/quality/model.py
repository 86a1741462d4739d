"""What goes into a quality run and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from factbook.quality.rules.model import RuleSet
from factbook_sdk.facts import MetadataContext
from factbook_sdk.facts.kinds.anomaly import Anomaly
from factbook_sdk.facts.kinds.quality_result import QualityResult
from factbook_sdk.facts.kinds.quality_score import QualityScore
from factbook_sdk.facts.kinds.recon_result import ReconResult
from factbook_sdk.facts.kinds.sla_adherence import SlaAdherence

PRODUCER_ID = "quality.v1"
JOB_TYPE = "quality"
OUTCOMES = ("passed", "warned", "failed", "error", "skipped")
MAX_NOTED = 500
"""A run's result names at most this many rules that did not pass; the counts are exact and the facts are complete."""

OnProgress = Callable[[int, int | None, str], None]


class QualityRequest(msgspec.Struct, frozen=True):
    """What to judge. Without ``rules`` only scores and anomalies are made, of facts that are there. ``tables`` are patterns of
    ``schema.table``, ``only_rules`` ids or patterns, ``tags`` names of which a rule has one; ``budget_seconds`` ends the measuring.

    With ``keeps_scores`` scores stay as they are: the rules of a contract are not all there are of its tables."""

    source_id: str
    rules: RuleSet | None = None
    tables: list[str] = []
    only_rules: list[str] = []
    tags: list[str] = []
    budget_seconds: float | None = None
    allows_sql: bool = True
    keeps_scores: bool = False
    context: MetadataContext = MetadataContext()

    @property
    def is_partial(self) -> bool:
        """Whether some rules of the file are left out."""
        return bool(self.only_rules or self.tags)


class Noted(msgspec.Struct, frozen=True, omit_defaults=True):
    """One result with the table it is about; none for a rule about the source."""

    result: QualityResult
    schema: str | None = None
    table: str | None = None


class NotedPromise(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether one promise was kept, with its table."""

    promise: SlaAdherence
    schema: str | None = None
    table: str | None = None


class QualityRun(msgspec.Struct, frozen=True):
    """What a run found. ``outcomes`` counts rules by outcome; ``noted`` are those that did not pass, the worst first; ``statements`` is how
    many were asked of the source. ``histories_are_complete`` is false where more was measured of a table than is read for anomalies."""

    source_id: str
    ruleset: str | None
    started_at: datetime
    duration_seconds: float
    tables: int
    statements: int
    outcomes: dict[str, int]
    noted: list[Noted]
    promises: list[NotedPromise]
    anomalies: int
    score: float | None
    score_reason: str | None = None
    """Why there is no score, where too few rules could be judged."""
    resumed_tables: int = 0
    histories_are_complete: bool = True

    @property
    def rules(self) -> int:
        return sum(self.outcomes.values())


class LastResult(msgspec.Struct, frozen=True):
    """The last result of a rule, and when it was."""

    at: datetime
    result: QualityResult


class TableQuality(msgspec.Struct, frozen=True):
    """What is known of one table (or, without names, of the source): its score, since when it has it, and the last result of each rule in
    force."""

    schema: str | None
    table: str | None
    score: QualityScore | None
    scored_at: datetime | None
    results: list[LastResult]
    promises: list[SlaAdherence]


class QualityPage(msgspec.Struct, frozen=True):
    """Tables by name, the source itself first. ``next_cursor`` continues."""

    source_id: str
    as_of: datetime | None
    items: list[TableQuality]
    next_cursor: str | None


class FoundAnomaly(msgspec.Struct, frozen=True):
    """One anomaly with where and when it was measured."""

    at: datetime
    schema: str | None
    table: str | None
    anomaly: Anomaly


class AnomalyPage(msgspec.Struct, frozen=True):
    """Anomalies, the newest first, and how much could be said: series that were followed, and those that have too few points.
    ``is_complete`` is false where there were more measurements than are read."""

    source_id: str
    items: list[FoundAnomaly]
    series: int
    silent: int
    points_needed: int
    is_complete: bool
    next_cursor: str | None


class ScoreAt(msgspec.Struct, frozen=True):
    """A score that a source had from a moment on; ``None`` where too little was judged for one."""

    at: datetime
    score: float | None


class FailingRule(msgspec.Struct, frozen=True):
    """A rule in force whose last result did not pass, with its table; none for a rule about the source."""

    source_id: str
    schema: str | None
    table: str | None
    at: datetime
    result: QualityResult


class MissedPromise(msgspec.Struct, frozen=True):
    """A promise that was not kept when it was last judged."""

    source_id: str
    schema: str | None
    table: str | None
    promise: SlaAdherence


class SourceQuality(msgspec.Struct, frozen=True):
    """A source on the board: its score and since when, the scores before it (oldest first), and what does not hold now."""

    source_id: str
    score: QualityScore | None
    scored_at: datetime | None
    trend: list[ScoreAt]
    failing: list[FailingRule]
    missed: list[MissedPromise]


class QualityBoard(msgspec.Struct, frozen=True):
    """Sources, those first that need somebody most. ``more_sources`` were not looked at; ``is_complete`` is false where there were more
    failing results than are read, so that older ones may be missing."""

    items: list[SourceQuality]
    more_sources: int
    is_complete: bool
    as_of: datetime | None


class RulePage(msgspec.Struct, frozen=True):
    """What one rule said through time, the newest first. ``next_cursor`` continues."""

    source_id: str
    schema: str | None
    table: str | None
    rule: str
    items: list[LastResult]
    next_cursor: str | None


class Reconciliation(msgspec.Struct, frozen=True):
    """The last result of one reconciliation of a table with where it comes from."""

    source_id: str
    schema: str | None
    table: str | None
    at: datetime
    result: ReconResult
