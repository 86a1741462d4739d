"""Who may do what: the rules as a table, and the same rules through the running application."""

import itertools

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, check_problem

from factbook.api.problems import KeyRequired, NotAllowed, UnsupportedBody
from factbook.api.security import Caller, check_listening, is_loopback, judge
from factbook.errors import ConfigurationError
from factbook.settings import load_settings

KEY = "k-3f9ü"

LOCAL = {"client": "127.0.0.1", "host": "localhost:8000"}
LOCAL_6 = {"client": "::1", "host": "[::1]:8000"}
MAPPED = {"client": "::ffff:127.0.0.1", "host": "127.0.0.1"}
REBOUND = {"client": "127.0.0.1", "host": "evil.example:8000"}
FORGED_HOST = {"client": "192.0.2.7", "host": "localhost:8000"}
REMOTE = {"client": "192.0.2.7", "host": "factbook.example"}
PROXIED = {"client": "127.0.0.1", "host": "localhost:8000", "is_forwarded": True}
NO_HOST = {"client": "127.0.0.1", "host": None}
SOCKET = {"client": None, "host": "localhost"}
LIES = {"client": "127.0.0.1", "host": "localhost@evil.example"}
LONGER = {"client": "127.0.0.1", "host": "localhost.evil.example"}

FROM_HERE = [LOCAL, LOCAL_6, MAPPED]
FROM_ELSEWHERE = [REBOUND, FORGED_HOST, REMOTE, PROXIED, NO_HOST, SOCKET, LIES, LONGER]


def ask(place: dict, method: str = "GET", path: str = "/jobs", **rest: object) -> Caller:
    return Caller(method=method, path=path, **place, **rest)


@pytest.mark.parametrize("place", FROM_HERE)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "PUT", "PATCH", "BREW"])
def test_without_a_key_local_requests_are_served(place: dict, method: str) -> None:
    assert judge(ask(place, method), "") is None


@pytest.mark.parametrize("place", FROM_ELSEWHERE)
@pytest.mark.parametrize(("method", "path"), [("GET", "/jobs"), ("POST", "/records"), ("GET", "/health"), ("GET", "/docs")])
def test_without_a_key_nobody_else_is_served(place: dict, method: str, path: str) -> None:
    refusal = judge(ask(place, method, path, key="guess"), "")
    assert isinstance(refusal, NotAllowed)
    assert "API_KEY" in refusal.fix


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://localhost", "localhost", True),
        ("http://localhost:80", "localhost", True),
        ("https://localhost", "localhost:443", True),
        ("http://localhost:3000", "localhost:8000", False),
        ("http://127.0.0.1:8000", "localhost:8000", False),
        ("http://evil.example", "localhost:8000", False),
        ("http://localhost.evil.example:8000", "localhost:8000", False),
        ("http://localhost:8000@evil.example", "localhost:8000", False),
        ("null", "localhost:8000", False),
        ("", "localhost:8000", False),
        ("file://", "localhost:8000", False),
        ("http://localhost:8000/path", "localhost:8000", False),
        ("http://localhost:no", "localhost:8000", False),
        ("http://localhost:8000, http://evil.example", "localhost:8000", False),
        ("chrome-extension://localhost:8000", "localhost:8000", False),
    ],
)
def test_a_page_may_write_only_where_it_came_from(origin: str, host: str, allowed: bool) -> None:
    place = {"client": "127.0.0.1", "host": host}
    for method in ("POST", "DELETE", "PUT", "PATCH"):
        refusal = judge(ask(place, method, origin=origin), "")
        assert (refusal is None) is allowed
        assert allowed or isinstance(refusal, NotAllowed)
    assert judge(ask(place, "GET", origin=origin), "") is None


@pytest.mark.parametrize("place", FROM_HERE + FROM_ELSEWHERE)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "BREW"])
def test_with_a_key_every_write_needs_it(place: dict, method: str) -> None:
    for wrong in (None, "", "k", KEY + "x", KEY.upper()):
        assert isinstance(judge(ask(place, method, key=wrong), KEY), KeyRequired)
    assert judge(ask(place, method, key=KEY), KEY) is None
    assert judge(ask(place, method, key=KEY, origin="http://evil.example"), KEY) is None


@pytest.mark.parametrize("path", ["/jobs", "/docs", "/openapi.json", "/health/", "/api/v1/healthx"])
def test_with_a_key_reads_are_open_to_this_machine_alone(path: str) -> None:
    for place in FROM_HERE:
        assert judge(ask(place, path=path), KEY) is None
    for place in FROM_ELSEWHERE:
        assert isinstance(judge(ask(place, path=path), KEY), KeyRequired)
        assert judge(ask(place, path=path, key=KEY), KEY) is None


