"""Which file holds what: the layout that people and tools read."""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.repository.stores import ADMISSION

from factbook.repository.files import paths
from factbook.repository.urls import open_files
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.codec import canonical_json, decode_record
from factbook_sdk.testing.records import START, event, state

names = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=512)
hostile = st.one_of(
    names, st.sampled_from(["..", ".", "/etc/passwd", "CON", "aux", "lpt1", "a.b", "~", "@", "%", "%2E", "A", "a", "ß", "SS", "漢" * 400])
)
parts = st.one_of(st.none(), hostile)


def volume(when, run_id, *, source="warehouse", schema="itcftth", table="srv_cfsver_ct_main", tenant="default", count=1):
    context = MetadataContext(run_id=run_id, tenant=tenant)
    payload = {"fingerprint": "suite:00", "row_estimate": count}
    return MetadataRecord(MetadataTarget(source, schema, table), "table_observation", payload, when, "ingestion.v1", context)


def files_after(folder, *records):
    """Store records in a folder and return what each file of a record holds, by its name below the folder."""
    repository = open_files(f"file://{folder}", admission=ADMISSION)
    for record in records:
        repository.store(record)
    repository.close()
    return {
        str(path.relative_to(folder)): decode_record(path.read_bytes())
        for root in ("records", "tenants")
        for path in Path(folder, root).rglob("*.json")
    }


def test_the_layout_is_that_of_the_specification(tmp_path):
    record = volume(datetime(2024, 1, 10, 5, tzinfo=UTC), "run-123")
    found = files_after(tmp_path, record)
    name = "records/table_observation/itcftth.srv_cfsver_ct_main/2024-01-10T05:00:00Z_run-123.json"
    assert found == {name: record}
    catalogue = json.loads((tmp_path / "index.json").read_text())
    (artifact,) = catalogue["artifacts"]
    assert (artifact["latest"]["file"], artifact["latest"]["offset"], catalogue["offset"]) == (name, 1, 1)
    (line,) = (tmp_path / "log" / "00000000000000000001.jsonl").read_bytes().splitlines()
    assert json.loads(line)["offset"] == 1
    assert msgspec.json.decode(line, type=dict[str, msgspec.Raw])["record"] == msgspec.Raw(canonical_json(record))


def test_microseconds_and_missing_runs_show_in_the_name(tmp_path):
    found = files_after(tmp_path, volume(START, None), volume(START.replace(microsecond=250), "r", count=2))
    assert sorted(name.rpartition("/")[2] for name in found) == ["2026-01-01T12:00:00.000250Z_r.json", "2026-01-01T12:00:00Z.json"]


def test_other_tenants_have_trees_of_their_own(tmp_path):
    assert list(files_after(tmp_path, volume(START, "r", tenant="Acme/../x"))) == [
        "tenants/%41cme%2F%2E%2E%2Fx/records/table_observation/itcftth.srv_cfsver_ct_main/2026-01-01T12:00:00Z_r.json"
    ]


def test_the_first_target_in_the_log_has_the_plain_name_and_others_say_their_source(tmp_path):
    records = [volume(START, "r", source=source, table=table) for source, table in [("a", "t"), ("b", "t"), ("a", "T"), ("a", "t2")]]
    found = files_after(tmp_path, *records)
    folders = {record.target: name.split("/")[2] for name, record in found.items()}
    assert [folders[record.target] for record in records] == ["itcftth.t", "itcftth.t@b", "itcftth.%54@a", "itcftth.t2"]


def test_targets_without_schema_or_table_have_folders_too(tmp_path):
    records = [volume(START, "r", schema=schema, table=table) for schema, table in [(None, "t"), ("s", None), (None, None)]]
    found = files_after(tmp_path, *records)
    assert sorted(name.split("/")[2] for name in found) == ["@warehouse", "s.~", "~.t"]


def test_records_of_the_same_time_and_run_get_their_id_as_well(tmp_path):
    records = [volume(START, "r"), volume(START, "r", count=2), msgspec.structs.replace(volume(START, "R"), producer_id="other")]
    found = files_after(tmp_path, *records)
    by_record = {record.producer_id + str(record.payload): name.rpartition("/")[2] for name, record in found.items()}
    assert len(found) == len(by_record) == 3
    assert sum(name.endswith("Z_r.json") for name in by_record.values()) == 1
    assert sum("Z_r~" in name for name in by_record.values()) == 1


def test_what_is_stored_just_before_closing_is_filed(tmp_path):
    """Filing that was under way when the store was closed took itself for the last one."""
    for number in range(30):
        assert len(files_after(tmp_path / str(number), event(1), event(2, 1))) == 2


def test_a_tombstone_is_a_file_like_any_other(tmp_path):
    found = files_after(tmp_path, state(1, 0), state(None, 1))
    assert sorted(record.is_tombstone for record in found.values()) == [False, True]


def test_files_that_are_gone_or_torn_are_written_again_where_the_catalogue_is_missing(tmp_path):
    before = files_after(tmp_path, *(event(number, number) for number in range(5)), state(1))
    listed = sorted(before)
    (tmp_path / listed[0]).unlink()
    (tmp_path / listed[1]).write_bytes(b"")
    (tmp_path / listed[2]).write_bytes((tmp_path / listed[2]).read_bytes()[:-9])
    (tmp_path / "index.json").write_text('{"format":1,"offs')
    assert files_after(tmp_path) == before
    assert json.loads((tmp_path / "index.json").read_text())["offset"] == 6


def test_a_catalogue_of_another_log_is_not_believed(tmp_path):
    files_after(tmp_path / "other", event(1), event(2), state(3))
    kept = (tmp_path / "other" / "index.json").read_bytes()
    before = files_after(tmp_path / "mine", event(11), event(12), state(13))
    (tmp_path / "mine" / "index.json").write_bytes(kept)
    for name in before:
        (tmp_path / "mine" / name).unlink()
    assert files_after(tmp_path / "mine") == before


@pytest.mark.parametrize("folder", [paths.plain_folder, paths.qualified_folder])
@given(source=hostile, schema=parts, table=parts)
def test_any_target_has_a_folder_that_any_file_system_takes(folder, source, schema, table):
    name = folder(MetadataTarget(source, schema, table))
    assert 0 < len(name.encode()) <= 255
    assert name.isascii()
    assert name not in (".", "..")
    assert not set(name) & set('/\\:*?"<>|\x00')
    assert name.partition(".")[0].lower() not in ("con", "aux", "lpt1")


@given(first=st.tuples(hostile, parts, parts), second=st.tuples(hostile, parts, parts))
def test_two_targets_never_share_a_qualified_folder_be_it_but_for_case(first, second):
    one, other = (paths.qualified_folder(MetadataTarget(*names)).casefold() for names in (first, second))
    assert (one == other) == (first == second)


@given(name=hostile, fold=st.booleans())
def test_names_are_encoded_reversibly(name, fold):
    assert unquote(paths.encoded(name, fold=fold)) == name


@given(run_id=st.one_of(st.none(), hostile))
def test_file_names_fit_whatever_the_run_is_called(run_id):
    assert len(paths.record_name(START, run_id, "f" * 32).encode()) <= 255
