"""The rules file: severities, patterns for names, and what is left out with the reason why."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from factbook.errors import InvalidRequest
from factbook.lint.model import RULES, Finding, Severity

ObjectType = Literal[
    "table", "view", "materialized_view", "foreign_table", "partitioned_table", "virtual_table", "column", "index", "constraint"
]
_Text = Annotated[str, Meta(min_length=1)]
_Level = Literal["error", "warning", "info", "off"]
_AT = re.compile(r" - at `(?:key` in `)?\$\.?([^`]*)`\Z")
"""Where msgspec says that a mistake is."""

_NAMES = [rule.name for rule in RULES]


class Ignore(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Findings to leave out: of one rule or of all, at places of a pattern (``schema.table``, ``*`` and ``?``). A reason is owed."""

    reason: _Text
    rule: _Text | None = None
    table: _Text = "*"
    column: _Text | None = None

    def covers(self, rule: str, schema: str, table: str, column: str | None) -> bool:
        """Return whether a finding of the rule there is left out."""
        return (
            self.rule in (None, rule)
            and _pattern(self.table).fullmatch(f"{schema}.{table}") is not None
            and (self.column is None or (column is not None and _pattern(self.column).fullmatch(column) is not None))
        )


class LintRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A rules file. ``rules`` names severities that differ from ours, ``naming`` a regular expression for the names of a type of object."""

    rules: dict[str, _Level] = {}
    naming: dict[ObjectType, _Text] = {}
    ignore: list[Ignore] = []

    @cached_property
    def severities(self) -> dict[str, Severity]:
        """The rules that are on."""
        levels = {rule.name: self.rules.get(rule.name, rule.severity) for rule in RULES}
        return {name: level for name, level in levels.items() if level != "off"}

    @cached_property
    def patterns(self) -> dict[str, re.Pattern[str]]:
        return {kind: re.compile(text) for kind, text in self.naming.items()}

    def only(self, names: list[str]) -> LintRules:
        """Return these rules with all others off; raises :class:`InvalidRequest` for a rule that there is not."""
        for name in names:
            if name not in _NAMES:
                raise _wrong("rule", f"there is no rule {name!r}", f"There are {', '.join(_NAMES)}")
        off: dict[str, _Level] = {name: "off" for name in _NAMES if name not in names}
        return msgspec.structs.replace(self, rules={**self.rules, **off}) if names else self


def covering(rules: LintRules, finding: Finding) -> Ignore | None:
    """Return the first entry of the ignore list that covers a finding."""
    place = (finding.rule, finding.schema, finding.table, finding.column)
    return next((entry for entry in rules.ignore if entry.covers(*place)), None)


def load_rules(file: Path) -> LintRules:
    """Read a rules file (YAML 1.2); raises :class:`InvalidRequest` naming the place in it and what to write there."""
    try:
        document = _parse(file)
        rules = msgspec.convert({} if document is None else document, LintRules)
    except msgspec.ValidationError as error:
        found = _AT.search(str(error))
        raise _wrong(found[1] if found else "", _AT.sub("", str(error))) from error
    for name in rules.rules:
        if name not in _NAMES:
            raise _wrong(f"rules.{name}", "there is no such rule", f"There are {', '.join(_NAMES)}")
    for number, entry in enumerate(rules.ignore):
        if entry.rule is not None and entry.rule not in _NAMES:
            raise _wrong(f"ignore[{number}].rule", f"there is no rule {entry.rule!r}", f"There are {', '.join(_NAMES)}")
    for kind, text in rules.naming.items():
        try:
            re.compile(text)
        except re.error as error:
            raise _wrong(f"naming.{kind}", f"it is no regular expression: {error}", "Correct it") from error
    return rules


def _parse(file: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read", why=error.strerror or "", fix="Name a rules file", field="rules") from error
    except (YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise InvalidRequest(f"{file.name} is no YAML", why=why, fix="Correct the file there", field="rules") from error


def _wrong(place: str, why: str, fix: str = "") -> InvalidRequest:
    what = f"The rules are wrong at {place}" if place else "The rules are wrong"
    return InvalidRequest(what, why=why, fix=fix or "`docs/how-to/lint-documentation.md` shows every part", field=place or "rules")


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in text), re.DOTALL)
