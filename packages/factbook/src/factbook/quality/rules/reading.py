"""A rules file of ours: tables with their checks and promises, and checks of the whole source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, get_args

from factbook.quality.rules.checks import CHECKS, Read
from factbook.quality.rules.fields import Fields
from factbook.quality.rules.identity import with_distinct_ids
from factbook.quality.rules.model import DIMENSIONS, Promise, Rule, RuleSet, Sql
from factbook.rulefiles import Document, Mistake, Path
from factbook_sdk.facts.kinds.quality_result import Dimension, RuleSeverity

_TOP = ("version", "source", "description", "tables", "checks", "promises")
_TABLE = ("table", "source", "description", "checks", "promises")
_ABOUT = ("id", "severity", "dimension", "where", "tags", "owner", "description")
DEFAULT_PROMISES = {"completeness": 0.99, "accuracy": 0.999, "freshness": 3600.0}
"""The levels that ``promises: default`` promises."""


def read_rules(document: Document, name: str) -> tuple[RuleSet, list[Mistake]]:
    """Return the rules of a document and everything that is wrong in it."""
    reader = _Reading(document)
    return reader.ruleset(name), sorted(reader.mistakes)


class _Reading:
    def __init__(self, document: Document) -> None:
        self._document = document
        self.mistakes = list(document.mistakes)
        self._source = "*"

    def ruleset(self, name: str) -> RuleSet:
        root = self._document.root
        if not isinstance(root, dict):
            self._note((), "a rules file is a mapping with tables")
            return RuleSet(name, "rules", [])
        fields = self._fields(root, (), _TOP)
        if root.get("version", 1) != 1:
            fields.refuse("version", "version must be 1")
        source = fields.text("source")
        self._source = source or "*"
        fields.text("description")
        rules = self._checks(root.get("checks"), ("checks",), self._source, None)
        promises = self._promises(root.get("promises"), ("promises",), self._source, None)
        for index, table in enumerate(self._list(root.get("tables"), ("tables",), "tables")):
            found, promised = self._table(table, ("tables", index))
            rules += found
            promises += promised
        if not (rules or promises or self.mistakes):
            self._note((), "the file has no check and no promise")
        return RuleSet(name, "rules", with_distinct_ids(rules, self._twice), promises, source)

    def _table(self, value: Any, path: Path) -> tuple[list[Rule], list[Promise]]:
        if not isinstance(value, dict):
            self._note(path, "a table is a mapping with table and checks")
            return [], []
        fields = self._fields(value, path, _TABLE)
        table, source = fields.text("table", required=True), fields.text("source") or self._source
        fields.text("description")
        if table is not None and not all(table.partition(".")):
            fields.refuse("table", f"table is {table!r}; write schema.table, with * and ? where any will do")
        checks = self._checks(value.get("checks"), (*path, "checks"), source, table or "?")
        return checks, self._promises(value.get("promises"), (*path, "promises"), source, table or "?")

    def _checks(self, value: Any, path: Path, source: str, table: str | None) -> list[Rule]:
        found: list[Rule] = []
        for index, item in enumerate(self._list(value, path, "checks")):
            found += self._check(item, (*path, index), source, table)
        return found

    def _check(self, item: Any, path: Path, source: str, table: str | None) -> list[Rule]:
        if not isinstance(item, dict):
            self._note(path, f"a check is a mapping such as `not_null: email`; checks are {', '.join(CHECKS)}")
            return []
        named = [key for key in item if key in CHECKS]
        if len(named) != 1:
            self._odd_check(item, path, named)
            return []
        kind = named[0]
        about = self._fields({key: value for key, value in item.items() if key != kind}, path, _ABOUT)
        read = self._read(kind, item[kind], (*path, kind))
        if table is None and any(not isinstance(check, Sql) for check, _ in read):
            self._note((*path, kind), f"{kind} needs a table; checks of the whole source are sql")
            return []
        named_id = about.text("id")
        if named_id is not None and len(read) > 1:
            about.refuse("id", "one id cannot name several rules; write a check for each column")
            named_id = None
        severity = about.text("severity", one_of=get_args(RuleSeverity)) or "error"
        dimension = about.text("dimension", one_of=sorted(get_args(Dimension)))
        where, owner, description, tags = about.text("where"), about.text("owner"), about.text("description"), about.texts("tags")
        return [
            Rule(
                named_id or "",
                check,
                expect,
                cast("Any", dimension or DIMENSIONS[type(check)]),
                cast("Any", severity),
                source,
                table,
                where,
                tags,
                owner,
                description,
                self._document.line(path),
            )
            for check, expect in read
        ]

    def _odd_check(self, item: dict[str, Any], path: Path, named: list[str]) -> None:
        unknown = next((key for key in item if key not in CHECKS and key not in _ABOUT), None)
        if named:
            self._note((*path, named[1]), f"one check a place; here are {' and '.join(named)}")
        elif unknown is not None:
            self._note((*path, unknown), f"{unknown!r} is no check; checks are {', '.join(CHECKS)}")
        else:
            self._note(path, f"no check is named; checks are {', '.join(CHECKS)}")

    def _read(self, kind: str, value: Any, path: Path) -> list[Read]:
        reader = CHECKS[kind]
        if not isinstance(value, dict):
            if not reader.short or not isinstance(value, (str, list)):
                self._note(path, f"{kind} needs a mapping with {', '.join(reader.allowed)}")
                return []
            value = {reader.short: value}
        return reader.read(self._fields(value, path, reader.allowed))

    def _promises(self, value: Any, path: Path, source: str, table: str | None) -> list[Promise]:
        if value is None:
            return []
        if value == "default":
            return [Promise(cast("Any", name), level, source, table) for name, level in DEFAULT_PROMISES.items()]
        if not isinstance(value, dict):
            self._note(path, f"promises are `default`, or a mapping with {', '.join(DEFAULT_PROMISES)}")
            return []
        fields = self._fields(value, path, tuple(DEFAULT_PROMISES))
        found: list[Promise] = []
        for objective in DEFAULT_PROMISES:
            if objective in value:
                found += self._promise(objective, value[objective], (*path, objective), fields, source, table)
        return found

    def _promise(self, objective: str, value: Any, path: Path, fields: Fields, source: str, table: str | None) -> list[Promise]:
        is_age = objective == "freshness"
        allowed = ("max_age", "column") if is_age else ("min", "columns") if objective == "completeness" else ("min",)
        inner = fields
        key = objective
        if isinstance(value, dict):
            inner, key = self._fields(value, path, allowed), allowed[0]
        elif value == "default":
            return [Promise(cast("Any", objective), DEFAULT_PROMISES[objective], source, table)]
        level = inner.seconds(key) if is_age else inner.share(key)
        if level is None and key in inner:
            return []
        columns = inner.texts("columns") if "columns" in allowed and isinstance(value, dict) else []
        column = inner.text("column") if is_age and isinstance(value, dict) else None
        if table is None and (columns or column):
            inner.refuse(None, "columns belong to a table's promises")
        level = DEFAULT_PROMISES[objective] if level is None else level
        return [Promise(cast("Any", objective), level, source, table, columns, column)]

    def _fields(self, value: dict[str, Any], path: Path, allowed: Sequence[str]) -> Fields:
        return Fields(self._document, self.mistakes, value, path, allowed)

    def _list(self, value: Any, path: Path, name: str) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            self._note(path, f"{name} must be a list")
            return []
        return value

    def _note(self, path: Path, text: str) -> None:
        self.mistakes.append(self._document.mistake(path, text))

    def _twice(self, rule: Rule) -> None:
        self.mistakes.append(Mistake(rule.line, "", f"the id {rule.id!r} names two rules of {rule.table or 'the source'}"))
