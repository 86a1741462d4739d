"""The query builder, single records, and kinds."""

import csv
import io
import json
import shlex
from datetime import UTC, datetime

import pytest
from starlette.datastructures import QueryParams
from tests.web.conftest import HOSTILE, opened
from tests.web.test_pages import read

from factbook.kinds.fields import example_of, fields_of
from factbook.web.asking import Asked, question_of, read_asked
from factbook_sdk.facts import builtin_kinds


def said(page):
    return " ".join("".join(page.text).split())


def asked(**params):
    return read_asked(QueryParams(params))


class TestRows:
    def test_a_path_without_a_root_is_one_into_the_payload(self):
        [row] = asked(kind="x", path1="row_count", operator1=">=", value1="5").rows
        assert (row.path, row.problem) == ("payload.row_count", None)
        assert question_of(asked(kind="x", path1="row_count", operator1=">=", value1="5"), None).where == ["payload.row_count>=5"]

    @pytest.mark.parametrize(
        ("path", "operator", "value", "problem"),
        [
            ("", "=", "5", "Name what is compared"),
            ("row_count", "~", "5", "is no comparison"),
            ("state", "exists", "yes", "Nothing may stand behind exists"),
            ("state", "like", "", "needs a pattern"),
            ("state", "in", "", "needs values"),
            ("a=b", "=", "1", "A path has letters"),
            ("a b", "=", "1", "is no condition"),
            ("payload..x", "=", "1", "no path into a record"),
            ("x" * 600, "=", "1", "at most 512"),
            (HOSTILE, "=", "1", "no path into a record"),
        ],
    )
    def test_what_is_wrong_is_said_of_the_row(self, path, operator, value, problem):
        found = asked(kind="x", path2=path, operator2=operator, value2=value)
        assert problem in found.rows[0].problem
        assert not found.is_good

    def test_conditions_in_the_words_of_the_api_become_rows(self):
        rows = read_asked(
            QueryParams([("kind", "x"), ("where", "payload.a<5"), ("where", "payload.b in c,d"), ("where", "payload.e exists")])
        ).rows
        assert [(row.path, row.operator, row.value) for row in rows] == [
            ("payload.a", "<", "5"),
            ("payload.b", "in", "c,d"),
            ("payload.e", "exists", ""),
        ]
        assert read_asked(QueryParams([("where", "what?")])).rows[0].problem

    def test_a_moment_bounds_what_is_known(self):
        moment = datetime(2026, 1, 31, tzinfo=UTC)
        assert question_of(asked(kind="x", until="2027-01-01"), moment).until == moment.replace(microsecond=1)
        assert question_of(asked(kind="x", until="2025-01-01"), moment).until == datetime(2025, 1, 1, tzinfo=UTC)
        assert question_of(Asked(kind="x"), datetime.max.replace(tzinfo=UTC)).until is None

    def test_the_command_is_one_that_a_shell_takes_as_it_is_meant(self):
        found = question_of(
            asked(kind="x", source_id="a b; rm -rf /", table='t"', path1="name", value1="it's $HOME", since="2026-01-31"), None
        )
        words = shlex.split(found.command(50))
        assert words[:4] == ["factbook", "records", "query", "x"]
        assert words[words.index("--source") + 1] == "a b; rm -rf /"
        assert [words[at + 1] for at, word in enumerate(words) if word == "--where"] == ["payload.name=it's $HOME", 'target.table="t\\""']


def test_a_question_is_answered_as_the_api_answers_it(client):
    path = "/ui/records?kind=quality_result&path1=outcome&operator1=in&value1=failed,passed"
    path += "&path2=rule&operator2=like&value2=not_null%25&order=asc"
    found = client.get(path.replace("/records?", "/records.json?")).json()
    assert {item["record"]["payload"]["rule"] for item in found["items"]} == {"not_null:email", "not_null:town"}
    assert client.get(found["address"]).json()["items"] == found["items"]
    assert "payload.outcome in failed,passed" in shlex.split(found["command"])
    page, _ = read(client, path)
    assert "not_null:town" in said(page)
    rows = list(csv.DictReader(io.StringIO(client.get(path.replace("/records?", "/records/export?")).text)))
    lines = client.get(path.replace("/records?", "/records/export?format=ndjson&")).text.splitlines()
    assert [row["id"] for row in rows] == [json.loads(line)["id"] for line in lines] == [item["id"] for item in found["items"]]


