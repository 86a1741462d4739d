"""``/kinds``: registered, versioned, deprecated over HTTP, with every refusal explained."""

from typing import Any

from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, a_record, check_problem
from tests.kinds.houses import SCHEMA, with_field

KIND = {"name": "weather", "category": "event", "description": "How warm it was.", "schema": SCHEMA}


def weather(celsius: Any = 20, **changes: Any) -> dict[str, Any]:
    return a_record(1, kind="weather", payload={"celsius": celsius}) | changes


def test_a_kind_is_registered_shown_listed_and_used(client: TestClient) -> None:
    check_problem(client.post("/records", json=weather()), 422, "unknown_kind")
    answer = client.post("/kinds", json=KIND | {"indexed": ["payload.celsius"]})
    assert (answer.status_code, answer.json()["outcome"]) == (200, "created")
    assert client.post("/kinds", json=KIND | {"indexed": ["payload.celsius"]}).json()["outcome"] == "unchanged"
    shown = client.get("/kinds/weather").json()
    assert (shown["schemas"], shown["origin"], shown["indexed"]) == ({"1": SCHEMA}, "registered", ["payload.celsius"])
    [listed] = [kind for kind in client.get("/kinds").json()["items"] if kind["name"] == "weather"]
    assert (listed["versions"], listed["compatibility"], listed["deprecated"]) == ([1], "backward", None)
    assert client.post("/records", json=weather()).json()["counts"]["stored"] == 1
    assert check_problem(client.post("/records", json=weather("warm")), 422, "invalid_record")["field"] == "payload.celsius"


def test_versions_are_judged_and_checking_changes_nothing(client: TestClient) -> None:
    client.post("/kinds", json=KIND)
    breaking = KIND | {"schema": with_field("station") | {"required": ["celsius", "station"]}}
    verdict = client.post("/kinds/check", json=breaking).json()
    assert (verdict["verdict"], verdict["version"]) == ("breaking", 2)
    [refused] = [change for change in verdict["changes"] if change["refused"]]
    assert (refused["path"], refused["old"], refused["new"]) == ("payload.station", "optional", "required")
    problem = check_problem(client.post("/kinds/weather/versions", json={"schema": breaking["schema"]}), 409, "kind_incompatible")
    assert "payload.station: it is required now (breaks readers of the new version" in problem["detail"]
    check_problem(client.post("/kinds", json=breaking), 409, "kind_taken")
    assert list(client.get("/kinds/weather").json()["schemas"]) == ["1"]
    added = client.post("/kinds/weather/versions", json={"schema": with_field("station")}).json()
    assert (added["outcome"], added["verdict"]["version"]) == ("version_added", 2)
    assert client.post("/kinds/weather/versions", json={"schema": with_field("station"), "version": 2}).json()["outcome"] == "unchanged"


def test_a_deprecated_version_warns_and_a_retired_one_is_refused(client: TestClient) -> None:
    client.post("/kinds", json=KIND)
    assert client.post("/records", json=weather(1)).json()["warnings"] == []
    client.post("/kinds/weather/deprecate", json={"reason": "too coarse", "successor": "climate"})
    answer = client.post("/records", json=[weather(2), weather("bad")]).json()
    [warning] = answer["warnings"]
    assert "too coarse; use climate" in warning
    client.post("/kinds/weather/deprecate", json={"reason": "gone", "retires_at": "2020-01-01T00:00:00Z"})
    assert "retired" in check_problem(client.post("/records", json=weather(3)), 422, "invalid_record")["detail"]
    assert client.post("/kinds/weather/restore").json()["deprecated"] is None
    assert client.post("/records", json=weather(4)).json()["counts"]["stored"] == 1


def test_what_is_declared_beside_the_schemas_can_be_changed(client: TestClient) -> None:
    client.post("/kinds", json=KIND)
    client.post("/records", json=[weather(number) for number in range(9)])
    changed = client.patch("/kinds/weather", json={"compatibility": "none", "indexed": ["payload.celsius"]}).json()
    assert (changed["compatibility"], changed["description"]) == ("none", "How warm it was.")
    question = {"kind": "weather", "where": "payload.celsius<2"}
    plan = client.get("/records/query", params=question | {"explain": True}).json()
    assert plan["index"] == "payload.celsius"
    assert "index_numbers" in "".join(plan["plan"])
    assert len(client.get("/records/query", params=question).json()["items"]) == 2


