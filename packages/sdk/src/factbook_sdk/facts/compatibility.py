"""Whether two versions of a kind's JSON Schema get along, judged change by change.

*Backward*: readers of the new version can read every payload written under the old one. *Forward*: readers of the old version can read
every payload written under the new one. *Full*: both. What cannot be judged by comparing keywords counts against both.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec


class Compatibility(StrEnum):
    """What a kind demands of its next version."""

    BACKWARD = "backward"
    FORWARD = "forward"
    FULL = "full"
    NONE = "none"


class SchemaChange(msgspec.Struct, frozen=True):
    """One difference. ``path`` leads into the payload (``payload.columns[].name``)."""

    path: str
    description: str
    breaks_backward: bool = False
    breaks_forward: bool = False


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[SchemaChange]:
    """Return the differences of two schemas (draft 2020-12) that decide what payloads they admit."""
    return list(_compare(old, new, "payload"))


def breaking(changes: list[SchemaChange], demanded: Compatibility) -> list[SchemaChange]:
    """Return the changes that break what is demanded."""
    backward = demanded in (Compatibility.BACKWARD, Compatibility.FULL)
    forward = demanded in (Compatibility.FORWARD, Compatibility.FULL)
    return [change for change in changes if (backward and change.breaks_backward) or (forward and change.breaks_forward)]


_ANNOTATIONS = frozenset(
    {"$schema", "$id", "$comment", "title", "description", "default", "deprecated", "examples", "readOnly", "writeOnly"}
)
_LOWER_BOUNDS = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_UPPER_BOUNDS = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_OBJECT = frozenset({"properties", "required", "additionalProperties"})


def _compare(old: Any, new: Any, path: str) -> Iterator[SchemaChange]:
    old, new = (True if schema == {} else schema for schema in (old, new))
    if old == new:
        return
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield from _of_a_boolean(old, new, path)
        return
    yield from _compare_types(old, new, path)
    yield from _compare_values(old, new, path)
    yield from _compare_objects(old, new, path)
    for keyword in sorted((old.keys() | new.keys()) - _ANNOTATIONS - _OBJECT - {"type", "enum", "const"}):
        if old.get(keyword) != new.get(keyword):
            yield from _compare_keyword(keyword, old, new, path)


def _of_a_boolean(old: Any, new: Any, path: str) -> Iterator[SchemaChange]:
    """Compare where one side is ``true`` (anything) or ``false`` (nothing)."""
    narrowed = old is True or new is False
    widened = new is True or old is False
    description = "anything was allowed" if narrowed else "anything is allowed now" if widened else "it was replaced"
    yield SchemaChange(path, description, breaks_backward=narrowed or not widened, breaks_forward=widened or not narrowed)


def _compare_types(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[SchemaChange]:
    before, after = _types(old), _types(new)
    lost, gained = _without(before, after), _without(after, before)
    if lost or gained:
        words = f"the type was {_listed(before)} and is {_listed(after)}"
        yield SchemaChange(path, words, breaks_backward=bool(lost), breaks_forward=bool(gained))


_ALL_TYPES = frozenset({"null", "boolean", "object", "array", "number", "string"})


def _types(schema: dict[str, Any]) -> frozenset[str]:
    declared = schema.get("type", _ALL_TYPES)
    return frozenset({declared} if isinstance(declared, str) else declared)


def _without(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    """Return the types that others do not admit; every integer is a number."""
    return some - others - (frozenset({"integer"}) if "number" in others else frozenset())


def _listed(types: frozenset[str]) -> str:
    return "anything" if types == _ALL_TYPES else " or ".join(sorted(types))


def _compare_values(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[SchemaChange]:
    before, after = _values(old), _values(new)
    if before == after:
        return
    if before is None or after is None:
        words = "only certain values are allowed now" if before is None else "any value is allowed now"
        yield SchemaChange(path, words, breaks_backward=before is None, breaks_forward=after is None)
        return
    lost, gained = [value for value in before if value not in after], [value for value in after if value not in before]
    if lost or gained:
        parts = [f"no longer {', '.join(map(repr, lost))}" if lost else "", f"now also {', '.join(map(repr, gained))}" if gained else ""]
        yield SchemaChange(path, "; ".join(filter(None, parts)), breaks_backward=bool(lost), breaks_forward=bool(gained))


def _values(schema: dict[str, Any]) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _compare_objects(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[SchemaChange]:
    if _OBJECT.isdisjoint(old) and _OBJECT.isdisjoint(new):
        return
    before, after = old.get("properties", {}), new.get("properties", {})
    rest_before, rest_after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    for name in sorted(before.keys() | after.keys()):
        place = f"{path}.{name}"
        if name not in before and rest_before is False:
            yield SchemaChange(place, "the field was added", breaks_forward=True)
        elif name not in after and rest_after is False:
            yield SchemaChange(place, "the field was removed", breaks_backward=True)
        else:
            yield from _compare(before.get(name, rest_before), after.get(name, rest_after), place)
    required_before, required_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(required_after - required_before):
        yield SchemaChange(f"{path}.{name}", "it is required now", breaks_backward=True)
    for name in sorted(required_before - required_after):
        yield SchemaChange(f"{path}.{name}", "it is no longer required", breaks_forward=True)
    if rest_before != rest_after:
        yield from _compare(rest_before, rest_after, f"{path}.*")


def _compare_keyword(keyword: str, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[SchemaChange]:
    before, after = old.get(keyword), new.get(keyword)
    words = f"{keyword} was {before!r} and is {after!r}"
    if keyword == "items":
        yield from _compare(old.get("items", True), new.get("items", True), f"{path}[]")
    elif before is None or after is None:
        yield SchemaChange(path, words, breaks_backward=before is None, breaks_forward=after is None)
    elif keyword in _LOWER_BOUNDS:
        yield SchemaChange(path, words, breaks_backward=after > before, breaks_forward=after < before)
    elif keyword in _UPPER_BOUNDS:
        yield SchemaChange(path, words, breaks_backward=after < before, breaks_forward=after > before)
    else:
        yield SchemaChange(path, words, breaks_backward=True, breaks_forward=True)
