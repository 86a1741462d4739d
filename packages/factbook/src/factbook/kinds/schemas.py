"""Which JSON Schemas are taken from strangers: valid draft 2020-12, whole in themselves, and quick to check whatever payload comes.

A schema is a small program. Without bounds it can fetch a URL, call itself for ever (which ends the whole process, not the request), or
double its work at every level. Patterns run on the engine without backtracking, which leaves out look-around and back-references.
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from factbook.errors import FactbookError, InvalidRecord, KindRefused
from factbook_sdk.facts.codec import encode_payload
from factbook_sdk.facts.compatibility import resolve
from factbook_sdk.facts.registry import compiled

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_SCHEMA_BYTES = 65_536
MAX_DEPTH = 64
MAX_CHECKS = 1_000
"""How many subschemas may be asked about one place in a payload."""

_PAYLOAD_DEPTH = 200
_PATTERN_BYTES = 1 << 20
_BY_NAME = ("properties",)
_BY_PLACE = ("prefixItems",)
_HERE_ONE = ("not", "if", "then", "else")
_HERE_MANY = ("allOf", "anyOf", "oneOf")
_BELOW_ONE = ("additionalProperties", "unevaluatedProperties", "propertyNames", "items", "unevaluatedItems", "contains", "contentSchema")
_ELSEWHERE = ("$defs", "definitions")
_FOREIGN = frozenset({"$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$recursiveAnchor", "$vocabulary"})


def check_schema(schema: Any) -> Any:
    """Return the validator of a schema that is safe to run; raises :class:`KindRefused` saying what is wrong with it, and where."""
    if not isinstance(schema, dict):
        raise _refused("it is no object", 'A payload is an object: begin with {"type": "object"}')
    _check_size(schema)
    if schema.get("$schema", DIALECT) not in (DIALECT, f"{DIALECT}#"):
        raise _refused("its $schema is another dialect", f"Write it in {DIALECT}")
    _check_meta(schema)
    types = schema.get("type", "object")
    if types != "object" and not (isinstance(types, list) and "object" in types):
        raise _refused("no payload could pass it", "A payload is an object: let its type be object")
    _check_work(_Parts(schema))
    return compile_schema(schema)


def compile_schema(schema: dict[str, Any]) -> Any:
    """Return the validator of a schema that :func:`check_schema` has passed."""
    import jsonschema_rs

    patterns = jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=_PATTERN_BYTES)
    try:
        return compiled(schema, pattern_options=patterns, retriever=_fetch_nothing)
    except ValueError as error:
        raise _refused(getattr(error, "message", str(error))) from error


def _fetch_nothing(uri: str) -> Any:
    raise ValueError(f"{uri} is not fetched")


def _refused(why: str, fix: str = "Correct the schema", place: str = "") -> KindRefused:
    return KindRefused("The schema is not taken", why=f"at {place}: {why}" if place else why, fix=fix, field="schema")


def _check_size(schema: dict[str, Any]) -> None:
    level: list[Any] = [schema]
    for _ in range(MAX_DEPTH):
        level = [
            inner for item in level for inner in (item.values() if isinstance(item, dict) else item) if isinstance(inner, (dict, list))
        ]
        if not level:
            break
    else:
        raise _refused(f"it is nested deeper than {MAX_DEPTH} levels", "Move parts of it to $defs")
    try:
        size = len(encode_payload(schema, "schema"))
    except InvalidRecord as error:
        raise _refused(f"it is no JSON: {error}") from error
    if size > MAX_SCHEMA_BYTES:
        raise _refused(f"it has {size:,} bytes; at most {MAX_SCHEMA_BYTES:,} are taken", "Say less in it, or split the kind")


def _check_meta(schema: dict[str, Any]) -> None:
    import jsonschema_rs

    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        place = "/".join(str(step) for step in error.instance_path)
        message = error.message if len(error.message) <= 300 else error.message[:300] + "…"
        raise _refused(message, "See https://json-schema.org/draft/2020-12", place or "its top") from error


class _Parts:
    """The subschemas of a schema by number, and which of them are asked about the same place in a payload, or one level below."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self.numbers: dict[int, int] = {}
        self.here: list[list[int]] = []
        self.named: list[list[int]] = []
        self.below: list[list[int]] = []
        self._references: list[tuple[int, str, str]] = []
        self._add(root, "#")
        for part, reference, place in self._references:
            self.here[part].append(self._target(reference, place))

    def _add(self, schema: Any, place: str) -> int:
        number = len(self.here)
        self.numbers[id(schema)] = number if isinstance(schema, dict) else -1
        self.here.append([])
        self.named.append([])
        self.below.append([])
        if isinstance(schema, dict):
            self._check_keywords(schema, place)
            self.here[number] += self._add_all(schema, place, _HERE_ONE, _HERE_MANY, ("dependentSchemas",))
            self.named[number] += self._add_all(schema, place, (), _BY_PLACE, _BY_NAME)
            self.below[number] += self._add_all(schema, place, _BELOW_ONE, (), ("patternProperties",))
            self._add_all(schema, place, (), (), _ELSEWHERE)
            if "$ref" in schema:
                self._references.append((number, schema["$ref"], place))
            if not {"unevaluatedProperties", "unevaluatedItems"}.isdisjoint(schema):
                # To know what was evaluated, what is asked about the same place is asked once more.
                self.here[number] *= 2
        return number

    def _add_all(
        self, schema: dict[str, Any], place: str, ones: tuple[str, ...], lists: tuple[str, ...], maps: tuple[str, ...]
    ) -> list[int]:
        return [self._add(inner, inner_place) for inner, inner_place in _inner(schema, place, ones, lists, maps)]

    @staticmethod
    def _check_keywords(schema: dict[str, Any], place: str) -> None:
        foreign = _FOREIGN & schema.keys() | (set() if place == "#" else {"$id", "$schema"} & schema.keys())
        if foreign:
            raise _refused(f"{', '.join(sorted(foreign))} is not understood here", "Refer to parts as #/$defs/NAME", place)

    def _target(self, reference: str, place: str) -> int:
        if not reference.startswith("#"):
            raise _refused(f"the reference {reference[:200]!r} leads out of the schema", "Copy what it leads to under $defs", place)
        try:
            found = resolve(self._root, reference)
        except FactbookError as error:
            raise _refused(error.what, error.fix, place) from error
        number = self.numbers.get(id(found), -1) if isinstance(found, dict) else -1
        if number < 0:
            raise _refused(f"the reference {reference[:200]!r} leads to no schema", "Write #/$defs/NAME", place)
        return number


