"""Products and domains as pages: a product's life by forms, what is told of it, and to whom."""

import re
import shutil
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from tests.web.conftest import HOSTILE, opened
from tests.web.test_pages import Reading

from factbook.products import NewProduct
from factbook.products.model import NewPort
from factbook.web.pages.product.filling import format_schema, read_schema
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.kinds.data_product import product_target

OWN = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}
FORM = {
    "name": "orders",
    "domain": "sales",
    "owner": "team@shop.example",
    "description": "All orders",
    "status": "active",
    "tags": "finance\r\ndaily",
    "ports": "orders = shop.main.orders",
    "schema": "id: integer\r\namount: {type: decimal, classification: internal}",
}


@pytest.fixture(scope="module")
def desk(folder, tmp_path_factory):
    """A copy of the store to work on."""
    place = tmp_path_factory.mktemp("products")
    shutil.copytree(folder, place, dirs_exist_ok=True)
    with opened(place) as client:
        yield client


def text_of(answer):
    return " ".join("".join(Reading(answer.text).text).split())


def send(desk, path, **fields):
    return desk.post(path, data=fields, headers=OWN)


def etag_of(desk, name):
    return re.search(r'name="etag" value="(\w+)"', desk.get(f"/ui/product/{name}/edit").text)[1]


def test_the_life_of_a_product_by_forms(desk):
    answer = send(desk, "/ui/new-product", **FORM)
    assert answer.headers["location"] == "/ui/product/orders?done=registered"
    told = desk.get("/ui/product/orders.json").json()
    product = told["product"]
    assert (product["version"], product["tags"], product["schema"]["id"]) == ("1.0.0", ["finance", "daily"], "integer")
    assert product["conformance"]["status"] == "extends"
    assert "shop.main.orders has a column customer_id that is not declared" in desk.get("/ui/product/orders").text

    form = FORM | {"schema": "id: integer\ncolour: string", "etag": etag_of(desk, "orders")}
    assert send(desk, "/ui/product/orders/edit", **form).headers["location"] == "/ui/product/orders?done=saved"
    product = desk.get("/ui/product/orders.json").json()["product"]
    assert product["version"] == "2.0.0"
    assert product["conformance"]["status"] == "differs"
    assert "shop.main.orders has no column colour" in desk.get("/ui/product/orders").text

    low = form | {"description": "Every order", "version": "1.9.0", "etag": etag_of(desk, "orders")}
    answer = send(desk, "/ui/product/orders/edit", **low)
    assert answer.status_code == 422
    assert 'aria-describedby="ask_version_wrong ask_version_hint" aria-invalid="true"' in answer.text
    assert 'value="1.9.0"' in answer.text
    assert send(desk, "/ui/product/orders/edit", **low | {"version": "3.0.0"}).status_code == 303

    history = desk.get("/ui/product/orders/history.json").json()["shown"]["events"]
    assert [(one["event"]["version"], one["event"]["level"]) for one in history] == [
        ("3.0.0", "patch"),
        ("2.0.0", "major"),
        ("1.0.0", None),
    ]
    page = text_of(desk.get("/ui/product/orders/history"))
    assert "All orders → Every order" in page
    assert "colour is new" in page
    first, last = history[-1]["event"]["at"], history[0]["event"]["at"]
    compared = desk.get(f"/ui/product/orders/history.json?from={quote(first)}&to={quote(last)}").json()["shown"]["compared"]
    assert {"schema.amount is gone", "schema.colour is new"} <= set(compared["lines"])
    past = desk.get(f"/ui/product/orders?as_of={quote(first)}")
    assert "This is how it was at" in past.text
    assert "All orders" in past.text
    assert "/ui/product/orders/status" not in past.text

    for status in ("deprecated", "retired"):
        etag = etag_of(desk, "orders")
        assert send(desk, "/ui/product/orders/status", status=status, etag=etag).headers["location"] == "/ui/product/orders?done=saved"
    assert "A product that is retired is not served" in desk.get("/ui/product/orders").text
    assert "the product orders is retired" in desk.get("/ui/product/orders/rows").text
    assert send(desk, "/ui/product/orders/status", status="active", etag=etag).status_code == 412

    where = send(desk, "/ui/product/orders/remove", etag=etag_of(desk, "orders")).headers["location"]
    assert where == "/ui/product/orders/history?done=removed"
    gone = desk.get(where)
    assert "Taken off the list" in gone.text
    assert "There is no such product any more" in gone.text
    assert desk.get("/ui/product/orders").status_code == 404


