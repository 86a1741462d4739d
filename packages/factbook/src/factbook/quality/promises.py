"""Whether promised levels were kept: completeness, accuracy and freshness, computed from what was measured.

A level that cannot be computed is ``unknown`` and never met: a rule of its dimension that could not be judged might have been the one that
breaks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from factbook.quality.rules.model import DIMENSIONS, NO_ROWS, Expectation, Freshness, NotNull, Promise, Rule
from factbook_sdk.facts.kinds.quality_result import Dimension, QualityResult
from factbook_sdk.facts.kinds.sla_adherence import SlaAdherence

_COUNTS_FOR: dict[str, tuple[Dimension, ...]] = {
    "completeness": ("completeness",),
    "accuracy": ("accuracy", "validity", "consistency"),
}


def rules_to_measure(promise: Promise, number: int) -> list[Rule]:
    """Return the rules that measure what a promise names itself: its columns, or its column of moments."""
    prefix = f"promise:{number}:{promise.objective}"
    if promise.objective == "completeness":
        return [_rule(promise, f"{prefix}:{column}", NotNull(column), NO_ROWS) for column in promise.columns]
    if promise.objective == "freshness" and promise.column is not None:
        expect = Expectation(upper=promise.level, unit="seconds")
        return [_rule(promise, f"{prefix}:{promise.column}", Freshness(promise.column), expect)]
    return []


def _rule(promise: Promise, name: str, check: NotNull | Freshness, expect: Expectation) -> Rule:
    return Rule(name, check, expect, DIMENSIONS[type(check)], "info", promise.source, promise.table)


def check_promise(promise: Promise, results: Sequence[QualityResult], measured: Sequence[QualityResult], now: datetime) -> SlaAdherence:
    """Return whether a promise was kept. ``measured`` are results of its own rules, ``results`` those of its target's others."""
    if promise.objective == "freshness":
        return _check_age(promise, measured or [found for found in results if found.check == "freshness"], now)
    dimensions = _COUNTS_FOR[promise.objective]
    share = _share_that_holds(measured or [found for found in results if found.dimension in dimensions])
    outcome = "unknown" if share is None else "met" if share >= promise.level else "missed"
    return SlaAdherence(
        name=promise.name or promise.objective,
        objective="quality",
        outcome=outcome,  # type: ignore[arg-type]
        expected=promise.level,
        observed=share,
        unit="share",
        contract_id=promise.contract_id,
    )


def unknown(promise: Promise) -> SlaAdherence:
    """Return that nobody knows, for a promise about tables that are not there."""
    return SlaAdherence(
        name=f"{promise.name or promise.objective} of {promise.table}",
        objective="freshness" if promise.objective == "freshness" else "quality",
        outcome="unknown",
        expected=promise.level,
        unit="seconds" if promise.objective == "freshness" else "share",
        contract_id=promise.contract_id,
    )


def _share_that_holds(results: Sequence[QualityResult]) -> float | None:
    """Return the share of checked values that hold over all rules that count rows; ``None`` if one of them could not be judged."""
    if any(found.outcome in ("error", "skipped") for found in results):
        return None
    rows = [(found.rows_checked, found.rows_failed) for found in results if found.rows_checked and found.rows_failed is not None]
    checked = sum(checked for checked, _ in rows)
    return 1.0 - sum(failed or 0 for _, failed in rows) / checked if checked else None


def _check_age(promise: Promise, results: Sequence[QualityResult], now: datetime) -> SlaAdherence:
    """Return whether the newest row is young enough; of several columns or tables the oldest counts."""
    ages = [found.observed for found in results if found.observed is not None]
    is_known = bool(results) and len(ages) == len(results) and all(found.outcome not in ("error", "skipped") for found in results)
    age = max(ages) if is_known else None
    return SlaAdherence(
        name=promise.name or promise.objective,
        objective="freshness",
        outcome="unknown" if age is None else "met" if age <= promise.level else "missed",
        due_at=now,
        met_at=None if age is None else now - timedelta(seconds=age),
        late_seconds=None if age is None else round(age - promise.level, 3),
        expected=promise.level,
        observed=age,
        unit="seconds",
        contract_id=promise.contract_id,
    )
