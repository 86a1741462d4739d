"""Every page comes, has its twin, is well-formed, shows hostile text as text, and loads or runs nothing of others."""

import json
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit

import pytest
from tests.web.conftest import HOSTILE, opened

HOSTILE_PART = quote(HOSTILE.replace("/", "~1"))
HOSTILE_COLUMN = quote(HOSTILE, safe="")

PAGES = [
    "/ui",
    "/ui/search?search=customer",
    "/ui/search?search=script",
    "/ui/search?search=customer&thing=table&found_in=name&include_removed=true",
    "/ui/search?search=nothing",
    "/ui/source/shop",
    "/ui/source/shop/main",
    "/ui/table/shop/main/customer",
    "/ui/table/shop/main/customer/relations",
    "/ui/table/shop/main/customer/history",
    "/ui/table/shop/main/big/definition",
    "/ui/table/shop/main/customer/facts",
    "/ui/table/shop/main/customer?column=email",
    "/ui/table/shop/main/customer/profile?column=email",
    "/ui/table/shop/main/customer/history?column=town",
    "/ui/table/shop/main/customer/quality",
    "/ui/table/shop/main/customer/definition",
    "/ui/table/shop/main/customer/used-by",
    f"/ui/table/shop/main/{HOSTILE_PART}/profile?column={HOSTILE_COLUMN}",
    f"/ui/table/shop/main/{HOSTILE_PART}/history?column={HOSTILE_COLUMN}",
    f"/ui/table/shop/main/{HOSTILE_PART}/used-by",
    f"/ui/table/shop/main/{HOSTILE_PART}/definition",
    f"/ui/table/shop/main/{HOSTILE_PART}/facts",
    f"/ui/table/shop/main/{HOSTILE_PART}/quality",
    "/ui/table/shop/main/basket",
    "/ui/table/shop/main/basket/history",
    f"/ui/table/shop/main/{HOSTILE_PART}",
    "/ui/diff",
    "/ui/diff/shop",
    "/ui/diff/shop?severity=breaking&search=custo",
    "/ui/diff/shop/impact?schema=main&of=customer&at=columns.city",
    "/ui/moments/shop",
    "/ui/quality",
    "/ui/quality/shop/rule?rule=not_null:email&schema=main&table=customer",
    "/ui/records",
    "/ui/records?kind=quality_result&path1=payload.outcome&operator1=in&value1=failed,passed&rows=2&shown=raw",
    "/ui/record/1",
    "/ui/alerts",
    "/ui/new-source",
    "/ui/tokens",
    "/ui/audit",
    "/ui/sources",
    "/ui/documentation",
    "/ui/connections",
    "/ui/connection/shop",
    "/ui/jobs/live",
    "/ui/rules",
    "/ui/rule/job_run.repeated",
    "/ui/table/shop/main/orders~2json",
    "/ui/jobs",
    "/ui/quality/shop",
    "/ui/coverage/shop",
    "/ui/records?kind=schema_snapshot",
    "/ui/kinds",
    "/ui/kind/annotation",
    "/ui/table/shop/main/orders/lineage",
    "/ui/table/shop/main/invoice/lineage",
    "/ui/table/shop/main/orders/relations",
    "/ui/lineage",
    "/ui/lineage?at=shop.main.orders",
    "/ui/lineage?search=orders",
    "/ui/lineage/impact?at=shop.main.orders",
    f"/ui/lineage/paths?source=shop.main.orders&target={quote('s3://lake/' + HOSTILE)}",
    "/ui/notes/shop",
    "/ui/notes/shop/main/customer",
    "/ui/notes/shop/main/customer?column=email",
    "/ui/edit/shop/main",
    "/ui/edit/shop/main/customer",
    "/ui/edit/shop/main/customer?column=email",
    "/ui/suggestions",
    "/ui/glossary",
    "/ui/glossary?view=tree",
    "/ui/term/customer",
    "/ui/term/customer/edit",
    "/ui/new-term",
    "/ui/products",
    "/ui/product/customers",
    "/ui/product/customers/rows",
    "/ui/product/customers/history",
    "/ui/product/customers/edit",
    "/ui/new-product",
    "/ui/domains",
    "/ui/domain/sales",
    "/ui/contracts",
    "/ui/contract/customers-daily",
    "/ui/contract/customers-daily/history",
    "/ui/contract/customers-daily/edit",
    "/ui/new-contract",
]
VOID = {"area", "br", "hr", "img", "input", "link", "meta", "rect", "path"}


