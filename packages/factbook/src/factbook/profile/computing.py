"""The statements that measure a relation, and what their rows mean.

Everything that is a plain aggregate of all columns in one statement; then, as it needs the least value, the deviation; then the shapes that
texts have, of so many rows as a share can be told from; then per column its values with their counts, from which distinct values, frequent
values and the histogram follow, and its quantiles. A statement that an overflow breaks is asked again in halves, so that one figure is lost
and not all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from factbook.errors import StatementFailed
from factbook.profile import estimating
from factbook.profile.feeding import CUT_MARK, Ask, Brought
from factbook.profile.model import ColumnPlan, Family
from factbook.profile.patterns import PatternCounts, counted, counting
from factbook.profile.suggestions import suggest
from factbook_sdk.facts.kinds.statistics_snapshot import Bin, ColumnStatistics, Frequency, PatternCount, Quantile, Value

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BINS = 20
FREQUENT = 10
SHOWN_CHARACTERS = 256
_GROUPS = "factbook_groups"
_NUMBERS: frozenset[Family] = frozenset({"integer", "decimal", "float"})
_MOMENTS: frozenset[Family] = frozenset({"date", "timestamp"})
_ORDERED: frozenset[Family] = _NUMBERS | _MOMENTS | {"time", "text"}
_BY_TEXT: frozenset[Family] = frozenset({"other"})


def measure(
    brought: Brought,
    columns: Sequence[ColumnPlan],
    *,
    rows_of_table: int | None,
    table: str = "",
    check_cancelled: Callable[[], None] = lambda: None,
) -> list[ColumnStatistics]:
    """Measure every column of what was brought; ``rows_of_table`` is what a sample stands for, where that is known.

    ``table`` is the table's name: what a column probably holds may follow from it. ``check_cancelled`` is called before each statement
    about all columns and before each column; what it raises ends the measurement.
    """
    measuring = _Measuring(brought, rows_of_table, table, check_cancelled)
    return measuring.columns(brought.columns or columns)


class _Measuring:
    """One relation under measurement."""

    def __init__(self, brought: Brought, rows_of_table: int | None, table: str, check_cancelled: Callable[[], None]) -> None:
        self._ask = brought.ask
        self._relation = brought.relation
        self._rows = brought.rows
        self._brought = brought
        self._rows_of_table = rows_of_table
        self._table = table
        self._check_cancelled = check_cancelled

    def columns(self, plans: Sequence[ColumnPlan]) -> list[ColumnStatistics]:
        self._check_cancelled()
        plain = _asked(self._ask, self._relation, {key: text for plan in plans for key, text in _plain(plan).items()})
        self._check_cancelled()
        plain |= _asked(self._ask, self._relation, {key: text for plan in plans for key, text in _second(plan, plain).items()})
        self._check_cancelled()
        shapes = self._shapes([plan.key for plan in plans if plan.reading == "values" and plan.family == "text"])
        return [self._column(plan, plain, shapes.get(plan.key)) for plan in plans]

    def _shapes(self, keys: Sequence[str]) -> dict[str, PatternCounts]:
        if not keys or not self._rows:
            return {}
        answer = self._ask(counting(self._relation, keys, rows=self._rows))
        return {found.column: found for found in counted(keys, answer, rows=self._rows)}

    def _column(self, plan: ColumnPlan, plain: Mapping[str, Any], shapes: PatternCounts | None) -> ColumnStatistics:
        self._check_cancelled()
        figures = _plain_figures(plan, plain, self._rows)
        if plan.key in self._brought.extremes and plan.family == "float":
            figures["minimum"], figures["maximum"] = self._brought.extremes[plan.key]
        if self._brought.sample is not None:
            figures |= estimating.margins(self._brought, plan, figures, self._ask)
            figures.pop("total", None)
        if plan.reading == "values":
            figures |= {"patterns": _patterns(shapes)} | self._distribution(plan, figures)
            figures["suggestions"] = suggest(
                plan.name,
                plan.data_type,
                shapes.shares() if shapes else {},
                table=self._table,
                checked=shapes.checked if shapes else None,
                distinct_count=figures.get("distinct_count"),
            )
        elif not plan.is_sensitive:
            figures["suggestions"] = suggest(plan.name, plan.data_type, {}, table=self._table)
        return ColumnStatistics(
            name=plan.name, data_type=plan.data_type, is_sensitive=plan.is_sensitive, skipped=plan.reason, **_kept(figures)
        )

    def _distribution(self, plan: ColumnPlan, figures: dict[str, Any]) -> dict[str, Any]:
        """Count the values; where memory does not suffice for that, say so."""
        try:
            return self._counted(plan, figures) | {"quantiles": self._quantiles(plan, figures)}
        except StatementFailed as error:
            return {"skipped": f"the distribution could not be counted: {error.why}"}

    def _counted(self, plan: ColumnPlan, figures: Mapping[str, Any]) -> dict[str, Any]:
        key, blocks = plan.key, self._brought.blocks is not None
        spread = ", min(block) = max(block) AS single" if blocks else ", count(*) = 1 AS single"
        self._ask(
            f"CREATE OR REPLACE TEMP TABLE {_GROUPS} AS SELECT {key} AS v, count(*) AS n{spread} "
            f"FROM {self._relation} WHERE {key} IS NOT NULL GROUP BY {key}"
        )
        try:
            ((distinct, most, singles),) = self._ask(f"SELECT count(*), max(n), count(*) FILTER (WHERE single) FROM {_GROUPS}")
            return {
                **self._distinct(plan, figures, distinct, singles, most or 0),
                "frequent": self._frequent(plan) if (most or 0) > 1 else [],
                "histogram": self._histogram(plan, figures),
            }
        finally:
            self._ask(f"DROP TABLE {_GROUPS}")

    def _distinct(self, plan: ColumnPlan, figures: Mapping[str, Any], distinct: int, singles: int, most: int) -> dict[str, Any]:
        known = self._rows - figures["null_count"]
        if self._brought.sample is not None:
            return estimating.distinct_of_table(
                distinct, singles, plan=plan, brought=self._brought, figures=figures, rows_of_table=self._rows_of_table
            )
        is_unique = known > 0 and most == 1 and not self._collide(plan, distinct)
        return {
            "distinct_count": distinct,
            "distinct_method": "by text" if plan.family in _BY_TEXT else "by characters" if plan.loose_collation else "exact",
            "is_constant": distinct <= 1 if self._rows else None,
            "is_unique": is_unique if known else None,
            "is_key_candidate": is_unique and known == self._rows and self._rows > 1 and plan.family not in ("float", "boolean", "other"),
        }

    def _collide(self, plan: ColumnPlan, distinct: int) -> bool:
        """Return whether values with different characters are probably one to the source, so that it would not take them as keys."""
        if plan.loose_collation is None or plan.is_unique:
            return False
        ((folded,),) = self._ask(f"SELECT count(DISTINCT {_folded(plan.loose_collation)}) FROM {_GROUPS}")
        return bool(folded < distinct)

    def _frequent(self, plan: ColumnPlan) -> list[Frequency]:
        rows = self._ask(f"SELECT {_shown(plan, 'v')}, n FROM {_GROUPS} ORDER BY n DESC, v LIMIT {FREQUENT}")
        return [Frequency(value_of(plan, value), count) for value, count in rows]

    def _histogram(self, plan: ColumnPlan, figures: Mapping[str, Any]) -> list[Bin]:
        """Count values in bars of equal width between the least and the largest; whole numbers that are close get a bar each."""
        if plan.family not in _NUMBERS | _MOMENTS or figures.get("not_finite_count") or figures.get("minimum") is None:
            return []
        number = "v::DOUBLE" if plan.family in _NUMBERS else "epoch(v)::DOUBLE"
        # A date without an end has no place on the scale.
        groups = _GROUPS if plan.family in _NUMBERS else f"{_GROUPS} WHERE isfinite(v)"
        ((low, high),) = self._ask(f"SELECT min({number}), max({number}) FROM {groups}")
        if not _finite(low, high) or not _finite(high - low):
            return []
        is_whole = plan.family == "integer" and high - low < BINS
        bars = int(high - low) + 1 if is_whole else BINS if high > low else 1
        width = 1.0 if is_whole else (high - low) / bars
        if low == high or low + width == low:
            return [Bin(low, high, self._total(groups))]
        place = f"least({bars - 1}, floor(({number} - {low!r}) / {width!r}))::INTEGER"
        counts: dict[int, int] = dict(self._ask(f"SELECT {place}, sum(n)::BIGINT FROM {groups} GROUP BY 1"))
        edges = [low + width * place for place in range(bars)] + [low + width * bars if is_whole else high]
        return [Bin(edges[place], edges[place + 1], counts.get(place, 0)) for place in range(bars)]

    def _total(self, groups: str) -> int:
        ((total,),) = self._ask(f"SELECT sum(n)::BIGINT FROM {groups}")
        return int(total)

    def _quantiles(self, plan: ColumnPlan, figures: Mapping[str, Any]) -> list[Quantile]:
        if plan.family not in _ORDERED - {"text"} or figures["null_count"] == self._rows:
            return []
        shares = ", ".join(map(str, QUANTILES))
        form = {"integer": "", "float": "::VARCHAR[]::DOUBLE[]"}.get(plan.family, "::VARCHAR[]")
        ((found,),) = self._ask(f"SELECT quantile_disc({plan.key}, [{shares}]){form} FROM {self._relation}")
        return [Quantile(share, value_of(plan, value)) for share, value in zip(QUANTILES, found or (), strict=False)]


def _plain(plan: ColumnPlan) -> dict[str, str]:
    """Return the plain aggregates of a column by ``key.figure``."""
    c, family = plan.key, plan.family
    figures = {"known": f"count({c})"}
    if plan.reading == "lengths":
        figures |= _lengths(c) | {"empty_count": f"count(*) FILTER (WHERE {c} = 0)"}
    elif plan.reading == "values":
        if family in _ORDERED:
            figures |= {"minimum": _shown(plan, f"min({c})"), "maximum": _shown(plan, f"max({c})")}
        if family in _NUMBERS:
            figures |= {"zero_count": f"count(*) FILTER (WHERE {c} = 0)", "negative_count": f"count(*) FILTER (WHERE {c} < 0)"}
        if family == "float":
            figures["not_finite_count"] = f"count(*) FILTER (WHERE NOT isfinite({c}))"
        if family in _NUMBERS:
            figures |= {"mean": f"avg({_finite_only(plan)})", "total": f"{_total(plan)}"}
        if family == "text":
            figures |= _lengths(length_of(c)) | {"empty_count": f"count(*) FILTER (WHERE {c} = '')"}
    return {f"{c}.{name}": text for name, text in figures.items()}


def _second(plan: ColumnPlan, plain: Mapping[str, Any]) -> dict[str, str]:
    """Return what needs the least value: the deviation, of the distances from it, so that large numbers that differ little keep theirs."""
    least = plain.get(f"{plan.key}.minimum")
    if plan.reading != "values" or plan.family not in _NUMBERS or least is None:
        return {}
    if plan.family == "integer":
        distance = f"{plan.key}::HUGEINT - {least}::HUGEINT"
    else:
        distance = f"{plan.key} - (SELECT min({plan.key}) FROM {_RELATION})" if plan.family == "decimal" else _finite_only(plan)
    return {f"{plan.key}.deviation": f"stddev_samp(({distance})::DOUBLE)"}


_RELATION = "{relation}"
"""Stands for the relation in an expression until it is asked."""


def _lengths(length: str) -> dict[str, str]:
    return {"minimum_length": f"min({length})", "maximum_length": f"max({length})", "mean_length": f"avg({length})"}


def _folded(collation: str) -> str:
    """Return the expression for a value as a collation that ignores case compares it, or more loosely: never more strictly."""
    if collation.lower() == "nocase":
        return "lower(v)"
    folded = "lower(v)" if "_as_" in collation.lower() else "lower(strip_accents(v))"
    return folded if "0900" in collation or "nopad" in collation.lower() else f"rtrim({folded}, ' ')"


def length_of(text: str) -> str:
    """Return the DuckDB expression for a text's length in characters, also where it was cut."""
    return f"CASE WHEN contains({text}, '{CUT_MARK}') THEN split_part({text}, '{CUT_MARK}', 3)::BIGINT ELSE length({text}) END"


