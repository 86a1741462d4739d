"""Judge one difference: find the rule that speaks of it, then what the source's severities make of it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from factbook.diff.model import Difference, Party, Verdict
from factbook.diff.paths import split_path
from factbook.diff.severities import DEFAULT, Severities
from factbook.diff.verdict import aspects, column_types, columns, constraints, domains, indexes, tables
from factbook.diff.verdict.case import Case, case_of
from factbook.diff.verdict.rule import Rule
from factbook_sdk.facts.kinds.catalog_diff import Severity

RULES: tuple[Rule, ...] = (
    *tables.RULES,
    *columns.RULES,
    *column_types.RULES,
    *domains.RULES,
    *constraints.RULES,
    *indexes.RULES,
    *aspects.RULES,
)
"""Every rule there is; ``docs/reference/verdict-rules.md`` is generated from this table."""


def _sorted_out(rules: Sequence[Rule]) -> dict[tuple[str, str, str], list[Rule]]:
    """Return the rules by object, change and aspect, so that a difference is held against a few of them only."""
    places: defaultdict[tuple[str, str, str], list[Rule]] = defaultdict(list)
    for rule in rules:
        for place in ((what, change, aspect) for what in rule.objects for change in rule.changes for aspect in rule.aspects):
            places[place].append(rule)
    return dict(places)


_BY_PLACE = _sorted_out(RULES)
_BREAKS = {rule.name: rule.breaks for rule in RULES}


def judge(difference: Difference, severities: Severities = DEFAULT, *, engine: str | None = None) -> Verdict:
    """Return what a difference does to others. ``engine`` is that of the source, where it is known: types bind more or less.

    What breaks writers alone is compatible, by itself, where nobody can write: a view that is not known to pass writes on.
    """
    case = case_of(difference, engine)
    rule = rule_of(case)
    breaks = rule.breaks if case.is_written else tuple(party for party in rule.breaks if party != "writers")
    severity: Severity = "compatible" if rule.breaks and not breaks else rule.severity
    ruling = severities.ruling(rule.name, severity, place_of(difference))
    reason = rule.sentence.format(**case.words())
    if breaks != rule.breaks:
        reason += "; nobody writes through this view, as far as is known"
    return Verdict(rule.name, ruling.severity, breaks, f"{reason} ({ruling.note})" if ruling.note else reason)


def breaks_by_rule(name: str) -> tuple[Party, ...]:
    """Return whom the rule of a name breaks where everybody may read and write."""
    return _BREAKS.get(name, aspects.UNKNOWN.breaks)


def rule_of(case: Case) -> Rule:
    """Return the one rule that speaks of a case; where none does, the one that says so."""
    place = (case.difference.object, case.difference.change, case.aspect)
    return next((rule for rule in _BY_PLACE.get(place, ()) if rule.fits(case)), aspects.UNKNOWN)


def place_of(difference: Difference) -> tuple[str, ...]:
    """Return what a difference is of, by name: schema, then table, then column."""
    parts = split_path(difference.path)
    table = () if difference.name is None else (difference.name.table,)
    column = parts[1:2] if difference.object == "column" else ()
    return (difference.schema, *table, *column)
