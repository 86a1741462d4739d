"""Lineage and relations as pages: the picture is the list, and every step of it has an address."""

import shutil
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qs, quote, urlsplit

import msgspec
import pytest
from tests.web.conftest import HOSTILE, opened

from factbook.products.model import NewProduct
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget

NOW = datetime.now(UTC)
FAN = 1000


def dataset(name):
    return MetadataTarget("s3://lake", None, name)


def given(target, **columns):
    place = {"source_id": target.source_id, "table": target.table} | ({"schema": target.schema} if target.schema else {})
    return {"table": place, "columns": [{"output": output, "input": source} for output, source in columns.items()]}


def lineage(target, *inputs, at=NOW, by="etl", origin="openlineage", tenant="default", **other):
    payload = {"origin": origin, "inputs": [one if isinstance(one, dict) else given(one) for one in inputs], **other}
    return MetadataRecord(target, "lineage", payload, at, by, MetadataContext(tenant=tenant))


@pytest.fixture(scope="module")
def pages(folder, tmp_path_factory):
    """The store with lineage: orders → big → a hostile dataset → a product; a fan, a circle, and what changed meanwhile."""
    place = tmp_path_factory.mktemp("lineage")
    shutil.copytree(folder, place, dirs_exist_ok=True)
    orders, big, board = (
        MetadataTarget("shop", "main", "orders"),
        MetadataTarget("shop", "main", "big"),
        MetadataTarget("data_products", None, "board"),
    )
    with opened(place) as client:
        client.house.repository.bulk_store(
            [
                *(lineage(dataset(f"part/{number:04}"), dataset("hub")) for number in range(FAN)),
                lineage(dataset("end"), dataset("part/0777")),
                lineage(dataset("ring/a"), dataset("ring/c")),
                lineage(dataset("ring/b"), dataset("ring/a")),
                lineage(dataset("ring/c"), dataset("ring/b")),
                lineage(dataset("sums"), given(orders, total="amount"), given(big, total="amount", id="id"), by="sums"),
                lineage(board, dataset(HOSTILE), by="person:ada", origin="manual", job={"namespace": "etl", "name": f"nightly {HOSTILE}"}),
                lineage(dataset("secret"), orders, tenant="other"),
            ],
            atomic=True,
        )
        yield client


class Reading(HTMLParser):
    """The keys of the list, the addresses that expand, and the data of the picture."""

    def __init__(self, text):
        super().__init__()
        self.listed, self.steps, self.text, self.data, self.within = [], {}, [], "", None
        self.feed(text)
        self.graph = msgspec.json.decode(self.data) if self.data else None

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.listed += [attributes["data-node"]] if "data-node" in attributes else []
        if tag == "a" and (attributes.get("id") or "").startswith("x-"):
            self.steps[attributes["id"][2:]] = attributes["href"]
        self.within = tag if attributes.get("type") == "application/json" else None

    def handle_endtag(self, tag):
        self.within = None

    def handle_data(self, data):
        if self.within:
            self.data += data
        self.text.append(data)


def read(pages, path, status=200):
    answer = pages.get(path)
    assert answer.status_code == status, answer.text[:800]
    return Reading(answer.text)


def twin(pages, path):
    url = urlsplit(path)
    answer = pages.get(f"{url.path}.json?{url.query}")
    assert answer.status_code == 200, answer.text[:500]
    return answer.json()


def names(shown):
    return {row["item"]["node"]["name"] for group in shown["steps"] for row in group["rows"]}


HOSTILE_NAME = f"s3://lake/{HOSTILE}"
AT = "/ui/lineage?at="