def test_rows_are_added_by_a_button_and_paths_are_suggested(client):
    page, answer = read(client, "/ui/records?kind=schema_snapshot&rows=3")
    assert {"path1", "path2", "path3"} <= set(page.ids)
    assert "path4" not in page.ids
    assert '<button class="quiet" name="rows" value="4"' in answer.text
    assert '<option value="payload.object_type">' in answer.text
    assert answer.text.index("<button>Ask</button>") < answer.text.index('name="rows" value="4"'), "Enter asks and adds no row"
    assert client.get("/ui/records?rows=13").status_code == 400


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("kind=schema_snapshot&path1=x&operator1=in", "needs values"),
        ("kind=schema_snapshot&since=yesterday", "That is no moment"),
        ("kind=schema_snapshot&table=customer", "name it, too"),
        ("kind=no_such_kind", "No kind is called no_such_kind"),
        (f"kind={HOSTILE}", "No kind is called"),
        (f"kind=schema_snapshot&source_id={'x' * 5000}", "at most"),
    ],
)
def test_what_is_wrong_keeps_the_form_as_it_was_filled_in(client, query, words):
    answer = client.get(f"/ui/records?{query}")
    assert answer.status_code == 422
    assert words in answer.text
    assert 'role="alert"' in answer.text
    assert HOSTILE not in answer.text
    assert client.get(f"/ui/records/export?{query}").status_code in (400, 404, 422)


def test_records_at_a_moment_are_those_that_were_known(client):
    scans = client.get("/ui/moments/shop.json").json()["scans"]
    then = client.get("/ui/records.json", params={"kind": "catalog_scan", "as_of": scans[1]["at"]}).json()["items"]
    assert [item["record"]["produced_at"] for item in then] == [scans[1]["at"]]
    assert "This is how it was at" in client.get("/ui/records", params={"kind": "catalog_scan", "as_of": scans[1]["at"]}).text


def test_a_record_has_a_place_of_its_own(client):
    found = client.get("/ui/records.json?kind=schema_snapshot&source_id=shop&schema=main&table=customer").json()["items"]
    newest, oldest = found
    page, _ = read(client, f"/ui/record/{newest['offset']}")
    assert f"/ui/record/{oldest['offset']}" in page.links
    assert newest["id"] in said(page)
    twin = client.get(f"/ui/record/{oldest['offset']}.json").json()
    assert (twin["item"], twin["before"], twin["after"]) == (oldest, None, newest["offset"])
    for nothing in ("0", "999999999", "-1", "x", "9" * 30, "1.5"):
        assert client.get(f"/ui/record/{nothing}").status_code == 404


def test_hostile_payloads_are_text(client):
    alert = client.get("/ui/records.json?kind=alert").json()["items"][0]
    for path in (f"/ui/record/{alert['offset']}", "/ui/records?kind=alert", "/ui/records?kind=alert&shown=raw"):
        page, answer = read(client, path)
        assert HOSTILE not in answer.text
    assert "Orders are late" in said(page)


def test_what_may_not_be_read_is_not_there(keyed, signed_in):
    headers = signed_in(kinds=("alert", "schedule"))
    found = keyed.get("/ui/records.json?kind=alert", headers=headers).json()
    assert found["kinds"] == ["alert", "schedule"]
    assert keyed.get(f"/ui/record/{found['items'][0]['offset']}", headers=headers).status_code == 200
    assert keyed.get("/ui/record/1", headers=headers).status_code == 404
    assert keyed.get("/ui/records?kind=schema_snapshot", headers=headers).status_code == 403
    assert keyed.get("/ui/kind/schema_snapshot", headers=headers).status_code == 404
    write = signed_in(action="write", kinds=("alert", "schedule"))
    assert "closed to you" in keyed.get("/ui/kind/alert", headers=write).text


def test_a_kind_is_read_field_by_field(client):
    found = client.get("/ui/kind/alert.json").json()
    fields = {field["path"]: field for field in found["fields"]["1"]}
    assert fields["state"] == {
        "path": "state",
        "type": "text",
        "is_required": True,
        "meaning": "",
        "rules": [],
        "values": ["acknowledged", "firing", "resolved"],
    }
    assert (fields["causes"]["type"], fields["labels.*"]["type"]) == ("list of text", "text")
    assert found["newest"]["record"]["kind"] == "alert"
    page, _ = read(client, "/ui/kind/alert")
    assert "Example" in said(page)


@pytest.mark.parametrize("kind", list(builtin_kinds()), ids=lambda kind: kind.name)
def test_every_built_in_kind_names_its_fields_and_has_an_example(kind):
    fields = fields_of(kind.schemas[kind.latest_version])
    assert len({field.path for field in fields}) == len(fields) > 0
    assert example_of(kind.name)["payload"] is not None


def test_any_schema_that_may_be_registered_can_be_read():
    circle = {"$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}, "$ref": "#/$defs/node"}
    assert len(fields_of(circle)) < 20
    odd = {
        "properties": {"a": True, "b": {"enum": [1, None]}, "c": {"type": ["string", "null"], "const": HOSTILE}, "d": {"$ref": "#/nowhere"}}
    }
    assert [(field.path, field.type) for field in fields_of(odd)] == [("a", "any"), ("b", "text"), ("c", "string or null"), ("d", "any")]
    assert fields_of({}) == []
    assert example_of("../alert") is None
    assert example_of("no_such_kind") is None


def test_an_empty_store_has_kinds_and_no_records(tmp_path):
    with opened(tmp_path) as client:
        assert "No record answers this" in client.get("/ui/records?kind=alert").text
        assert "none yet" in client.get("/ui/kind/alert").text
