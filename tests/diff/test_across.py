"""Two sources, or a source and a file: schemas are mapped by name, engines that differ are named, a file is the same bytes each time."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "scan"))
from comparing import Log, found
from connectors import Script, names, table

from factbook.diff.files import format_catalog, parse_catalog, read_catalog
from factbook.diff.mapping import parse_mapping
from factbook.errors import InvalidRequest, NotFound
from factbook.sources.contract import SchemaReading, TableName
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Domain, PartitionOf, Reference, SchemaSnapshot

A, B = names("s.a", "s.b")


@pytest.fixture
def log():
    return Log()


def test_another_source_is_what_was_and_this_one_what_is(log):
    log.scan(Script({A: table("id", "old")}), source_id="production")
    log.scan(Script({A: table("id", "new"), B: table("id")}), source_id="staging")
    comparison = log.diffs.compare("staging", other="production")
    assert {(change, path or name) for change, _, name, path, _ in found(comparison)} == {
        ("removed", "columns.old"),
        ("added", "columns.new"),
        ("added", "b"),
    }
    assert (comparison.before.source_id, comparison.after.source_id) == ("production", None)
    assert comparison.summary["table"].unchanged == 0


def test_each_side_may_be_at_a_moment_of_its_own(log):
    log.scan(Script({A: table("id")}), source_id="production", run_id="early")
    log.scan(Script({A: table("id", "more")}), source_id="production")
    log.scan(Script({A: table("id", "more")}), source_id="staging")
    assert found(log.diffs.compare("staging", other="production")) == set()
    assert len(found(log.diffs.compare("staging", "early", other="production"))) == 1


def test_schemas_called_otherwise_are_mapped_wherever_they_are_mentioned(log):
    def tables(schema):
        domain = Column("level", 2, f"{schema}.positive", domain=Domain("positive", schema, "integer"))
        key = Constraint("foreign_key", "f", ["id"], references=Reference("b", schema, ["id"]))
        whole = SchemaSnapshot(
            "table",
            [Column("id", 1, "integer"), domain],
            constraints=[key],
            partition_of=PartitionOf("b", schema),
            inherits=[f"{schema}.b"],
        )
        return {TableName(schema, name.table): whole for name in (A, B)}

    log.scan(Script(tables("public")), source_id="production")
    log.scan(Script(tables("s")), source_id="staging")
    assert found(log.diffs.compare("staging", other="production", mapping={"public": "s"})) == set()
    assert found(log.diffs.compare("staging", other="production"))


@pytest.mark.parametrize(
    ("mapping", "text"), [({"nowhere": "s"}, "no schema 'nowhere'"), ({"r": "s", "s": "s"}, "Two tables would be s.a")]
)
def test_a_mapping_that_cannot_be_is_refused(log, mapping, text):
    log.scan(Script({A: table("id"), TableName("r", "a"): table("id")}), source_id="production")
    log.scan(Script({A: table("id")}), source_id="staging")
    with pytest.raises(InvalidRequest, match=text):
        log.diffs.compare("staging", other="production", mapping=mapping)


@pytest.mark.parametrize("pairs", [["public"], ["=s"], ["public="], ["a=b", "a=c"]])
def test_pairs_that_map_nothing_are_refused(pairs):
    with pytest.raises(InvalidRequest):
        parse_mapping(pairs)


def test_mapping_without_another_source_is_refused(log):
    log.scan(Script({A: table("id")}))
    with pytest.raises(InvalidRequest, match="nothing to map"):
        log.diffs.compare("src", mapping={"a": "b"})


def test_another_source_that_was_never_scanned_is_not_found(log):
    log.scan(Script({A: table("id")}))
    with pytest.raises(NotFound, match="'production'"):
        log.diffs.compare("src", other="production")


def test_comparing_with_another_source_says_what_it_did_not_see(log):
    log.scan(Script({A: table("id")}, schemas={"s": SchemaReading(False, "denied")}), source_id="production")
    log.scan(Script({A: table("id")}), source_id="staging")
    assert [(item.side, item.reason) for item in log.diffs.compare("staging", other="production").unread] == [("before", "denied")]


def test_a_file_is_the_same_bytes_each_time_and_reads_back_as_it_was(log, tmp_path):
    log.scan(Script({B: table("id", comment="ü"), A: table("id", "more")}))
    first, second = tmp_path / "one.json", tmp_path / "two.json"
    assert log.diffs.write("src", first) == log.diffs.write("src", second) == 2
    assert first.read_bytes() == second.read_bytes()
    assert [entry["table"] for entry in json.loads(first.read_text())["tables"]] == ["a", "b"]
    assert list(json.loads(first.read_text())["tables"][0]) == ["schema", "table", "snapshot"]
    comparison = log.diffs.compare_file("src", read_catalog(first))
    assert comparison.judged == []
    assert (comparison.after.file, comparison.before.run_id) == ("one.json", "run-1")


def test_writing_again_keeps_no_draft_beside_the_file(log, tmp_path):
    log.scan(Script({A: table("id")}))
    log.diffs.write("src", tmp_path / "x.json")
    log.diffs.write("src", tmp_path / "x.json")
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_a_file_as_the_later_side_is_what_a_pull_request_would_change(log, tmp_path):
    log.scan(Script({A: table("id")}))
    file = parse_catalog(format_catalog({A: table("id", "more"), B: table("id")}, source_id="src", engine="script"), "x.json")
    wished = found(log.diffs.compare_file("src", file))
    drifted = found(log.diffs.compare_file("src", file, file_is_before=True))
    assert {(change, path or name) for change, _, name, path, _ in wished} == {("added", "columns.more"), ("added", "b")}
    assert {(change, path or name) for change, _, name, path, _ in drifted} == {("removed", "columns.more"), ("removed", "b")}


def test_engines_that_differ_are_named(log):
    log.scan(Script({A: table("id")}))
    file = parse_catalog(format_catalog({A: table("id")}, source_id="src", engine="postgresql"), "x.json")
    comparison = log.diffs.compare_file("src", file)
    assert (comparison.before.engine, comparison.after.engine) == ("script", "postgresql")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[]", "no catalogue"),
        (b"{}", "no catalogue"),
        (b'{"factbook_catalog": 2, "tables": []}', "of version 2"),
        (b'{"factbook_catalog": 1, "tables": [], "extra": 1}', "no catalogue"),
        (b'{"factbook_catalog": 1, "tables": [{"schema": "s", "table": "t"}]}', "no catalogue"),
        (b'{"factbook_catalog": 1, "tables": [{"schema": "s", "table": "t", "snapshot": null}]}', r"tables\[0\] \(s.t\) is wrong"),
        (b'{"factbook_catalog": 1, "tables": [{"schema": "s", "table": "t", "snapshot": []}]}', r"tables\[0\] \(s.t\) is wrong"),
        (b'{"factbook_catalog": 1, "tables": [{"schema": "", "table": "t", "snapshot": {}}]}', r"tables\[0\]"),
        (
            b'{"factbook_catalog": 1, "tables": [{"schema": "s", "table": "t", "snapshot": {"object_type": "table", '
            b'"columns": [{"name": "id", "position": 1, "data_type": "int", "nulable": false}]}}]}',
            "nulable",
        ),
        (b"[" * 100_000, "no JSON|nested too deep|no catalogue"),
    ],
)
def test_a_file_that_is_wrong_says_where(content, text):
    with pytest.raises(InvalidRequest, match=text):
        parse_catalog(content, "x.json")


def test_a_table_that_stands_twice_in_a_file_is_refused():
    entry = {"schema": "s", "table": "t", "snapshot": {"object_type": "table", "columns": []}}
    with pytest.raises(InvalidRequest, match=r"s\.t twice"):
        parse_catalog(json.dumps({"factbook_catalog": 1, "tables": [entry, entry]}).encode(), "x.json")


def test_a_file_that_is_not_there_or_cannot_be_written_says_so(log, tmp_path):
    log.scan(Script({A: table("id")}))
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_catalog(tmp_path / "none.json")
    with pytest.raises(InvalidRequest, match="cannot be written"):
        log.diffs.write("src", tmp_path / "no-folder" / "x.json")