class Reading(HTMLParser):
    """Reads a page: its text, links, scripts, labels, and whether every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.scripts, self.loaded, self.ids, self.labelled, self.inputs, self.text = (
            [],
            [],
            [],
            [],
            [],
            set(),
            [],
            [],
        )
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        assert not any(name.startswith("on") for name in attributes), attributes
        assert "style" not in attributes, attributes
        if tag not in VOID:
            self.open.append(tag)
        if tag == "a":
            self.links.append(attributes["href"])
        if tag == "script" and attributes.get("type") != "application/json":
            self.scripts.append(attributes.get("src"))
        self.loaded += [attributes[name] for name in ("src",) if name in attributes]
        self.loaded += [attributes["href"]] if tag == "link" else []
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.labelled |= {attributes["for"]} if tag == "label" else set()
        if tag in ("input", "select", "textarea") and attributes.get("type") != "hidden":
            self.inputs.append(attributes["id"])

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text[:500]
    return Reading(answer.text), answer


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_loads_nothing_from_elsewhere_and_lets_nothing_run(client, path):
    page, answer = read(client, path)
    assert page.open == []
    assert "'unsafe" not in answer.headers["content-security-policy"]
    assert all(loaded.startswith("/ui/static/") for loaded in page.loaded)
    assert None not in page.scripts
    assert len(page.ids) == len(set(page.ids))
    assert set(page.inputs) <= page.labelled
    for loaded in page.loaded:
        assert client.get(loaded).status_code == 200, loaded


@pytest.mark.parametrize("path", PAGES)
def test_each_page_has_its_twin_and_names_it(client, path):
    page, _ = read(client, path)
    [twin] = [link for link in page.links if urlsplit(link).path.endswith(".json")]
    answer = client.get(twin)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(json.loads(answer.text), dict)


def test_no_link_leads_nowhere(client):
    links = set().union(*({link for link in read(client, path)[0].links if link.startswith("/ui")} for path in PAGES))
    assert len(links) > 30
    assert {link: status for link in links if (status := client.get(link).status_code) != 200} == {}


def test_hostile_names_and_texts_are_shown_as_they_are(client):
    for path in ("/ui/source/shop", f"/ui/table/shop/main/{HOSTILE_PART}", "/ui/table/shop/main/customer"):
        page, answer = read(client, path)
        assert HOSTILE in "".join(page.text)
        assert HOSTILE not in answer.text
        assert "<img src=x" not in answer.text


def test_a_table_tells_its_columns_its_people_and_what_was_measured(client):
    page, _ = read(client, "/ui/table/shop/main/customer")
    text = " ".join("".join(page.text).split())
    assert "Who buys" in text
    assert "Sales" in text
    assert "customer" in text
    twin = client.get("/ui/table/shop/main/customer.json").json()
    assert [row["column"] for row in twin["shown"]["columns"]] == ["id", "email", "town"]
    assert twin["head"]["measured"]["statistics"]["row_count"] == 2


def test_relations_are_told_from_both_sides(client):
    outgoing = client.get("/ui/table/shop/main/orders/relations.json").json()["shown"]["outgoing"]
    incoming = client.get("/ui/table/shop/main/customer/relations.json").json()["shown"]["incoming"]
    assert [(item["target"]["table"]["table"], item["key"]["columns"]) for item in outgoing] == [("customer", ["customer_id"])]
    assert [(item["source"]["table"]["table"], item["key"]["columns"]) for item in incoming] == [("orders", ["customer_id"])]


def test_history_says_what_changed_and_since_when_it_is_known(client):
    history = client.get("/ui/table/shop/main/customer/history.json").json()["shown"]["history"]
    assert [moment["change"] for moment in history] == ["changed", "first_seen"]
    shown = client.get("/ui/table/shop/main/customer/history").text
    assert "<code>columns.town</code> added <code>TEXT</code>" in shown, "what came is said in words"
    assert {(change["change"], change["path"]) for change in history[0]["changes"]} == {
        ("removed", "columns.city"),
        ("added", "columns.town"),
    }


def test_another_moment_is_marked_and_every_link_stays_there(client):
    first = client.get("/ui/table/shop/main/customer/history.json").json()["shown"]["history"][-1]["at"]
    path = f"/ui/table/shop/main/customer?as_of={quote(first)}"
    page, answer = read(client, path)
    assert "city" in answer.text
    assert "town" not in answer.text
    assert "This is how it was at" in answer.text
    inside = [link for link in page.links if link.startswith("/ui") and "Back" not in link]
    staying = [link for link in inside if "as_of=" in link]
    assert set(inside) - set(staying) == {"/ui/table/shop/main/customer", "/ui/sign-in"}


def test_the_difference_shows_verdicts(client):
    found = client.get("/ui/diff/shop.json").json()
    assert {(group["table"], len(group["changes"])) for group in found["tables"]} == {("basket", 1), ("customer", 2), ("invoice", 1)}
    _, answer = read(client, "/ui/diff/shop")
    assert "breaking" in answer.text
    assert "Perhaps renamed" in answer.text


def test_home_tells_what_scans_found_within_a_day_and_what_that_means(client):
    home = client.get("/ui/home.json").json()
    assert [(item["tables"]["added"], item["tables"]["changed"], item["tables"]["removed"]) for item in home["changed"]] == [
        (1, 1, 1),
        (6, 0, 0),
    ]
    assert home["changed"][0]["verdicts"]["breaking"] >= 1
    page, _ = read(client, "/ui")
    [link] = [link for link in page.links if link.startswith("/ui/diff/shop") and home["changed"][0]["run_id"] in link]
    assert "breaking" in client.get(link).text


def test_quality_tells_scores_outcomes_and_promises(client):
    found = client.get("/ui/quality/shop.json").json()
    assert {last["result"]["outcome"] for item in found["items"] for last in item["results"]} == {"passed", "failed"}
    page, _ = read(client, "/ui/quality/shop")
    text = " ".join("".join(page.text).split())
    assert "2 of 2 rows do not hold" in text
    assert "Promises" in text


def test_search_answers_a_script_with_a_part_of_a_page(client):
    answer = client.get("/ui/search?search=ema", headers={"hx-request": "true"})
    assert "<html" not in answer.text
    assert "email" in answer.text
    assert client.get("/ui/search?search=", headers={"hx-request": "true"}).text.strip() == ""


def test_an_empty_store_says_how_to_begin(tmp_path):
    with opened(tmp_path) as client:
        answer = client.get("/ui")
        assert "Nothing is known yet" in answer.text
        assert client.get("/ui/jobs").status_code == client.get("/ui/alerts").status_code == 200
