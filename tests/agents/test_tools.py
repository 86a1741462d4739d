"""Tools for agents: what they answer, how they stay within their budget, who may do what."""

import asyncio
import json
import os
import sqlite3
import sys
from contextlib import closing

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from starlette.testclient import TestClient

from factbook.access import Action, Grant
from factbook.agents import AskHere, build_server
from factbook.agents.answering import Desk
from factbook.agents.asking import Answer, Caller, Question
from factbook.agents.bounds import length, shortened
from factbook.api.app import create_app
from factbook.app import Factbook
from factbook.settings import load_settings

TRACK = "source_demo.main.Track"
READS = {"list_sources", "search", "describe_table", "lineage", "impact", "diff", "quality", "product", "records"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("agents")
    house = Factbook(load_settings({}, data_dir=str(place)))
    house.run_scan()
    house.close()
    return place


def answers(folder, *calls, may_write=False, **settings):
    """Return what tools answer through the protocol, in one session."""

    async def ask():
        app = create_app(Factbook(load_settings({}, data_dir=str(folder), **settings)), works=False)
        async with app.router.lifespan_context(app):
            server = build_server(AskHere(app, key=settings.get("api_key", "")), version="1", may_write=lambda _: may_write)
            async with Client(server) as client:
                return [await client.call_tool(name, arguments) for name, arguments in calls]

    found = asyncio.run(ask())
    return [json.loads(result.content[0].text) | {"is_error": result.is_error} for result in found]


def test_an_agent_finds_a_column_and_the_table_it_stands_in(folder):
    found, table = answers(
        folder,
        ("search", {"words": "composer"}),
        ("describe_table", {"source_id": "source_demo", "schema": "main", "table": "Track"}),
    )
    assert [(item["table"], item["column"]) for item in found["items"]] == [("Track", "Composer")]
    assert [column["column"] for column in table["columns"]][:2] == ["TrackId", "Name"]
    assert table["measured"]["problem"]["status"] == 404
    assert table["is_error"] is False


def test_pages_fit_and_go_on_exactly_where_they_end(folder):
    whole = [item["column"] for item in answers(folder, ("search", {"words": "name", "limit": 200, "max_tokens": 25_000}))[0]["items"]]
    seen, cursor = [], None
    while True:
        [page] = answers(folder, ("search", {"words": "name", "limit": 200, "max_tokens": 400, "cursor": cursor}))
        assert length(page) <= 400 * 4
        seen += [item["column"] for item in page["items"]]
        cursor = page.get("next_cursor")
        if cursor is None:
            break
        assert "more" in page
    assert seen == whole
    assert len(whole) > 3


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (("search", {}), "words"),
        (("search", {"words": "x", "max_tokens": 1}), "max_tokens"),
        (("search", {"words": "x", "drop": "table"}), "drop"),
        (("suggest_note", {}), "no tool"),
        (("nothing", {}), "no tool"),
    ],
)
def test_what_is_wrong_is_said(folder, call, why):
    [answer] = answers(folder, call)
    assert answer["is_error"]
    assert why in " ".join(answer["problem"].values())