def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(desk):
    for field, value, why in (
        ("name", "a/b", "it stands in a path"),
        ("ports", "orders: shop.main.orders", "Line 1 names no port"),
        ("ports", "orders = nowhere", "a table is source.schema.table"),
        ("schema", "id: [", "line 1"),
        ("owner", "", "The owner is missing"),
        ("version", "first", "it is not MAJOR.MINOR.PATCH"),
    ):
        answer = send(desk, "/ui/new-product", **FORM | {"name": "wrong", "description": HOSTILE, field: value})
        assert answer.status_code == 422, (field, answer.text)
        assert f'id="ask_{field}_wrong"' in answer.text, field
        assert why in text_of(answer), field
        assert HOSTILE in text_of(answer)
        assert HOSTILE not in answer.text
    assert send(desk, "/ui/new-product", **FORM | {"name": "customers"}).status_code == 409


def test_a_document_is_taken_and_what_is_wrong_is_named_with_line_and_place(desk):
    document = (
        "name: notes\ndomain: sales\nowner: me\nports:\n  - {name: a, table: shop.main.invoice, version: '2', schema: {id: integer}}\n"
    )
    assert send(desk, "/ui/new-product/document", document=document).headers["location"] == "/ui/product/notes?done=registered"
    again = document + "\ntags: [1]\n"
    answer = send(desk, "/ui/product/notes/edit/document", document=again, etag=etag_of(desk, "notes"))
    assert answer.status_code == 422
    assert "line 7" in text_of(answer)
    assert "tags[0]" in text_of(answer)
    answer = send(desk, "/ui/new-product/document", document="name: [")
    assert "line 1" in text_of(answer)
    answer = send(desk, "/ui/product/notes/edit/document", document=document.replace("notes", "other"), etag=etag_of(desk, "notes"))
    assert "A product keeps its name" in answer.text
    shown = desk.get("/ui/product/notes/edit.json").json()["shown"]
    changed = shown["document"].replace("owner: me", "owner: you")
    assert send(desk, "/ui/product/notes/edit/document", document=changed, etag=shown["etag"]).status_code == 303
    product = desk.get("/ui/product/notes.json").json()["product"]
    assert (product["owner"], product["ports"][0]["version"], product["version"]) == ("you", "2", "1.0.1")
    standard = "apiVersion: v1.0.0\nkind: DataProduct\nid: p-1\nname: By the standard\nstatus: draft\nversion: 1.0.0\n"
    assert (
        send(desk, "/ui/new-product/document", document=standard).headers["location"] == "/ui/product/By%20the%20standard?done=registered"
    )
    attached = desk.get("/ui/product/By%20the%20standard/document?format=yaml")
    assert attached.headers["content-disposition"] == "attachment; filename*=UTF-8''By%20the%20standard.odps.yaml"
    assert "kind: DataProduct" in attached.text


def test_the_form_keeps_what_its_lines_do_not_say(desk):
    port = NewPort("a.b", "shop.main.invoice", "agreed", "7", "of all", {"id": "integer"})
    desk.house.of("default").product_registry.register(NewProduct(name="kept", domain="sales", owner="me", ports=[port]), by="ada")
    shown = desk.get("/ui/product/kept/edit.json").json()["shown"]["form"]
    assert shown["ports"] == "a.b = shop.main.invoice under agreed"
    form = {name: value for name, value in shown.items() if value and name != "name"} | {"tier": "gold"}
    form["ports"] += "\nmore = shop.main.orders"
    assert send(desk, "/ui/product/kept/edit", **form).status_code == 303
    product = desk.get("/ui/product/kept.json").json()["product"]
    assert [(one["name"], one["version"], one["description"]) for one in product["ports"]] == [("a.b", "7", "of all"), ("more", None, None)]
    assert product["tier"] == "gold"