def _inner(
    schema: dict[str, Any], place: str, ones: tuple[str, ...], lists: tuple[str, ...], maps: tuple[str, ...]
) -> Iterator[tuple[Any, str]]:
    for keyword in ones:
        if keyword in schema:
            yield schema[keyword], f"{place}/{keyword}"
    for keyword in lists:
        for index, inner in enumerate(schema.get(keyword, ())):
            yield inner, f"{place}/{keyword}/{index}"
    for keyword in maps:
        for name, inner in schema.get(keyword, {}).items():
            yield inner, f"{place}/{keyword}/{name}"


def _check_work(parts: _Parts) -> None:
    """Refuse schemas that ask themselves without going down in the payload, and those that ask too much about one place in it.

    A place one level down is asked about by one of ``named`` (no field has two names) and by all of ``below``.
    """
    try:
        order = list(TopologicalSorter(dict(enumerate(map(set, parts.here)))).static_order())
    except CycleError as error:
        raise _refused("a reference leads back to itself without going down in the payload", "Break the circle of $ref") from error
    before = [0] * len(order)
    for depth in range(_PAYLOAD_DEPTH + 1):
        checks = [0] * len(order)
        for part in order:
            deeper = max((before[inner] for inner in parts.named[part]), default=0) + sum(before[inner] for inner in parts.below[part])
            checks[part] = (1 if depth == 0 else deeper) + sum(checks[inner] for inner in parts.here[part])
        if max(checks) > MAX_CHECKS:
            raise _refused(
                f"one place in a payload could be asked about by more than {MAX_CHECKS:,} parts of it",
                "Use fewer alternatives, or fewer references that meet in one place",
            )
        if checks == before:
            return
        before = checks
