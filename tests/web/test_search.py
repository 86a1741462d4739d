"""The search: its page, the box while one types, its route, and what a token does not show."""

import pytest
from tests.web.conftest import HOSTILE, KEY

from factbook.access import Action, Grant

BOX = {"hx-request": "true"}


def test_the_page_says_what_is_found_and_where(client):
    page = client.get("/ui/search?search=customer").text
    assert '<a href="/ui/table/shop/main/customer"><mark>customer</mark></a>' in page
    assert '<a href="/ui/table/shop/main/orders?column=customer_id#customer_id"><code><mark>customer</mark>_id</code></a>' in page
    assert 'href="/ui/search?search=customer&amp;found_in=columns"' in page
    found = client.get("/ui/search.json?search=customer").json()["found"]
    hits = [(hit["thing"], hit["name"], hit["found_in"]) for hit in found["items"]]
    assert hits[:2] == [("table", "customer", "name"), ("term", "customer", "name")]
    assert ("table", "orders", "columns") in hits


def test_what_is_chosen_stays_in_the_address_and_can_be_taken_away(client):
    page = client.get("/ui/search?search=customer&found_in=columns").text
    assert 'href="/ui/search?search=customer&amp;" aria-current="true"' in page
    assert '/ui/table/shop/main/customer"' not in page


def test_hostile_names_are_marked_and_stay_text(client):
    for headers in ({}, BOX):
        page = client.get("/ui/search?search=script+alert", headers=headers).text
        assert HOSTILE not in page
        assert "&lt;<mark>script</mark>&gt;<mark>alert</mark>(&#34;1&#34;)" in page


def test_the_box_groups_the_best_and_leads_to_all(client):
    part = client.get("/ui/search?search=customer", headers=BOX).text
    assert "<html" not in part
    assert part.index("Tables") < part.index("Columns")
    assert '<a class="all" href="/ui/search?search=customer">' in part
    assert "data-told" in part


def test_the_box_finds_nothing_without_words_and_says_so_where_nothing_fits(client):
    assert client.get("/ui/search?search=", headers=BOX).text.strip() == ""
    assert "Nothing holds all of these words" in client.get("/ui/search?search=nowhere", headers=BOX).text


def test_the_box_leads_to_the_past_and_the_page_searches_it(client):
    moment = "2020-01-01T00:00:00+00:00"
    part = client.get("/ui/search", params={"search": "customer", "as_of": moment}, headers=BOX).text
    assert "as it was then" in part
    page = client.get("/ui/search", params={"search": "customer", "as_of": moment}).text
    assert "Nothing holds all of these words" in page


def test_what_is_gone_is_found_where_it_is_asked_for(client):
    assert client.get("/ui/search.json?search=basket").json()["found"]["total"] == 0
    page = client.get("/ui/search?search=basket&include_removed=true").text
    assert "gone since" in page


@pytest.mark.parametrize("query", ["search=" + "x" * 401, "search=x&found_in=nowhere", "search=x&cursor=-1"])
def test_what_cannot_be_asked_is_refused_with_a_page(client, query):
    answer = client.get(f"/ui/search?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("words", ['"', "*", "AND", "%00", "%F0%9F%98%80", "'", "a*", "(", "%20"])
def test_rubbish_finds_nothing_and_breaks_nothing(client, words):
    assert client.get(f"/ui/search?search={words}").status_code == 200
    assert client.get(f"/search?search={words}").status_code == 200


def test_the_route_answers_with_pages_and_counts(client):
    first = client.get("/search?search=customer&thing=table&limit=1").json()
    assert (first["total"], first["exact"], first["next_cursor"], first["closed"]) == (2, True, "1", [])
    second = client.get(f"/search?search=customer&thing=table&limit=1&cursor={first['next_cursor']}").json()
    assert [hit["name"] for hit in (*first["items"], *second["items"])] == ["customer", "orders"]
    assert {facet["name"] for facet in first["facets"]} >= {"thing", "found_in", "source_id", "schema", "owner"}


def test_closed_parts_are_named(keyed):
    def ask(path, *kinds):
        made = keyed.house.tokens.create(f"search {kinds} {path}", [Grant(Action.READ, "default", "*", kinds)], created_by="test")
        return keyed.get(path, headers={"Authorization": f"Bearer {made.value}"})

    structure = ("schema_snapshot", "catalog_scan")
    found = ask("/search?search=customer", *structure).json()
    assert found["closed"] == ["contracts", "glossary", "notes", "products"]
    assert "Who buys" not in str(found)
    assert ask("/search?search=buys", *structure).json()["total"] == 0
    assert "You may not see" in ask("/ui/search?search=customer", *structure).text
    assert ask("/search?search=customer", "alert").status_code == 403
    everything = keyed.get("/search?search=buys", headers={"Authorization": f"Bearer {KEY}"}).json()
    assert "customer" in [hit["name"] for hit in everything["items"] if hit["thing"] == "table"]
