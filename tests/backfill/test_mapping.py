"""A mistake in a mapping is named by its place, before a single row is read."""

from __future__ import annotations

from typing import Any

import pytest
from tests.backfill.workshop import BY_RUN, VOLUME, Workshop, lines, slice_done

from factbook.backfill.mapping import load
from factbook.errors import InvalidRequest


def changed(**more: Any) -> dict[str, Any]:
    return VOLUME | more


def payload(rule: Any) -> dict[str, Any]:
    return changed(payload={"row_count": rule})


CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"input": []}, "input", "there is none"),
    ({}, "mapping", "missing required field `input`"),
    ({"inputs": []}, "mapping", "unknown field `inputs`"),
    ({"input": [VOLUME, VOLUME]}, "input[1].name", "two of the name 'progress'"),
    ({"input": [changed(kinds="x")]}, "input[0]", "unknown field `kinds`"),
    ({"input": [changed(format="yaml")]}, "input[0].format", "Invalid enum value 'yaml'"),
    ({"input": [changed(files=[])]}, "input[0].files", "no file is named"),
    ({"input": [changed(files=["*.log", "*.jsonl"])]}, "input[0].files[0]", "no file matches *.log"),
    ({"input": [changed(kind="ingestion_volumes")]}, "input[0].kind", "The kind 'ingestion_volumes' is unknown"),
    ({"input": [changed(version=9)]}, "input[0].version", "ingestion_volume has no version 9"),
    ({"input": [changed(target={"table": "t"})]}, "input[0].target", "it names no source_id"),
    ({"input": [changed(target={"source_id": "s", "name": "$.n", "table": "t"})]}, "input[0].target", "exclude each other"),
    ({"input": [changed(target={"source_id": "s", "column": "c"})]}, "input[0].target.column", "there is no such field"),
    ({"input": [changed(context={"tenant": "t"})]}, "input[0].context.tenant", "there is no such field"),
    ({"input": [changed(extras={"original_source": "x"})]}, "input[0].extras.original_source", "Factbook writes there"),
    ({"input": [changed(each="$.a[*]")]}, "input[0].each", "rows of jsonl are its lines"),
    ({"input": [changed(format="json", each="$.a")]}, "input[0].each", "leads to no list"),
    ({"input": [changed(columns=["a"])]}, "input[0].columns", "rows of jsonl name their fields"),
    ({"input": [changed(delimiter=";;")]}, "input[0].delimiter", "one character"),
    ({"input": [changed(encoding="utf-17")]}, "input[0].encoding", "is unknown"),
    ({"input": [changed(encoding="utf-16")]}, "input[0].encoding", "cannot be cut into lines"),
    ({"input": [changed(where=[{"path": "$.a"}])]}, "input[0].where[0]", "it asks nothing"),
    ({"input": [changed(where=[{"path": "a", "equals": 1}])]}, "input[0].where[0]", "'a' is no path"),
    ({"input": [changed(merge={"by": []})]}, "input[0].merge.by", "no path is named"),
    ({"input": [changed(merge={"by": ["run"]})]}, "input[0].merge.by", "'run' is no path"),
    ({"input": [changed(produced_at={"path": "$.t", "type": "text"})]}, "input[0].produced_at", "can have no other type"),
    ({"input": [changed(produced_at="2024-01-10T05:00:00")]}, "input[0].produced_at", "has no time zone"),
    ({"input": [changed(produced_at={"path": "$.t", "format": "%d.%m.%Y"})]}, "input[0].produced_at", "gives no time zone"),
    ({"input": [changed(produced_at={"path": "$.t", "format": "seconds"})]}, "input[0].produced_at", "'seconds' is no format"),
    ({"input": [changed(produced_at={"path": "$.t", "zone": "Rome"})]}, "input[0].produced_at", "'Rome' is no time zone"),
    ({"input": [payload({"path": "$.a", "typ": "text"})]}, "input[0].payload.row_count", "there is no option typ"),
    ({"input": [payload({"path": "$.a", "type": "int"})]}, "input[0].payload.row_count", "Invalid enum value 'int'"),
    ({"input": [payload({"path": "$.a", "constant": 1})]}, "input[0].payload.row_count", "one of path, constant or fields"),
    ({"input": [payload({"path": "$.a", "zone": "UTC"})]}, "input[0].payload.row_count", "belong to moments"),
    ({"input": [payload({"path": "$.a", "scale": 2})]}, "input[0].payload.row_count", "scale belongs to numbers"),
    ({"input": [payload({"path": "$.a", "match": "("})]}, "input[0].payload.row_count", "no regular expression"),
    ({"input": [payload({"path": "$.a", "match": "(a)(b)"})]}, "input[0].payload.row_count", "has 2 groups"),
    ({"input": [payload({"path": "$.a b"})]}, "input[0].payload.row_count", "' b' is no step of a path"),
    ({"input": [payload("$.a[*].b")]}, "input[0].payload.row_count", "leads to many values"),
    ({"input": [payload({"path": "@file.size"})]}, "input[0].payload.row_count", "@file.size is unknown"),
    (
        {"input": [changed(payload={"a": {"fields": {"b": {"path": "$.b", "merge": "sum"}}}})]},
        "input[0].payload.a",
        "merge belongs beside fields",
    ),
    ({"input": [changed(payload={"a..b": 1})]}, "input[0].payload.a..b", "a part of the name is empty"),
    ({"input": [VOLUME], "baseline": {"runs": "x"}}, "baseline.runs", "Expected `int`"),
    ({"input": [VOLUME], "expect": [{"kind": "k"}]}, "expect[0]", "it expects nothing"),
    ({"input": [VOLUME], "expect": [{"kind": "k", "sum": 1}]}, "expect[0]", "sum and field go together"),
    ({"input": [VOLUME], "expect": [{"kind": "k", "records": 1, "since": "2024-01-10T00:00:00"}]}, "expect[0].since", "no time zone"),
]


