"""Every kind has examples that pass and examples that fail, each for the reason it states."""

import json
from importlib import resources
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from factbook_sdk.errors import InvalidRecord, UnknownKind
from factbook_sdk.facts import Admission, Category, Kind, KindRegistry, builtin_kinds
from factbook_sdk.facts.codec import to_record
from factbook_sdk.facts.kinds import catalog_scan, job_run, schema_snapshot, table_observation

EXAMPLES = Path(str(resources.files("factbook_sdk.facts.kinds") / "examples"))
VALID = sorted(EXAMPLES.glob("*/valid-*.json"))
INVALID = sorted(EXAMPLES.glob("*/invalid-*.json"))
TYPED = {
    "schema_snapshot": schema_snapshot.SchemaSnapshot,
    "table_observation": table_observation.TableObservation,
    "catalog_scan": catalog_scan.CatalogScan,
    "job_run": job_run.JobRun,
}


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
        typed = msgspec.convert(record.payload, TYPED[record.kind])
        assert msgspec.to_builtins(typed) == record.payload


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