def _finite_only(plan: ColumnPlan) -> str:
    return f"{plan.key}::DOUBLE" if plan.family == "float" else plan.key


def _total(plan: ColumnPlan) -> str:
    return f"fsum({plan.key}::DOUBLE)" if plan.family == "float" else f"sum({plan.key})::DOUBLE"


def _shown(plan: ColumnPlan, expression: str) -> str:
    """Return the expression as the driver hands it over without losing anything: numbers and flags as they are, the rest as text."""
    if plan.family == "float":
        # A number of single precision is meant as it is printed: 0.1, not the 0.10000000149 that it is as a double.
        return f"({expression})::VARCHAR::DOUBLE"
    return expression if plan.family in ("integer", "boolean", "text", "enum", "other") else f"({expression})::VARCHAR"


def value_of(plan: ColumnPlan, value: Any) -> Value:
    """Return a value as a fact carries it: a float that JSON has no number for as text, a long text cut."""
    if isinstance(value, float) and not _finite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, float):
        return value + 0.0
    if isinstance(value, Decimal):
        value = format(value, "f")
    if not isinstance(value, str):
        return value if isinstance(value, (bool, int)) or value is None else str(value)
    if plan.family in _MOMENTS:
        return value.replace(" (BC)", "") + " BC" if " (BC)" in value else value
    if plan.family == "decimal" and plan.scale is None and "." in value:
        # Digits that nobody declared: those it was computed with are no part of the value.
        return value.rstrip("0").rstrip(".")
    text = value.partition(CUT_MARK)[0].replace("\x00", "\u2400")
    return text if len(value) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _plain_figures(plan: ColumnPlan, plain: Mapping[str, Any], rows: int) -> dict[str, Any]:
    own = {name.partition(".")[2]: value for name, value in plain.items() if name.startswith(f"{plan.key}.")}
    known = own.pop("known", None) or 0
    figures = own
    for name in ("minimum", "maximum"):
        if name in figures:
            figures[name] = value_of(plan, figures[name])
    not_finite = figures.get("not_finite_count")
    for name in ("mean", "deviation", "total", "mean_length"):
        if figures.get(name) is not None:
            figures[name] = float(figures[name])
            if not_finite or not _finite(figures[name]):
                figures[name] = None
    if not not_finite:
        figures.pop("not_finite_count", None)
    return figures | {"null_count": rows - known, "null_share": (rows - known) / rows if rows else None}


def _patterns(shapes: PatternCounts | None) -> list[PatternCount]:
    if shapes is None:
        return []
    checked = shapes.checked if shapes.is_sample else None
    counts = sorted(shapes.counts.items(), key=lambda item: (-item[1], item[0]))
    return [PatternCount(name, count, count / shapes.checked, checked) for name, count in counts]


def _asked(ask: Ask, relation: str, expressions: dict[str, str]) -> dict[str, Any]:
    """Ask for all expressions in one statement; those that cannot be computed are ``None``, the others are not lost with them."""
    if not expressions:
        return {}
    try:
        ((*values,),) = ask(f"SELECT {', '.join(expressions.values())} FROM {relation}".replace(_RELATION, relation))
    except StatementFailed:
        if len(expressions) == 1:
            return dict.fromkeys(expressions)
        names = list(expressions)
        halves = names[: len(names) // 2], names[len(names) // 2 :]
        return {key: value for half in halves for key, value in _asked(ask, relation, {name: expressions[name] for name in half}).items()}
    return dict(zip(expressions, values, strict=True))


def _kept(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if value is not None and not (isinstance(value, float) and not _finite(value))}


def _finite(*numbers: float) -> bool:
    return all(number - number == 0 for number in numbers)
