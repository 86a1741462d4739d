"""From what was measured to what a rule says of it. What was not measured is never passed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import partial

from factbook.quality.compiling import Wanted
from factbook.quality.measuring import Measured
from factbook.quality.rules.model import (
    Accepted,
    Bound,
    Check,
    ColumnExists,
    ColumnType,
    Freshness,
    Length,
    Range,
    Regex,
    Rejected,
    RowCount,
    Rule,
    Sql,
    Unjudged,
    check_name,
    columns_of,
)
from factbook_sdk.facts.kinds.quality_result import QualityOutcome, QualityResult
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot

_MAX_EXPECTED = 300
_Tell = Callable[..., QualityResult]


def judge(
    rule: Rule,
    wanted: Wanted | None,
    measured: Measured,
    *,
    now_epoch: float,
    unfit: Mapping[str, str],
    previous_rows: float | None,
    ruleset: str,
) -> QualityResult:
    """Return what a rule about data says. ``previous_rows`` is what ``row_count`` with ``change`` compares with."""
    if rule.id in unfit or wanted is None:
        return result(rule, "error", reason=unfit.get(rule.id, "nothing was measured"), ruleset=ruleset)
    missing = next((key for key in wanted.keys if key in measured.reasons), None)
    if missing is not None:
        return result(
            rule,
            "error",
            reason=measured.reasons[missing],
            digest=measured.digests.get(missing),
            seconds=measured.seconds.get(missing),
            ruleset=ruleset,
        )
    key = wanted.keys[-1]
    checked, failed = _at(measured, wanted.checked), _at(measured, wanted.failed)
    tell = partial(result, rule, digest=measured.digests.get(key), seconds=measured.seconds.get(key), ruleset=ruleset)
    if wanted.number is None:
        return _judge_rows(rule, checked, failed or 0.0, tell)
    number = measured.numbers.get(wanted.number)
    if isinstance(rule.check, Freshness):
        return _judge_age(rule, checked, None if number is None else now_epoch - number, tell)
    if isinstance(rule.check, RowCount) and rule.check.change is not None:
        return _judge_change(rule, number or 0.0, previous_rows, tell)
    if number is None:
        return tell("error", reason="the query answers null")
    return tell(_outcome(rule, number), observed=number, checked=checked)


def judge_structure(rule: Rule, snapshot: SchemaSnapshot, ruleset: str) -> QualityResult | None:
    """Return what a rule about structure says by the last scan, or of what cannot be judged at all; ``None`` for rules about data."""
    check = rule.check
    if isinstance(check, Unjudged):
        return result(rule, "skipped", reason=check.reason, ruleset=ruleset)
    if not isinstance(check, (ColumnExists, ColumnType)):
        return None
    found = next((column.data_type for column in snapshot.columns if column.name == check.column), None)
    if found is None:
        return result(
            rule, _outcome(rule, None), reason=f"the table has no column {check.column!r}, as it was scanned last", ruleset=ruleset
        )
    if isinstance(check, ColumnType) and not fnmatchcase(found.lower(), check.data_type.lower()):
        return result(rule, _outcome(rule, None), reason=f"its type is {found}", ruleset=ruleset)
    return result(rule, "passed", ruleset=ruleset)


def result(
    rule: Rule,
    outcome: QualityOutcome,
    *,
    ruleset: str,
    reason: str | None = None,
    observed: float | None = None,
    checked: float | None = None,
    failed: float | None = None,
    share: float | None = None,
    digest: str | None = None,
    seconds: float | None = None,
) -> QualityResult:
    """Return the result of a rule."""
    expect = rule.expect
    return QualityResult(
        rule=rule.id,
        check=check_name(rule.check),
        dimension=rule.dimension,
        outcome=outcome,
        severity=rule.severity,
        columns=columns_of(rule.check),
        observed=observed,
        expected=expected_of(rule),
        lower=expect.lower,
        upper=expect.upper,
        unit=None if isinstance(rule.check, (ColumnExists, ColumnType, Unjudged)) else expect.unit,
        rows_checked=None if checked is None else int(checked),
        rows_failed=None if failed is None else int(failed),
        share=share,
        filter=rule.where,
        reason=reason,
        statement_digest=digest,
        duration_seconds=None if seconds is None else round(seconds, 6),
        ruleset=ruleset,
        tags=rule.tags,
        owner=rule.owner,
        description=rule.description,
    )


def expected_of(rule: Rule) -> str | None:
    """Return in words what a rule expects."""
    check, expect = rule.check, str(rule.expect)
    if isinstance(check, Unjudged):
        return None
    if isinstance(check, ColumnExists):
        return "the column exists"
    if isinstance(check, ColumnType):
        return f"the type is like {check.data_type}"
    if isinstance(check, Freshness):
        return f"the newest value is {expect} old"
    if isinstance(check, RowCount):
        return f"changes by {expect}" if check.change is not None else expect
    if isinstance(check, Sql) and check.is_number:
        return f"the number is {expect}"
    said = _what_is_wanted(check)
    text = said if rule.expect.upper == 0 and rule.expect.lower in (None, 0) else f"{said}; rows that are otherwise: {expect}"
    return text if len(text) <= _MAX_EXPECTED else text[:_MAX_EXPECTED] + "…"


def _what_is_wanted(check: Check) -> str:
    if isinstance(check, Accepted):
        return f"one of {', '.join(map(str, check.values))}"
    if isinstance(check, Rejected):
        return f"none of {', '.join(map(str, check.values))}"
    if isinstance(check, Range):
        ends = (
            ("more than" if check.lower_is_exclusive else "at least", check.lower),
            ("less than" if check.upper_is_exclusive else "at most", check.upper),
        )
        return " and ".join(f"{word} {_bound(bound)}" for word, bound in ends if bound is not None)
    if isinstance(check, Regex):
        return f"matches {check.pattern}"
    if isinstance(check, Length):
        return f"{check.minimum or 0} to {'any number of' if check.maximum is None else check.maximum} characters"
    return _WANTED.get(check_name(check), "no rows")


_WANTED = {
    "not_null": "not null",
    "missing": "not missing",
    "unique": "unique",
    "foreign_key": "refers to a row that exists",
    "invalid": "valid",
}


def _bound(bound: Bound) -> str:
    return bound.text


def _at(measured: Measured, key: str | None) -> float | None:
    return None if key is None else measured.numbers.get(key)


def _outcome(rule: Rule, number: float | None) -> QualityOutcome:
    if number is not None and rule.expect.holds(number):
        return "passed"
    return "failed" if rule.severity == "error" else "warned"


def _judge_rows(rule: Rule, checked: float | None, failed: float, tell: _Tell) -> QualityResult:
    share = None if not checked else min(1.0, failed / checked)
    # Of no rows none fails; that there were none stands beside it.
    number = failed if rule.expect.unit == "rows" else (share or 0.0) * (100 if rule.expect.unit == "percent" else 1)
    return tell(_outcome(rule, number), observed=number, checked=checked, failed=failed, share=share)


_SKEW_SECONDS = 300.0
"""By so much the clock of whoever wrote a moment may be ahead of ours."""


def _judge_age(rule: Rule, checked: float | None, age: float | None, tell: _Tell) -> QualityResult:
    if age is None:
        return tell(_outcome(rule, None), reason="no row has a moment in this column", checked=checked)
    if age < -_SKEW_SECONDS:
        return tell("error", reason="the newest moment lies in the future, so nothing follows from its age", checked=checked)
    return tell(_outcome(rule, age), observed=round(age, 3), checked=checked)


def _judge_change(rule: Rule, rows: float, previous: float | None, tell: _Tell) -> QualityResult:
    if previous is None:
        return tell("skipped", reason="there is no earlier count to compare with", checked=rows)
    change = abs(rows - previous) / max(previous, 1.0)
    return tell(_outcome(rule, change), observed=change, checked=rows)
