"""A kind as people read it: the fields of its payload in order, and an example. Pure but for the example's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import msgspec

_DEEPEST = 8
_MOST = 2_000
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "minLength": "at least so many characters:",
    "maxLength": "at most so many characters:",
    "minItems": "at least so many entries:",
    "maxItems": "at most so many entries:",
    "pattern": "like",
}


class Field(msgspec.Struct, frozen=True):
    """A field of a payload. ``path`` leads to it, with ``[]`` for the entries of a list and ``*`` for whatever an object's keys are.
    ``rules`` are further conditions in words, ``values`` those it may have where they are named."""

    path: str
    type: str
    is_required: bool
    meaning: str
    rules: list[str]
    values: list[str]

    @property
    def is_scalar(self) -> bool:
        """Whether records can be asked for by it: it is one value at one place."""
        return "[]" not in self.path and "*" not in self.path and not self.type.startswith(("list", "object"))


def fields_of(schema: Mapping[str, Any]) -> list[Field]:
    """Return the fields that a JSON Schema names, outer before inner; at most two thousand."""
    found: list[Field] = []
    for field in _walk(schema, schema, "", 0):
        found.append(field)
        if len(found) == _MOST:
            break
    return found


def example_of(kind: str) -> dict[str, Any] | None:
    """Return a record of a built-in kind as an example; ``None`` for a kind that has none."""
    if not kind.isidentifier():
        return None
    folder = resources.files("factbook_sdk.facts.kinds") / "examples" / kind
    if not folder.is_dir():
        return None
    files = sorted((entry for entry in folder.iterdir() if entry.name.startswith("valid-")), key=lambda entry: entry.name)
    records = (msgspec.json.decode(file.read_bytes(), type=dict[str, Any]) for file in files)
    return next((record for record in records if record["payload"] is not None), None)


def _walk(root: Mapping[str, Any], schema: Any, prefix: str, depth: int) -> Iterator[Field]:
    here = _resolved(root, schema)
    required = here.get("required")
    names = set(required) if isinstance(required, list) else set()
    properties = here.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        yield from _field(root, inner, f"{prefix}{name}", name in names, depth)
    others = here.get("additionalProperties")
    if isinstance(others, dict) and others:
        yield from _field(root, others, f"{prefix}*", False, depth)


def _field(root: Mapping[str, Any], schema: Any, path: str, is_required: bool, depth: int) -> Iterator[Field]:
    here = _resolved(root, schema)
    values = here.get("enum") if isinstance(here.get("enum"), list) else [here["const"]] if "const" in here else []
    meaning = here.get("description")
    yield Field(
        path,
        _type(root, here),
        is_required,
        meaning if isinstance(meaning, str) else "",
        [_rule(name, here[name]) for name in _BOUNDS if isinstance(here.get(name), int | float | str)],
        [value if isinstance(value, str) else msgspec.json.encode(value).decode() for value in values or ()],
    )
    if depth < _DEEPEST:
        yield from _walk(root, here, f"{path}.", depth + 1)
        if "items" in here:
            yield from _walk(root, here["items"], f"{path}[].", depth + 1)


def _rule(name: str, bound: int | float | str) -> str:
    return "not empty" if name in ("minLength", "minItems") and bound == 1 else f"{_BOUNDS[name]} {bound}"


def _type(root: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "date-time":
        return "moment"
    for name in ("anyOf", "oneOf"):
        if isinstance(schema.get(name), list):
            return " or ".join(dict.fromkeys(_type(root, _resolved(root, choice)) for choice in schema[name]))
    named = schema.get("type")
    if isinstance(named, list):
        return " or ".join(map(str, named))
    if named == "array":
        return f"list of {_type(root, _resolved(root, schema.get('items')))}"
    if named is None and ("enum" in schema or "const" in schema):
        return "text"
    return {"string": "text", None: "any"}.get(named, str(named))


def _resolved(root: Mapping[str, Any], schema: Any) -> Mapping[str, Any]:
    """Return what a schema says, or what it refers to within its document; nothing for what says nothing."""
    for _ in range(_DEEPEST):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str):
            break
        schema = root
        for step in reference.removeprefix("#").strip("/").split("/"):
            schema = schema.get(step) if isinstance(schema, dict) else None
    return schema if isinstance(schema, dict) else {}
