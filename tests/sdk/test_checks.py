"""A load is checked before it runs: in memory, over SQL and over HTTP, and what cannot be told never passes."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from tests.api.serving import free_port, uvicorn

from factbook_sdk.checks import ExpectedColumn, GateClient, check_before_load, check_columns
from factbook_sdk.errors import CannotJudge, InvalidRequest, NotFound, SchemaMismatch, ServiceUnavailable
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import Column, Domain, SchemaSnapshot
from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.repository.remote import RemoteRepository

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ORDERS = MetadataTarget("shop", "public", "orders")
HOSTILE = 'a"b.c%\n'


def column(name="c", data_type="integer", **more):
    return Column(name, 1, data_type, **more)


def table(*columns, object_type="table"):
    return SchemaSnapshot(object_type, list(columns))


def found(snapshot, expected, **options):
    return [(mismatch.column, mismatch.problem) for mismatch in check_columns(snapshot, expected, **options)]


@pytest.mark.parametrize(
    ("there", "expected", "problems"),
    [
        (column(), {"c": "integer"}, []),
        (column(), {"c": "smallint"}, []),
        (column(), {"c": "int64"}, ["type"]),
        (column(data_type="bigint"), {"c": "int64"}, []),
        (column(data_type="numeric"), {"c": "int64"}, []),
        (column(data_type="text"), {"c": "int64"}, ["type"]),
        (column(data_type="text"), {"c": "string"}, []),
        (column(data_type="varchar(20)"), {"c": "string"}, ["type"]),
        (column(data_type="varchar(20)"), {"c": "varchar(20)"}, []),
        (column(data_type="real"), {"c": "float64"}, ["type"]),
        (column(data_type="timestamp without time zone"), {"c": "date"}, []),
        (column(data_type="timestamp with time zone"), {"c": "timestamp"}, ["type"]),
        (column(data_type="numeric(10,2)", domain=Domain("money", base_type="numeric(10,2)")), {"c": "numeric(8,2)"}, []),
        (column(data_type="mood", enum_values=["sad"]), {"c": "string"}, []),
        (column(data_type="mood", enum_values=["sad"]), {"c": "int64"}, ["type"]),
        (column(data_type="mood", enum_values=["sad"]), [ExpectedColumn("c", values=("sad", "odd"))], ["value"]),
        (column(), [ExpectedColumn("c", nullable=True)], []),
        (column(nullable=False), [ExpectedColumn("c", nullable=True)], ["null"]),
        (column(nullable=False), [ExpectedColumn("c", nullable=False)], []),
        (column(nullable=False), ["c"], []),
        (column(domain=Domain("d", nullable=False)), [ExpectedColumn("c", nullable=True)], ["null"]),
        (column(generated="stored"), ["c"], ["computed"]),
        (column(identity="always"), ["c"], ["computed"]),
        (column(identity="by default"), ["c"], []),
        (column(), ["c", "d"], ["unknown"]),
        (column("C"), ["c"], ["unknown"]),
    ],
)
def test_a_column_fits_or_says_why_not(there, expected, problems):
    assert [problem for _, problem in found(table(there), expected)] == problems


@pytest.mark.parametrize(
    ("left_out", "problems"),
    [
        ({}, []),
        ({"nullable": False}, [("d", "missing")]),
        ({"nullable": False, "default": "0"}, []),
        ({"nullable": False, "identity": "always"}, []),
        ({"nullable": False, "generated": "stored"}, []),
        ({"domain": Domain("d", nullable=False)}, [("d", "missing")]),
        ({"domain": Domain("d", nullable=False, default="0")}, []),
    ],
)
def test_a_column_that_is_left_out_must_fill_itself(left_out, problems):
    assert found(table(column(), column("d", **left_out)), ["c"]) == problems


def test_every_reason_is_told_and_not_the_first_alone():
    snapshot = table(column("a", nullable=False), column("b", "integer"))
    assert found(snapshot, {"b": "text", "x": None, HOSTILE: None}) == [
        ("b", "type"),
        ("x", "unknown"),
        (HOSTILE, "unknown"),
        ("a", "missing"),
    ]


def test_nothing_is_loaded_into_a_view():
    assert found(table(column(), object_type="view"), ["c"]) == [(None, "not_writable")]


def test_the_types_of_sqlite_bind_little():
    assert found(table(column(data_type="VARCHAR(20)")), {"c": "text"}, engine="sqlite") == []
    assert found(table(column(data_type="VARCHAR(20)")), {"c": "text"}, engine="postgresql") == [("c", "type")]


@pytest.mark.parametrize("expected", [[], {}, ["a", "a"]])
def test_expectations_that_ask_nothing_or_twice_are_refused(expected):
    with pytest.raises(InvalidRequest):
        check_columns(table(column()), expected)


COUNTS = {"tables": 1, "added": 1, "changed": 0, "unchanged": 0, "removed": 0, "failed": 0}
SCAN = {
    "engine": "postgresql",
    "engine_version": "15",
    "scope": {},
    "schemas": {"public": {"complete": True}},
    "schemas_complete": True,
    "counts": COUNTS,
    "duration_seconds": 0.1,
}


def scanned(repository, snapshot=None, *, at=NOW, target=ORDERS, **said):
    """Store what a scan says, and the table if there is one."""
    if snapshot is not None:
        repository.store(MetadataRecord(target, "schema_snapshot", snapshot.to_payload(), at, "scan.v1"))
        seen = {"fingerprint": f"test1:{len(snapshot.columns)}"}
        repository.store(MetadataRecord(target, "table_observation", seen, at, "scan.v1"))
    repository.store(MetadataRecord(MetadataTarget(target.source_id), "catalog_scan", SCAN | said, at, "scan.v1"))


@pytest.fixture
def repository():
    return MemoryRepository()


SNAPSHOT = table(column("id", nullable=False), column("note", "text"))


def check(repository, expected=("id",), target=ORDERS, **options):
    return check_before_load(repository, target, list(expected), now=lambda: NOW + timedelta(hours=1), **options)


def test_a_load_that_fits_passes_and_says_since_when_it_would(repository):
    scanned(repository, SNAPSHOT)
    scanned(repository, at=NOW + timedelta(minutes=5))
    answer = check(repository)
    assert (answer.passed, answer.known_at, answer.scanned_at) == (True, NOW, NOW + timedelta(minutes=5))


def test_a_load_that_does_not_fit_raises_every_reason_or_returns_them(repository):
    scanned(repository, SNAPSHOT)
    with pytest.raises(SchemaMismatch, match=r"does not fit shop\.public\.orders") as caught:
        check(repository, ["x", "y"])
    assert len(caught.value.reasons) == 3
    assert [item.problem for item in check(repository, ["x", "y"], raises=False).mismatches] == ["unknown", "unknown", "missing"]


def test_a_table_that_is_gone_is_a_mismatch(repository):
    scanned(repository, SNAPSHOT)
    repository.store(MetadataRecord(ORDERS, "schema_snapshot", None, NOW + timedelta(minutes=5), "scan.v1"))
    assert [item.problem for item in check(repository, raises=False).mismatches] == ["gone"]


@pytest.mark.parametrize("raises", [True, False])
def test_what_was_never_scanned_or_never_seen_cannot_be_judged(repository, raises):
    with pytest.raises(CannotJudge, match="was never scanned"):
        check(repository, raises=raises)
    scanned(repository)
    with pytest.raises(CannotJudge, match="was never seen"):
        check(repository, raises=raises)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"schemas": {"public": {"complete": False, "reason": "no privilege"}}}, "no privilege"),
        ({"schemas": {"other": {"complete": True}}}, "did not look at its schema"),
        ({"failures": [{"schema": "public", "table": "orders", "reason": "permission denied"}]}, "permission denied"),
        ({"removals_held": 3}, "3 removals wait"),
    ],
)
def test_a_state_that_the_last_scan_could_not_confirm_cannot_be_judged_by(repository, said, why):
    scanned(repository, SNAPSHOT)
    scanned(repository, at=NOW + timedelta(minutes=5), **said)
    with pytest.raises(CannotJudge) as caught:
        check(repository)
    assert why in caught.value.why


def test_a_failure_of_another_table_is_no_matter(repository):
    scanned(repository, SNAPSHOT, failures=[{"schema": "public", "table": "other", "reason": "permission denied"}])
    assert check(repository).passed


def test_a_scan_that_is_too_old_cannot_be_judged_by(repository):
    scanned(repository, SNAPSHOT)
    assert check(repository, max_age_seconds=3_600).passed
    with pytest.raises(CannotJudge, match="too old"):
        check(repository, max_age_seconds=3_599)


def test_a_target_that_is_no_table_is_refused(repository):
    with pytest.raises(InvalidRequest, match="is no table"):
        check(repository, target=MetadataTarget("shop", "public"))


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with uvicorn(tmp_path_factory.mktemp("service")) as server:
        yield str(server.client.base_url)


def test_the_same_check_works_over_http(service):
    with closing(RemoteRepository(service)) as remote:
        scanned(remote, SNAPSHOT)
        assert check(remote).passed
        with pytest.raises(SchemaMismatch):
            check(remote, ["x"])


def test_a_client_asks_the_gate_of_a_service(service):
    with closing(RemoteRepository(service)) as remote, closing(GateClient(service)) as gate:
        for days, columns in enumerate((("id", "note"), ("id",))):
            snapshot = table(*(column(name, "text") for name in columns))
            scanned(remote, snapshot, at=NOW + timedelta(days=days), target=MetadataTarget("market", "public", "orders"))
        answer = gate.check("market")
        assert (answer.passed, answer.failing, answer.changes[0]["path"]) == (False, 1, "columns.note")
        with pytest.raises(SchemaMismatch, match="does not pass the gate"):
            answer.require()
        assert gate.check("market", accept=[answer.changes[0]["id"]]).require().passed
        assert gate.check("market", reads=["public.orders.id"], since=NOW).passed
        with pytest.raises(CannotJudge, match="too old"):
            gate.check("market", max_age_seconds=1)
        with pytest.raises(CannotJudge, match="no table"):
            gate.check("market", reads=["public.nothing"])
        with pytest.raises(NotFound):
            gate.check("nobody")


def test_a_service_that_is_away_is_no_pass():
    with closing(GateClient(f"http://127.0.0.1:{free_port()}", patience_seconds=0)) as gate, pytest.raises(ServiceUnavailable):
        gate.check("shop")