def test_a_problem_of_the_service_is_passed_on_whole(folder):
    [answer] = answers(folder, ("diff", {"source_id": "source_demo"}))
    assert answer["problem"]["status"] == 400
    assert "factbook scan" in answer["problem"]["fix"]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A store in which there is something for every tool."""
    place = tmp_path_factory.mktemp("told")
    house = Factbook(load_settings({}, data_dir=str(place)))
    house.run_scan()
    with closing(sqlite3.connect(place / "source_demo.sqlite")) as source:
        source.executescript("".join(f"ALTER TABLE Track ADD COLUMN extra_{number} TEXT;" for number in range(40)))
    house.run_scan()
    with TestClient(create_app(house, works=False), base_url="http://localhost", client=("127.0.0.1", 5)) as client:
        for path, body in (
            ("/register_lineage", {"source": "source_demo.main.Track", "target": "source_demo.main.Playlist"}),
            ("/register_lineage", {"source": "source_demo.main.Track", "target": "charts"}),
            ("/register_product", {"name": "charts", "domain": "music", "owner": "ada", "ports": [{"name": "t", "table": TRACK}]}),
            ("/glossary", {"key": "song", "name": "Song"}),
        ):
            assert client.post(path, json=body).status_code in (200, 201), path
        note = {"notes": [{"property": "description", "value": "One recording."}]}
        assert client.put("/notes/source_demo/main/Track", json=note).status_code == 200
    return place


def test_every_tool_answers_from_a_store_that_holds_something(told):
    track = {"source_id": "source_demo", "schema": "main", "table": "Track"}
    sources, table, down, up, broken, changed, product, facts, terms, products, scores = answers(
        told,
        ("list_sources", {}),
        ("describe_table", {**track, "max_tokens": 20_000}),
        ("lineage", {"name": TRACK, "direction": "downstream"}),
        ("lineage", {"name": "charts", "direction": "upstream"}),
        ("impact", {"name": TRACK, "limit": 1}),
        ("diff", {"source_id": "source_demo", "table": "Track"}),
        ("product", {"name": "charts"}),
        ("records", {"kind": "annotation", **track}),
        ("search", {"words": "song", "what": "terms"}),
        ("search", {"words": "chart", "what": "products"}),
        ("quality", {"source_id": "source_demo"}),
    )
    assert [item["source_id"] for item in sources["items"]] == ["source_demo"]
    assert table["said"]["items"][0]["place"] == "source_demo/main/Track"
    assert "One recording." in json.dumps(table["said"])
    assert {item["node"]["name"] for item in table["feeds"]["items"]} == {"source_demo.main.Playlist", "charts"}
    assert table["made_from"]["items"] == []
    assert {item["node"]["name"] for item in down["items"]} == {"source_demo.main.Playlist", "charts"}
    assert [item["node"]["name"] for item in up["items"]] == [TRACK]
    assert (len(broken["items"]), broken["total"], broken["products"]) == (1, 2, ["charts"])
    [rest] = answers(told, ("impact", {"name": TRACK, "limit": 1, "cursor": broken["next_cursor"]}))
    assert {item["node"]["name"] for item in (*broken["items"], *rest["items"])} == {"source_demo.main.Playlist", "charts"}
    assert len(changed["changes"]) == 40
    assert (product["name"], product["domain"]) == ("charts", "music")
    assert facts["items"][0]["record"]["payload"]["notes"][0]["value"] == "One recording."
    assert [term["key"] for term in terms["items"]] == ["song"]
    assert [item["name"] for item in products["items"]] == ["charts"]
    assert scores["problem"]["status"] == 404


def test_changes_are_paged_like_lists_of_items(told):
    seen, cursor = [], None
    while True:
        [page] = answers(told, ("diff", {"source_id": "source_demo", "limit": 200, "max_tokens": 1_500, "cursor": cursor}))
        assert length(page) <= 1_500 * 4
        assert "cut" not in page
        seen += [change["path"] for change in page["changes"]]
        cursor = page.get("next_cursor")
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 40


def test_what_an_agent_writes_is_its_suggestion_until_a_person_accepts_it(told):
    place = {"source_id": "source_demo", "schema": "main", "table": "Track", "reason": "its values", "confidence": 0.8}
    first, second, tag = answers(
        told,
        ("suggest_note", {**place, "property": "description", "value": "A tune", "column": "Name", "agent": "scribe"}),
        ("suggest_note", {**place, "property": "description", "value": "A title", "column": "Name", "agent": "scribe"}),
        ("suggest_note", {**place, "property": "tag", "value": "music"}),
        may_write=True,
    )
    assert (first["author"], first["place"]) == ("agent:scribe", "source_demo/main/Track/Name")
    assert [(note["value"], note["confidence"]) for note in second["notes"]] == [("A title", 0.8)]
    assert tag["author"] == "agent:mcp"
    house = Factbook(load_settings({}, data_dir=str(told)))
    suggested = house.suggestions.page("source_demo").items
    house.close()
    assert {(item.property, item.value) for item in suggested} == {("description", "A title"), ("tag", "music")}


def test_arguments_that_no_address_holds_are_a_problem_that_is_said(folder):
    found = answers(folder, ("search", {"words": "x" * 100_000}), ("product", {"name": "x" * 100_000}))
    assert [(one["is_error"], one["problem"]["fix"]) for one in found] == [(True, "Write shorter arguments")] * 2


def test_long_documents_are_cut_and_say_where():
    document = {"text": "x" * 10_000, "list": list(range(5_000)), "deep": {"er": {"text": "y" * 900}}}
    kept, cut = shortened(document, 2_000)
    assert length(kept) <= 2_000
    assert cut == ["/text", "/list (20 of 5,000)", "/deep/er/text"]
    assert shortened({"a": 1}, 2_000) == ({"a": 1}, [])
    endless = {str(number): "z" * 30 for number in range(2_000)}
    kept, cut = shortened(endless, 500)
    assert cut == ["/"]
    assert length(kept) <= 500


def test_a_page_whose_only_item_is_too_long_is_cut_and_keeps_its_cursor():
    async def ask(question: Question, caller: Caller) -> Answer:
        items = [{"text": "x" * 50_000}] * min(question.params["limit"], 3)
        return Answer(200, {"items": items, "next_cursor": "on"})

    page = asyncio.run(Desk(ask, Caller(), 500).page("/x", {}, 3))
    assert len(page["items"]) == 1
    assert page["next_cursor"] == "on"
    assert page["cut"] == ["/items/0/text"]


def rpc(client, method, params=None, **headers):
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    accepted = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18", **headers}
    return client.post("/mcp", json=body, headers=accepted)


def tools_offered(answer):
    return {tool["name"] for tool in answer.json()["result"]["tools"]}


def text_of(answer):
    return json.loads(answer.json()["result"]["content"][0]["text"])


def test_over_http_a_token_decides_what_is_seen_and_which_tools_there_are(folder):
    house = Factbook(load_settings({}, data_dir=str(folder), api_key="key-of-the-server"))
    reader = house.tokens.create("reader", [Grant(Action.READ, "default")], created_by="test").value
    elsewhere = house.tokens.create("elsewhere", [Grant(Action.READ, "acme")], created_by="test").value
    writer = house.tokens.create(
        "writer", [Grant(Action.READ, "default"), Grant(Action.WRITE, "default", "*", ("annotation",))], created_by="test"
    ).value
    with TestClient(create_app(house), base_url="https://factbook.example", client=("192.0.2.7", 50000)) as client:
        assert rpc(client, "tools/list").status_code == 401
        assert tools_offered(rpc(client, "tools/list", Authorization=f"Bearer {reader}")) == READS
        assert tools_offered(rpc(client, "tools/list", Authorization=f"Bearer {writer}")) == READS | {"suggest_note"}
        assert tools_offered(rpc(client, "tools/list", Authorization="Bearer key-of-the-server")) == READS | {"suggest_note"}
        call = {"name": "search", "arguments": {"words": "composer"}}
        assert text_of(rpc(client, "tools/call", call, Authorization=f"Bearer {reader}"))["items"]
        assert text_of(rpc(client, "tools/call", call, Authorization=f"Bearer {elsewhere}"))["items"] == []
        refused = text_of(rpc(client, "tools/call", {"name": "suggest_note", "arguments": {}}, Authorization=f"Bearer {reader}"))
        assert "no tool" in refused["problem"]["what"]


def test_somebody_on_this_machine_reads_and_a_page_of_another_site_does_not_write(folder):
    with TestClient(
        create_app(Factbook(load_settings({}, data_dir=str(folder)))), base_url="http://localhost", client=("127.0.0.1", 5)
    ) as client:
        assert tools_offered(rpc(client, "tools/list")) == READS
        assert rpc(client, "tools/list", **{"Content-Type": "text/plain"}).status_code in (400, 415)


def test_it_can_be_turned_off(folder):
    house = Factbook(load_settings({}, data_dir=str(folder), mcp=False))
    with TestClient(create_app(house), base_url="http://localhost", client=("127.0.0.1", 5)) as client:
        assert rpc(client, "tools/list").status_code == 404


def test_a_program_speaks_with_the_command_over_standard_input(folder):
    async def ask():
        environment = {**os.environ, "DATA_DIR": str(folder)}
        command = StdioServerParameters(command=sys.executable, args=["-m", "factbook", "mcp"], env=environment)
        async with Client(stdio_client(command)) as client:
            offered = {tool.name for tool in (await client.list_tools()).tools}
            return offered, await client.call_tool("search", {"words": "composer"})

    offered, found = asyncio.run(ask())
    assert offered == READS
    assert json.loads(found.content[0].text)["items"][0]["column"] == "Composer"
