"""``/notes``, ``/suggestions`` and ``/glossary`` over HTTP: who speaks, what conflicts, and what fits the document."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from starlette.testclient import TestClient
from tests.api.conftest import check_problem

ORDERS = "/notes/shop/main/customer"


@pytest.fixture
def client(make_client) -> TestClient:
    client = make_client()
    client.app.state.factbook.run_scan()
    return client


@pytest.fixture
def tokens(make_client) -> tuple[TestClient, dict[str, dict[str, str]]]:
    """Give a server with a key, and the headers of two writers and of an admin."""
    client = make_client(api_key="the-key")
    client.app.state.factbook.run_scan()
    made = {}
    for name, action in (("ann", "write"), ("bob", "write"), ("root", "admin")):
        grants = [
            {"action": "read", "tenant": "default"},
            {"action": action, "tenant": "default", "kinds": ["annotation", "glossary_term"]},
        ]
        grants = grants if action == "write" else [{"action": "admin", "tenant": "default"}]
        answer = client.post("/tokens", json={"name": name, "grants": grants}, headers={"Authorization": "Bearer the-key"})
        made[name] = {"Authorization": f"Bearer {answer.json()['value']}"}
    return client, made


def tag(value: str, **more: Any) -> dict[str, Any]:
    return {"property": "tag", "value": value, **more}


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_notes_are_said_shown_and_taken_back(client: TestClient, prefix: str) -> None:
    own = client.put(f"{prefix}{ORDERS}", json={"notes": [{"property": "description", "value": "Whoever buys"}, tag("core")]}).json()
    assert (own["author"], own["changed"]) == ("person:local", True)
    client.patch(f"{prefix}{ORDERS}/email", json={"add": [{"property": "classification", "value": "personal"}]})
    client.patch(f"{prefix}{ORDERS}", json={"remove": [tag("core")], "add": [tag("gold")]})
    page = client.get(f"{prefix}/notes/shop").json()
    assert [item["place"] for item in page["items"]] == ["shop", "shop/main/customer", "shop/main/customer/email"]
    (table,) = (item for item in page["items"] if item["place"] == "shop/main/customer")
    assert (table["description"]["value"], [item["value"] for item in table["tags"]]) == ("Whoever buys", ["gold"])
    assert client.get(f"{prefix}{ORDERS}/email").json()["items"][0]["classifications"][0]["value"] == "personal"
    assert [item["place"] for item in client.get(f"{prefix}/notes/search", params={"tag": "gold"}).json()["items"]] == [
        "shop/main/customer"
    ]
    assert (
        len(client.get(f"{prefix}/notes/history", params={"source_id": "shop", "schema": "main", "table": "customer"}).json()["items"]) == 3
    )
    assert client.delete(f"{prefix}{ORDERS}").json()["notes"] == []
    assert [item["place"] for item in client.get(f"{prefix}{ORDERS}").json()["items"]] == ["shop/main/customer", "shop/main/customer/email"]


def test_a_place_may_be_named_in_the_query_as_well(client: TestClient) -> None:
    client.patch("/notes/shop", params={"schema": "main", "table": "customer"}, json={"add": [tag("a")]})
    assert client.get(ORDERS).json() == client.get("/notes/shop", params={"schema": "main", "table": "customer"}).json()
    check_problem(client.get("/notes/shop", params={"column": "id"}), 400, "invalid_request")


def test_each_token_speaks_for_itself_and_for_its_agents(tokens) -> None:
    client, who = tokens

    def say(name: str, **parameters: str):
        return client.patch(ORDERS, json={"add": [tag(name)]}, headers=who[name], params=parameters)

    assert say("ann").json()["author"] == "person:ann"
    assert say("bob").json()["author"] == "person:bob"
    assert say("bob", author="agent:sorter").json()["author"] == "agent:sorter"
    check_problem(say("bob", author="person:ann"), 403, "not_allowed")
    check_problem(say("bob", author="ann"), 400, "invalid_request")
    assert say("root", author="person:ann").json()["author"] == "person:ann"
    client.delete(ORDERS, headers=who["bob"])
    items = client.get(ORDERS, headers=who["bob"]).json()["items"]
    assert {(item["value"], item["origins"][0]["author"]) for item in items[0]["tags"]} == {
        ("ann", "person:ann"),
        ("root", "person:ann"),
        ("bob", "agent:sorter"),
    }


def test_who_was_faster_is_not_overwritten(client: TestClient) -> None:
    version = client.patch(ORDERS, json={"add": [tag("a")]}, params={"expected": "none"}).json()["version"]
    assert client.get(ORDERS).json()["items"][0]["versions"] == {"person:local": version}
    client.patch(ORDERS, json={"add": [tag("b")]})
    for answer in (
        client.patch(ORDERS, json={"add": [tag("c")]}, params={"expected": version}),
        client.put(ORDERS, json={"notes": []}, params={"expected": version}),
        client.delete(ORDERS, params={"expected": version}),
    ):
        check_problem(answer, 412, "precondition_failed")


def test_what_is_wrong_or_not_there_is_said(client: TestClient) -> None:
    check_problem(client.get("/notes/nowhere"), 404, "not_found")
    check_problem(client.patch("/notes/shop/main/nothing", json={"add": [tag("a")]}), 404, "not_found")
    check_problem(client.patch(ORDERS, json={"add": [{"property": "colour", "value": 1}]}), 400, "invalid_request")
    check_problem(client.patch(ORDERS, json={"plus": []}), 400, "invalid_request")
    check_problem(client.patch(ORDERS, json={"add": [tag("a", confidence=0.5)]}), 400, "invalid_request")
    check_problem(client.get("/notes/search", params={"cursor": "zz"}), 400, "invalid_request")
    check_problem(client.post("/suggestions/shop/0123456789abcdef/accept"), 404, "not_found")


def test_a_suggestion_is_accepted_or_rejected_by_a_person(client: TestClient) -> None:
    guesses = [tag("a", confidence=0.9), tag("b", confidence=0.5)]
    client.patch(f"{ORDERS}/email", json={"add": guesses}, params={"author": "agent:sorter"})
    first, second = client.get("/suggestions/shop").json()["items"]
    assert (first["value"], second["confidence"], first["suggested_by"]) == ("a", 0.5, "agent:sorter")
    check_problem(client.post(f"/suggestions/shop/{first['id']}/accept", params={"author": "agent:sorter"}), 400, "invalid_request")
    assert client.post(f"/suggestions/shop/{first['id']}/accept").json()["notes"][0]["suggested_by"] == "agent:sorter"
    rejected = client.post(f"/suggestions/shop/{second['id']}/reject", json={"reason": "It is not"}).json()
    assert rejected["rejections"][0]["reason"] == "It is not"
    assert client.get("/suggestions/shop").json()["items"] == []


def test_a_glossary_is_kept(client: TestClient) -> None:
    made = client.post("/glossary", json={"key": "party", "name": "Party"})
    assert (made.status_code, made.headers["Location"]) == (201, "/glossary/party")
    check_problem(client.post("/glossary", json={"key": "party", "name": "Party"}), 409, "already_there")
    relations = [{"type": "broader", "term": "party"}, {"type": "related", "term": "gone"}]
    put = client.put("/glossary/customer", json={"name": "Customer", "status": "approved", "relations": relations}).json()
    assert put["dangling"] == ["gone"]
    client.patch(ORDERS, json={"add": [{"property": "term", "value": "customer"}]})
    shown = client.get("/glossary/customer").json()
    assert (shown["broader"], shown["uses"][0]["place"], shown["author"]) == (["party"], "shop/main/customer", "person:local")
    assert [item["depth"] for item in client.get("/glossary/tree", params={"root": "party"}).json()["items"]] == [0, 1]
    assert [item["key"] for item in client.get("/glossary", params={"status": "approved"}).json()["items"]] == ["customer"]
    circle = {"name": "Party", "relations": [{"type": "broader", "term": "customer"}]}
    check_problem(client.put("/glossary/party", json=circle), 400, "invalid_request")
    check_problem(client.put("/glossary/customer", json={"name": "C"}, params={"expected": "none"}), 412, "precondition_failed")
    assert client.delete("/glossary/customer", params={"expected": put["version"]}).status_code == 204
    check_problem(client.get("/glossary/customer"), 404, "not_found")
    check_problem(client.delete("/glossary/customer"), 404, "not_found")


def test_what_is_answered_fits_what_is_documented(client: TestClient) -> None:
    client.patch(ORDERS, json={"add": [tag("a"), {"property": "term", "value": "party"}]})
    client.patch(f"{ORDERS}/email", json={"add": [tag("g", confidence=0.5)]}, params={"author": "agent:a"})
    client.post("/glossary", json={"key": "party", "name": "Party"})
    document = client.get("/openapi.json").json()
    for path, url in {
        "/notes/{source_id}": "/notes/shop?as_of=2100-01-01T00:00:00Z",
        "/notes/{source_id}/{schema}/{table}": ORDERS,
        "/notes/search": "/notes/search",
        "/notes/history": "/notes/history?source_id=shop&schema=main&table=customer",
        "/suggestions/{source_id}": "/suggestions/shop",
        "/glossary": "/glossary",
        "/glossary/tree": "/glossary/tree",
        "/glossary/{key}": "/glossary/party",
    }.items():
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        validator = jsonschema_rs.Draft202012Validator(schema | {"components": document["components"]}, validate_formats=True)
        answer = client.get(url).json()
        assert answer.get("items", [answer]), path
        assert [str(error) for error in validator.iter_errors(answer)] == [], path
