"""``GET /export`` and ``GET /export/{format}``."""

import json
import threading

import pytest
from tests.api.conftest import a_record, check_problem, scan

from factbook.api.exporting import MAX_EXPORTS


@pytest.fixture(scope="module")
def scanned(idle_client):
    scan(idle_client)
    return idle_client


def test_formats_are_listed(scanned):
    items = {item["name"]: item for item in scanned.get("/export").json()["items"]}
    assert items["csv"]["writes"] == "file"
    assert items["csv"]["carries"] == ["dictionary", "facts", "diffs"]
    assert [option["name"] for option in items["csv"]["options"]] == ["kinds", "spreadsheet"]


@pytest.mark.parametrize(
    ("name", "media_type", "file"),
    [
        ("json", "application/json", "factbook-dictionary.json"),
        ("ndjson", "application/x-ndjson", "factbook-dictionary.ndjson"),
        ("csv", "text/csv; charset=utf-8", "factbook-dictionary.csv"),
        ("parquet", "application/vnd.apache.parquet", "factbook-dictionary.parquet"),
        ("datahub", "application/json", "factbook-dictionary.json"),
    ],
)
def test_a_file_comes_with_its_media_type_and_name(scanned, name, media_type, file):
    answer = scanned.get(f"/export/{name}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="{file}"'
    assert int(answer.headers["content-length"]) == len(answer.content) > 0


def test_a_header_says_what_it_holds_and_what_was_left_out(scanned):
    report = json.loads(scanned.get("/export/datahub").headers["export-report"])
    assert report["counts"]["tables"] == 3
    assert isinstance(report["warnings"], list)


def test_nothing_tells_where_the_server_made_it(scanned):
    answer = scanned.get("/export/json")
    assert "factbook-export-" not in str(answer.headers) + answer.text


def test_facts_are_chosen_by_what_and_options(scanned):
    answer = scanned.get("/export/ndjson", params={"what": "facts", "option": "kinds=catalog_scan"})
    assert [json.loads(line)["kind"] for line in answer.text.splitlines()] == ["catalog_scan"]


def test_sources_may_be_several(scanned):
    assert scanned.get("/export/json", params={"source_id": ["shop", "shop"]}).json()["sources"] == ["shop"]


def test_the_past_is_shown_as_it_was(scanned):
    assert scanned.get("/export/json", params={"as_of": "2001-01-01T00:00:00Z"}).json()["rows"] == []


@pytest.mark.parametrize(
    ("path", "parameters", "status", "said"),
    [
        ("/export/xml", {}, 400, "There is no format xml"),
        ("/export/postgresql", {}, 400, "cannot be sent as one file"),
        ("/export/json", {"option": "s3cret"}, 400, "no name or no value"),
        ("/export/json", {"option": "colour=s3cret"}, 400, "has no option"),
        ("/export/atlas", {"what": "facts"}, 400, "atlas cannot do that"),
        ("/export/json", {"source_id": "nobody"}, 404, "Nothing is known of a source nobody"),
    ],
)
def test_what_cannot_be_is_refused(scanned, path, parameters, status, said):
    problem = check_problem(scanned.get(path, params=parameters), status)
    assert said in problem["detail"]
    assert "s3cret" not in json.dumps(problem)


def test_more_exports_than_are_made_at_a_time_are_asked_to_come_again(scanned):
    places = scanned.app.state.exports
    for _ in range(MAX_EXPORTS):
        assert places.acquire(blocking=False)
    try:
        answer = scanned.get("/export/json")
        check_problem(answer, 429, "overloaded")
        assert answer.headers["retry-after"]
    finally:
        for _ in range(MAX_EXPORTS):
            places.release()
    assert scanned.get("/export/json").status_code == 200


def test_several_exports_at_once_do_not_mix(scanned):
    answers = []
    asking = [threading.Thread(target=lambda: answers.append(scanned.get("/export/csv").content)) for _ in range(MAX_EXPORTS)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(answers) == MAX_EXPORTS
    assert len(set(answers)) == 1


def token(client, *kinds, namespace="*"):
    grants = [{"action": "read", "tenant": "default", "namespace": namespace, "kinds": list(kinds)}]
    made = client.post("/tokens", json={"name": "reader", "grants": grants})
    assert made.status_code == 201, made.text
    return {"Authorization": f"Bearer {made.json()['value']}"}


def test_a_token_exports_the_facts_of_the_kinds_it_may_read(make_client):
    client = make_client(api_key="k" * 32)
    key = {"Authorization": f"Bearer {'k' * 32}"}
    client.headers.update(key)
    assert client.post("/records", json=a_record()).status_code == 200
    volume = a_record() | {"kind": "ingestion_volume", "payload": {"row_count": 1}}
    assert client.post("/records", json=volume).status_code == 200
    reader = token(client, "ingestion_volume")
    answer = client.get("/export/ndjson", params={"what": "facts"}, headers=reader)
    assert [json.loads(line)["kind"] for line in answer.text.splitlines()] == ["ingestion_volume"]
    check_problem(client.get("/export/ndjson", params={"what": "facts", "option": "kinds=job_run"}, headers=reader), 403, "not_allowed")
    check_problem(client.get("/export/json", headers=reader), 403, "not_allowed")