@pytest.mark.parametrize(("document", "place", "why"), CASES, ids=[f"{number}-{place}" for number, (_, place, _) in enumerate(CASES)])
def test_a_mistake_is_named_by_its_place(shop: Workshop, document: dict[str, Any], place: str, why: str) -> None:
    import json

    shop.write("a.jsonl", lines([slice_done("r1", 1)]))
    shop.write("mapping.json", json.dumps(document))
    with pytest.raises(InvalidRequest) as refused:
        shop.run()
    assert (refused.value.field, why in refused.value.why) == (place, True), refused.value
    assert refused.value.fix
    assert shop.stored() == []


@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("m.toml", b"[[input]]\nname = x\n", "(at line 2, column 8)"),
        ("m.json", b'{"input": [}', "byte 11"),
        ("m.toml", b'name = "\xff"', "utf-8"),
        ("m.yaml", b"input: []", "this ends with .yaml"),
        ("none.toml", None, "No such file"),
    ],
    ids=["toml", "json", "bytes", "yaml", "missing"],
)
def test_a_mapping_that_cannot_be_read_says_where(shop: Workshop, name: str, body: bytes | None, why: str) -> None:
    file = shop.folder / name if body is None else shop.write(name, body)
    with pytest.raises(InvalidRequest) as refused:
        load(file)
    assert why in refused.value.why


def test_toml_and_json_say_the_same(shop: Workshop) -> None:
    toml = """
        [[input]]
        name = "progress"
        files = ["*.jsonl"]
        format = "jsonl"
        kind = "ingestion_volume"
        producer_id = "ingestion.v1"
        produced_at = "$.ts"
        target = { source_id = "warehouse", name = "$.table" }
        context = { run_id = "$.run" }
        payload.row_count = { path = "$.rows", type = "integer", merge = "sum" }
        merge = { by = ["$.run", "$.table"] }
    """
    assert load(shop.write("m.toml", toml)) == load(shop.mapping(VOLUME | {"merge": BY_RUN}))