def test_who_was_slower_is_told_what_changed_meanwhile(desk):
    send(desk, "/ui/new-product", **FORM | {"name": "shared"})
    stale = etag_of(desk, "shared")
    form = {name: value for name, value in FORM.items() if name != "name"}
    assert send(desk, "/ui/product/shared/edit", **form | {"owner": "somebody-else", "etag": stale}).status_code == 303
    answer = send(desk, "/ui/product/shared/edit", **form | {"description": "Mine", "etag": stale})
    assert answer.status_code == 409
    told = text_of(answer)
    assert "Somebody else changed the product meanwhile" in told
    assert "owner is 'somebody-else' and was 'team@shop.example'" in told
    assert "Mine" in told
    fresh = re.search(r'name="etag" value="(\w+)"', answer.text)[1]
    assert fresh != stale
    assert send(desk, "/ui/product/shared/edit", **form | {"description": "Mine", "etag": fresh}).status_code == 303


def test_rows_are_shown_as_they_are_served(desk):
    desk.house.connections.add("shop", desk.house.default_url())
    schema = {"id": "integer", "email": {"type": "string", "classification": "pii"}, "nickname": "string"}
    port = NewPort("people", "shop.main.customer")
    desk.house.of("default").product_registry.register(
        NewProduct(name="people", domain="sales", owner="me", schema=schema, ports=[port]), by="ada"
    )
    answer = desk.get("/ui/product/people/rows")
    told = text_of(answer)
    assert "Held back, as they are sensitive: email." in told
    assert "Declared, and not in the table: nickname." in told
    assert "@example.com" not in answer.text
    assert [row["id"] for row in desk.get("/ui/product/people/rows.json").json()["shown"]["rows"]["items"]] == [1, 2]
    assert "/sales/people?limit=10" in desk.get("/ui/product/people").text
    assert "has no port" in text_of(desk.get("/ui/product/people/rows?port=nothing"))


def test_scores_promises_and_age_of_the_data_are_told(desk):
    late = {"name": "daily", "objective": "freshness", "outcome": "missed", "expected": 3600, "observed": 7200, "unit": "seconds"}
    desk.house.repository.store(MetadataRecord(product_target("customers"), "sla_adherence", late, datetime.now(UTC), "watch"))
    found = desk.get("/ui/product/customers.json").json()["shown"]
    assert found["health"]["score"] is not None
    assert found["health"]["observed_at"] is not None
    assert [one["promise"]["outcome"] for one in found["health"]["promises"]] == ["missed", "unknown"]
    assert "2 h 0 min" in text_of(desk.get("/ui/product/customers"))
    assert "1 of 2 missed" in text_of(desk.get("/ui/products?text=customers"))
    assert [one["contract_id"] for one in found["contracts"]] == ["customers-daily"]
    assert found["contracts"][0]["standing"]["structure"] == "broken"


def test_lists_are_narrowed_and_counted(desk):
    rooms = desk.house.of("default")
    for number in range(30):
        new = NewProduct(name=f"p-{number:02}", domain=f"d-{number % 3}", owner=f"o-{number % 2}", status="draft", tags=["many"])
        rooms.product_registry.register(new, by="ada")
    first = desk.get("/ui/products.json?tag=many").json()
    assert (first["total"], len(first["items"]), first["next_cursor"]) == (30, 25, "p-24")
    assert len(desk.get(f"/ui/products.json?tag=many&cursor={first['next_cursor']}").json()["items"]) == 5
    assert first["facets"]["domain"] == {"counts": {"d-0": 10, "d-1": 10, "d-2": 10}, "values": 3}
    narrow = desk.get("/ui/products.json?tag=many&domain=d-1&owner=o-1").json()
    assert narrow["total"] == narrow["facets"]["status"]["counts"]["draft"] == 5
    # A facet counts what the other choices leave, so that another of its values can be chosen.
    assert narrow["facets"]["domain"]["counts"] == {"d-0": 5, "d-1": 5, "d-2": 5}
    page = desk.get("/ui/products?tag=many&domain=d-1")
    assert 'href="/ui/products?domain=d-1"' in page.text
    assert 'href="/ui/products?tag=many"' in page.text
    assert "No product is so." in desk.get("/ui/products?text=nothing-of-the-sort").text
    past = desk.get("/ui/products.json?as_of=2020-01-01").json()
    assert (past["total"], past["facets"]["domain"]["counts"]) == (0, {})
    now = desk.get("/ui/products.json?as_of=2090-01-01&tag=many").json()
    assert now["facets"] == first["facets"]


