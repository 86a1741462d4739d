"""Search over everything: what is found, in which order, where, how it is spread, and what may be seen; on both engines alike."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from factbook.dictionary import Dictionary
from factbook.dictionary.projection import DictionaryProjection
from factbook.errors import InvalidRequest
from factbook.finding import EVERYTHING, Finder, FindFilter
from factbook.finding.projection import FindingProjection
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan, ScanCounts, ScanScope, SchemaReading
from factbook_sdk.facts.kinds.data_contract import contract_target
from factbook_sdk.facts.kinds.data_product import product_target
from factbook_sdk.facts.kinds.glossary_term import term_target
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot

START = datetime(2026, 1, 1, tzinfo=UTC)
ADA = "person:ada"


def at(minutes):
    return START + timedelta(minutes=minutes)


def fact(target, kind, payload, minutes=0, producer="scan.v1", tenant="default"):
    return MetadataRecord(target, kind, payload, at(minutes), producer, MetadataContext(tenant=tenant))


def table(name, *columns, minutes=0, source="shop", schema="main", comment=None, object_type="table", tenant="default"):
    built = [Column(column, place, "text", comment=said) for place, (column, said) in enumerate((*columns,), 1)]
    payload = SchemaSnapshot(object_type, built, comment=comment).to_payload()
    return fact(MetadataTarget(source, schema, name), "schema_snapshot", payload, minutes, tenant=tenant)


def plain(*names):
    return [(name, None) for name in names]


def said(place, *notes, minutes=1, author=ADA, rejections=(), tenant="default"):
    kind = author.partition(":")[0]
    payload = {"author_type": kind, "notes": list(notes)} | ({"rejections": list(rejections)} if rejections else {})
    return fact(place, "annotation", payload, minutes, author, tenant)


def product(name, minutes=1, **more):
    payload = {"name": name.title(), "domain": "sales", "status": "active", **more}
    return fact(product_target(name), "data_product", payload, minutes, "registry")


def term(key, minutes=1, **more):
    return fact(term_target(key), "glossary_term", {"name": key.title(), **more}, minutes, "glossary")


def scan(*schemas, minutes=2, source="shop", include=()):
    counts = ScanCounts(1, 0, 0, 1, 0, 0)
    payload = CatalogScan("e", "1", ScanScope(list(include)), {name: SchemaReading(True) for name in schemas}, True, counts, 0.1)
    return fact(MetadataTarget(source), "catalog_scan", msgspec.to_builtins(payload), minutes)


@pytest.fixture(params=["sqlite", "postgresql"])
def repository(request, tmp_path):
    url = f"sqlite:///{tmp_path}/store.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened = open_repository(url, admission=Admission(builtin_kinds()), projections=[DictionaryProjection(), FindingProjection()])
    with opened.database.writing() as connection:
        for name in ("records", "streams", "channels"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
        connection.exec_driver_sql("UPDATE log_head SET last_offset = 0")
    opened.rebuild()
    yield opened
    opened.close()


def search(repository, words, *, tenant="default", parts=EVERYTHING, limit=30, cursor=None, as_of=None, **wanted):
    finder = Finder(repository, Dictionary(repository, tenant=tenant), tenant=tenant)
    return finder.search(words, FindFilter(**wanted), parts=parts, limit=limit, cursor=cursor, as_of=as_of)


def names(page):
    return [hit.name for hit in page.items]


def spread(page, name):
    return {counted.value: counted.count for facet in page.facets if facet.name == name for counted in facet.values}


CUSTOMER = MetadataTarget("shop", "main", "customer")


@pytest.fixture
def shop(repository):
    repository.bulk_store(
        [
            table("customer", *plain("id", "email", "town"), comment="Who buys"),
            table("customer_address", *plain("id", "customer_id", "street")),
            table("old_customer", *plain("id")),
            table("orders", *plain("id", "customer_id"), ("note", "What the customer wrote")),
            table("log", *plain("at", "line"), comment="Which customer did what"),
            table("big_orders", *plain("id", "amount"), object_type="view"),
            table("customer", *plain("id", "name"), source="crm", schema="public"),
            said(CUSTOMER, {"property": "description", "value": "People who churn"}, {"property": "tag", "value": "gold"}),
            product("customers", description="All who buy", owners=[{"name": "Sales"}], tags=["gold"]),
            term("customer", definition="Who buys", synonyms=["client"], domain="sales"),
            scan("main"),
            scan("public", source="crm"),
        ]
    )
    return repository


def test_names_come_before_columns_and_columns_before_texts(shop):
    page = search(shop, "customer", thing="table", source_id="shop")
    assert names(page) == ["customer", "customer_address", "old_customer", "orders", "log"]
    assert [hit.found_in for hit in page.items] == ["name", "name", "name", "columns", "text"]
    assert page.total == 5
    assert page.exact


def test_tables_come_before_other_things_of_their_rank_and_the_order_is_the_same_each_time(shop):
    page = search(shop, "customer")
    assert [(hit.thing, hit.source_id, hit.name) for hit in page.items[:5]] == [
        ("table", "crm", "customer"),
        ("table", "shop", "customer"),
        ("term", "glossary", "customer"),
        ("table", "shop", "customer_address"),
        ("product", "data_products", "customers"),
    ]
    assert search(shop, "customer") == page


def test_what_products_use_comes_first_of_its_rank(shop):
    shop.store(product("sold", outputs=[{"name": "main", "table": {"source_id": "shop", "schema": "main", "table": "customer"}}]))
    assert [hit.source_id for hit in search(shop, "customer", thing="table").items[:2]] == ["shop", "crm"]


@pytest.mark.parametrize("words", ["customer_id", "CustomerId", "customerid", "customer id", "cust i"])
def test_a_column_is_found_however_it_is_written(shop, words):
    page = search(shop, words, found_in="columns", thing="table")
    assert "orders" in names(page)
    [orders] = [hit for hit in page.items if hit.name == "orders"]
    assert orders.matches[0].field == "column"
    assert orders.matches[0].text == "customer_id"


def test_all_words_must_occur_in_the_table_its_columns_its_place_or_what_is_said(shop):
    assert names(search(shop, "customer email")) == ["customer"]
    assert names(search(shop, "crm customer")) == ["customer"]
    assert names(search(shop, "churn email")) == ["customer"]
    assert names(search(shop, "churn street")) == []
    assert names(search(shop, "customer nothing")) == []


def test_a_hit_says_where_the_words_are(shop):
    [log] = search(shop, "which customer").items
    assert [(match.field, match.text, match.marks) for match in log.matches] == [("comment", "Which customer did what", [(0, 5), (6, 14)])]
    [orders] = search(shop, "wrote").items
    assert (orders.matches[0].field, orders.matches[0].column, orders.columns_found) == ("comment", "note", 1)
    [people] = search(shop, "churn").items
    assert (people.name, people.matches[0].field, people.matches[0].marks) == ("customer", "description", [(11, 16)])
    assert people.summary == "People who churn"


def test_products_terms_contracts_domains_schemas_and_sources_are_found(shop):
    promised = {"contract_id": "sales-v1", "version": "1.0.0", "status": "active", "description": "What sales may rely on"}
    shop.store(fact(contract_target("sales-v1"), "data_contract", promised, 1, "contract:sales-v1"))
    assert [(hit.thing, hit.name) for hit in search(shop, "sales").items] == [
        ("domain", "sales"),
        ("contract", "sales-v1"),
        ("product", "customers"),
        ("term", "customer"),
    ]
    assert [(hit.thing, hit.name) for hit in search(shop, "client").items] == [("term", "customer")]
    assert [(hit.thing, hit.name) for hit in search(shop, "public").items][:1] == [("schema", "public")]
    assert [(hit.thing, hit.name) for hit in search(shop, "crm").items][:1] == [("source", "crm")]


def test_facets_count_what_is_found_and_narrow_it(shop):
    page = search(shop, "customer")
    assert spread(page, "thing") == {"table": 6, "product": 1, "term": 1}
    assert spread(page, "source_id") == {"shop": 5, "crm": 1}
    assert spread(page, "found_in") == {"name": 6, "columns": 1, "text": 1}
    assert spread(page, "tag") == {"gold": 2}
    assert spread(page, "domain") == {"sales": 2}
    for facet in page.facets:
        for counted in facet.values:
            assert search(shop, "customer", **{facet.name: counted.value}).total == counted.count, (facet.name, counted)


def test_pages_go_on_where_the_one_before_ended(shop):
    whole = names(search(shop, "customer"))
    found, cursor = [], None
    while True:
        page = search(shop, "customer", limit=3, cursor=cursor)
        found += names(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == whole


@pytest.mark.parametrize("cursor", ["", "0", "-1", "x", "1001", "٣", "99999999999999999999", "1.5"])
def test_a_cursor_that_is_not_ours_is_refused(shop, cursor):
    with pytest.raises(InvalidRequest):
        search(shop, "customer", cursor=cursor)


def test_what_is_gone_is_found_only_where_it_is_asked_for(shop):
    shop.store(fact(MetadataTarget("shop", "main", "old_customer"), "schema_snapshot", None, 5))
    shop.store(table("customer", *plain("id", "email"), minutes=6))
    shop.store(fact(product_target("customers"), "data_product", None, 5, "registry"))
    assert names(search(shop, "old_customer")) == []
    assert search(shop, "town").total == 0
    assert names(search(shop, "customers")) == []
    assert names(search(shop, "sales")) == ["customer"], "a domain without products is none"
    [gone] = search(shop, "old_customer", include_removed=True).items
    assert gone.removed_at == at(5)
    assert names(search(shop, "town", include_removed=True)) == ["customer"]


def test_what_is_said_counts_until_it_is_taken_back_or_rejected(shop):
    place = MetadataTarget("shop", "main", "log")
    guess = {"property": "classification", "value": "secretive", "confidence": 0.7}
    shop.store(said(place, guess, author="agent:guesser"))
    assert names(search(shop, "secretive")) == ["log"]
    assert names(search(shop, "log", classification="secretive")) == ["log"]
    shop.store(said(place, minutes=2, rejections=[{"property": "classification", "value": "secretive"}]))
    assert names(search(shop, "secretive")) == []
    shop.store(fact(CUSTOMER, "annotation", None, 3, ADA))
    assert names(search(shop, "churn")) == []


def test_what_is_said_late_of_an_earlier_moment_changes_nothing(shop):
    shop.store(said(CUSTOMER, {"property": "description", "value": "Outdated"}, minutes=0))
    assert names(search(shop, "outdated")) == []
    assert names(search(shop, "churn")) == ["customer"]


def test_closed_parts_are_named_and_nothing_of_them_is_found_or_counted(shop):
    page = search(shop, "customer", parts=frozenset({"structure"}))
    assert page.closed == ["contracts", "glossary", "notes", "products"]
    assert spread(page, "thing") == {"table": 6}
    assert spread(page, "tag") == {}
    assert search(shop, "churn", parts=EVERYTHING - {"notes"}).total == 0
    assert search(shop, "customer", tag="gold", parts=EVERYTHING - {"notes"}, thing="table").total == 0
    assert names(search(shop, "customer", parts=frozenset({"glossary"}))) == ["customer"]
    [hit] = search(shop, "buys", parts=EVERYTHING - {"notes", "products", "glossary"}).items
    assert hit.summary == "Who buys"


def test_tenants_find_their_own_alone(shop):
    shop.store(table("customer", *plain("id"), tenant="other"))
    shop.store(said(CUSTOMER, {"property": "description", "value": "theirs"}, tenant="other"))
    assert search(shop, "customer", tenant="other").total == 1
    assert search(shop, "theirs").total == 0
    assert search(shop, "customer", tenant="third").total == 0


def test_the_past_is_searched_as_it_was(shop):
    shop.store(table("invoice", *plain("id", "due"), minutes=10))
    shop.store(product("customers", minutes=10, description="Renamed to buyers"))
    assert names(search(shop, "invoice", as_of=at(9))) == []
    assert names(search(shop, "invoice", as_of=at(10))) == ["invoice"]
    assert names(search(shop, "buyers", as_of=at(9))) == []
    assert names(search(shop, "churn", as_of=at(0))) == []
    assert search(shop, "churn", as_of=at(1)).as_of == at(1)
    assert names(search(shop, "churn", as_of=at(1), source_id="shop")) == ["customer"]


def test_schemas_that_a_whole_scan_no_longer_sees_are_gone(shop):
    assert search(shop, "main", thing="schema").total == 1
    shop.store(scan("main", "extra", minutes=3))
    shop.store(scan("extra", minutes=4, include=["extra.*"]))
    assert search(shop, "main", thing="schema").total == 1
    shop.store(scan("extra", minutes=5))
    assert search(shop, "main", thing="schema").total == 0
    assert search(shop, "extra", thing="schema").total == 1


RUBBISH = [
    '"',
    "*",
    "a*",
    "AND",
    "a AND",
    "NOT",
    "NEAR(a b)",
    "\x00",
    "a\x00b",
    "'",
    "a'b",
    "a:*",
    "()",
    "&|!",
    "😀",
    "-",
    "\\",
    "%",
    "_",
    "x" * 400,
]


@pytest.mark.parametrize("words", RUBBISH)
def test_no_text_is_an_error(shop, words):
    search(shop, words)
    search(shop, f"customer {words}"[:400])


def test_a_text_that_is_too_long_is_refused(shop):
    with pytest.raises(InvalidRequest):
        search(shop, "x" * 401)


def test_hostile_names_and_texts_are_found_as_they_are(repository):
    name = "<script>alert('\"x\"')</script>"
    repository.store(table(name, ("a b'c\"d", "--; DROP"), comment="quite here"))
    repository.store(said(MetadataTarget("shop", "main", name), {"property": "tag", "value": "t\x00g"}))
    assert names(search(repository, "script alert")) == [name]
    assert names(search(repository, "drop")) == [name]
    assert search(repository, "t g").total == 1


def test_scripts_and_accents_are_found_alike(repository):
    repository.bulk_store([table("Größen_Übersicht", *plain("straße")), table("顧客注文", *plain("金額")), table("طلبات", *plain("رقم"))])
    assert names(search(repository, "grossen")) == ["Größen_Übersicht"]
    assert names(search(repository, "UBERS")) == ["Größen_Übersicht"]
    assert names(search(repository, "strasse")) == ["Größen_Übersicht"]
    assert names(search(repository, "注文")) == ["顧客注文"]
    assert names(search(repository, "金")) == ["顧客注文"]
    assert names(search(repository, "طلب")) == ["طلبات"]


def test_more_than_a_thousand_are_ranked_and_the_rest_is_told(repository):
    repository.bulk_store([table(f"item_{number:04d}", *plain("id", "code")) for number in range(1100)])
    repository.store(table("item", *plain("id")))
    page = search(repository, "item")
    assert (page.total, page.exact, page.items[0].name) == (1000, False, "item")
    assert search(repository, "item", cursor="990", limit=30).next_cursor is None
    assert search(repository, "code").total == 1000
    assert search(repository, "item_0042").exact


def test_rebuilding_gives_the_same(shop):
    shop.store(said(CUSTOMER, {"property": "tag", "value": "silver"}, minutes=4))
    asked = ("customer", "sales", "silver", "churn", "main")
    before = [search(shop, words) for words in asked]
    shop.rebuild()
    assert [search(shop, words) for words in asked] == before
