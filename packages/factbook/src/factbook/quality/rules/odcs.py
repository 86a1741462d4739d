"""Quality entries and service levels of a data contract: Open Data Contract Standard (Bitol), versions 3.0 and 3.1.

The contract is read for its rules, not validated as a whole. What cannot be judged here (text for people, rules of other engines, metrics
nobody defined) stays a rule that is always skipped and says why: a contract never looks kept because its hard parts were left out.
"""

from __future__ import annotations

import glob
from typing import Any, cast

import msgspec

from factbook.durations import seconds_of
from factbook.quality.rules.fields import MAX_VALUES
from factbook.quality.rules.identity import with_distinct_ids
from factbook.quality.rules.model import (
    DIMENSIONS,
    Check,
    Expectation,
    Invalid,
    Missing,
    NotNull,
    Promise,
    RowCount,
    Rule,
    RuleSet,
    Scalar,
    Sql,
    Unique,
    Unit,
    Unjudged,
)
from factbook.rulefiles import Document, Mistake, Path
from factbook_sdk.facts.kinds.quality_result import Dimension, RuleSeverity

_DIMENSIONS: dict[str, Dimension] = {"conformity": "validity", "coverage": "completeness"}
_SEVERITIES: dict[str, RuleSeverity] = {"info": "info", "information": "info", "low": "info", "warning": "warning", "warn": "warning"}
_OLD_NAMES = {
    "nullCheck": "nullValues",
    "uniqueCheck": "duplicateValues",
    "duplicateCount": "duplicateValues",
    "unique": "duplicateValues",
    "validValues": "invalidValues",
}
"""Metrics as ``rule`` named them before 3.1."""
_METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
_UNITS = {"d": "d", "day": "d", "days": "d", "h": "h", "hr": "h", "hour": "h", "hours": "h", "m": "min", "min": "min", "minutes": "min"}
_UNITS |= {"minute": "min", "s": "s", "sec": "s", "second": "s", "seconds": "s", "w": "w", "week": "w", "weeks": "w"}
_AGES = ("latency", "ly", "freshness")
"""Service levels that the age of the newest row answers."""


class _Refused(Exception):
    pass


def is_contract(root: Any) -> bool:
    """Return whether a document is a data contract."""
    return isinstance(root, dict) and (root.get("kind") == "DataContract" or ("apiVersion" in root and "schema" in root))


def read_contract(document: Document, name: str) -> tuple[RuleSet, list[Mistake]]:
    """Return the rules of a contract and everything that is wrong with their shape."""
    reading = _Contract(document)
    return reading.ruleset(name), sorted(reading.mistakes)