@pytest.mark.parametrize(
    "path",
    [
        f"{AT}shop.main.big",
        f"{AT}s3://lake/hub",
        f"{AT}s3://lake/ring/a",
        f"{AT}shop.main.big&level=column",
        "/ui/table/shop/main/big/lineage",
    ],
)
def test_the_picture_holds_what_the_list_holds(pages, path):
    page = read(pages, path)
    found = twin(pages, path)["shown"]
    shown = found.get("shown", found)
    drawn = [node["id"] for node in page.graph["nodes"] if node["kind"] != "more"]
    rows = [row for group in shown["steps"] for row in group["rows"]]
    assert sorted(drawn) == sorted(row["item"]["key"] for row in rows)
    assert set(drawn) <= set(page.listed)
    assert len(page.graph["nodes"]) <= 400
    edges = {(edge["from"], edge["to"]) for edge in page.graph["edges"] if edge["kind"] != "more"}
    lines = [line["edge"] for row in rows for line in row["lines"]]
    assert {(line["source"], line["target"]) for line in lines} == edges
    # Each edge is told once.
    assert len(lines) == len({(line["source"], line["target"], line["producer_id"]) for line in lines})
    assert page.graph["truncated"] == shown["left_out_total"]
    # What the picture expands, the list expands, too.
    more = {node["href"] for node in page.graph["nodes"] if node["kind"] == "more"}
    assert more <= set(page.steps.values())


def test_one_step_then_the_next_and_back(pages):
    path = f"{AT}shop.main.orders"
    first = twin(pages, path)["shown"]
    assert names(first) == {"shop.main.orders", "shop.main.big", "s3://lake/sums"}
    page = read(pages, path)
    [(key, href)] = page.steps.items()
    assert names(twin(pages, href)["shown"]) == names(first) | {HOSTILE_NAME}
    then = read(pages, href)
    last = next(href for other, href in then.steps.items() if other != key)
    everything = names(twin(pages, last)["shown"])
    assert "board" in everything
    # Collapsing gives the page one came from.
    assert parse_qs(urlsplit(then.steps[key]).query) == {"at": ["shop.main.orders"]}


def test_a_script_gets_the_whole_page_of_which_it_takes_what_differs(pages):
    whole = pages.get(f"{AT}shop.main.orders", headers={"hx-request": "true", "hx-request-type": "full"})
    assert "<html" in whole.text
    wrong = pages.get("/ui/lineage/impact?at=nowhere", headers={"hx-request": "true", "hx-request-type": "full"})
    assert wrong.status_code == 404
    assert "<html" in wrong.text


def test_ways_types_origins_and_moments_are_asked_by_the_address(pages):
    assert names(twin(pages, f"{AT}shop.main.big&direction=upstream")["shown"]) == {"shop.main.big", "shop.main.orders"}
    assert names(twin(pages, f"{AT}shop.main.big&origin=openlineage")["shown"]) == {"shop.main.big", "s3://lake/sums", HOSTILE_NAME}
    assert names(twin(pages, f"{AT}shop.main.big&lineage_type=aggregated")["shown"]) == {"shop.main.big"}
    before = (NOW - timedelta(days=400)).isoformat()
    path = f"{AT}s3://lake/sums&as_of={quote(before)}"
    assert not twin(pages, path)["shown"]["is_known"]
    page = read(pages, path)
    assert "is known here by then" in "".join(page.text)
    assert pages.get(f"{AT}shop.main.big&direction=sideways").status_code == 400


def test_columns_are_chosen_and_followed(pages):
    path = f"{AT}s3://lake/sums&level=column"
    assert twin(pages, path)["shown"]["columns"] == ["id", "total"]
    assert names(twin(pages, f"{path}&column=total")["shown"]) == {
        "s3://lake/sums.total",
        "shop.main.orders.amount",
        "shop.main.big.amount",
    }
    # The name of a column is a question about that column.
    direct = twin(pages, f"{AT}s3://lake/sums.total")
    assert (direct["asked"]["level"], direct["asked"]["column"], direct["at"]) == ("column", "total", "s3://lake/sums")
    assert "no column" in "".join(read(pages, f"{path}&column=nope", 404).text)