@pytest.mark.parametrize("path", ["/health", "/api/v1/health"])
def test_with_a_key_health_is_open_to_all(path: str) -> None:
    for place in FROM_HERE + FROM_ELSEWHERE:
        assert judge(ask(place, path=path), KEY) is None
        assert isinstance(judge(ask(place, "POST", path), KEY), KeyRequired)


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"]
)
def test_a_body_must_say_that_it_is_json(content_type: str | None) -> None:
    for place, key in itertools.product(FROM_HERE, ("", KEY)):
        caller = ask(place, "POST", has_body=True, content_type=content_type, key=KEY)
        assert isinstance(judge(caller, key), UnsupportedBody)
    assert judge(ask(LOCAL, "POST", has_body=False, content_type=content_type), "") is None


@pytest.mark.parametrize("address", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_these_addresses_are_loopback(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address", ["", "0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "example.org", "127.0.0.1.example.org", "localhost2"]
)
def test_these_addresses_are_not(address: str) -> None:
    assert not is_loopback(address)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "factbook.example"])
def test_the_server_does_not_listen_beyond_this_machine_without_a_key(host: str) -> None:
    with pytest.raises(ConfigurationError, match="API_KEY") as caught:
        check_listening(load_settings({}, host=host))
    assert host in caught.value.what
    check_listening(load_settings({}, host=host, api_key="k"))
    check_listening(load_settings({}, host="127.0.0.1"))
    check_listening(load_settings({}, host="localhost"))


def test_a_client_on_another_machine_gets_403_and_what_to_do(make_client: MakeClient) -> None:
    remote = make_client(client=("192.0.2.7", 50000), base_url="http://factbook.example")
    for path in ("/jobs", "/health", "/docs", "/openapi.json", "/static/swagger-ui/swagger-ui.css", "/nowhere"):
        assert "API_KEY" in check_problem(remote.get(path), 403, "not_allowed")["fix"]
    check_problem(remote.post("/scan/trigger"), 403, "not_allowed")


def test_a_name_that_was_pointed_at_loopback_gets_403(make_client: MakeClient) -> None:
    check_problem(make_client(base_url="http://evil.example:8000").get("/jobs"), 403)


def test_a_web_page_cannot_trigger_a_scan(client: TestClient) -> None:
    check_problem(client.post("/scan/trigger", headers={"Origin": "http://evil.example"}), 403, "not_allowed")
    assert client.get("/jobs").json()["items"] == []
    assert client.post("/scan/trigger", headers={"Origin": "http://localhost"}).status_code == 202


def test_no_page_is_told_that_it_may_read(client: TestClient) -> None:
    answer = client.get("/jobs", headers={"Origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = client.options("/records", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"})
    check_problem(preflight, 405)


def test_a_form_cannot_write(client: TestClient) -> None:
    check_problem(client.post("/records", data={"a": "b"}), 415, "unsupported_media_type")
    check_problem(client.post("/records", content=b"{}", headers={"Content-Type": "text/plain"}), 415)
    check_problem(client.post("/records", content=iter([b"{}"])), 415)


def test_with_a_key_local_reads_need_none_and_writes_do(make_client: MakeClient) -> None:
    client = make_client(api_key=KEY)
    assert client.get("/jobs").status_code == 200
    refused = client.post("/scan/trigger")
    check_problem(refused, 401, "key_required")
    assert refused.headers["www-authenticate"] == "Bearer"
    check_problem(client.post("/scan/trigger", headers={"Authorization": "Bearer no"}), 401)
    check_problem(client.post("/scan/trigger", headers={"Authorization": f"Basic {'a2V5'}"}), 401)
    authorised = {"Authorization": f"Bearer {KEY}".encode()}
    assert client.post("/scan/trigger", headers=authorised).status_code == 202


def test_with_a_key_remote_reads_need_it(make_client: MakeClient) -> None:
    remote = make_client(api_key=KEY, client=("192.0.2.7", 50000), base_url="https://factbook.example")
    check_problem(remote.get("/jobs"), 401)
    check_problem(remote.get("/openapi.json"), 401)
    assert remote.get("/jobs", headers={"Authorization": f"bearer {KEY}".encode()}).status_code == 200


def test_health_shows_strangers_nothing_but_the_status(make_client: MakeClient) -> None:
    remote = make_client(api_key=KEY, client=("192.0.2.7", 50000), base_url="https://factbook.example")
    assert remote.get("/health").json() == {"status": "ok"}
    assert remote.get("/api/v1/health").json() == {"status": "ok"}
    assert remote.get("/health", headers={"Authorization": f"Bearer {KEY}".encode()}).json()["database"]["reachable"] is True


def test_a_forwarded_request_is_not_taken_for_a_local_one(make_client: MakeClient) -> None:
    client = make_client(api_key=KEY)
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        check_problem(client.get("/jobs", headers={header: "127.0.0.1"}), 401)
        assert client.get("/health", headers={header: "127.0.0.1"}).json() == {"status": "ok"}
