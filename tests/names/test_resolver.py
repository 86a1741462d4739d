"""Foreign names mean tables that were scanned, or nothing, with a reason; never the wrong table."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.names.shelf import Shelf, said

from factbook.names import Names
from factbook.names.catalogue import Catalogue, Source
from factbook.names.namespaces import identifiers, space_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.lineage import foreign_dataset
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.memory import MemoryRepository


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.source("shop", "postgres://db.example:5432", "public.orders", "public.Orders", "sales.lines", "audit.lines", database="shop")
    shelf.source("till", "mysql://127.0.0.1:3306", "till.sales", "till.Items", engine="mariadb")
    shelf.source("lake", "snowflake://org-account", "PUBLIC.EVENTS", engine="snowflake", database="LAKE")
    shelf.source("app", "sqlite:///data/app.db", "main.users", engine="sqlite")
    shelf.source("duck", "duckdb:///data/jaffle.duckdb", "main.stores", engine="duckdb", database="jaffle")
    return shelf


@pytest.mark.parametrize(
    ("namespace", "name", "meant"),
    [
        ("postgres://db.example:5432", "shop.public.orders", "shop:public.orders"),
        ("postgres://db.example:5432", "shop.public.Orders", "shop:public.Orders"),
        ("postgres://db.example:5432", "SHOP.PUBLIC.ORDERS", "shop:public.orders"),
        ("postgres://db.example:5432", 'shop.public."Orders"', "shop:public.Orders"),
        ("postgres://db.example:5432", "public.orders", "shop:public.orders"),
        ("postgres://db.example:5432", "orders", "shop:public.orders"),
        ("postgres://db.example:5432", "shop.orders", "shop:public.orders"),
        ("postgres://db.example:5432/shop", "public.orders", "shop:public.orders"),
        ("postgres://db.example", "shop.sales.lines", "shop:sales.lines"),
        ("postgresql://reader:secret@DB.example/", "shop.sales.lines", "shop:sales.lines"),
        ("postgresql+psycopg://db.example", "shop.sales.lines", "shop:sales.lines"),
        ("jdbc:postgresql://db.example:5432/shop?ssl=true", "sales.lines", "shop:sales.lines"),
        ("shop", "sales.lines", "shop:sales.lines"),
        ("mysql://localhost", "till.sales", "till:till.sales"),
        ("mariadb://localhost:3306", "TILL.SALES", "till:till.sales"),
        ("mysql://[::1]:3306", "till.items", "till:till.Items"),
        ("mysql://127.0.0.1/till", "sales", "till:till.sales"),
        ("snowflake://ORG-account", "lake.public.events", "lake:PUBLIC.EVENTS"),
        ("snowflake://org-account/LAKE/PUBLIC", "EVENTS", "lake:PUBLIC.EVENTS"),
        ("sqlite:////data/app.db", "users", "app:main.users"),
        ("sqlite:///data/../data/app.db", "main.Users", "app:main.users"),
        ("duckdb:///data/jaffle.duckdb", "jaffle.main.stores", "duck:main.stores"),
    ],
)
def test_a_name_means_the_table_it_says(shelf: Shelf, namespace: str, name: str, meant: str) -> None:
    assert said(shelf.names.resolve(namespace, name)) == meant


@pytest.mark.parametrize(
    ("namespace", "name", "reason"),
    [
        ("postgres://db.example:5433", "shop.public.orders", "no source has the namespace postgres://db.example:5433"),
        ("postgres://db.example:5432", "other.public.orders", "shop has no table other.public.orders"),
        ("postgres://db.example:5432/other", "public.orders", "shop has no table public.orders"),
        ("postgres://db.example:5432", "public.missing", "shop has no table public.missing"),
        ("postgres://db.example:5432", "lines", "ambiguous: shop.audit.lines and shop.sales.lines"),
        ("s3://bucket", "a/b.parquet", "no source has the namespace s3://bucket"),
        ("file", "/tmp/x.csv", "no source has the namespace file"),
    ],
)
def test_a_name_that_means_nothing_stays_foreign_with_a_reason(shelf: Shelf, namespace: str, name: str, reason: str) -> None:
    found = shelf.names.resolve(namespace, name)
    assert (found.known, found.ignored, found.table) == (False, False, foreign_dataset(namespace, name))
    assert found.reason == reason


def test_two_sources_of_one_server_are_told_apart_by_their_database(shelf: Shelf) -> None:
    shelf.source("copy", "postgres://db.example", "public.orders", database="copy")
    assert said(shelf.names.resolve("postgres://db.example", "copy.public.orders")) == "copy:public.orders"
    assert said(shelf.names.resolve("postgres://db.example", "shop.public.orders")) == "shop:public.orders"
    assert said(shelf.names.resolve("postgres://db.example", "public.orders")) == "(ambiguous: copy.public.orders and shop.public.orders)"
    assert said(shelf.names.resolve_sql("copy", ("shop", "sales", "lines"))) == "shop:sales.lines"


def test_scans_of_older_versions_told_the_namespace_beside_the_payload() -> None:
    shelf = Shelf()
    shelf.source("old", None, "public.orders")
    repository = MemoryRepository()
    for item in shelf.repository.tail().records:
        context = msgspec.structs.replace(item.record.context, namespace="postgres://old:5432")
        repository.store(msgspec.structs.replace(item.record, context=context))
    names = Names(repository, tenant="default")
    assert said(names.resolve("postgres://old", "whatever.public.orders")) == "old:public.orders"


def test_what_was_removed_is_not_meant(shelf: Shelf) -> None:
    shelf.store("schema_snapshot", MetadataTarget("shop", "sales", "lines"), None, hours=1)
    assert said(shelf.names.resolve("shop", "lines")) == "shop:audit.lines"


def test_symlinks_are_asked_where_the_name_itself_is_not_known(shelf: Shelf) -> None:
    server = "postgres://db.example:5432"
    ask = shelf.names.resolve
    assert said(ask("s3://bucket", "orders", symlinks=[("hive://h", "x.y"), (server, "public.orders")])) == "shop:public.orders"
    assert said(ask(server, "public.Orders", symlinks=[(server, "public.orders")])) == "shop:public.Orders"
    both = ask("s3://bucket", "orders", symlinks=[(server, "public.orders"), (server, "sales.lines")])
    assert said(both) == "(ambiguous: shop.public.orders and shop.sales.lines)"
    assert both.table == foreign_dataset("s3://bucket", "orders")


@pytest.mark.parametrize(
    ("parts", "path", "meant"),
    [
        (("orders",), (), "shop:public.orders"),
        (("ORDERS",), (), "shop:public.orders"),
        (('"Orders"',), (), "shop:public.Orders"),
        (('"ORDERS"',), (), '(shop has no table "ORDERS")'),
        (("lines",), (), "(ambiguous: shop.audit.lines and shop.sales.lines)"),
        (("lines",), ("public", "sales", "audit"), "shop:sales.lines"),
        (("SALES", "Lines"), (), "shop:sales.lines"),
        (("shop", "sales", "lines"), (), "shop:sales.lines"),
        (("else", "sales", "lines"), (), "(shop has no table else.sales.lines)"),
        (("a", "b", "c", "d"), (), "(shop has no table a.b.c.d)"),
    ],
)
def test_sql_identifiers_fold_as_the_engine_folds_them(shelf: Shelf, parts: tuple[str, ...], path: tuple[str, ...], meant: str) -> None:
    assert said(shelf.names.resolve_sql("shop", parts, search_path=path)) == meant


def test_snowflake_folds_up_and_mysql_takes_any_case_where_it_is_clear(shelf: Shelf) -> None:
    assert said(shelf.names.resolve_sql("lake", ("events",))) == "lake:PUBLIC.EVENTS"
    assert said(shelf.names.resolve_sql("lake", ('"events"',))) == '(lake has no table "events")'
    assert said(shelf.names.resolve_sql("till", ("till", "`items`"))) == "till:till.Items"
    shelf.table("till", "till", "items")
    assert said(shelf.names.resolve_sql("till", ("till", "`items`"))) == "till:till.items"
    assert said(shelf.names.resolve_sql("till", ("till", "ITEMS"))) == "(ambiguous: till.till.Items and till.till.items)"


def test_a_relation_without_a_server_means_the_only_table_of_that_engine(shelf: Shelf) -> None:
    def ask(engine, *parts, source_id=None):
        return said(shelf.names.resolve_relation(engine, parts, namespace="dbt://p", source_id=source_id))

    assert ask("postgres", "shop", "public", "Orders") == "shop:public.Orders"
    assert ask("snowflake", "lake", "public", "events") == "lake:PUBLIC.EVENTS"
    assert ask("sqlite", "database", "main", "users") == "app:main.users"
    assert ask("duckdb", "shop", "public", "orders") == "(no scanned duckdb has a table shop.public.orders)"
    assert ask("postgres", "shop", "public", "orders", source_id="duck") == "(duck has no table shop.public.orders)"
    assert ask("postgres", "shop", "public", "orders", source_id="nobody") == "(no source is called nobody)"
    shelf.bind("dbt://p", source_id="shop")
    assert ask("duckdb", "shop", "public", "orders") == "shop:public.orders"


def test_bindings_come_first_for_a_name_and_for_a_namespace(shelf: Shelf) -> None:
    server = "postgres://db.example:5432"
    shelf.bind("s3://bucket", "orders/", source_id="shop", schema="public", table="orders")
    shelf.bind("postgres://replica", source_id="shop")
    shelf.bind(server, "shop.public.orders", source_id="shop", schema="sales", table="lines")
    shelf.bind("file", "/tmp/x", ignored=True, reason="scratch")
    shelf.bind("kafka://k", ignored=True)
    names = shelf.names
    assert said(names.resolve("s3a://bucket", "orders/")) == "shop:public.orders"
    assert said(names.resolve("postgresql://replica:5432", "public.orders")) == "shop:public.orders"
    assert said(names.resolve("postgres://DB.example", "shop.public.orders")) == "shop:sales.lines"
    assert (names.resolve("file", "/tmp/x").ignored, names.resolve("file", "/tmp/x").reason) == (True, "scratch")
    assert names.resolve("kafka://k", "topic").ignored
    assert not names.resolve("file", "/tmp/y").ignored


def test_the_later_of_two_bindings_counts_whoever_made_it_and_a_closed_one_is_gone(shelf: Shelf) -> None:
    shelf.bind("s3://b", "k", source_id="shop", schema="public", table="orders", hours=1, by="ada")
    shelf.bind("s3://b", "k", source_id="shop", schema="sales", table="lines", hours=2, by="bob")
    assert said(shelf.names.resolve("s3://b", "k")) == "shop:sales.lines"
    shelf.store("name_binding", MetadataTarget("s3://b", table="k"), None, 3, "bob")
    assert not shelf.names.resolve("s3://b", "k").known


def test_a_binding_settles_a_name_of_a_statement_too(shelf: Shelf) -> None:
    shelf.bind("shop", "old_orders", source_id="shop", schema="public", table="orders")
    assert said(shelf.names.resolve_sql("shop", ("old_orders",))) == "shop:public.orders"


def test_columns_engines_and_structures_are_told(shelf: Shelf) -> None:
    shelf.table("shop", "public", "orders", "id", "total", hours=1)
    names = shelf.names
    assert names.columns_of(TableRef("shop", "orders", "public")) == ("id", "total")
    assert names.columns_of(TableRef("shop", "nothing", "public")) is None
    assert names.columns_of(TableRef("nobody", "orders", "public")) is None
    assert (names.engine_of("till"), names.engine_of("nobody")) == ("mariadb", None)
    assert [table.table for table, _ in names.tables_of("shop")] == ["lines", "Orders", "orders", "lines"]
    assert list(names.tables_of("nobody")) == []


def test_the_catalogue_is_read_once_and_only_of_sources_that_are_asked_for(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    plain = Catalogue.read.__func__

    def counted(cls, repository, source, *, tenant):
        read.append(source.source_id)
        return plain(cls, repository, source, tenant=tenant)

    monkeypatch.setattr(Catalogue, "read", classmethod(counted))
    names = shelf.names
    for _ in range(3):
        names.resolve("postgres://db.example", "public.orders")
        names.resolve("mysql://localhost", "till.sales")
    assert read == ["shop", "till"]


def test_every_tenant_has_names_of_its_own(shelf: Shelf) -> None:
    other = Shelf(shelf.repository, tenant="other")
    assert not other.names.resolve("postgres://db.example", "public.orders").known
    other.source("mine", "postgres://db.example", "public.orders")
    assert said(other.names.resolve("postgres://db.example", "public.orders")) == "mine:public.orders"
    assert said(shelf.names.resolve("postgres://db.example", "public.orders")) == "shop:public.orders"


_ENGINES = {
    "postgresql": ("postgres://h:5432", "shop"),
    "mysql": ("mysql://h:3306", None),
    "snowflake": ("snowflake://a-b", "SHOP"),
    "sqlite": ("sqlite:///x.db", None),
    "duckdb": ("duckdb:///x.duckdb", "x"),
    "bigquery": ("bigquery", "project"),
    "oracle": ("oracle://h:1521", "XE"),
}
_identifier = st.text(st.sampled_from('abAB_1 ."`[é'), min_size=1, max_size=4) | st.sampled_from(["shop", "shop.a", "x", "project"])


@given(engine=st.sampled_from(sorted(_ENGINES)), tables=st.sets(st.tuples(_identifier, _identifier), min_size=1, max_size=12))
def test_a_name_as_we_print_it_means_the_same_table_again_or_says_that_it_is_ambiguous(engine: str, tables: set[tuple[str, str]]) -> None:
    namespace, database = _ENGINES[engine]
    refs = {TableRef("s", table, schema): ("id",) for schema, table in tables}
    source = Source("s", engine, namespace, space_of(namespace), database)
    names = Names(MemoryRepository(), tenant="default")
    names._read_sources, names._read_bindings = {"s": source}, {}
    names._catalogues = {"s": Catalogue(source, refs)}
    for ref in refs:
        answer = names.resolve(*names.dataset_of(ref))
        alike = [other for other in refs if f"{other.schema}.{other.table}" == f"{ref.schema}.{ref.table}"]
        assert answer.table == ref if len(alike) == 1 else (answer.reason or "").startswith("ambiguous"), (ref, answer)


@given(st.lists(st.sampled_from(["a", "B_1", '"A.b"', "`x.y`", "[z.z]"]), min_size=1, max_size=4))
def test_dots_inside_of_quotes_part_nothing(parts: list[str]) -> None:
    assert identifiers(".".join(parts)) == tuple(parts)


@given(st.text(max_size=40))
def test_any_text_is_a_namespace_and_its_one_form_is_stable(text: str) -> None:
    space = space_of(text)
    assert space_of(space.key).key == space.key
