"""Scores, anomalies and rules, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from factbook.cli.quality_run import level, observed
from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, say, utc

if TYPE_CHECKING:
    from factbook.quality.model import AnomalyPage, QualityPage, TableQuality
    from factbook.quality.rules.model import RuleSet
    from factbook.rulefiles import Mistake
    from factbook_sdk.facts.kinds.quality_score import DimensionScore


def show_page(page: QualityPage, *, explain: bool, with_rules: bool) -> None:
    """Print scores a line each; explained, every part of each; of chosen tables, the rules too."""
    if page.as_of is not None:
        say(f"as of {utc(page.as_of)}", style="bold")
    if not page.items:
        note("No table that is scored matches.")
        return
    show_table(
        ("of", "score", "columns measured", "rules judged", "not passed", "tables measured", "since"),
        [_line(item) for item in page.items],
        right=("score", "columns measured", "rules judged", "not passed", "tables measured"),
    )
    for item in page.items:
        if explain:
            _explain(item)
        if with_rules and item.results:
            _show_results(item)
        if with_rules and item.promises:
            _show_promises(item)
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")


def _line(item: TableQuality) -> tuple[object, ...]:
    score = item.score
    coverage = None if score is None else score.coverage
    not_passed = sum(last.result.outcome != "passed" for last in item.results)
    return (
        _name(item),
        "-" if score is None or score.score is None else f"{score.score:g}",
        "" if coverage is None else f"{coverage.columns_measured} of {coverage.columns}",
        "" if coverage is None else f"{coverage.rules_judged} of {coverage.rules}",
        not_passed or None,
        f"{coverage.tables_measured} of {coverage.tables}" if coverage is not None and coverage.tables else "",
        item.scored_at,
    )


def _name(item: TableQuality) -> str:
    return f"{item.schema}.{item.table}" if item.table else "(source)"


def _explain(item: TableQuality) -> None:
    score = item.score
    if score is None or score.score is None:
        return
    if item.table is None:
        say(
            f"{_name(item)}: {score.score:g} is the mean of the scores of {count(score.coverage.tables_measured, 'measured table')}",
            style="bold",
        )
        return
    measured = [part for part in score.dimensions if part.value is not None]
    product = " x ".join(f"{part.value:.4g}" + (f"^{part.weight:g}" if part.weight != 1 else "") for part in measured)
    say(f"{_name(item)}: {score.formula} v{score.formula_version}: 100 x {product} = {score.score:g}", style="bold")
    show_table(
        ("dimension", "weight", "value", "weakest part", "parts"),
        [
            (
                part.dimension,
                f"{part.weight:g}",
                "not measured" if part.value is None else f"{part.value:.6g}",
                _weakest(part),
                part.parts or "",
            )
            for part in score.dimensions
        ],
        right=("weight", "value", "parts"),
    )
    scored = [column for column in score.columns if column.score is not None]
    if scored:
        show_table(
            ("column", "score", "made of"),
            [
                (column.name, f"{column.score:g}", ", ".join(f"{part.dimension} {part.value:.4g}" for part in column.dimensions))
                for column in scored
            ],
            right=("score",),
        )
    silent = [column.name for column in score.columns if column.score is None]
    if silent:
        say(f"not measured: {', '.join(silent)}")


def _weakest(part: DimensionScore) -> str:
    if part.value is None:
        return ""
    return " ".join(filter(None, (part.column, f"by {part.rule}" if part.rule else "by the profile")))


def _show_results(item: TableQuality) -> None:
    from factbook.quality.model import Noted

    show_table(
        ("rule", "outcome", "observed", "expected", "checked", "why", "at"),
        [
            (
                last.result.rule,
                last.result.outcome,
                observed(Noted(last.result)),
                last.result.expected,
                last.result.rows_checked,
                last.result.reason,
                last.at,
            )
            for last in item.results
        ],
        right=("observed", "checked"),
    )


def _show_promises(item: TableQuality) -> None:
    show_table(
        ("promise", "kept", "observed", "promised"),
        [(one.name, one.outcome, level(one.observed, one.unit), level(one.expected, one.unit)) for one in item.promises],
        right=("observed", "promised"),
    )


def show_anomalies(page: AnomalyPage) -> None:
    """Print anomalies, the newest first, and how much could be said at all."""
    spoken = page.series - page.silent
    if page.items:
        show_table(
            ("at", "table", "column", "metric", "observed", "expected", "points", "season"),
            [
                (
                    one.at,
                    f"{one.schema}.{one.table}" if one.table else "(source)",
                    one.anomaly.column,
                    one.anomaly.metric,
                    f"{one.anomaly.observed:,.6g}",
                    f"{one.anomaly.low:,.6g} to {one.anomaly.high:,.6g}",
                    one.anomaly.points,
                    one.anomaly.seasonality,
                )
                for one in page.items
            ],
            right=("observed", "expected", "points"),
        )
    else:
        say(f"No anomaly in {count(spoken, 'number')} followed over time.")
    if page.silent:
        note(f"{page.silent:,} of {page.series:,} numbers have fewer than {page.points_needed} points, and nothing is said of them.")
    if not page.is_complete:
        note("There are more measurements than are read at a time; the oldest were left out.")
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")


def show_rules(rules: RuleSet, mistakes: Sequence[Mistake]) -> None:
    """Print every mistake, or the rules that were understood."""
    for mistake in mistakes:
        say(str(mistake), style="red")
    if mistakes:
        say(f"{rules.name}: {count(len(mistakes), 'mistake')}", style="bold")
        return
    from factbook.quality.judging import expected_of

    kind = "a data contract" if rules.form == "odcs" else "a rules file"
    say(f"{rules.name} is {kind} with {count(len(rules.rules), 'rule')} and {count(len(rules.promises), 'promise')}.", style="bold")
    if rules.rules:
        show_table(
            ("table", "rule", "dimension", "severity", "expected", "line"),
            [
                (
                    rule.table or "(source)",
                    rule.id,
                    rule.dimension,
                    rule.severity,
                    expected_of(rule) or "never judged: " + _reason(rule),
                    rule.line,
                )
                for rule in rules.rules
            ],
            right=("line",),
        )


def _reason(rule: object) -> str:
    return str(getattr(getattr(rule, "check", None), "reason", ""))
