"""Every error has one shape, and every family of errors a status of its own."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import a_record, check_problem

from factbook import errors
from factbook.api import problems
from factbook.errors import FactbookError, StoreBusy

JSON = {"Content-Type": "application/json"}


def families(root: type[FactbookError] = FactbookError) -> Iterator[type[FactbookError]]:
    yield root
    for child in root.__subclasses__():
        yield from families(child)


EXPECTED = {
    "FactbookError": 500,
    "InvalidRequest": 400,
    "InvalidRecord": 422,
    "UnknownKind": 422,
    "NotFound": 404,
    "PathNotFound": 404,
    "ConfigurationError": 500,
    "TemporaryError": 503,
    "ServiceUnavailable": 503,
    "EmitterFull": 503,
    "PartialFailure": 500,
    "InternalError": 500,
    "MissingExtra": 501,
    "NeedsDatabase": 501,
    "SourceRefused": 502,
    "SourceUnavailable": 504,
    "StatementFailed": 422,
    "StatementTimeout": 503,
    "BusUnavailable": 503,
    "ChannelRefused": 502,
    "ChannelUnavailable": 503,
    "StoreBusy": 503,
    "CannotJudge": 409,
    "RemovalsHeld": 409,
    "SchemaMismatch": 400,
    "KindRefused": 422,
    "KindIncompatible": 409,
    "KindTaken": 409,
    "EditConflict": 409,
    "Cancelled": 409,
    "KeyRequired": 401,
    "NotAllowed": 403,
    "MethodNotAllowed": 405,
    "ArchiveUnavailable": 503,
    "UnsupportedBody": 415,
    "BodyTooLarge": 413,
    "Overloaded": 429,
}


@pytest.mark.parametrize("name", errors.__all__)
def test_each_family_has_the_status_that_the_table_gives_it(name: str) -> None:
    family = getattr(errors, name)
    error = family("It", "extra") if name == "MissingExtra" else family("It")
    answer = problems.answer(error, path="/x", request_id="r1")
    assert answer.status_code == EXPECTED[name]
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in answer.headers) is issubclass(family, errors.TemporaryError)


def test_no_family_of_the_house_is_without_an_expectation() -> None:
    ours = {family.__name__ for family in families() if family.__module__.startswith("factbook")}
    assert ours <= EXPECTED.keys()


def test_a_problem_says_what_why_and_what_to_do() -> None:
    error = errors.InvalidRequest("limit is 0", why="it must be more", fix="Take 1", field="limit")
    assert json.loads(problems.answer(error, path="/jobs", request_id="r1").body) == {
        "type": "urn:factbook:problem:invalid_request",
        "title": "The request is wrong",
        "status": 400,
        "detail": "limit is 0: it must be more",
        "instance": "/jobs",
        "code": "invalid_request",
        "request_id": "r1",
        "why": "it must be more",
        "field": "limit",
        "fix": "Take 1",
    }


def test_a_secret_that_slipped_into_an_error_is_hidden() -> None:
    error = errors.SourceRefused("postgresql://bob:hunter2@db/x said no", why="password=hunter2", fix="Authorization: Bearer hunter2")
    assert b"hunter2" not in bytes(problems.answer(error, path="/x", request_id="r1").body)


GETS_WITH_A_WRONG_PARAMETER = [
    ("/jobs?limit=0", "limit"),
    ("/jobs?limit=10001", "limit"),
    ("/jobs?limit=ten", "limit"),
    ("/jobs?limit=", "limit"),
    ("/jobs?limit=1.5", "limit"),
    ("/jobs?limit=99999999999999999999999", "limit"),
    ("/jobs?state=asleep", "state"),
    ("/jobs?cursor=nonsense", "cursor"),
    ("/jobs?source_id=", "source_id"),
    ("/jobs?source_id=%00", "source_id"),
    ("/jobs/%00", "job_id"),
    ("/dictionary?limit=-1", "limit"),
    ("/dictionary?as_of=2026-01-01T00:00:00", "as_of"),
    ("/dictionary?as_of=yesterday", "as_of"),
    ("/dictionary?as_of=0001-01-01T00:00:00%2B14:00", "as_of"),
    ("/dictionary?cursor=zz", "cursor"),
    ("/dictionary?primary_key=perhaps", "primary_key"),
    ("/dictionary?search=" + "x" * 5000, "search"),
    ("/sources?limit=0", "limit"),
    ("/kinds?limit=0", "limit"),
    ("/records/latest?source_id=s", "kind"),
    ("/records/latest?kind=job_run", "source_id"),
    ("/records/latest?source_id=s&kind=job_run&as_of=2026-01-01", "as_of"),
    ("/records/latest?source_id=" + "x" * 513 + "&kind=job_run", "source_id"),
    ("/records/history?source_id=s&kind=job_run&after_offset=7", "after_offset"),
    ("/records/history?source_id=s&kind=job_run&after_offset=-1", "after_offset"),
    ("/records/history?source_id=s&kind=job_run&since=2026-01-01T00:00:00", "since"),
    ("/records/query", "kind"),
    ("/records/query?kind=job_run&where=payload", "where"),
    ("/records/query?kind=job_run&where=elsewhere.x=1", "where"),
    ("/records/query?kind=job_run&order=sideways", "order"),
    ("/records/query?kind=job_run&cursor=nonsense", "cursor"),
    ("/records/query?kind=job_run&cursor=2026-01-01T00:00:00~1", "cursor"),
    ("/records/query?kind=job_run&schema=main", "source_id"),
    ("/records/tail?after_offset=-1", "after_offset"),
    ("/records/tail?after_offset=9223372036854775808", "after_offset"),
    ("/records/tail?wait_seconds=61", "wait_seconds"),
    ("/records/tail?wait_seconds=nan", "wait_seconds"),
]


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize(("path", "field"), GETS_WITH_A_WRONG_PARAMETER)
def test_a_wrong_parameter_is_named(idle_client: TestClient, path: str, field: str, prefix: str) -> None:
    problem = check_problem(idle_client.get(prefix + path), 400, "invalid_request")
    assert problem["field"] == field
    assert problem["instance"].startswith(prefix + "/")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v2/jobs", 404),
        ("GET", "/static/nothing.js", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/jobs/nobody", 404),
        ("POST", "/jobs/nobody/cancel", 404),
        ("POST", "/jobs/nobody/retry", 404),
        ("GET", "/sources/nobody", 404),
        ("DELETE", "/sources/nobody", 404),
        ("POST", "/sources/nobody/test", 404),
        ("GET", "/kinds/nothing", 404),
        ("GET", "/records/latest?source_id=s&kind=job_run", 404),
        ("PUT", "/jobs", 405),
        ("DELETE", "/records", 405),
        ("POST", "/health", 405),
        ("HEAD", "/jobs", 405),
        ("PATCH", "/sources/x", 405),
    ],
)
def test_what_is_not_there_is_a_problem_too(idle_client: TestClient, method: str, path: str, status: int) -> None:
    answer = idle_client.request(method, path)
    if method == "HEAD":
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    else:
        check_problem(answer, status)


def test_405_names_the_methods_there_are(idle_client: TestClient) -> None:
    answer = idle_client.put("/sources")
    assert answer.headers["allow"] == "GET, POST"
    assert check_problem(answer, 405)["fix"] == "Use GET, POST"
    assert idle_client.put("/api/v1/sources/x").headers["allow"] == "DELETE, GET"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/scan/trigger", b"{", None),
        ("/scan/trigger", b"[]", None),
        ("/scan/trigger", b"\xff", None),
        ("/scan/trigger", b"[" * 100_000, None),
        ("/scan/trigger", b'{"source": "x"}', None),
        ("/scan/trigger", b'{"source_id": 7}', "source_id"),
        ("/scan/trigger", b'{"source_id": ""}', "source_id"),
        ("/scan/trigger", b'{"url": "a\\u0000b"}', "url"),
        ("/scan/trigger", b'{"schemas": "main"}', "schemas"),
        ("/scan/trigger", b'{"url": "no-url-at-all", "source_id": "x"}', "url"),
        ("/sources", b"", None),
        ("/sources", b"{}", None),
        ("/sources", b'{"source_id": "x"}', None),
        ("/sources", b'{"source_id": "x", "url": "shop.sqlite"}', "url"),
        ("/sources", b'{"source_id": "x", "url": 1}', "url"),
    ],
)
def test_a_wrong_body_is_400_and_names_the_field(idle_client: TestClient, path: str, body: bytes, field: str | None) -> None:
    problem = check_problem(idle_client.post(path, content=body, headers=JSON), 400, "invalid_request")
    assert problem.get("field") == field


def test_ndjson_is_taken_for_records_alone(idle_client: TestClient) -> None:
    for path in ("/scan/trigger", "/sources"):
        check_problem(idle_client.post(path, content=b"{}\n{}", headers={"Content-Type": "application/x-ndjson"}), 415)


def test_an_unknown_source_is_404_with_what_to_do(idle_client: TestClient) -> None:
    problem = check_problem(idle_client.post("/scan/trigger", json={"source_id": "nobody"}), 404, "not_found")
    assert "nobody" in problem["detail"]
    assert "sources add" in problem["fix"]


def test_a_bug_shows_no_internals_and_is_logged_with_its_traceback(client: TestClient, capsys: Any, monkeypatch: Any) -> None:
    from factbook.log import configure_logging

    configure_logging("INFO")

    def broken(**_options: Any) -> None:
        raise KeyError("the inside of the house")

    monkeypatch.setattr(client.app.state.factbook.jobs, "page", broken)  # type: ignore[attr-defined]
    problem = check_problem(client.get("/jobs"), 500, "internal")
    assert "inside" not in json.dumps(problem)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    [broke] = [line for line in lines if line["event"] == "request_broke"]
    assert "the inside of the house" in broke["exception"]
    assert broke["request_id"] == problem["request_id"]


def test_a_passing_trouble_is_503_with_retry_after(client: TestClient, monkeypatch: Any) -> None:
    def busy(**_options: Any) -> None:
        raise StoreBusy("The store is busy", fix="Try again")

    monkeypatch.setattr(client.app.state.factbook.jobs, "page", busy)  # type: ignore[attr-defined]
    answer = client.get("/jobs")
    check_problem(answer, 503, "store_busy")
    assert int(answer.headers["retry-after"]) > 0


def test_a_sane_request_id_is_kept_and_another_replaced(idle_client: TestClient) -> None:
    assert idle_client.get("/health", headers={"X-Request-ID": "abc-1.2_X"}).headers["x-request-id"] == "abc-1.2_X"
    for odd in ("", "a b", "x" * 65, 'a"b', "ä".encode()):
        given = idle_client.get("/health", headers={"X-Request-ID": odd}).headers["x-request-id"]
        assert len(given) == 32
        assert int(given, 16)


def test_a_record_that_breaks_a_rule_is_422(idle_client: TestClient) -> None:
    problem = check_problem(idle_client.post("/records", json=a_record(kind="nothing")), 422, "unknown_kind")
    assert problem["field"] == "kind"
