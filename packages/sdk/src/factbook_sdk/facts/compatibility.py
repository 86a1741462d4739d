"""Whether two versions of a kind's JSON Schema get along, judged change by change.

*Backward*: readers of the new version can read every payload written under the old one. *Forward*: readers of the old version can read
every payload written under the new one. *Full*: both. What cannot be judged by comparing keywords counts against both.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

import msgspec

from factbook_sdk.errors import InvalidRequest
from factbook_sdk.facts.codec import canonical_json


class Compatibility(StrEnum):
    """What a kind demands of its next version."""

    BACKWARD = "backward"
    FORWARD = "forward"
    FULL = "full"
    NONE = "none"


class SchemaChange(msgspec.Struct, frozen=True):
    """One difference. ``path`` leads into the payload (``payload.columns[].name``); ``old`` and ``new`` are what the schemas say there."""

    path: str
    description: str
    breaks_backward: bool = False
    breaks_forward: bool = False
    old: Any = None
    new: Any = None

    @property
    def breaks(self) -> str:
        """Whom the change breaks, in words; empty where it breaks nobody."""
        backward = "readers of the new version, by records of the old one" if self.breaks_backward else ""
        forward = "readers of the old version, by records of the new one" if self.breaks_forward else ""
        return "; ".join(filter(None, (backward, forward)))


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[SchemaChange]:
    """Return the differences of two schemas (draft 2020-12) that decide what payloads they admit.

    References within a schema (``#/$defs/name``) are followed; a pair of them that is met again has been judged already.
    """
    return list(_Comparison(old, new).compare(old, new, "payload"))


def breaking(changes: list[SchemaChange], demanded: Compatibility) -> list[SchemaChange]:
    """Return the changes that break what is demanded."""
    backward = demanded in (Compatibility.BACKWARD, Compatibility.FULL)
    forward = demanded in (Compatibility.FORWARD, Compatibility.FULL)
    return [change for change in changes if (backward and change.breaks_backward) or (forward and change.breaks_forward)]


def resolve(root: dict[str, Any], reference: str) -> Any:
    """Return what a reference within a schema leads to; raises :class:`InvalidRequest` if it leads nowhere."""
    found: Any = root
    try:
        if reference != "#" and not reference.startswith("#/"):
            raise KeyError(reference)
        for step in reference[2:].split("/") if reference != "#" else ():
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            found = found[int(name)] if isinstance(found, list) else found[name]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise InvalidRequest(
            f"The reference {reference[:200]!r} leads nowhere", fix="Write #/$defs/NAME, and define NAME under $defs", field="schema"
        ) from error
    return found


_ANNOTATIONS = frozenset(
    {"$schema", "$id", "$defs", "$comment", "title", "description", "default", "deprecated", "examples", "readOnly", "writeOnly"}
)
_LOWER_BOUNDS = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_UPPER_BOUNDS = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_OBJECT = frozenset({"properties", "required", "additionalProperties"})
_ELSEWHERE = frozenset({"patternProperties", "unevaluatedProperties"})
"""Where a field may be allowed or refused although ``properties`` does not name it."""


class _Comparison:
    """Two schemas being compared; it knows where their references lead."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self._old, self._new = old, new
        references = {*_references(old), *_references(new)}
        to_definitions = all(reference.startswith("#/$defs/") for reference in references)
        self._same_targets = _same(old, new) or (_same(old.get("$defs"), new.get("$defs")) and to_definitions)
        """Whether equal references lead to equal schemas."""
        self._followed: set[tuple[int, int]] = set()

    def compare(self, old: Any, new: Any, path: str) -> Iterator[SchemaChange]:
        old, new = (True if schema == {} else schema for schema in (old, new))
        if self._are_equal(old, new):
            return
        if not isinstance(old, dict) or not isinstance(new, dict):
            yield from _of_a_boolean(old, new, path)
        elif "$ref" in old or "$ref" in new:
            yield from self._follow(old, new, path)
        else:
            yield from self._compare_keywords(old, new, path)

    def _are_equal(self, old: Any, new: Any) -> bool:
        return _same(old, new) and (self._same_targets or not any(_references(old)))

    def _follow(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[SchemaChange]:
        """Compare what references lead to, and what stands beside them where both sides have one."""
        beside_old, beside_new = _beside(old), _beside(new)
        if ("$ref" in old) != ("$ref" in new) and (beside_old if "$ref" in old else beside_new):
            words = "a reference with conditions beside it cannot be judged"
            yield SchemaChange(path, words, breaks_backward=True, breaks_forward=True, old=old, new=new)
            return
        left = resolve(self._old, old["$ref"]) if "$ref" in old else old
        right = resolve(self._new, new["$ref"]) if "$ref" in new else new
        if (id(left), id(right)) not in self._followed:
            self._followed.add((id(left), id(right)))
            yield from self.compare(left, right, path)
        if "$ref" in old and "$ref" in new:
            yield from self._compare_keywords(beside_old, beside_new, path)

    def _compare_keywords(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[SchemaChange]:
        yield from _compare_types(old, new, path)
        yield from _compare_values(old, new, path)
        yield from self._compare_objects(old, new, path)
        for keyword in sorted((old.keys() | new.keys()) - _ANNOTATIONS - _OBJECT - {"type", "enum", "const"}):
            if keyword == "items":
                yield from self.compare(old.get("items", True), new.get("items", True), f"{path}[]")
            elif not self._are_equal(old.get(keyword), new.get(keyword)):
                yield _of_a_keyword(keyword, old.get(keyword), new.get(keyword), path)

    def _compare_objects(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[SchemaChange]:
        if _OBJECT.isdisjoint(old) and _OBJECT.isdisjoint(new):
            return
        before, after = old.get("properties", {}), new.get("properties", {})
        rest_before, rest_after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if before.keys() != after.keys() and not _ELSEWHERE.isdisjoint(old.keys() | new.keys()):
            words = f"fields came or went beside {' or '.join(sorted(_ELSEWHERE & (old.keys() | new.keys())))}, which cannot be judged"
            names_before, names_after = sorted(before), sorted(after)
            yield SchemaChange(path, words, breaks_backward=True, breaks_forward=True, old=names_before, new=names_after)
        for name in sorted(before.keys() | after.keys()):
            place = f"{path}.{name}"
            if name not in before and rest_before is False:
                yield SchemaChange(place, "the field was added", breaks_forward=True, new=after[name])
            elif name not in after and rest_after is False:
                yield SchemaChange(place, "the field was removed", breaks_backward=True, old=before[name])
            else:
                yield from self.compare(before.get(name, rest_before), after.get(name, rest_after), place)
        required_before, required_after = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(required_after - required_before):
            yield SchemaChange(f"{path}.{name}", "it is required now", breaks_backward=True, old="optional", new="required")
        for name in sorted(required_before - required_after):
            yield SchemaChange(f"{path}.{name}", "it is no longer required", breaks_forward=True, old="required", new="optional")
        yield from self.compare(rest_before, rest_after, f"{path}.*")


def _references(value: Any) -> Iterator[str]:
    """Yield every reference in a schema, wherever it stands."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _beside(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords beside a reference that admit or refuse something."""
    return {keyword: value for keyword, value in schema.items() if keyword != "$ref" and keyword not in _ANNOTATIONS}


def _of_a_boolean(old: Any, new: Any, path: str) -> Iterator[SchemaChange]:
    """Compare where one side is ``true`` (anything) or ``false`` (nothing)."""
    narrowed = old is True or new is False
    widened = new is True or old is False
    description = "anything was allowed" if narrowed else "anything is allowed now" if widened else "it was replaced"
    yield SchemaChange(path, description, breaks_backward=narrowed or not widened, breaks_forward=widened or not narrowed, old=old, new=new)


def _compare_types(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[SchemaChange]:
    before, after = _types(old), _types(new)
    lost, gained = _without(before, after), _without(after, before)
    if lost or gained:
        words = f"the type was {_listed(before)} and is {_listed(after)}"
        yield SchemaChange(path, words, breaks_backward=bool(lost), breaks_forward=bool(gained), old=_listed(before), new=_listed(after))


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
    if _same(before, after):
        return
    if before is None or after is None:
        words = "only certain values are allowed now" if before is None else "any value is allowed now"
        yield SchemaChange(path, words, breaks_backward=before is None, breaks_forward=after is None, old=before, new=after)
        return
    lost = [value for value in before if not any(_same(value, other) for other in after)]
    gained = [value for value in after if not any(_same(value, other) for other in before)]
    if lost or gained:
        parts = [f"no longer {', '.join(map(repr, lost))}" if lost else "", f"now also {', '.join(map(repr, gained))}" if gained else ""]
        words = "; ".join(filter(None, parts))
        yield SchemaChange(path, words, breaks_backward=bool(lost), breaks_forward=bool(gained), old=before, new=after)


def _values(schema: dict[str, Any]) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _of_a_keyword(keyword: str, before: Any, after: Any, path: str) -> SchemaChange:
    backward = forward = True
    if before is None or after is None:
        backward, forward = before is None, after is None
    elif keyword in _LOWER_BOUNDS:
        backward, forward = after > before, after < before
    elif keyword in _UPPER_BOUNDS:
        backward, forward = after < before, after > before
    words = f"{keyword} was {_brief(before)} and is {_brief(after)}"
    return SchemaChange(path, words, breaks_backward=backward, breaks_forward=forward, old=before, new=after)


def _same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same; to Python alone, true is 1."""
    return bool(one == other) and canonical_json(one) == canonical_json(other)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
