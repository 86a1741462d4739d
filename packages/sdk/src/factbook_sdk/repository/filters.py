"""The filter of ``query``: typed conditions over paths into a record, the same on every backend.

As text, one condition is ``payload.row_count<100``, ``extras.window_start>=2026-01-01``, ``payload.state in failed,cancelled``,
``payload.name like cust%`` or ``payload.comment exists``. Values parse as JSON where they can, else as text; a list may be JSON as a
whole (``payload.name in ["a,b", "c"]``). In a pattern ``%`` stands for any text and ``_`` for one character.
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
_MAX_PATH = 512
_MAX_PATTERN = 512
_MAX_INDEX_DIGITS = 9
_TEXT = re.compile(
    r"\s*(?P<path>[\w.\-]+?)\s*(?:(?P<sign>!=|<=|>=|=|<|>)(?P<value>.*)|\s(?P<word>in|like|exists)(?:\s(?P<rest>.*))?)",
    re.S | re.I,
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
        check_path(self.path)
        if self.operator is Operator.IN and not isinstance(self.value, list):
            raise InvalidRequest("`in` needs a list of values", field="where")
        if self.operator is Operator.LIKE and not isinstance(self.value, str):
            raise InvalidRequest("`like` needs a text with % and _", field="where")
        if self.operator is Operator.LIKE and len(self.value) > _MAX_PATTERN:
            why = f"at most {_MAX_PATTERN} are taken"
            raise InvalidRequest(f"A pattern has {len(self.value):,} characters", why=why, field="where")


def check_path(path: str, field: str = "where") -> None:
    """Refuse what cannot be a path into a record."""
    steps = path.split(".")
    if steps[0] not in _ROOTS or len(steps) < 2 or "" in steps:
        raise InvalidRequest(
            f"{_brief(path)} is no path into a record",
            why=f"it must start with one of {', '.join(_ROOTS)} and name a field in it",
            fix="For example payload.row_count",
            field=field,
        )
    if len(path) > _MAX_PATH:
        raise InvalidRequest(f"A path has {len(path):,} characters", why=f"at most {_MAX_PATH} are taken", field=field)


def parse_condition(text: str) -> Condition:
    """Parse one condition from its text form; raises :class:`InvalidRequest`."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise InvalidRequest(f"{_brief(text)} is no condition", fix="Write for example payload.row_count<100", field="where")
    if match["sign"]:
        return Condition(match["path"], Operator(match["sign"]), _value(match["value"]))
    operator, rest = Operator(match["word"].lower()), (match["rest"] or "").strip()
    if operator is Operator.EXISTS and rest:
        raise InvalidRequest(f"{_brief(text)} is no condition", why="nothing may stand behind exists", field="where")
    if operator is not Operator.EXISTS and not rest:
        what, example = ("a pattern", "cust%") if operator is Operator.LIKE else ("values", "failed,cancelled")
        raise InvalidRequest(f"{_brief(text)} is no condition", why=f"{operator} needs {what}", fix=f"For example {example}", field="where")
    value = None if operator is Operator.EXISTS else rest if operator is Operator.LIKE else _values(rest)
    return Condition(match["path"], operator, value)


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text.strip().encode())
    except (msgspec.DecodeError, UnicodeError):
        return text.strip()
    except RecursionError as error:
        raise InvalidRequest("The value of a condition is nested too deep", field="where") from error


def _values(text: str) -> list[Any]:
    whole = _value(text) if text.startswith("[") else None
    return whole if isinstance(whole, list) else [_value(item) for item in text.split(",")]


def _brief(text: str) -> str:
    shown = repr(text if len(text) <= 200 else f"{text[:200]}…")
    return shown.encode("utf-8", "replace").decode()


def matches(record: MetadataRecord, conditions: Sequence[Condition]) -> bool:
    """Return whether all conditions hold for the record."""
    return all(_holds(record, condition) for condition in conditions)


MISSING = object()


def value_at(record: MetadataRecord, path: str) -> Any:
    """Return the value a path leads to, or :data:`MISSING`; a null is missing."""
    value: Any = record
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, msgspec.Struct):
            value = getattr(value, step) if step in value.__struct_fields__ else MISSING
        elif isinstance(value, list) and _is_index(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return MISSING if value is None else value


def _is_index(step: str) -> bool:
    return step.isascii() and step.isdigit() and len(step) <= _MAX_INDEX_DIGITS


def _holds(record: MetadataRecord, condition: Condition) -> bool:
    found = value_at(record, condition.path)
    if condition.operator is Operator.EXISTS:
        return found is not MISSING
    if condition.operator is Operator.NE:
        return found is MISSING or not _equal(found, condition.value)
    return found is not MISSING and _TESTS[condition.operator](found, condition.value)


def _equal(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _ordered(left: Any, right: Any) -> bool:
    numbers = all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in (left, right))
    return numbers or (isinstance(left, str) and isinstance(right, str))


def _like(found: Any, pattern: str) -> bool:
    """Match a pattern piece by piece, each as early as it fits: one expression for all of it could take for ever to fail."""
    if not isinstance(found, str):
        return False
    first, *rest = pattern.split("%")
    if not rest:
        return _fits(first, found, 0) and len(first) == len(found)
    *middle, last = rest
    if len(found) < len(first) + len(last) or not _fits(first, found, 0) or not _fits(last, found, len(found) - len(last)):
        return False
    place, end = len(first), len(found) - len(last)
    for piece in filter(None, middle):
        begin = _find(piece, found, place, end)
        if begin is None:
            return False
        place = begin + len(piece)
    return True


def _fits(piece: str, found: str, place: int) -> bool:
    if "_" not in piece:
        return found.startswith(piece, place)
    part = found[place : place + len(piece)]
    return len(part) == len(piece) and all(wanted in ("_", there) for wanted, there in zip(piece, part, strict=True))


def _find(piece: str, found: str, place: int, end: int) -> int | None:
    """Return where a piece fits first between two places."""
    if "_" not in piece:
        begin = found.find(piece, place, end)
        return None if begin < 0 else begin
    expression = "".join("." if char == "_" else re.escape(char) for char in piece)
    match = re.compile(expression, re.S).search(found, place, end)
    return match and match.start()


_TESTS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: _equal,
    Operator.LT: lambda found, value: _ordered(found, value) and found < value,
    Operator.LE: lambda found, value: _ordered(found, value) and found <= value,
    Operator.GT: lambda found, value: _ordered(found, value) and found > value,
    Operator.GE: lambda found, value: _ordered(found, value) and found >= value,
    Operator.IN: lambda found, value: any(_equal(found, item) for item in value),
    Operator.LIKE: _like,
}
