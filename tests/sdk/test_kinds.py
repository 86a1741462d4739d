"""Every kind has examples that pass and examples that fail, each for the reason it states."""

import json
from importlib import import_module, resources
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from factbook_sdk.errors import InvalidRecord, UnknownKind
from factbook_sdk.facts import Admission, Category, Kind, KindRegistry, builtin_kinds
from factbook_sdk.facts.codec import to_record

EXAMPLES = Path(str(resources.files("factbook_sdk.facts.kinds") / "examples"))
VALID = sorted(EXAMPLES.glob("*/valid-*.json"))
INVALID = sorted(EXAMPLES.glob("*/invalid-*.json"))


def typed(kind):
    """Return the struct of a kind: the kind's name in CamelCase, in the module of the kind's name."""
    module = import_module(f"factbook_sdk.facts.kinds.{kind}")
    return getattr(module, "".join(part.capitalize() for part in kind.split("_")))


def named(path):
    return f"{path.parent.name}/{path.stem}"


def test_every_kind_has_valid_and_invalid_examples():
    for kind in builtin_kinds():
        assert any(path.parent.name == kind.name for path in VALID), kind.name
        assert any(path.parent.name == kind.name for path in INVALID), kind.name


@pytest.mark.parametrize("path", VALID, ids=named)
def test_a_valid_example_is_admitted_and_its_typed_form_says_the_same(path):
    record = to_record(json.loads(path.read_text()))
    admitted = Admission(builtin_kinds()).admit(record)
    assert admitted.record.kind == path.parent.name
    if record.payload is not None:
        assert msgspec.to_builtins(msgspec.convert(record.payload, typed(record.kind))) == record.payload


@pytest.mark.parametrize("path", INVALID, ids=named)
def test_an_invalid_example_is_refused_at_the_field_it_names(path):
    example = json.loads(path.read_text())
    with pytest.raises(InvalidRecord) as caught:
        Admission(builtin_kinds()).admit(to_record(example["record"]))
    assert caught.value.field == example["field"]


@pytest.mark.parametrize("kind", list(builtin_kinds()), ids=lambda kind: kind.name)
def test_every_schema_is_draft_2020_12_and_closed(kind):
    for version, schema in kind.schemas.items():
        jsonschema_rs.meta.validate(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"] == f"urn:factbook:kind:{kind.name}:{version}"
        assert schema["additionalProperties"] is False


def test_an_unknown_version_names_those_there_are():
    record = msgspec.structs.replace(to_record(json.loads(VALID[0].read_text())), version=9)
    with pytest.raises(UnknownKind, match="registered versions are 1"):
        Admission(builtin_kinds()).admit(record)


def test_registering_the_same_kind_twice_is_harmless_and_another_under_its_name_is_refused():
    kind = Kind("weather", Category.EVENT, "It rained.", {1: {"type": "object"}})
    registry = KindRegistry([kind, kind])
    with pytest.raises(InvalidRecord, match="registered already"):
        registry.register(msgspec.structs.replace(kind, category=Category.STATE))
    assert [item.name for item in registry] == ["weather"]
