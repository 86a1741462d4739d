"""Bodies over the limit are refused without being read whole."""

from collections.abc import Iterator

from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, a_record, check_problem

NDJSON = {"Content-Type": "application/x-ndjson"}


def test_a_declared_length_over_the_limit_is_refused_before_anything_is_read(make_client: MakeClient) -> None:
    client = make_client(max_body_bytes=1000)
    read = 0

    def chunks() -> Iterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield b" " * 100

    answer = client.post("/records", content=chunks(), headers=NDJSON | {"Content-Length": "100000"})
    problem = check_problem(answer, 413, "body_too_large")
    assert "1,000" in problem["detail"]
    assert "MAX_BODY_BYTES" in problem["fix"]


def test_a_body_without_a_declared_length_is_counted(make_client: MakeClient) -> None:
    client = make_client(max_body_bytes=1000)
    for path in ("/records", "/scan/trigger", "/sources"):
        check_problem(client.post(path, content=iter([b" " * 600, b" " * 600]), headers={"Content-Type": "application/json"}), 413)
    assert client.get("/records/tail").json()["items"] == []


def test_a_body_of_exactly_the_limit_is_taken(make_client: MakeClient) -> None:
    import json

    body = json.dumps(a_record()).encode()
    client = make_client(max_body_bytes=len(body))
    assert client.post("/records", content=body, headers={"Content-Type": "application/json"}).status_code == 200
    check_problem(client.post("/records", content=body + b" ", headers={"Content-Type": "application/json"}), 413)


def test_a_length_that_is_no_number_does_not_get_around_the_limit(make_client: MakeClient) -> None:
    client = make_client(max_body_bytes=100)
    for length in ("-1", "1e3", "²", ""):
        answer = client.post("/records", content=b" " * 200, headers=NDJSON | {"Content-Length": length.encode()})
        check_problem(answer, 413)


def test_the_key_is_asked_for_before_the_size(make_client: MakeClient) -> None:
    client: TestClient = make_client(max_body_bytes=100, api_key="k")
    check_problem(client.post("/records", content=b" " * 200, headers=NDJSON), 401)
