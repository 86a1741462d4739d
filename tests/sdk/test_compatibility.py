"""Two versions of a schema get along if and as far as the judgement says: what it passes, no payload contradicts."""

import copy
import random

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factbook_sdk.facts import builtin_kinds
from factbook_sdk.facts.compatibility import Compatibility, breaking, compare

BASE = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 0}, "s": {"enum": ["a", "b"]}, "l": {"type": "array", "items": {"type": "string"}}},
    "required": ["n"],
    "additionalProperties": False,
}


def changed(**properties):
    schema = copy.deepcopy(BASE)
    schema["properties"] |= properties
    return schema


@pytest.mark.parametrize(
    ("new", "path", "backward", "forward"),
    [
        (changed(x={"type": "string"}), "payload.x", False, True),
        (BASE | {"required": ["n", "s"]}, "payload.s", True, False),
        (BASE | {"required": []}, "payload.n", False, True),
        (changed(n={"type": "number", "minimum": 0}), "payload.n", False, True),
        (changed(n={"type": "string", "minimum": 0}), "payload.n", True, True),
        (changed(n={"type": "integer", "minimum": 5}), "payload.n", True, False),
        (changed(n={"type": "integer"}), "payload.n", False, True),
        (changed(n={"type": "integer", "minimum": 0, "maximum": 9}), "payload.n", True, False),
        (changed(s={"enum": ["a", "b", "c"]}), "payload.s", False, True),
        (changed(s={"enum": ["a"]}), "payload.s", True, False),
        (changed(s={"const": "a"}), "payload.s", True, False),
        (changed(l={"type": "array", "items": {"type": ["string", "null"]}}), "payload.l[]", False, True),
        (changed(l={"type": "array"}), "payload.l[]", False, True),
        (BASE | {"additionalProperties": True}, "payload.*", False, True),
        (changed(n={"type": "integer", "minimum": 0, "multipleOf": 2}), "payload.n", True, False),
        (changed(s={"enum": ["a", "b"], "anyOf": [{"minLength": 1}]}), "payload.s", True, False),
    ],
)
def test_each_change_is_named_with_what_it_breaks(new, path, backward, forward):
    (change,) = compare(BASE, new)
    assert (change.path, change.breaks_backward, change.breaks_forward) == (path, backward, forward)
    assert change.description
    (back,) = compare(new, BASE)
    assert (back.breaks_backward, back.breaks_forward) == (forward, backward)


def test_a_removed_field_breaks_readers_of_old_payloads_where_nothing_else_is_allowed():
    new = copy.deepcopy(BASE)
    del new["properties"]["s"]
    assert [(change.path, change.breaks_backward) for change in compare(BASE, new)] == [("payload.s", True)]


def test_titles_and_descriptions_change_nothing():
    assert compare(BASE, BASE | {"title": "t", "description": "d", "$id": "urn:x"}) == []
    for kind in builtin_kinds():
        assert compare(kind.schema_of(1), kind.schema_of(1)) == []


def test_what_is_demanded_decides_what_breaks():
    changes = compare(BASE, BASE | {"required": ["n", "s"], "additionalProperties": True})
    assert [len(breaking(changes, demanded)) for demanded in Compatibility] == [1, 1, 2, 0]


SIMPLE = st.sampled_from(
    [
        {"type": "integer"},
        {"type": "number"},
        {"type": "string"},
        {"type": ["string", "null"]},
        {"type": "integer", "minimum": 1},
        {"type": "integer", "maximum": 1},
        {"type": "string", "minLength": 2},
        {"enum": ["a", 1]},
        {"const": 1},
        {},
        True,
        {"type": "array", "items": {"type": "integer"}},
        {"type": "array", "minItems": 1},
    ]
)
OBJECTS = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("abc"), SIMPLE, max_size=3)},
    optional={
        "required": st.lists(st.sampled_from("abc"), unique=True),
        "additionalProperties": st.sampled_from([True, False, {"type": "string"}]),
    },
)
VALUES = [0, 1, 2, 1.5, "", "a", "ab", None, [], [1], ["x"], {}]


@settings(max_examples=500)
@given(OBJECTS, OBJECTS, st.integers())
def test_no_payload_contradicts_the_judgement(old, new, seed):
    changes = compare(old, new)
    before, after = jsonschema_rs.Draft202012Validator(old), jsonschema_rs.Draft202012Validator(new)
    chance = random.Random(seed)
    for _ in range(40):
        payload = {name: chance.choice(VALUES) for name in chance.sample("abcd", chance.randint(0, 4))}
        if before.is_valid(payload) and not after.is_valid(payload):
            assert any(change.breaks_backward for change in changes), (old, new, payload)
        if after.is_valid(payload) and not before.is_valid(payload):
            assert any(change.breaks_forward for change in changes), (old, new, payload)
