"""What was measured is read a page at a time, whatever else a source has."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from factbook.errors import InvalidRequest, NotFound
from factbook.profile.model import ProfileOptions, ProfileRequest
from factbook.profile.reading import latest_of_many, latest_page, names_like, read_known
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import PartitionOf, SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import Bill, StatisticsSnapshot
from factbook_sdk.repository.memory import MemoryRepository

NOW = datetime(2024, 1, 1, tzinfo=UTC)
TABLES = 300


class Counted(MemoryRepository):
    """Counts the measurements that are read in one go at most, and in all."""

    def __init__(self):
        super().__init__()
        self.most = self.all = 0

    def latest_many(self, targets, kind, **options):
        found = super().latest_many(targets, kind, **options)
        if kind == "statistics_snapshot":
            self.most, self.all = max(self.most, len(found)), self.all + len(found)
        return found


def stored(repository, kind, payload, schema="s", table="t", at=NOW, run_id=None):
    builtins = None if payload is None else msgspec.to_builtins(payload)
    context = MetadataContext(run_id=run_id)
    repository.store(MetadataRecord(MetadataTarget("src", schema, table), kind, builtins, at, "profile.v1", context))


def statistics(rows=1):
    return StatisticsSnapshot(origin="exact", row_count=rows, columns=[], bill=Bill(rows, 8, 1, 0.5))


@pytest.fixture(scope="module")
def filled():
    repository = Counted()
    for number in range(TABLES):
        stored(repository, "schema_snapshot", SchemaSnapshot("table", []), table=f"t{number:03d}")
        stored(repository, "statistics_snapshot", statistics(number), table=f"t{number:03d}", run_id="run-1")
    return repository


@pytest.fixture
def repository(filled):
    filled.most = filled.all = 0
    return filled


def test_a_page_reads_the_measurements_of_its_own_tables_only(repository):
    page = latest_page(repository, "src", limit=10)
    assert [item.table for item in page.items] == [f"t{number:03d}" for number in range(10)]
    assert repository.all == 11


def test_pages_one_after_the_other_give_every_table_once(repository):
    seen, cursor = [], None
    while True:
        page = latest_page(repository, "src", limit=70, cursor=cursor)
        seen += [item.table for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"t{number:03d}" for number in range(TABLES)]


def test_pages_go_by_schema_then_table_whatever_is_in_their_names():
    repository = Counted()
    names = [("a", 'q"'), ("a", "z"), ("a b", "a"), ("a!", "m"), ("ä", "x"), ("a", "\n")]
    for schema, table in names:
        stored(repository, "statistics_snapshot", statistics(), schema, table)
    seen, cursor = [], None
    for _ in names:
        page = latest_page(repository, "src", limit=1, cursor=cursor)
        seen += [(item.schema, item.table) for item in page.items]
        cursor = page.next_cursor
    assert (seen, cursor) == (sorted(names), None)


def test_a_page_goes_past_tables_that_were_not_measured_by_then():
    repository = Counted()
    for number in range(20):
        stored(repository, "statistics_snapshot", statistics(), table=f"t{number:02d}", at=NOW + timedelta(days=number < 18))
    page = latest_page(repository, "src", as_of=NOW, limit=1)
    assert [item.table for item in page.items] == ["t18"]
    rest = latest_page(repository, "src", as_of=NOW, limit=1, cursor=page.next_cursor)
    assert ([item.table for item in rest.items], rest.next_cursor) == (["t19"], None)
    with pytest.raises(NotFound, match="by then"):
        latest_page(repository, "src", as_of=NOW - timedelta(days=1))


def test_a_page_of_one_schema_has_its_tables_alone():
    repository = Counted()
    for schema in ("a", "b"):
        stored(repository, "statistics_snapshot", statistics(), schema)
    assert [item.schema for item in latest_page(repository, "src", schema="b").items] == ["b"]
    with pytest.raises(NotFound):
        latest_page(repository, "src", schema="c")


@pytest.mark.parametrize("cursor", ["nonsense", "", "zz", b"[1]".hex(), b'["s"]'.hex(), b'{"a": 1}'.hex(), b"\xff".hex()])
def test_a_cursor_that_is_not_ours_is_refused(repository, cursor):
    with pytest.raises(InvalidRequest) as caught:
        latest_page(repository, "src", cursor=cursor)
    assert caught.value.field == "cursor"


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_limit_that_cannot_be_is_refused(repository, limit):
    with pytest.raises(InvalidRequest) as caught:
        latest_page(repository, "src", limit=limit)
    assert caught.value.field == "limit"


def test_a_name_is_looked_up_without_reading_other_measurements(repository):
    assert names_like(repository, "src", "t007") == names_like(repository, "src", "s.t007") == [TableName("s", "t007")]
    assert repository.all == 2


def test_what_was_measured_of_many_tables_is_read_in_parts_and_in_order(repository):
    names = [TableName("s", f"t{number:03d}") for number in reversed(range(TABLES))]
    found = latest_of_many(repository, "src", [*names, TableName("s", "none")])
    assert [TableName(item.schema, item.table) for item in found] == names
    assert repository.most <= 100


def test_a_run_reads_when_its_own_tables_were_measured_and_not_the_others(repository):
    known = read_known(repository, ProfileRequest("src", ProfileOptions(tables=["t00?"])))
    assert known.measured_at == {TableName("s", f"t00{number}"): NOW for number in range(10)}
    assert repository.all == 10


def test_a_run_of_all_tables_has_some_measurements_in_memory_at_a_time(repository):
    known = read_known(repository, ProfileRequest("src", context=MetadataContext(run_id="run-1")))
    assert len(known.measured_at) == len(known.resumed.tables) == TABLES
    assert repository.most <= 100


def test_what_a_run_measured_before_is_kept_as_lines_and_whole_for_partitions_only():
    repository = Counted()
    stored(repository, "schema_snapshot", SchemaSnapshot("table", []), table="plain")
    stored(repository, "schema_snapshot", SchemaSnapshot("table", [], partition_of=PartitionOf("parent")), table="part")
    for table, rows in (("plain", 3), ("part", 4)):
        stored(repository, "statistics_snapshot", statistics(rows), table=table, run_id="run-1")
    resumed = read_known(repository, ProfileRequest("src", context=MetadataContext(run_id="run-1"))).resumed
    assert {name.table: (line.rows_read, line.resumed) for name, line in resumed.tables.items()} == {"plain": (3, True), "part": (4, True)}
    assert list(resumed.partitions) == [TableName("s", "part")]
    assert resumed.bill == Bill(7, 16, 2, 1.0)