def test_what_is_wrong_with_a_kind_is_said(client: TestClient) -> None:
    for changes, status, code, field in (
        ({"schema": {"$ref": "http://127.0.0.1:1/"}}, 422, "kind_refused", "schema"),
        ({"schema": {"$ref": "#"}}, 422, "kind_refused", "schema"),
        ({"name": "No Name"}, 422, "kind_refused", "name"),
        ({"indexed": ["celsius"]}, 422, "kind_refused", "indexed"),
        ({"name": "job_run"}, 409, "kind_taken", "name"),
        ({"category": "mood"}, 400, "invalid_request", "category"),
        ({"version": 3}, 422, "kind_refused", "version"),
    ):
        assert check_problem(client.post("/kinds", json=KIND | changes), status, code)["field"] == field
    for method, path, body in (
        ("PATCH", "/kinds/nothing", {}),
        ("POST", "/kinds/nothing/versions", {"schema": {}}),
        ("POST", "/kinds/nothing/deprecate", {"reason": "x"}),
        ("POST", "/kinds/nothing/restore", {}),
    ):
        check_problem(client.request(method, path, json=body), 404, "not_found")
    check_problem(client.post("/kinds/job_run/deprecate", json={"reason": "x"}), 409, "kind_taken")
    check_problem(client.post("/records", json=a_record(kind="kind_definition", payload={})), 422, "invalid_record")


def test_tenants_have_kinds_of_their_own(make_client: MakeClient) -> None:
    client = make_client(api_key="the-key", unverified_tenants=frozenset({"fr*"}))
    client.headers["Authorization"] = "Bearer the-key"
    client.post("/kinds", params={"tenant": "other"}, json=KIND)
    check_problem(client.get("/kinds/weather"), 404)
    assert client.get("/kinds/weather", params={"tenant": "other"}).status_code == 200
    assert client.post("/records", json=weather(context={"tenant": "other"})).json()["counts"]["stored"] == 1
    answer = client.post("/records", json=weather("anything", context={"tenant": "free"})).json()
    assert (answer["counts"]["stored"], answer["warnings"]) == (1, ["weather is unknown; its records are kept as unverified"])
    [item] = client.get("/records/query", params={"kind": "weather", "tenant": "free"}).json()["items"]
    assert item["record"]["quality"] == {"unverified": True}
    [listed] = [kind for kind in client.get("/kinds", params={"tenant": "free"}).json()["items"] if kind["name"] == "weather"]
    assert (listed["origin"], listed["versions"]) == ("unverified", [])
    shown = client.get("/kinds/weather", params={"tenant": "free"}).json()
    assert shown["schemas"] == {}


def test_what_a_client_reads_marked_and_sends_again_is_the_same_record(make_client: MakeClient) -> None:
    from factbook_sdk.facts.codec import to_record
    from factbook_sdk.repository.wire import encode_record

    client = make_client(unverified_tenants=frozenset({"*"}))
    client.post("/records", json=weather())
    [item] = client.get("/records/query", params={"kind": "weather"}).json()["items"]
    line = encode_record(to_record(item["record"]))
    assert b"unverified" not in line
    again = client.post("/records", content=line, headers={"content-type": "application/json"}).json()
    assert (again["results"][0]["outcome"], again["results"][0]["id"]) == ("duplicate", item["id"])


def test_a_token_sees_the_kinds_it_may_use_and_its_admins_alone_change_them(make_client: MakeClient) -> None:
    client = make_client(api_key="the-key")
    key = {"Authorization": "Bearer the-key"}
    for name in ("weather", "salary"):
        client.post("/kinds", headers=key, json=KIND | {"name": name, "indexed": ["payload.celsius"]})
    grants = [{"action": "read", "tenant": "default", "kinds": ["weather"]}]
    token = client.post("/tokens", headers=key, json={"name": "narrow", "grants": grants}).json()["value"]
    narrow = {"Authorization": f"Bearer {token}"}
    names = {kind["name"] for kind in client.get("/kinds", headers=narrow).json()["items"]}
    assert ("weather" in names, "salary" in names, "job_run" in names) == (True, False, True)
    assert client.get("/kinds/weather", headers=narrow).status_code == 200
    hidden = check_problem(client.get("/kinds/salary", headers=narrow), 404)
    assert hidden["detail"].replace("salary", "x") == check_problem(client.get("/kinds/x", headers=narrow), 404)["detail"]
    check_problem(client.post("/kinds", headers=narrow, json=KIND), 403)
    check_problem(client.patch("/kinds/weather", headers=narrow, json={}), 403)
    for kind, status in (("weather", 200), ("salary", 403)):
        question = {"kind": kind, "where": "payload.celsius<2", "explain": True}
        assert client.get("/records/query", headers=narrow, params=question).status_code == status