def test_a_fan_is_bounded_counted_and_goes_on_in_pages(pages):
    path = f"{AT}s3://lake/hub"
    shown = twin(pages, path)["shown"]
    assert shown["left_out_total"] == FAN - 50
    seen = [row["item"]["node"]["name"] for row in shown["left_out"]]
    while shown["next_href"]:
        shown = twin(pages, shown["next_href"])["shown"]
        seen += [row["item"]["node"]["name"] for row in shown["left_out"]]
    assert len(seen) == len(set(seen)) == FAN - 50
    # What is listed alone can be drawn, with what lies behind it.
    page = twin(pages, path)["shown"]
    [row] = [row for row in page["left_out"] if row["item"]["node"]["name"].endswith("/0060")]
    assert "s3://lake/part/0060" in names(twin(pages, row["toggle"])["shown"])
    assert "950 more are reached and not drawn" in " ".join("".join(read(pages, path).text).split())


def test_hostile_names_are_texts_in_the_list_and_in_the_picture(pages):
    for path in (
        f"{AT}{quote(HOSTILE_NAME)}",
        "/ui/lineage/impact?at=shop.main.orders",
        "/ui/lineage/paths?source=shop.main.orders&target=board",
    ):
        answer = pages.get(path)
        assert answer.status_code == 200
        assert HOSTILE not in answer.text
        page = Reading(answer.text)
        assert HOSTILE in "".join(page.text)
        assert any(HOSTILE in node["note"] for node in page.graph["nodes"])


def test_what_nobody_knows_is_a_page_with_similar_names(pages):
    page = read(pages, f"{AT}shop.main.order", 404)
    text = "".join(page.text)
    assert "is not known" in text
    assert "shop.main.orders" in text
    assert pages.get("/ui/lineage.json?at=shop.main.order").status_code == 404
    # Nothing of another tenant is similar.
    assert "secret" not in "".join(read(pages, f"{AT}secre", 404).text)


def test_finding_is_by_words_and_without_lineage_it_says_so(pages):
    assert [choice["node"]["name"] for choice in twin(pages, "/ui/lineage?search=RING+b")["choices"]] == ["s3://lake/ring/b"]
    assert "No lineage names anything" in "".join(read(pages, "/ui/lineage?search=nothingness").text)


def test_one_begins_at_what_was_learnt_last_and_an_empty_store_says_how_to(pages, tmp_path):
    latest = [choice["node"]["name"] for choice in twin(pages, "/ui/lineage")["latest"]]
    assert latest[:2] == ["board", "s3://lake/sums"]
    with opened(tmp_path) as empty:
        assert "factbook lineage scan" in "".join(read(empty, "/ui/lineage").text)


def test_a_table_without_lineage_says_how_it_comes_to_be_known(pages):
    for table in ("invoice", "basket"):
        text = "".join(read(pages, f"/ui/table/shop/main/{table}/lineage").text)
        assert "factbook lineage scan shop" in text
        assert "OpenLineage" in text


def test_what_is_left_out_by_a_question_is_not_called_unknown(pages):
    assert "Another way, type or origin" in "".join(read(pages, f"{AT}shop.main.big&lineage_type=aggregated").text)
    assert "Nobody told which columns" in "".join(read(pages, f"{AT}s3://lake/ring/a&level=column").text)


def test_impact_groups_counts_and_tells_the_way(pages):
    found = twin(pages, "/ui/lineage/impact?at=shop.main.orders")
    assert found["numbers"]["kinds"] == {"table": 1, "dataset": 2, "product": 1}
    ways = {hit["broken"]["node"]["name"]: hit["way"] for hit in found["hits"]}
    assert ways["board"] == ["shop.main.orders", "shop.main.big", HOSTILE_NAME, "board"]
    only = twin(pages, "/ui/lineage/impact?at=shop.main.orders&kind=product")
    assert [hit["broken"]["node"]["name"] for hit in only["hits"]] == ["board"]
    column = twin(pages, "/ui/lineage/impact?at=shop.main.big&column=id")
    assert {hit["broken"]["node"]["name"]: hit["broken"].get("columns") for hit in column["hits"]}["s3://lake/sums"] == ["id"]
    assert "Nothing is known that is made from it" in "".join(read(pages, "/ui/lineage/impact?at=board").text)
    assert pages.get("/ui/lineage/impact").status_code == 404


