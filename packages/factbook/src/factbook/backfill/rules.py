"""Rules: from a raw row to one value of a record. Compiled once; a value that does not fit raises :class:`ValueError` with the reason."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from factbook.backfill.mapping import Rule, Type, Where
from factbook.backfill.moments import moment_reader
from factbook.backfill.paths import Look, Row, compile_path, is_path

Extract = Callable[[Row], Any]
Step = Callable[[Any], Any]

_OPTIONS = frozenset(Rule.__struct_fields__)
_SOURCES = frozenset({"path", "constant", "fields"})
_WHOLE = re.compile(r"[+-]?\d{1,300}")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def is_rule(value: Any) -> bool:
    """Return whether a table in a mapping says where a value comes from; any other is an object with rules in it."""
    if not isinstance(value, dict):
        return True
    return any(not isinstance(value.get(name, {}), dict) for name in ("path", "merge")) or "constant" in value or "fields" in value


def read_rule(value: Any) -> Rule:
    """Return the rule that a value of the mapping stands for: a path, a constant, or a table. Raises :class:`ValueError`."""
    if isinstance(value, str) and is_path(value):
        return Rule(path=value)
    if not isinstance(value, dict):
        return Rule(constant=value)
    unknown = value.keys() - _OPTIONS
    if unknown:
        raise ValueError(f"there is no option {', '.join(sorted(unknown))}; there are {', '.join(sorted(_OPTIONS))}")
    try:
        rule = msgspec.convert(value, Rule)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if len(value.keys() & _SOURCES) != (rule.merge != "count"):
        raise ValueError("a value comes from one of path, constant or fields, and a count from none")
    return rule


def compile_rule(rule: Rule) -> Extract:
    """Return the function that takes a rule's value from a row; ``None`` where the row has none. Raises :class:`ValueError`."""
    if rule.path is None:
        constant = None if rule.constant is UNSET else _plain(rule.constant)
        return lambda row: constant
    look, steps = compile_path(rule.path), _steps(rule)
    path, default, required = rule.path, None if rule.default is UNSET else _plain(rule.default), rule.required
    only = steps[0] if len(steps) == 1 else None

    def extract(row: Row) -> Any:
        value = look(row)
        if value is None:
            if required and default is None:
                raise ValueError(f"{path} is missing")
            return default
        try:
            if only is not None:
                return only(value)
            for step in steps:
                value = step(value)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{path}: {error}") from None
        return value

    return extract if steps or required or default is not None else look


def compile_where(condition: Where) -> Callable[[Row], bool]:
    """Return the test of a condition. Raises :class:`ValueError`."""
    look = compile_path(condition.path)
    tests: list[Callable[[Any], bool]] = []
    if condition.equals is not UNSET:
        tests.append(lambda value: _same(value, condition.equals))
    if condition.unequal is not UNSET:
        tests.append(lambda value: not _same(value, condition.unequal))
    if not isinstance(condition.one_of, msgspec.UnsetType):
        members = condition.one_of
        tests.append(lambda value: any(_same(value, member) for member in members))
    if condition.matches is not None:
        search = _regex(condition.matches).search
        tests.append(lambda value: isinstance(value, str) and search(value) is not None)
    if condition.exists is not None:
        tests.append(lambda value: (value is not None) == condition.exists)
    if not tests:
        raise ValueError("it asks nothing; give it equals, unequal, in, matches or exists")
    return _all_of(look, tests)


def iso(moment: datetime) -> str:
    """Return a moment in UTC as payloads hold it."""
    return moment.isoformat().replace("+00:00", "Z")


def _all_of(look: Look, tests: list[Callable[[Any], bool]]) -> Callable[[Row], bool]:
    if len(tests) == 1:
        [test] = tests
        return lambda row: test(look(row))
    return lambda row: all(test(look(row)) for test in tests)


def _same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _steps(rule: Rule) -> list[Step]:
    steps: list[Step] = []
    if rule.match is not None:
        steps.append(_matching(_regex(rule.match)))
    if rule.split is not None:
        steps.append(_splitting(rule.split))
    if rule.values is not None:
        steps.append(_translating({_word(key): _plain(value) for key, value in rule.values.items()}))
    if rule.type == "moment":
        read = moment_reader(rule.format, rule.zone, rule.fold)
        steps.append(lambda value: iso(read(value)))
    elif rule.format != "iso" or rule.zone is not None or rule.fold is not None:
        raise ValueError('format, zone and fold belong to moments; add type = "moment"')
    elif rule.type != "any":
        steps.append(_TYPES[rule.type])
    if rule.scale is not None:
        if rule.type not in ("number", "integer"):
            raise ValueError('scale belongs to numbers; add type = "number"')
        steps.append(_scaling(rule.scale, whole=rule.type == "integer"))
    return steps


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error


def _matching(pattern: re.Pattern[str]) -> Step:
    if pattern.groups > 1:
        raise ValueError(f"{pattern.pattern!r} has {pattern.groups} groups; one is the value, (?:…) makes others none")

    def match(value: Any) -> Any:
        found = pattern.search(_word(value))
        if found is None or found[pattern.groups] is None:
            raise ValueError(f"{_shown(value)} does not match {pattern.pattern}")
        return found[pattern.groups]

    return match


def _splitting(separator: str) -> Step:
    if not separator:
        raise ValueError("split needs a separator")
    return lambda value: [part.strip() for part in _word(value).split(separator) if part.strip()]


def _translating(words: dict[str, Any]) -> Step:
    def translate(value: Any) -> Any:
        word = _word(value)
        if word not in words:
            raise ValueError(f"{_shown(value)} is none of {', '.join(words)}")
        return words[word]

    return translate


def _scaling(factor: float, *, whole: bool) -> Step:
    def scale(value: Any) -> Any:
        scaled = value * factor
        if not math.isfinite(scaled):
            raise ValueError(f"{_shown(value)} is too large")
        return round(scaled) if whole else scaled

    return scale


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise ValueError(f"{_shown(value)} is no text")
    return _word(value)


def _integer(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError(f"{_shown(value)} is no whole number")


def _number(value: Any) -> float | int:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = value.strip()
        if _WHOLE.fullmatch(text):
            return int(text)
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if math.isfinite(number) and "_" not in text:
            return number
    raise ValueError(f"{_shown(value)} is no number")


def _boolean(value: Any) -> bool:
    truth = _TRUTH.get(_word(value).strip().lower()) if isinstance(value, (bool, int, str)) else None
    if truth is None:
        raise ValueError(f"{_shown(value)} is neither true nor false")
    return truth


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _plain(value: Any) -> Any:
    """Return a constant of the mapping as JSON has it: TOML's moments become text."""
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"{value} has no time zone; write for example {value.isoformat()}Z")
    return msgspec.to_builtins(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "…"


_TYPES: dict[Type, Step] = {"text": _text, "integer": _integer, "number": _number, "boolean": _boolean}
