"""The filter of ``query``: typed conditions over paths into a record, the same on every backend.

As text, one condition is ``payload.row_count<100``, ``extras.window_start>=2026-01-01``, ``payload.state in failed,cancelled``,
``payload.name like cust%`` or ``payload.comment exists``. Values parse as JSON where they can, else as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from factbook_sdk.errors import InvalidRequest
from factbook_sdk.facts.record import MetadataRecord

_ROOTS = ("target", "context", "payload", "quality", "extras")
_TEXT = re.compile(
    r"^\s*(?P<path>[\w.\-]+?)\s*(?:(?P<sign>!=|<=|>=|=|<|>)\s*(?P<value>.*)|\s(?P<word>in|like|exists)(?:\s+(?P<rest>.*))?)$",
    re.S,
)


class Operator(StrEnum):
    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    LIKE = "like"
    EXISTS = "exists"


class Condition(msgspec.Struct, frozen=True):
    """``path`` leads into the record from target, context, payload, quality or extras; a missing value satisfies only ``!=``.

    Numbers compare with numbers and text with text (ISO 8601 moments therefore sort); other pairs are never less or greater.
    """

    path: str
    operator: Operator
    value: Any = None

    def __post_init__(self) -> None:
        if self.path.split(".")[0] not in _ROOTS or "" in self.path.split(".") or "." not in self.path:
            raise InvalidRequest(
                f"{self.path!r} is no path into a record",
                why=f"it must start with one of {', '.join(_ROOTS)} and name a field in it",
                fix="For example payload.row_count",
                field="where",
            )
        if self.operator is Operator.IN and not isinstance(self.value, list):
            raise InvalidRequest("`in` needs a list of values", field="where")
        if self.operator is Operator.LIKE and not isinstance(self.value, str):
            raise InvalidRequest("`like` needs a text with % and _", field="where")


def parse_condition(text: str) -> Condition:
    """Parse one condition from its text form; raises :class:`InvalidRequest`."""
    match = _TEXT.match(text)
    if match is None:
        raise InvalidRequest(f"{text!r} is no condition", fix="Write for example payload.row_count<100", field="where")
    if match["sign"]:
        return Condition(match["path"], Operator(match["sign"]), _value(match["value"]))
    operator, rest = Operator(match["word"]), (match["rest"] or "").strip()
    if operator is Operator.IN:
        return Condition(match["path"], operator, [_value(item) for item in rest.split(",")])
    return Condition(match["path"], operator, rest if operator is Operator.LIKE else None)


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text.strip().encode())
    except msgspec.DecodeError:
        return text.strip()


def matches(record: MetadataRecord, conditions: Sequence[Condition]) -> bool:
    """Return whether all conditions hold for the record."""
    return all(_holds(record, condition) for condition in conditions)


_MISSING = object()


def _holds(record: MetadataRecord, condition: Condition) -> bool:
    found = _at(record, condition.path)
    if condition.operator is Operator.EXISTS:
        return found is not _MISSING
    if condition.operator is Operator.NE:
        return found is _MISSING or not _equal(found, condition.value)
    return found is not _MISSING and _TESTS[condition.operator](found, condition.value)


def _at(record: MetadataRecord, path: str) -> Any:
    value: Any = record
    for step in path.split("."):
        if isinstance(value, msgspec.Struct):
            value = getattr(value, step, _MISSING)
        elif isinstance(value, dict):
            value = value.get(step, _MISSING)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _MISSING
    return _MISSING if value is None else value


def _equal(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _ordered(left: Any, right: Any) -> bool:
    numbers = all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in (left, right))
    return numbers or (isinstance(left, str) and isinstance(right, str))


def _like(found: Any, pattern: str) -> bool:
    regex = "".join(".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern)
    return isinstance(found, str) and re.fullmatch(regex, found, re.S) is not None


_TESTS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: _equal,
    Operator.LT: lambda found, value: _ordered(found, value) and found < value,
    Operator.LE: lambda found, value: _ordered(found, value) and found <= value,
    Operator.GT: lambda found, value: _ordered(found, value) and found > value,
    Operator.GE: lambda found, value: _ordered(found, value) and found >= value,
    Operator.IN: lambda found, value: any(_equal(found, item) for item in value),
    Operator.LIKE: _like,
}