def test_domains_have_their_products_owners_and_health(desk):
    rooms = desk.house.of("default")
    rooms.product_registry.register(NewProduct(name="alone", domain=HOSTILE.replace("/", "~"), owner="hermit"), by="ada")
    assert HOSTILE.replace("/", "~") in text_of(desk.get("/ui/domains"))
    found = desk.get("/ui/domain/sales.json").json()
    assert found["health"]["missed"] == ["customers"]
    assert found["health"]["conformance"]["extends"] >= 1
    assert "Sales" in found["facets"]["owner"]["counts"]
    assert desk.get("/ui/domain/nowhere").status_code == 404
    now, later = (desk.get(f"/ui/domains.json{asked}").json() for asked in ("", "?as_of=2090-01-01"))
    assert now == later
    assert desk.get("/ui/domains.json?as_of=2020-01-01").json()["items"] == []
    assert desk.get("/ui/domain/sales?as_of=2020-01-01").status_code == 404


def test_hostile_texts_are_shown_as_they_are(desk):
    new = NewProduct(
        name=HOSTILE.replace("/", "|"),
        domain="odd",
        owner=HOSTILE,
        description=HOSTILE,
        tags=[HOSTILE],
        schema={HOSTILE: {"type": HOSTILE, "description": HOSTILE}},
        documentation="javascript:alert(1)",
        ports=[NewPort("x", "shop.main.nothing", HOSTILE)],
    )
    desk.house.of("default").product_registry.register(new, by=HOSTILE)
    name = quote(new.name)
    for path in (
        f"/ui/product/{name}",
        f"/ui/product/{name}/edit",
        f"/ui/product/{name}/history",
        "/ui/products?domain=odd",
        "/ui/domain/odd",
    ):
        answer = desk.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text, path
        assert 'href="javascript:' not in answer.text, path
        assert "alert(" in text_of(answer), path
    assert "no scan saw it" in desk.get(f"/ui/product/{name}").text
    assert "there is no such contract" in desk.get(f"/ui/product/{name}").text


def test_what_may_not_be_done_or_seen_is_not_offered(keyed, signed_in):
    headers = signed_in("read", kinds=("data_product", "schema_snapshot", "catalog_scan"))
    page = keyed.get("/ui/product/customers", headers=headers)
    told = text_of(page)
    for closed in ("Scores, promises and the age", "Contracts are closed", "Lineage is closed", "Usage is closed"):
        assert closed in told
    for path in ("/edit", "/rows", "/status", "/remove"):
        assert f"/ui/product/customers{path}" not in page.text
        method = keyed.get if path in ("/edit", "/rows") else keyed.post
        assert method(f"/ui/product/customers{path}", headers=headers).status_code == 403
    assert "/ui/new-product" not in keyed.get("/ui/products", headers=headers).text
    assert keyed.get("/ui/new-product", headers=headers).status_code == 403
    assert keyed.get("/ui/products", headers=signed_in("read", kinds=("schedule",))).status_code == 403


def test_an_empty_store_says_what_a_product_is(tmp_path):
    with opened(tmp_path) as client:
        assert "No data product was registered yet" in client.get("/ui/products").text
        assert "There is no domain before there is a product" in client.get("/ui/domains").text
        assert client.get("/ui/product/none").status_code == 404


def test_many_products_come_in_pages(tmp_path):
    with opened(tmp_path) as client:
        moment = datetime.now(UTC)
        said = {"domain": "d", "status": "active"}
        client.house.repository.bulk_store(
            MetadataRecord(product_target(f"p{number:04}"), "data_product", said | {"name": f"p{number:04}"}, moment, "x")
            for number in range(1000)
        )
        seen, cursor = [], ""
        while cursor is not None:
            page = client.get(f"/ui/products.json?cursor={cursor}").json()
            seen += [item["name"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert seen == [f"p{number:04}" for number in range(1000)]
        assert page["total"] == 1000


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"a": "integer", "b": {"classification": "pii", "type": "decimal(10,2)"}},
        {"yes": "no", "x: y": {"n": [1, "a"]}, "e": 1.5, "t": True, "#c": "- x", "2022-01-01": "12"},
        {"a\nb": "x\ty", "\u2028": "z"},
    ],
)
def test_declared_fields_come_back_as_they_were_written(schema):
    assert read_schema(format_schema(schema)) == schema
