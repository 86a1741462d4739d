"""Others read the archive as it lies: DuckDB and Spark, in a folder; and it may lie in an object store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.history.archiving import compact, opened, rules
from tests.repository.stores import ADMISSION

from factbook.errors import ArchiveUnavailable, ConfigurationError
from factbook.repository.archive.layout import file_path, month_bounds, month_of, safe_name
from factbook.repository.archive.place import open_place
from factbook.repository.compaction import Compactor
from factbook.repository.rows import microseconds
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, Category, Kind, KindRegistry, MetadataContext
from factbook_sdk.facts.codec import canonical_record, encode_payload
from factbook_sdk.testing.records import at, event, state

HOSTILE = ["../../etc", "a/b", "ä ß 漢", "%2e", "_hidden", ".dot", "x" * 512, "a'b\"c", "q?*&=", "漢" * 512]

# DuckDB hands moments with a zone to Python only where pytz is installed.
COLUMNS = """
    "offset", id, tenant, source_id, "schema", "table", epoch_us(produced_at), producer_id, version, payload, context, extras, body
"""


def test_duckdb_reads_the_tree_with_its_partitions(tmp_path: Path) -> None:
    repository = opened(f"sqlite:///{tmp_path}/store.sqlite", tmp_path / "archive")
    facts = [event(number, number * 86_400) for number in range(60)]
    facts += [state(None if number == 7 else number, number, run_id="r1", extras={"note": "ä"}) for number in range(8)]
    repository.bulk_store(facts)
    compact(repository)
    expected = {item.offset: item for item in repository.tail(limit=1000).records}
    with duckdb.connect() as connection:
        tree = f"read_parquet('{tmp_path}/archive/**/*.parquet', hive_partitioning = true)"
        months = connection.execute(f"SELECT kind, month::VARCHAR, count(*) FROM {tree} GROUP BY ALL ORDER BY ALL").fetchall()
        rows = connection.execute(f"SELECT {COLUMNS} FROM {tree}").fetchall()
    assert months == [
        ("job_run", "2026-01", 31),
        ("job_run", "2026-02", 28),
        ("job_run", "2026-03", 1),
        ("table_observation", "2026-01", 8),
    ]
    assert len(rows) == len(expected)
    for offset, content_id, tenant, source_id, schema, table, produced_at, producer_id, version, payload, context, extras, body in rows:
        record = expected[offset].record
        assert (content_id, tenant, producer_id, version) == (expected[offset].id, "default", record.producer_id, record.version)
        assert (source_id, schema, table) == (record.target.source_id, record.target.schema, record.target.table)
        assert produced_at == microseconds(record.produced_at)
        assert (None if payload is None else json.loads(payload)) == record.payload
        assert json.loads(extras or "{}") == record.extras
        assert json.loads(context or "{}").get("run_id") == record.context.run_id
        assert body.encode() == canonical_record(record, encode_payload(record.payload))
    repository.close()


SPARK = """
import json, sys
from pyspark.sql import SparkSession
session = (
    SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "1")
    .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").getOrCreate()
)
tree = session.read.parquet(sys.argv[1])
months = tree.groupBy("kind", "month").count().orderBy("kind", "month")
first = tree.orderBy("offset").selectExpr("offset", "unix_micros(produced_at)", "get_json_object(payload, '$.attempt')", "body").first()
print(json.dumps({"months": [list(row) for row in months.collect()], "first": list(first)}))
session.stop()
"""


def test_spark_reads_the_tree_with_its_partitions(tmp_path: Path) -> None:
    """In a process of its own: Spark warns, starts a Java machine, and leaves threads behind."""
    repository = opened(f"sqlite:///{tmp_path}/store.sqlite", tmp_path / "archive")
    repository.bulk_store([event(number, number * 86_400) for number in range(40)] + [state(1, 0)])
    compact(repository)
    first = repository.tail(limit=1).records[0]
    repository.close()
    # A short life: compiling thoroughly would cost more than it gives.
    java = '--driver-java-options "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC" pyspark-shell'
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "PYSPARK_SUBMIT_ARGS": java, "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", SPARK, str(tmp_path / "archive")], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["months"] == [["job_run", "2026-01", 31], ["job_run", "2026-02", 9], ["table_observation", "2026-01", 1]]
    body = canonical_record(first.record, encode_payload(first.record.payload)).decode()
    assert found["first"] == [first.offset, microseconds(first.record.produced_at), "0", body]


def test_names_hostile_to_paths_stay_inside_the_archive_and_are_read_back(tmp_path: Path) -> None:
    kinds = KindRegistry(Kind(name, Category.EVENT, "It happened.", {1: {"type": "object"}}) for name in HOSTILE)
    place = open_place((tmp_path / "archive").as_uri(), tmp_path)
    repository = open_repository(f"sqlite:///{tmp_path}/store.sqlite", admission=Admission(kinds), archive=place)
    facts = [msgspec.structs.replace(event(1), kind=name, context=MetadataContext(tenant=name)) for name in HOSTILE]
    assert repository.bulk_store(facts).counts["stored"] == len(HOSTILE)
    before = [repository.tail(tenant=name) for name in HOSTILE]
    assert compact(repository) == len(HOSTILE)
    assert [repository.tail(tenant=name) for name in HOSTILE] == before
    repository.close()
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*.parquet")]
    assert len(files) == len(HOSTILE)
    assert {path.parts[0] for path in files} == {"archive"}
    assert {len(path.parts) for path in files} == {4}
    with duckdb.connect() as connection:
        tree = f"read_parquet('{tmp_path}/archive/**/*.parquet', hive_partitioning = true)"
        seen = {kind for (kind,) in connection.execute(f"SELECT kind FROM {tree}").fetchall()}
    assert {name for name in HOSTILE if len(name) < 80} <= seen


@given(name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=512))
def test_a_name_is_one_step_of_a_path_whatever_it_holds(name: str) -> None:
    safe = safe_name(name)
    assert len(safe.encode()) <= 80
    assert not set(safe) & set("/\\\0:*?\"<>|' ")
    assert safe[0] not in "._"


@given(moment=st.integers(microseconds(at(0).replace(year=1)), microseconds(at(0).replace(year=9999))))
def test_a_moment_lies_in_its_month(moment: int) -> None:
    since, until = month_bounds(month_of(moment))
    assert since <= moment < until
    assert month_of(since) == month_of(until - 1) == month_of(moment)


def test_a_file_says_where_it_belongs() -> None:
    assert (
        file_path("job_run", "2026-01", "acme", 1, 900, b"\x01\x02\x03\x04\x05") == "kind=job_run/month=2026-01/acme-1-900-01020304.parquet"
    )


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """Give the URL of an empty bucket on an S3 server, with the variables set that lead there."""
    import obstore
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    names = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "not-a-real-one",
        "AWS_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setenv(name, value)
        subprocess.run(
            [sys.executable, "-c", "import boto3; boto3.client('s3').create_bucket(Bucket='facts')"], check=True, capture_output=True
        )
        assert obstore
        yield "s3://facts"
    server.stop()


def test_an_archive_in_an_object_store_answers_as_one_in_a_folder(bucket: str, tmp_path: Path) -> None:
    place = open_place(f"{bucket}/history", tmp_path / "drafts")
    repository = open_repository(f"sqlite:///{tmp_path}/store.sqlite", admission=ADMISSION, archive=place)
    repository.bulk_store([event(number, number) for number in range(500)] + [state(number, number) for number in range(100)])
    before = repository.tail(limit=1000)
    assert compact(repository, file_records=200) == 600
    assert repository.tail(limit=1000) == before
    listed = keys(place)
    assert len(listed) == 4
    assert all(key.startswith(("kind=job_run/month=2026-01/default-", "kind=table_observation/month=2026-01/default-")) for key in listed)
    place.delete(listed[0])
    place.delete(listed[0])
    repository.close()
    fresh = open_repository(f"sqlite:///{tmp_path}/store.sqlite", admission=ADMISSION, archive=place)
    with pytest.raises(ArchiveUnavailable, match="s3://facts/history"):
        fresh.tail(limit=1000)
    fresh.close()


def test_a_file_that_was_published_and_never_came_into_force_is_deleted_from_an_object_store(bucket: str, tmp_path: Path) -> None:
    place = open_place(f"{bucket}/other", tmp_path / "drafts")
    repository = open_repository(f"sqlite:///{tmp_path}/store.sqlite", admission=ADMISSION, archive=place)
    repository.bulk_store([event(number, number) for number in range(10)])

    def die(step: str) -> None:
        if step == "published":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Compactor(repository, on_step=die).run(rules(repository))
    assert len(keys(place)) == 1
    Compactor(repository).recover()
    assert keys(place) == []
    assert compact(repository) == 10
    repository.close()


def keys(place: Any) -> list[str]:
    import obstore

    return sorted(item["path"] for batch in obstore.list(place._store) for item in batch)


@pytest.mark.parametrize(
    "url", ["", "/srv/archive", "file://", "file:///", "ftp://x/y", "s3://", "s3://key:secret@bucket/x", "file://host/x"]
)
def test_a_url_that_names_no_archive_is_refused_without_its_secrets(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ARCHIVE_URL names no archive") as caught:
        open_place(url, tmp_path)
    assert "key:secret" not in str(caught.value)
