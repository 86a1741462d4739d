"""The dictionary: one row per column per object, in place, searchable, and as it was."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from factbook.dictionary import Dictionary, DictionaryFilter
from factbook.dictionary.projection import DictionaryProjection
from factbook.errors import InvalidRequest
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan, ScanCounts, ScanScope, SchemaReading, TableFailureNote
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, IndexPart, Reference, SchemaSnapshot

EVERYTHING = ScanScope()
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(minutes):
    return START + timedelta(minutes=minutes)


def snapshot(table, minutes, *columns, tenant="default", source="shop", schema="main", **more):
    built = SchemaSnapshot("table", [Column(name, place, "text", comment=f"The {name}") for place, name in enumerate(columns, 1)], **more)
    return fact(table, minutes, "schema_snapshot", built.to_payload(), tenant, source, schema)


def fact(table, minutes, kind, payload, tenant="default", source="shop", schema="main"):
    return MetadataRecord(MetadataTarget(source, schema, table), kind, payload, at(minutes), "scan.v1", MetadataContext(tenant=tenant))


def scanned(minutes, *, complete=True, scope=EVERYTHING, failures=()):
    counts = ScanCounts(1, 0, 0, 1, 0, len(failures))
    payload = CatalogScan("e", "1", scope, {"main": SchemaReading(complete)}, True, counts, 0.1, list(failures))
    return MetadataRecord(MetadataTarget("shop"), "catalog_scan", msgspec.to_builtins(payload), at(minutes), "scan.v1")


@pytest.fixture(params=["sqlite", "postgresql"])
def repository(request, tmp_path):
    url = f"sqlite:///{tmp_path}/store.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened = open_repository(url, admission=Admission(builtin_kinds()), projections=[DictionaryProjection()])
    with opened.database.writing() as connection:
        for table in ("records", "streams", "channels"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        connection.exec_driver_sql("UPDATE log_head SET last_offset = 0")
    opened.rebuild()
    yield opened
    opened.close()


def rows(repository, *, as_of=None, tenant="default", limit=100, **wanted):
    return Dictionary(repository, tenant=tenant).page(DictionaryFilter(**wanted), limit=limit, as_of=as_of).items


def shown(found):
    return [f"{row.table}.{row.column}" for row in found]


def test_one_row_per_column_with_its_part_in_keys_and_indexes(repository):
    constraints = [
        Constraint("primary_key", "pk", ["id"]),
        Constraint("foreign_key", "fk", ["owner"], references=Reference("people", "hr", ["id"])),
        Constraint("unique", "u", ["code"]),
    ]
    indexes = [Index("i", [IndexPart("name")])]
    repository.store(snapshot("orders", 0, "id", "owner", "code", "name", constraints=constraints, indexes=indexes, comment="All orders"))
    found = rows(repository)
    assert [(row.column, row.position, row.primary_key, row.foreign_key, row.unique, row.indexed, row.references) for row in found] == [
        ("id", 1, True, False, True, False, None),
        ("owner", 2, False, True, False, False, "hr.people.id"),
        ("code", 3, False, False, True, False, None),
        ("name", 4, False, False, False, True, None),
    ]
    assert found[0].qualified_name == "shop.main.orders.id"
    assert found[0].table_comment == "All orders"


def test_a_change_updates_in_place_and_keeps_key_and_first_seen(repository):
    repository.store(snapshot("orders", 0, "id", "name"))
    before = rows(repository)
    repository.store(snapshot("orders", 5, "id", "name", "extra"))
    after = rows(repository)
    assert [row.key for row in after[:2]] == [row.key for row in before]
    assert [row.attributes_hash for row in after[:2]] == [row.attributes_hash for row in before]
    assert [(row.first_seen, row.changed_at) for row in after] == [(at(0), at(0)), (at(0), at(0)), (at(5), at(5))]


def test_removed_columns_and_tables_are_marked_with_when_and_come_back(repository):
    repository.bulk_store([snapshot("orders", 0, "id", "name"), snapshot("lines", 0, "id"), scanned(3)])
    repository.bulk_store([snapshot("orders", 5, "id"), fact("lines", 6, "schema_snapshot", None)])
    assert shown(rows(repository)) == ["orders.id"]
    gone = {f"{row.table}.{row.column}": row for row in rows(repository, include_removed=True)}
    assert (gone["orders.name"].removed_at, gone["orders.name"].last_seen) == (at(5), at(3))
    assert (gone["lines.id"].removed_at, gone["lines.id"].last_seen) == (at(6), at(3))
    repository.store(snapshot("lines", 7, "id"))
    back = rows(repository, table="lines")[0]
    assert (back.first_seen, back.changed_at, back.removed_at) == (at(0), at(7), None)


def test_a_scan_confirms_only_what_it_has_read_completely(repository):
    repository.bulk_store([snapshot("orders", 0, "id"), snapshot("lines", 0, "id")])

    def seen():
        return {row.table: row.last_seen for row in rows(repository)}

    repository.store(scanned(1, complete=False))
    assert seen() == {"orders": at(0), "lines": at(0)}
    repository.store(scanned(2, scope=ScanScope(include=["main.ord*"])))
    assert seen() == {"orders": at(2), "lines": at(0)}
    repository.store(scanned(3, failures=[TableFailureNote("main", "orders", "no")]))
    assert seen() == {"orders": at(2), "lines": at(3)}
    repository.store(scanned(4))
    assert seen() == {"orders": at(4), "lines": at(4)}


def test_a_back_dated_snapshot_moves_only_first_seen(repository):
    repository.bulk_store([snapshot("orders", 10, "id", "name"), snapshot("orders", 2, "id")])
    found = rows(repository)
    assert shown(found) == ["orders.id", "orders.name"]
    assert [(row.first_seen, row.changed_at) for row in found] == [(at(2), at(10)), (at(10), at(10))]


def test_search_finds_beginnings_of_words_in_names_and_comments(repository):
    repository.bulk_store(
        [
            snapshot("customer_orders", 0, "orderId", "placed_at"),
            snapshot("People", 0, "FirstName", "emailAddress", comment="Everyone we know; <b>customers</b> too"),
            snapshot("odd", 0, "ключ", 'quo"te'),
        ]
    )
    assert shown(rows(repository, search="order")) == ["customer_orders.orderId", "customer_orders.placed_at"]
    assert shown(rows(repository, search="first cust")) == ["People.FirstName"]
    assert shown(rows(repository, search="ADDR")) == ["People.emailAddress"]
    assert shown(rows(repository, search="ключ")) == ["odd.ключ"]
    assert shown(rows(repository, search='quo" OR 1=1')) == []
    assert shown(rows(repository, search="'; --")) == []
    repository.store(fact("customer_orders", 5, "schema_snapshot", None))
    assert shown(rows(repository, search="placed")) == []


def test_filters_narrow_and_patterns_match(repository):
    repository.bulk_store(
        [
            snapshot("orders", 0, "id"),
            snapshot("order[1]", 0, "id"),
            snapshot("lines", 0, "id", schema="x.y"),
            snapshot("o", 0, "id", source="mill"),
        ]
    )
    assert shown(rows(repository, table="order*")) == ["order[1].id", "orders.id"]
    assert shown(rows(repository, table="order[1]*")) == ["order[1].id"]
    assert shown(rows(repository, schema="x.?")) == ["lines.id"]
    assert shown(rows(repository, source_id="mill")) == ["o.id"]
    assert shown(rows(repository, data_type="TEX", source_id="mill")) == ["o.id"]
    assert rows(repository, data_type="%") == []
    assert rows(repository, primary_key=True) == []


def test_pages_cover_every_row_once(repository):
    repository.bulk_store([snapshot(f"t{number:02}", 0, "a", "b", "c") for number in range(11)])
    dictionary = Dictionary(repository, tenant="default")
    found, cursor = [], None
    while True:
        page = dictionary.page(limit=4, cursor=cursor)
        found.extend(shown(page.items))
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [f"t{number:02}.{column}" for number in range(11) for column in "abc"]
    with pytest.raises(InvalidRequest):
        dictionary.page(cursor="made up")


def test_as_of_shows_the_dictionary_of_that_moment(repository):
    repository.bulk_store([snapshot("orders", 0, "id"), snapshot("lines", 0, "id"), scanned(1)])
    repository.bulk_store([snapshot("orders", 5, "id", "name"), fact("lines", 6, "schema_snapshot", None), scanned(7)])
    assert shown(rows(repository, as_of=at(-1))) == []
    then = rows(repository, as_of=at(2), source_id="shop")
    assert shown(then) == ["lines.id", "orders.id"]
    assert {row.last_seen for row in then} == {at(1)}
    assert shown(rows(repository, as_of=at(5))) == ["lines.id", "orders.id", "orders.name"]
    assert shown(rows(repository, as_of=at(8), search="name")) == ["orders.name"]


def test_tenants_have_dictionaries_of_their_own(repository):
    repository.bulk_store([snapshot("orders", 0, "id"), snapshot("orders", 0, "secret", tenant="other")])
    assert shown(rows(repository)) == ["orders.id"]
    assert shown(rows(repository, tenant="other")) == ["orders.secret"]
    assert rows(repository, tenant="other", search="id") == []
    assert rows(repository, tenant="third", as_of=at(9)) == []


def test_rebuilding_gives_the_same_tables(repository):
    repository.bulk_store([snapshot("orders", 0, "id", "name"), snapshot("lines", 0, "id"), scanned(1), snapshot("orders", 2, "id")])
    repository.bulk_store([fact("lines", 3, "schema_snapshot", None), snapshot("lines", 4, "id", "no"), scanned(5)])

    def contents():
        with repository.reading() as connection:
            return [
                connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1, 2, 3").all()
                for name in ("dictionary_objects", "dictionary_columns")
            ]

    before = contents()
    repository.rebuild()
    assert contents() == before


def test_schemas_and_tables_of_a_moment_are_those_there_were_then(repository):
    dictionary = Dictionary(repository, tenant="default")
    told = [
        [snapshot("orders", 0, "id", "name", comment="All orders"), snapshot("lines", 0, "id"), scanned(0)],
        [snapshot("orders", 1, "id"), scanned(1)],
        [fact("lines", 2, "schema_snapshot", None), snapshot("notes", 2, "id", "text", schema="other"), scanned(2)],
        [snapshot("lines", 3, "id", "amount"), snapshot("foreign", 3, "id", tenant="other"), scanned(3)],
    ]
    seen = []
    for facts in told:
        repository.bulk_store(facts)
        seen.append((dictionary.schemas("shop"), dictionary.tables(DictionaryFilter(source_id="shop"))))
    for minutes, (schemas, tables) in enumerate(seen):
        assert dictionary.schemas("shop", as_of=at(minutes)) == schemas
        assert dictionary.tables(DictionaryFilter(source_id="shop"), as_of=at(minutes)) == msgspec.structs.replace(
            tables, as_of=at(minutes)
        )
    assert [(row.schema, row.objects, row.columns) for row in seen[2][0]] == [("main", 1, 1), ("other", 1, 2)]
    assert dictionary.schemas("shop", as_of=at(-1)) == []
    first = dictionary.tables(DictionaryFilter(source_id="shop", table="*s"), limit=2, as_of=at(3))
    rest = dictionary.tables(DictionaryFilter(source_id="shop", table="*s"), limit=2, cursor=first.next_cursor, as_of=at(3))
    assert [row.table for row in first.items + rest.items] == ["lines", "orders", "notes"]


def test_what_points_at_a_table_is_found_now_and_as_it_was(repository):
    def pointing(table, minutes, *to, schema="main"):
        keys = [Constraint("foreign_key", None, ["id"], references=Reference(*name)) for name in to]
        return snapshot(table, minutes, "id", constraints=keys, schema=schema)

    repository.bulk_store([snapshot("orders", 0, "id"), pointing("lines", 0, ("orders", None, ["id"])), pointing("paid", 0, ("orders",))])
    repository.bulk_store([pointing("like", 0, ("orders_old", "main", ["id"])), pointing("far", 0, ("orders", "main", ["id"]), schema="b")])
    repository.bulk_store([snapshot("lines", 5, "id"), pointing("away", 5, ("orders",), schema="b")])
    found = {"source_id": "shop", "refers_to": ("main", "orders")}
    assert shown(rows(repository, **found)) == ["far.id", "paid.id"]
    assert shown(rows(repository, as_of=at(1), **found)) == ["far.id", "lines.id", "paid.id"]
    repository.store(pointing("paid", -5, ("lines", None, ["id"])))
    assert shown(rows(repository, as_of=at(-4), source_id="shop", refers_to=("main", "lines"))) == ["paid.id"]
    assert rows(repository, as_of=at(1), source_id="shop", refers_to=("main", "nothing")) == []
    dictionary, wanted, seen, cursor = Dictionary(repository, tenant="default"), DictionaryFilter(**found), [], None
    for _ in range(3):
        page = dictionary.page(wanted, limit=1, cursor=cursor, as_of=at(1))
        seen, cursor = [*seen, *page.items], page.next_cursor
    assert (shown(seen), cursor) == (["far.id", "lines.id", "paid.id"], None)
    assert all(row in rows(repository, as_of=at(1), include_removed=True) for row in seen)


def test_sources_are_known_by_name_as_long_as_anything_was_of_them(repository):
    for source in ("b", "a"):
        columns = [{"name": "id", "position": 1, "data_type": "int"}]
        payload = {"object_type": "table", "columns": columns}
        repository.store(MetadataRecord(MetadataTarget(source, "main", "t"), "schema_snapshot", payload, at(0), "scan.v1"))
    repository.store(MetadataRecord(MetadataTarget("b", "main", "t"), "schema_snapshot", None, at(1), "scan.v1"))
    assert Dictionary(repository, tenant="default").source_ids() == ["a", "b"]
    assert Dictionary(repository, tenant="other").source_ids() == []


def test_keys_around_a_table_are_those_of_the_moment(repository):
    def pointing(table, minutes, *to, schema="main"):
        keys = [Constraint("foreign_key", None, ["id"], references=Reference(*name)) for name in to]
        return snapshot(table, minutes, "id", constraints=keys, schema=schema)

    def around(name, as_of=None, schema="main"):
        found = Dictionary(repository, tenant="default").keys_around("shop", schema, name, as_of=as_of)
        return [(f"{one.schema}.{one.table}", one.state, one.more) for one in found.tables]

    orders, lines = ("main.orders", "there", 0), ("main.lines", "there", 0)
    repository.bulk_store([snapshot("orders", 0, "id"), pointing("lines", 0, ("orders", None, ["id"]))])
    repository.bulk_store([pointing("orders_old", 0, ("orders-", "main")), pointing("far", 0, ("orders",), schema="b")])
    repository.bulk_store([pointing("far", 3, ("orders", "main", ["id"]), schema="b"), pointing("late", 4, ("lines", "main"))])
    repository.bulk_store([snapshot("lines", 5, "id"), fact("late", 6, "schema_snapshot", None)])
    assert around("orders") == [orders, ("b.far", "there", 0)]
    assert around("orders", at(1)) == [orders, lines]
    assert around("orders", at(3)) == [orders, ("b.far", "there", 0), lines]
    assert around("orders", at(4)) == [orders, ("b.far", "there", 0), ("main.lines", "there", 1)]
    assert around("lines", at(4)) == [lines, ("main.late", "there", 0), ("main.orders", "there", 1)]
    assert around("lines", at(6)) == around("lines") == [lines]
    assert around("orders", schema="b") == [("b.orders", "not scanned", 0)]
    assert around("orders", at(1), schema="b") == [("b.orders", "not scanned", 0), ("b.far", "there", 0)]
