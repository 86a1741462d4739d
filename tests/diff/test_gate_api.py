"""``POST /gate`` answers 200 with a verdict, and with a problem where there is none."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from tests.api.conftest import client, logging_as_it_was, make_client

from factbook.access import Action
from factbook.access.scopes import Grant

__all__ = ["client", "logging_as_it_was", "make_client"]


@pytest.fixture
def source_url(tmp_path):
    file = tmp_path / "market.sqlite"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript("CREATE TABLE orders (id integer PRIMARY KEY, total numeric NOT NULL, note text)")
    return f"sqlite:///{file}"


@pytest.fixture
def broken(client, source_url):
    """Give a client of a Factbook that saw a column go."""
    house = client.app.state.factbook
    house.run_scan(source_url, source_id="market")
    with closing(sqlite3.connect(source_url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("ALTER TABLE orders DROP COLUMN total")
    house.run_scan(source_url, source_id="market")
    return client


def ask(client, **body):
    return client.post("/gate", json={"source_id": "market"} | body)


def test_what_breaks_is_answered_with_200_and_passed_false(broken):
    answer = ask(broken)
    assert (answer.status_code, answer.json()["passed"], answer.json()["failing"]) == (200, False, 1)
    assert answer.json()["changes"][0]["rule"] == "column_removed"
    assert broken.post("/api/v1/gate", json={"source_id": "market"}).json()["passed"] is False


def test_what_passes_is_answered_with_passed_true(broken):
    assert ask(broken, reads=["main.orders.note"]).json()["passed"] is True
    assert ask(broken, **{"from": "latest", "to": "latest"}).json()["passed"] is True


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"source_id": "nobody"}, 404, "not_found"),
        ({"from": "no-such-run"}, 404, "not_found"),
        ({"max_age_seconds": 0.001}, 409, "cannot_judge"),
        ({"reads": ["main.nothing"]}, 409, "cannot_judge"),
        ({"reads": ["nothing"]}, 400, "invalid_request"),
        ({"fail_on": "bad"}, 400, "invalid_request"),
        ({"flavour": 1}, 400, "invalid_request"),
        ({"max_age_seconds": -1}, 400, "invalid_request"),
        ({"source_id": "a\x00b"}, 400, "invalid_request"),
        ({"tables": ["x"] * 1_001}, 400, "invalid_request"),
        ({"with": "nobody"}, 404, "not_found"),
        ({"source_id": "nobody", "scan": True}, 404, "not_found"),
    ],
)
def test_what_cannot_be_judged_is_a_problem_and_never_200(broken, body, status, code):
    answer = ask(broken, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "passed" not in answer.json()


def test_a_scan_first_judges_what_is_so_now(broken, source_url):
    with closing(sqlite3.connect(source_url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("ALTER TABLE orders DROP COLUMN note")
    answer = ask(broken, scan=True, max_age_seconds=60)
    assert [change["path"] for change in answer.json()["changes"]] == ["columns.note"]
    assert broken.get("/jobs").json()["items"][0]["trigger"] == "gate"


def token(client, *kinds):
    granted = [Grant(Action.READ, "default", kinds=kinds)]
    made = client.app.state.factbook.tokens.create("gate", granted, created_by="test")
    return {"Authorization": f"Bearer {made.value}"}


def test_a_token_that_reads_only_some_of_what_a_gate_shows_may_not_ask(broken):
    kinds = ["annotation", "catalog_scan", "data_contract", "data_product", "lineage", "schema_snapshot"]
    kinds += ["lineage_run", "name_binding", "statistics_snapshot"]
    body = {"source_id": "market"}
    assert broken.post("/gate", json=body, headers=token(broken, *kinds)).status_code == 403
    all_of_them = token(broken, *kinds, "table_observation")
    assert broken.post("/gate", json=body, headers=all_of_them).status_code == 200
    assert broken.post("/gate", json=body | {"scan": True}, headers=all_of_them).status_code == 403
