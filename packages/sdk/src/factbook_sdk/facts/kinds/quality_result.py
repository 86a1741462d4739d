"""``quality_result``: what one rule said of the data, once. Target: the table, or the source for a rule about all of it.

Values of the data are never in it: a result counts rows. What was expected stands beside what was observed, so that a result can be
understood when its rule is long gone.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from factbook_sdk.facts.parts import Count, Name, Seconds, Share
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="quality_result",
    category=Category.EVENT,
    description="What one quality rule said of the data, once: its outcome, what was observed and what was expected, in counts.",
    schemas=load_schemas(__package__, "quality_result"),
    indexed=(
        "context.run_id",
        "payload.dimension",
        "payload.outcome",
        "payload.rule",
    ),
)

Dimension = Literal["accuracy", "completeness", "consistency", "timeliness", "uniqueness", "validity", "volume"]
QualityOutcome = Literal["passed", "failed", "warned", "error", "skipped"]
RuleSeverity = Literal["error", "warning", "info"]


class QualityResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``failed`` and ``warned`` say that the rule does not hold, by its severity; ``error`` and ``skipped`` that nobody
    knows, and ``reason`` why.

    ``observed`` is the number that was judged, in ``unit``; ``lower`` and ``upper`` are the numbers it was held against. ``share`` is
    ``rows_failed`` of ``rows_checked``. ``statement_digest`` tells results of the same statement apart from those of another one.
    """

    rule: Name
    check: Name
    dimension: Dimension
    outcome: QualityOutcome
    severity: RuleSeverity = "error"
    columns: list[Name] = []
    observed: float | None = None
    expected: str | None = None
    lower: float | None = None
    upper: float | None = None
    unit: Name | None = None
    rows_checked: Count | None = None
    rows_failed: Count | None = None
    share: Share | None = None
    filter: str | None = None
    reason: Name | None = None
    statement_digest: Name | None = None
    duration_seconds: Seconds | None = None
    ruleset: Name | None = None
    tags: list[Name] = []
    owner: Name | None = None
    description: str | None = None
