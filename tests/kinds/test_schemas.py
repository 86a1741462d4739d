"""Schemas of strangers: what is hostile is refused with its reason, what is taken is checked quickly whatever payload comes."""

import copy

import pytest

from factbook.errors import KindRefused
from factbook.kinds.schemas import MAX_SCHEMA_BYTES, check_schema
from factbook_sdk.facts import builtin_kinds


def nested(levels):
    schema = {"type": "string"}
    for _ in range(levels):
        schema = {"properties": {"x": schema}}
    return schema


def doubling(levels):
    """Return a schema that asks 2**levels questions about one place."""
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": definitions | {f"d{levels}": {"minProperties": 0}}}


RECURSIVE = {
    "type": "object",
    "properties": {
        "value": {"type": "integer"},
        "left": {"$ref": "#"},
        "right": {"$ref": "#"},
        "all": {"type": "array", "items": {"$ref": "#"}},
    },
    "additionalProperties": False,
}
EXPRESSION = {
    "$ref": "#/$defs/expression",
    "$defs": {
        "expression": {"anyOf": [{"$ref": "#/$defs/number"}, {"$ref": "#/$defs/sum"}]},
        "number": {"type": "object", "properties": {"number": {"type": "number"}}, "required": ["number"], "additionalProperties": False},
        "sum": {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/expression"}, "b": {"$ref": "#/$defs/expression"}},
            "required": ["a", "b"],
        },
    },
}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ([], "no object"),
        ("text", "no object"),
        ({"type": "array"}, "no payload could pass"),
        ({"type": "strin"}, "not valid under any"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "another dialect"),
        ({"$schema": 7}, "another dialect"),
        ({"$schema": ["x"]}, "another dialect"),
        ({"properties": {"x": {"$ref": "http://127.0.0.1:1/x.json"}}}, "leads out of the schema"),
        ({"$ref": "other.json#/x"}, "leads out of the schema"),
        ({"$ref": "#/$defs/nowhere"}, "leads nowhere"),
        ({"$ref": "#anchor"}, "leads nowhere"),
        ({"properties": {"x": {"$id": "http://evil/", "$ref": "#"}}}, "$id is not understood"),
        ({"$defs": {"x": {"$dynamicAnchor": "node"}}}, "$dynamicAnchor is not understood"),
        ({"$ref": "#"}, "leads back to itself"),
        ({"allOf": [{"$ref": "#"}]}, "leads back to itself"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"if": {"$ref": "#/$defs/a"}}}}, "leads back to itself"),
        ({"x-part": {"$ref": "#/x-part"}, "properties": {"y": {"$ref": "#/x-part"}}}, "leads to no schema"),
        (doubling(20), "more than 1,000 parts"),
        ({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}}, "more than 1,000 parts"),
        ({"properties": {"a": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}}, "more than 1,000 parts"),
        ({"allOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}]}, "more than 1,000 parts"),
        ({"items": {"$ref": "#"}, "contains": {"$ref": "#"}}, "more than 1,000 parts"),
        (nested(40), "nested deeper"),
        ({"description": "x" * MAX_SCHEMA_BYTES}, "bytes; at most"),
        ({"properties": {"x": {"pattern": "(a"}}}, "regex"),
        ({"properties": {"x": {"pattern": "(?=a)b"}}}, "regex"),
        ({"properties": {"x": {"pattern": "((a{999}){999}){99}"}}}, "regex"),
        ({"patternProperties": {"(?<=a)": True}}, "regex"),
        ({"const": float("nan")}, "JSON"),
    ],
)
def test_what_is_hostile_or_wrong_is_refused_with_its_reason(schema, reason):
    with pytest.raises(KindRefused) as caught:
        check_schema(schema)
    assert reason in str(caught.value)
    assert caught.value.field == "schema"


def test_nesting_that_would_end_the_process_is_refused():
    schema = {}
    for _ in range(100_000):
        schema = {"not": schema}
    with pytest.raises(KindRefused, match="nested deeper"):
        check_schema(schema)
    while schema:
        schema = schema.pop("not")


def test_a_schema_is_a_tree_of_places_even_where_words_look_like_keywords():
    """A field may be called ``$ref`` or ``$id``, and an example may hold anything."""
    schema = {
        "type": "object",
        "properties": {"$ref": {"type": "string"}, "$id": {"type": "integer"}},
        "examples": [{"$ref": "http://x", "$anchor": 1}],
        "const": {"$ref": "#/nowhere"},
    }
    assert check_schema(schema).is_valid({"$ref": "#/nowhere"})


@pytest.mark.parametrize("schema", [RECURSIVE, EXPRESSION, doubling(7), {}, {"type": ["object", "null"]}, {"$defs": {}, "properties": {}}])
def test_honest_schemas_are_taken(schema):
    before = copy.deepcopy(schema)
    check_schema(schema)
    assert schema == before


def test_built_in_schemas_would_be_taken():
    for kind in builtin_kinds():
        for schema in kind.schemas.values():
            check_schema(schema)


def test_deep_and_wide_payloads_are_answered():
    tree: dict = {"value": 1}
    for _ in range(190):
        tree = {"left": tree, "right": {"value": 2}}
    assert check_schema(RECURSIVE).is_valid(tree)
    assert not check_schema({"properties": {"x": {"pattern": "^(a+)+$"}}}).is_valid({"x": "a" * 100_000 + "!"})
    expression = {"number": 1}
    for _ in range(60):
        expression = {"a": expression, "b": {"number": 1}}
    assert check_schema(EXPRESSION).is_valid(expression)
