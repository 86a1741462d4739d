"""Packed bodies: taken whole, in pieces, in members; never larger in memory than the limit."""

import gzip
import json
import zlib
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import MakeClient, a_record, check_problem

HEADERS = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}


def lines(count: int) -> bytes:
    return b"".join(json.dumps(a_record(number)).encode() + b"\n" for number in range(count))


def test_a_packed_body_is_stored(client: TestClient) -> None:
    answer = client.post("/records", content=gzip.compress(lines(50)), headers=HEADERS)
    assert answer.json()["counts"]["stored"] == 50


def test_a_body_comes_in_pieces_and_in_members(client: TestClient) -> None:
    whole = lines(30)
    members = gzip.compress(whole[:1000]) + gzip.compress(b"") + gzip.compress(whole[1000:])

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(members), 7):
            yield members[start : start + 7]

    assert client.post("/records", content=pieces(), headers=HEADERS).json()["counts"]["stored"] == 30


def test_a_bomb_is_refused_at_the_limit(make_client: MakeClient) -> None:
    client = make_client(max_body_bytes=1_000_000)
    bomb = gzip.compress(b" " * 100_000_000)
    assert len(bomb) < 1_000_000
    problem = check_problem(client.post("/records", content=bomb, headers=HEADERS), 413, "body_too_large")
    assert "when unpacked" in problem["detail"]
    assert client.post("/records", content=gzip.compress(lines(3).ljust(1_000_000)), headers=HEADERS).status_code == 200


def test_a_bomb_of_empty_members_is_refused(client: TestClient) -> None:
    check_problem(client.post("/records", content=gzip.compress(b"") * 2_000, headers=HEADERS), 400)


@pytest.mark.parametrize(
    "broken", [b"", b"not gzip", gzip.compress(lines(9))[:-9], gzip.compress(lines(9)) + b"rest", zlib.compress(lines(9))]
)
def test_what_is_no_whole_gzip_is_refused(client: TestClient, broken: bytes) -> None:
    check_problem(client.post("/records", content=broken, headers=HEADERS), 400)
    assert client.get("/records/tail").json()["items"] == []


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_other_encodings_are_refused_by_name(client: TestClient, encoding: str) -> None:
    answer = client.post("/records", content=lines(1), headers=HEADERS | {"Content-Encoding": encoding})
    assert encoding in check_problem(answer, 415)["detail"]
    assert answer.headers["accept-encoding"] == "gzip"


def test_an_unpacked_body_may_say_so(client: TestClient) -> None:
    assert client.post("/records", content=lines(1), headers=HEADERS | {"Content-Encoding": "identity"}).status_code == 200