class _Contract:
    def __init__(self, document: Document) -> None:
        self._document = document
        self.mistakes = list(document.mistakes)
        root = document.root
        self._id = str(root["id"]) if isinstance(root.get("id"), (str, int)) else None
        servers = [server for server in _list(root.get("servers")) if isinstance(server, dict)]
        schemas = {str(server["schema"]) for server in servers if isinstance(server.get("schema"), str)}
        # Several servers: any of their schemas may be meant, and the source says which there are.
        self._schema = glob.escape(schemas.pop()) if len(schemas) == 1 else "*"

    def ruleset(self, name: str) -> RuleSet:
        root = self._document.root
        version = str(root.get("apiVersion", ""))
        if not version.startswith("v3."):
            self._note(("apiVersion",), f"apiVersion is {version or 'missing'}; contracts of v3.0 and v3.1 are read")
            return RuleSet(name, "odcs", [])
        rules: list[Rule] = []
        for index, table in enumerate(self._items(root.get("schema"), ("schema",))):
            rules += self._table(table, ("schema", index))
        unjudged, promises = self._levels(root)
        return RuleSet(name, "odcs", with_distinct_ids(rules + unjudged, self._twice), promises)

    def _table(self, table: dict[str, Any], path: Path) -> list[Rule]:
        pattern = self._pattern(table)
        if pattern is None:
            self._note(path, "a schema object needs a name")
            return []
        rules = self._quality(table, path, pattern, None)
        for index, item in enumerate(self._items(table.get("properties"), (*path, "properties"))):
            rules += self._property(item, (*path, "properties", index), pattern, "")
        return rules

    def _property(self, item: dict[str, Any], path: Path, table: str, prefix: str) -> list[Rule]:
        named = item.get("physicalName") or item.get("name")
        if not isinstance(named, str):
            self._note(path, "a property needs a name")
            return []
        column = prefix + named
        rules = self._quality(item, path, table, column, is_nested=bool(prefix))
        for index, inner in enumerate(self._items(item.get("properties"), (*path, "properties"))):
            rules += self._property(inner, (*path, "properties", index), table, f"{column}.")
        items = item.get("items")
        return rules + (self._property({"name": "[]", **items}, (*path, "items"), table, column) if isinstance(items, dict) else [])

    def _pattern(self, table: dict[str, Any]) -> str | None:
        named = table.get("physicalName") or table.get("name")
        if not isinstance(named, str) or not named:
            return None
        schema, dot, name = named.rpartition(".")
        # A longer name begins with the database, which is the source here.
        return f"{glob.escape(schema.rpartition('.')[2])}.{glob.escape(name)}" if dot else f"{self._schema}.{glob.escape(named)}"

    def _quality(self, holder: dict[str, Any], path: Path, table: str, column: str | None, *, is_nested: bool = False) -> list[Rule]:
        rules = []
        for index, entry in enumerate(self._items(holder.get("quality"), (*path, "quality"))):
            place = (*path, "quality", index)
            try:
                if is_nested:
                    raise _Refused("it is about a part of a nested column")
                check, expect = self._check(entry, column)
            except _Refused as refused:
                called = entry.get("metric") or entry.get("rule") or entry.get("type") or "library"
                check, expect = Unjudged(str(called), str(refused), [column] if column else []), Expectation()
            rules.append(self._rule(entry, place, check, expect, table))
        return rules

    def _rule(self, entry: dict[str, Any], path: Path, check: Check, expect: Expectation, table: str) -> Rule:
        dimension = str(entry.get("dimension") or "")
        known = _DIMENSIONS.get(dimension) or (dimension if dimension in DIMENSIONS.values() else DIMENSIONS[type(check)])
        severity = str(entry.get("severity") or "error").lower()
        said = entry.get("description") or entry.get("name")
        return Rule(
            str(entry.get("id") or ""),
            check,
            expect,
            cast("Dimension", known),
            _SEVERITIES.get(severity, "error"),
            table=table,
            tags=[str(tag) for tag in _list(entry.get("tags"))],
            description=str(said).strip() if said else None,
            line=self._document.line(path),
        )

    def _check(self, entry: dict[str, Any], column: str | None) -> tuple[Check, Expectation]:
        kind = entry.get("type") or "library"
        metric = entry.get("metric") or entry.get("rule")
        if kind == "text":
            raise _Refused("it is written for people, and no program can judge it")
        if kind == "custom":
            raise _Refused(f"it is a rule of {entry.get('engine') or 'another engine'}, which is not run here")
        if kind == "sql":
            query = entry.get("query")
            if not isinstance(query, str) or not query.strip():
                raise _Refused("it has no query")
            return Sql(query, is_number=True, column=column), self._expectation(entry, "number")
        if kind != "library":
            raise _Refused(f"its type is {kind!r}; known are library, sql, text and custom")
        return self._metric(entry, str(metric), column)

    def _metric(self, entry: dict[str, Any], metric: str, column: str | None) -> tuple[Check, Expectation]:
        known = _OLD_NAMES.get(metric, metric)
        if known not in _METRICS:
            raise _Refused(f"the metric {metric!r} is none of {', '.join(_METRICS)}")
        arguments = entry.get("arguments")
        arguments = arguments if isinstance(arguments, dict) else {}
        units: dict[str, Unit] = {"rows": "rows", "percent": "percent", "%": "percent"}
        unit = units.get(str(entry.get("unit") or "rows"))
        if unit is None:
            raise _Refused(f"its unit is {entry.get('unit')!r}; known are rows and percent")
        # The old names said what was wanted by themselves.
        expect = self._expectation(entry, unit, Expectation(unit=unit, upper=0) if "rule" in entry and known != "rowCount" else None)
        if known == "rowCount":
            return RowCount(), expect
        if known == "duplicateValues":
            columns = [column] if column else [str(item) for item in _list(arguments.get("properties"))]
            if not columns:
                raise _Refused("duplicateValues of a table need arguments.properties")
            return Unique(columns), expect
        if column is None:
            raise _Refused(f"{metric} belongs to a property")
        if known == "nullValues":
            return NotNull(column), expect
        if known == "missingValues":
            texts = [str(value) for value in _list(arguments.get("missingValues")) if value is not None]
            return (Missing(column, texts), expect) if texts else (NotNull(column), expect)
        return self._invalid(entry, arguments, column), expect

    @staticmethod
    def _invalid(entry: dict[str, Any], arguments: dict[str, Any], column: str) -> Check:
        given = arguments.get("validValues") or entry.get("validValues")
        pattern = arguments.get("pattern")
        values: list[Scalar] = [value for value in _list(given) if isinstance(value, (str, int, float))]
        if not values and not isinstance(pattern, str):
            raise _Refused("invalidValues need arguments.validValues or arguments.pattern")
        if len(values) > MAX_VALUES:
            raise _Refused(f"it has more than {MAX_VALUES:,} valid values")
        return Invalid(column, values or None, pattern if isinstance(pattern, str) else None)

    @staticmethod
    def _expectation(entry: dict[str, Any], unit: Unit, default: Expectation | None = None) -> Expectation:
        given = {key: entry[key] for key in entry if key.startswith("must")}
        if not given and default is not None:
            return default
        if len(given) != 1:
            raise _Refused(f"it has {len(given) or 'no'} comparison{'s' if len(given) > 1 else ''}; exactly one mustBe… is needed")
        ((name, value),) = given.items()
        numbers = value if isinstance(value, list) else [value]
        if not all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers):
            raise _Refused(f"{name} is no number")
        if len(numbers) != (2 if name.endswith("Between") else 1):
            raise _Refused(f"{name} has {len(numbers)} numbers")
        first, last = float(numbers[0]), float(numbers[-1])
        found = {
            "mustBe": Expectation(lower=first, upper=first),
            "mustNotBe": Expectation(unequal=first),
            "mustBeGreaterThan": Expectation(lower=first, lower_is_exclusive=True),
            "mustBeGreaterOrEqualTo": Expectation(lower=first),
            "mustBeGreaterThanOrEqualTo": Expectation(lower=first),
            "mustBeLessThan": Expectation(upper=first, upper_is_exclusive=True),
            "mustBeLessOrEqualTo": Expectation(upper=first),
            "mustBeLessThanOrEqualTo": Expectation(upper=first),
            "mustBeBetween": Expectation(lower=first, upper=last),
            "mustNotBeBetween": Expectation(lower=first, upper=last, is_outside=True),
        }.get(name)
        if found is None:
            raise _Refused(f"{name} is no comparison of the standard")
        return msgspec.structs.replace(found, unit=unit)

    def _levels(self, root: dict[str, Any]) -> tuple[list[Rule], list[Promise]]:
        """Return what service levels promise, and as rules those that cannot be judged."""
        unjudged: list[Rule] = []
        promises: list[Promise] = []
        for index, level in enumerate(self._items(root.get("slaProperties"), ("slaProperties",))):
            path: Path = ("slaProperties", index)
            element = level.get("element") or root.get("slaDefaultElement")
            name = f"sla:{level.get('property')}" + (f":{element}" if element else "")
            try:
                promises.append(self._promise(level, element, name, root))
            except _Refused as refused:
                check = Unjudged("sla", str(refused))
                unjudged.append(Rule(f"{name}#{index + 1}", check, dimension="timeliness", line=self._document.line(path)))
        return unjudged, promises

    def _promise(self, level: dict[str, Any], element: Any, name: str, root: dict[str, Any]) -> Promise:
        prop = str(level.get("property"))
        if prop not in _AGES:
            raise _Refused(f"the service level {prop!r} is not measured here; measured are {', '.join(_AGES)}")
        unit = _UNITS.get(str(level.get("unit") or "").lower())
        seconds = seconds_of(f"{level.get('value')}{unit}") if unit else None
        if not seconds:
            raise _Refused(f"{level.get('value')!r} {level.get('unit') or ''} is no length of time in s, min, h, d or w".replace("  ", " "))
        table, dot, column = str(element or "").rpartition(".")
        if not dot or "," in column:
            raise _Refused("it names no single element TABLE.COLUMN whose newest value could be looked at")
        for item in _list(root.get("schema")):
            if isinstance(item, dict) and table in (item.get("name"), item.get("physicalName")):
                return Promise("freshness", seconds, table=self._pattern(item), column=column, name=name, contract_id=self._id)
        raise _Refused(f"the contract describes no table {table!r}")

    def _items(self, value: Any, path: Path) -> list[dict[str, Any]]:
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._note(path, "this must be a list of mappings")
            return []
        return value

    def _note(self, path: Path, text: str) -> None:
        self.mistakes.append(self._document.mistake(path, text))

    def _twice(self, rule: Rule) -> None:
        self.mistakes.append(Mistake(rule.line, "", f"the id {rule.id!r} names two entries of {rule.table or 'the contract'}"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