def test_ways_between_two_are_drawn_and_listed(pages):
    found = twin(pages, "/ui/lineage/paths?source=shop.main.orders&target=board")
    assert [len(way["steps"]) for way in found["found"]["items"]] == [3]
    assert {node["id"] for node in found["graph"]["nodes"]} == {"shop.main.orders", "shop.main.big", HOSTILE_NAME, "board"}
    assert "No way is known" in "".join(read(pages, "/ui/lineage/paths?source=board&target=shop.main.orders").text)
    assert "is not known" in "".join(read(pages, "/ui/lineage/paths?source=board&target=nowhere", 404).text)
    assert pages.get("/ui/lineage/paths?source=shop.main.big.id&target=board").status_code == 400


def test_a_product_leads_to_its_page_where_it_is_registered(pages):
    paths = ("/ui/lineage/impact?at=shop.main.orders", "/ui/lineage?at=board")
    assert all("/ui/product/board" not in pages.get(path).text for path in paths)
    registry = pages.house.own.product_registry
    registry.register(NewProduct(name="board", domain="sales", owner="Sales"), by="person:ada")
    try:
        assert all('href="/ui/product/board"' in pages.get(path).text for path in paths)
    finally:
        registry.remove("board", by="person:ada")


def test_who_may_not_read_lineage_is_shown_no_way_to_it(keyed, signed_in):
    kinds = ("annotation", "catalog_scan", "data_contract", "data_product", "lineage_run", "name_binding", "schema_snapshot")
    headers = signed_in(kinds=(*kinds, "statistics_snapshot", "table_observation"))
    closed = ("lineage?at=shop.main.orders", "lineage/impact?at=shop.main.orders", "lineage/paths", "table/shop/main/orders/lineage")
    for path in closed:
        assert keyed.get(f"/ui/{path}", headers=headers).status_code == 403, path
    assert "/ui/lineage" not in keyed.get("/ui", headers=headers).text


def test_who_may_read_lineage_alone_is_shown_no_closed_page(keyed, signed_in):
    headers = signed_in(kinds=("catalog_scan", "data_product", "lineage", "lineage_run", "name_binding", "schema_snapshot"))
    answer = keyed.get("/ui/lineage?at=shop.main.big", headers=headers)
    assert answer.status_code == 200
    assert "/ui/table/" not in answer.text
    impact = keyed.get("/ui/lineage/impact?at=shop.main.orders", headers=headers)
    assert "Your token does not show contracts" in impact.text


def test_relations_are_drawn_as_they_are_listed_and_go_further_on_demand(pages):
    path = "/ui/table/shop/main/customer/relations"
    page = read(pages, path)
    shown = twin(pages, path)["shown"]
    assert {one["table"]["key"] for one in shown["around"]} == {node["id"] for node in page.graph["nodes"] if node["kind"] != "more"}
    told = [*shown["outgoing"], *shown["incoming"], *shown["between"]]
    assert {(one["key"]["source"], one["key"]["target"]) for one in told} == {
        (edge["from"], edge["to"]) for edge in page.graph["edges"] if edge["kind"] != "more"
    }
    assert pages.get(f"{path}?expand={'.'.join(f'{number:012x}' for number in range(101))}").status_code == 400
    assert twin(pages, f"{path}?expand=000000000000")["shown"] == shown


def test_relations_of_what_is_gone_are_the_last_it_had(pages):
    shown = twin(pages, "/ui/table/shop/main/basket/relations")["shown"]
    assert [one["kind"] for one in shown["around"]] == ["gone"]
