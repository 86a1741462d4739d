"""The ledger shows names that nobody knows until they are settled or scanned, on both engines, and the view behind it can be rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.names.shelf import START, Shelf, at

from factbook.errors import InvalidRecord, InvalidRequest, NotFound
from factbook.names.ledger import NameLedger
from factbook.names.mentions import MAX_MENTIONS, mentions_of
from factbook.names.projection import NamesProjection, lineage_streams, mentions, streams
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds
from factbook_sdk.facts.kinds.lineage import Lineage, LineageInput, LineageJob, Unresolved, foreign_dataset
from factbook_sdk.facts.kinds.lineage_run import LineageRun, UnknownName
from factbook_sdk.facts.parts import TableRef


@pytest.fixture(params=["sqlite", "postgresql"])
def repository(request, tmp_path) -> Iterator[Any]:
    url = f"sqlite:///{tmp_path}/store.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened = open_repository(url, admission=Admission(builtin_kinds()), projections=[NamesProjection()])
    with opened.database.writing() as connection:
        for table in ("records", "streams", "channels"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        connection.exec_driver_sql("UPDATE log_head SET last_offset = 0")
    opened.numbers.channels.clear()
    opened.numbers.places.clear()
    opened.rebuild()
    yield opened
    opened.close()


@pytest.fixture
def shelf(repository) -> Shelf:
    shelf = Shelf(repository)
    shelf.source("shop", "postgres://db.example:5432", "public.orders", "public.order_lines", database="shop")
    return shelf


@pytest.fixture
def ledger(repository) -> NameLedger:
    return NameLedger(repository, tenant="default")


ORDERS = TableRef("shop", "orders", "public")


def lineage(shelf: Shelf, *inputs: TableRef, target: TableRef = ORDERS, producer: str = "etl", hours: float = 0, unresolved=(), job=None):
    """Store a lineage fact."""
    said = Lineage("manual", [LineageInput(table) for table in inputs], job, unresolved=[Unresolved(*one) for one in unresolved])
    shelf.store("lineage", MetadataTarget(target.source_id, target.schema, target.table), said, hours, producer)


def names(ledger: NameLedger, **asked) -> list[str]:
    return [f"{item.namespace} {item.name}" for item in ledger.unresolved(**asked).items]


def test_foreign_inputs_and_targets_and_what_producers_could_not_resolve_are_shown(shelf: Shelf, ledger: NameLedger) -> None:
    lineage(shelf, ORDERS, foreign_dataset("s3://raw", "order_line/2026"), target=foreign_dataset("kafka://k", "orders"), producer="a")
    lineage(shelf, foreign_dataset("s3://raw", "order_line/2026"), producer="b", hours=2, unresolved=[("t1", "a temporary table")])
    unknown = [UnknownName("x.y", "no such schema", times=7), UnknownName("z", "who knows", "hive://h", 2)]
    shelf.store("lineage_run", MetadataTarget("views.sql"), LineageRun("sql", 3, 1, unknown=unknown), 3, "sql:views.sql")
    found = ledger.unresolved().items
    assert [(item.namespace, item.name, item.times, item.producers) for item in found] == [
        ("hive://h", "z", 2, ["sql:views.sql"]),
        ("kafka://k", "orders", 1, ["a"]),
        ("s3://raw", "order_line/2026", 2, ["a", "b"]),
        ("shop", "t1", 1, ["b"]),
        ("views.sql", "x.y", 7, ["sql:views.sql"]),
    ]
    assert [item.reason for item in found] == [
        "who knows",
        "no source has the namespace kafka://k",
        "no source has the namespace s3://raw",
        "a temporary table",
        "no such schema",
    ]
    assert [item.last_seen for item in found] == [at(3), at(0), at(2), at(2), at(3)]
    assert found[1].suggestions[0] == "shop.public.orders"


def test_suggestions_are_tables_of_similar_names(shelf: Shelf, ledger: NameLedger) -> None:
    lineage(shelf, foreign_dataset("hive://h", "dwh.order_line"), foreign_dataset("hive://h", "dwh.zebra"))
    assert [item.suggestions for item in ledger.unresolved().items] == [["shop.public.order_lines"], []]


def test_what_is_settled_ignored_or_scanned_since_is_shown_no_longer(shelf: Shelf, ledger: NameLedger) -> None:
    lineage(shelf, *(foreign_dataset("hive://h", name) for name in ("a", "b", "c")), foreign_dataset("postgres://new:5432", "n.public.t"))
    assert len(names(ledger)) == 4
    ledger.settle("hive://h", "a", meant="shop.public.orders", by="ada")
    ledger.settle("hive://h", "b", ignored=True, reason="scratch")
    shelf.source("fresh", "postgres://new", "public.t", database="n")
    assert names(ledger) == ["hive://h c"]
    ledger.forget("hive://H:10000/", "b")
    assert names(ledger) == ["hive://h b", "hive://h c"]


def test_the_last_that_a_producer_said_counts_and_what_is_closed_is_gone(shelf: Shelf, ledger: NameLedger) -> None:
    lineage(shelf, foreign_dataset("x", "old"), hours=1)
    lineage(shelf, foreign_dataset("x", "new"), hours=2)
    lineage(shelf, foreign_dataset("x", "late news of earlier"), hours=0)
    assert names(ledger) == ["x new"]
    shelf.store("lineage", MetadataTarget("shop", "public", "orders"), None, 3, "etl")
    lineage(shelf, foreign_dataset("x", "late again"), hours=2.5)
    assert names(ledger) == []


def test_what_names_itself_and_products_are_no_tables(shelf: Shelf, ledger: NameLedger) -> None:
    dashboard = foreign_dataset("dbt://p", "exposure.p.weekly")
    lineage(shelf, ORDERS, TableRef("data_products", "sales"), target=dashboard, job=LineageJob("dbt://p", "exposure.p.weekly"))
    lineage(shelf, ORDERS, target=TableRef("data_products", "marketing"))
    assert names(ledger) == []


def test_pages_joined_are_the_whole_and_filters_choose(shelf: Shelf, ledger: NameLedger) -> None:
    for number in range(7):
        lineage(shelf, *(foreign_dataset(f"ns{number % 2}", f"Name {number} {'é' * 300}{end}") for end in "ab"), producer=f"p{number}")
    whole = names(ledger)
    assert len(whole) == 14
    # Names that begin alike for very long stand beside each other in any order.
    assert [name[:100] for name in whole] == sorted(name[:100] for name in whole)
    joined, cursor = [], None
    while True:
        page = ledger.unresolved(limit=3, cursor=cursor)
        joined += [f"{item.namespace} {item.name}" for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert joined == whole
    assert len(names(ledger, namespace="ns1")) == 6
    assert len(names(ledger, search="NAME 3")) == 2


@pytest.mark.parametrize("cursor", ["zz", b"[]".hex(), b'["a"]'.hex(), b'["a","zz"]'.hex()])
def test_a_cursor_of_somebody_else_is_refused(ledger: NameLedger, cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        ledger.unresolved(cursor=cursor)


def test_settling_needs_a_table_that_is_there_and_says_what_is_alike(shelf: Shelf, ledger: NameLedger) -> None:
    with pytest.raises(NotFound, match=r"Did you mean shop\.public\.orders"):
        ledger.settle("x", "y", meant="shop.public.ordres")
    with pytest.raises(NotFound, match="a source nobody"):
        ledger.settle("x", meant="nobody")
    with pytest.raises(InvalidRequest, match="neither was said"):
        ledger.settle("x", "y")
    with pytest.raises(InvalidRequest, match="both were said"):
        ledger.settle("x", "y", meant="shop.public.orders", ignored=True)
    with pytest.raises(InvalidRecord):
        ledger.settle("", "y", ignored=True)
    shelf.table("shop", "audit", "orders")
    with pytest.raises(InvalidRequest, match="several tables"):
        ledger.settle("x", "y", meant="shop.orders")
    assert ledger.bindings().items == []


def test_bindings_are_listed_with_who_settled_them_and_taken_back(shelf: Shelf, ledger: NameLedger) -> None:
    shelf.source("my.shop", "mysql://h", "a.b", engine="mysql")
    ledger.settle("hive://h", meant="my.shop", by="ada")
    ledger.settle("hive://h", "t", meant="my.shop.a.b", by="bob", reason="it moved")
    ledger.settle("a", ignored=True)
    found = ledger.bindings().items
    assert [(item.namespace, item.name, item.source_id, item.schema, item.table, item.ignored) for item in found] == [
        ("a", None, None, None, None, True),
        ("hive://h", None, "my.shop", None, None, False),
        ("hive://h", "t", "my.shop", "a", "b", False),
    ]
    assert [(item.settled_by, item.reason) for item in found] == [(None, None), ("ada", None), ("bob", "it moved")]
    first = ledger.bindings(limit=2)
    assert [item.name for item in ledger.bindings(limit=2, cursor=first.next_cursor).items] == ["t"]
    ledger.forget("hive://h", "t")
    with pytest.raises(NotFound, match="Nothing is settled of hive://h t"):
        ledger.forget("hive://h", "t")
    assert [item.name for item in ledger.bindings(namespace="hive://h").items] == [None]


def test_taking_back_ends_what_anybody_settled_however_the_namespace_is_written(shelf: Shelf, ledger: NameLedger) -> None:
    shelf.bind("postgres://far", "t", source_id="shop", schema="public", table="orders", by="ada")
    shelf.bind("postgresql://FAR:5432/", "t", ignored=True, by="bob", hours=1)
    ledger.forget("postgres://far:5432", "t")
    assert ledger.bindings().items == []


def test_streams_of_lineage_are_found_by_the_beginning_of_their_producer(shelf: Shelf, repository) -> None:
    lineage(shelf, foreign_dataset("x", "a"), producer="dbt:p:model.a", hours=1)
    lineage(shelf, ORDERS, target=foreign_dataset("x", "t"), producer="dbt:p:model.b", hours=2)
    lineage(shelf, ORDERS, target=foreign_dataset("x", "t"), producer="dbt:p2:model.b", hours=1)
    shelf.store("lineage", MetadataTarget("shop", "public", "orders"), None, 2, "dbt:p:model.a")

    def found(until: float, tenant: str = "default") -> list[tuple[str, str, bool]]:
        told = lineage_streams(repository, "dbt:p:", tenant=tenant, until=at(until))
        return sorted((stream.producer_id, str(stream.target), stream.stands) for stream in told)

    assert found(2) == [("dbt:p:model.a", "shop.public.orders", False), ("dbt:p:model.b", "x.t", True)]
    assert found(1) == []
    assert found(9, "other") == []


def test_a_fact_with_very_many_names_keeps_some_and_odd_characters_do_not_stop_it(shelf: Shelf, ledger: NameLedger) -> None:
    run = LineageRun("sql", 1, 0, unknown=[UnknownName(f"n{number}", "no", times=2**62) for number in range(MAX_MENTIONS + 5)])
    shelf.store("lineage_run", MetadataTarget("f"), run, 1, "p")
    lineage(shelf, ORDERS, unresolved=[("a\x00b", "no\x00")])
    assert len(ledger.unresolved(limit=10_000).items) == MAX_MENTIONS + 1


def test_tenants_do_not_see_each_others_names(shelf: Shelf, repository) -> None:
    lineage(shelf, foreign_dataset("x", "mine"))
    other = NameLedger(repository, tenant="other")
    other.settle("x", "mine", ignored=True)
    assert other.unresolved().items == []
    assert names(NameLedger(repository, tenant="default")) == ["x mine"]


_steps = st.lists(
    st.tuples(
        st.sampled_from(["lineage", "lineage_run"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["p", "q"]),
        st.integers(0, 5),
        st.lists(st.sampled_from(["x", "y", "z"]), max_size=3) | st.none(),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(steps=_steps)
def test_the_view_is_the_last_word_of_every_stream_and_a_rebuild_says_the_same(tmp_path_factory, steps) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('names')}/store.sqlite"
    opened = open_repository(url, admission=Admission(builtin_kinds()), projections=[NamesProjection()])
    for kind, table, producer, minute, said in steps:
        opened.bulk_store([_record(kind, table, producer, minute, said)])
    before = _contents(opened)
    opened.rebuild()
    assert _contents(opened) == before
    last: dict[tuple[str, str, str], MetadataRecord] = {}
    for item in sorted(opened.tail(limit=1000).records, key=lambda item: (item.record.produced_at, item.offset)):
        last[item.record.kind, item.record.target.table or "", item.record.producer_id] = item.record
    expected = {(mention.namespace, mention.name, *key[::2]) for key, record in last.items() for mention in mentions_of(record)}
    assert {(row.namespace, row.name, row.kind, row.producer_id) for row in before[1]} == expected
    opened.close()


def _record(kind: str, table: str, producer: str, minute: int, said: list[str] | None) -> MetadataRecord:
    payload: dict[str, Any] | None
    if kind == "lineage":
        payload = None if said is None else {"origin": "sql", "inputs": [{"table": {"source_id": "n", "table": name}} for name in said]}
    else:
        unknown = [{"name": name, "reason": "no"} for name in said or ()]
        payload = {"origin": "sql", "statements": 1, "edges": 0, "unknown": unknown}
    moment = START + timedelta(minutes=minute)
    return MetadataRecord(MetadataTarget("s", "public", table), kind, payload, moment, producer, MetadataContext())


def _contents(repository) -> tuple[Any, Any]:
    with repository.reading() as connection:
        rows = [connection.execute(select(table).order_by(*table.primary_key.columns)).all() for table in (streams, mentions)]
    return rows[0], rows[1]
