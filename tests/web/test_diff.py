"""The comparison page: any two runs, moments or sources, filtered, with whom it hits, a permanent link, and exports."""

import csv
import io
import sqlite3
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from tests.web.conftest import HOSTILE, opened
from tests.web.test_pages import read


def said(page):
    return " ".join("".join(page.text).split())


def runs(client):
    return [scan["run_id"] for scan in client.get("/ui/diff/shop.json").json()["scans"]]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A source whose second scan finds names, texts and cells that somebody wrote to do harm."""
    place = tmp_path_factory.mktemp("hostile")
    name = HOSTILE.replace('"', '""')
    with sqlite3.connect(place / "shop.sqlite") as shop:
        shop.execute("CREATE TABLE gone (id INTEGER)")
        shop.execute(f"CREATE VIEW long AS SELECT 1 AS one, '{'x' * 200}' AS text")
    with opened(place) as client:
        client.house.run_scan()
        with sqlite3.connect(place / "shop.sqlite") as shop:
            shop.executescript(f"""
                DROP VIEW long; CREATE VIEW long AS SELECT 2 AS one, '{"y" * 200}' AS text;
                CREATE TABLE "{name}" ("=cmd|x" TEXT DEFAULT '=1+1', "{name}" TEXT);
                ALTER TABLE gone ADD COLUMN "=SUM(A1)" TEXT DEFAULT '{"z" * 300}';
            """)
        client.house.run_scan(accept_removals=True)
        yield client


def test_both_runs_are_named_in_a_link_that_stays(client):
    found = client.get("/ui/diff/shop.json").json()
    newest, oldest = runs(client)
    link = urlsplit(found["permalink"])
    assert (link.path, parse_qs(link.query)) == ("/ui/diff/shop", {"from": [oldest], "to": [newest]})
    again = client.get(f"/ui/diff/shop.json?{link.query}").json()
    assert again["tables"] == found["tables"]
    page, answer = read(client, "/ui/diff/shop")
    assert found["permalink"] in page.links
    assert 'data-copy="/ui/diff/shop?from=' in answer.text


def test_changes_are_chosen_and_counted_of_all(client):
    whole = client.get("/ui/diff/shop.json").json()["found"]
    breaking = client.get("/ui/diff/shop.json?severity=breaking&severity=risky").json()
    assert breaking["found"]["counts"] == whole["counts"]
    assert 0 < breaking["found"]["matching"] < whole["matching"] == len(whole["changes"])
    assert {change["severity"] for change in breaking["found"]["changes"]} <= {"breaking", "risky"}
    assert {change["change"] for change in client.get("/ui/diff/shop.json?change=added").json()["found"]["changes"]} == {"added"}
    named = client.get("/ui/diff/shop.json?search=CUSTO main").json()["tables"]
    assert [group["table"] for group in named] == ["customer"]
    page, _ = read(client, "/ui/diff/shop?search=nosuchname")
    assert "No change is like that. Others are, see above." in said(page)


def test_the_changes_of_a_table_stand_together(client):
    tables = [change["table"] for change in client.get("/ui/diff/shop.json").json()["found"]["changes"]]
    assert len({*tables}) == len([name for name, before in zip(tables, [None, *tables], strict=False) if name != before])


def test_a_difference_from_another_source_and_from_itself(client, hostile):
    same = client.get("/ui/diff/shop.json", params={"with": "shop", "from": "latest", "to": "latest"}).json()
    assert same["found"]["changes"] == []
    page, _ = read(client, "/ui/diff/shop?from=latest&to=latest")
    assert "Nothing differs." in said(page)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("from=nothing-of-ours", "is no scan of shop"),
        ("from=2000-01-01", "Nothing is known of shop at 2000-01-01"),
        ("with=nowhere", "No scan of 'nowhere' is known"),
        ("cursor=rubbish", "That cursor is not ours"),
        (f"from={quote(HOSTILE)}", "is no scan of shop"),
    ],
)
def test_what_cannot_be_compared_is_said_beside_the_form(client, asked, words):
    answer = client.get(f"/ui/diff/shop?{asked}")
    assert answer.status_code in (400, 404)
    assert 'role="alert"' in answer.text
    assert words.replace("'", "&#39;") in answer.text
    assert HOSTILE not in answer.text
    assert 'name="from"' in answer.text
    assert client.get(f"/ui/diff/shop.json?{asked}").json()["code"]


def test_rubbish_choices_are_refused(client):
    for rubbish in ("severity=awful", "change=vanished"):
        assert client.get(f"/ui/diff/shop?{rubbish}").status_code == 400
    assert client.get("/ui/diff/nowhere").status_code == 404


def test_at_a_moment_later_scans_are_not_known(client):
    scans = client.get("/ui/diff/shop.json").json()["scans"]
    then = client.get("/ui/diff/shop.json", params={"as_of": scans[1]["at"]})
    assert "There is no scan of shop before" in then.text
    shown = client.get("/ui/diff/shop", params={"as_of": scans[0]["at"], "to": "latest"})
    assert "This is how it was at" in shown.text
    late = client.get("/ui/diff/shop", params={"as_of": scans[1]["at"], "from": scans[0]["run_id"]})
    assert late.status_code == 404


def test_whom_a_change_hits_is_asked_when_somebody_wants_it(client):
    page, answer = read(client, "/ui/diff/shop")
    asked = [link for link in page.links if "/impact?" in link]
    assert len(asked) == len(
        [change for change in client.get("/ui/diff/shop.json").json()["found"]["changes"] if change["change"] != "added"]
    )
    assert 'hx-target="#hit_' in answer.text
    part = client.get(asked[0], headers={"hx-request": "true"})
    assert "<html" not in part.text
    assert "No lineage begins at this table, as far as is known." in part.text
    hit = client.get("/ui/diff/shop/impact.json?schema=main&of=customer&at=columns.city").json()["impact"]
    assert [owner["name"] for owner in hit["owners"]] == ["Sales"]
    assert [
        reference["table"] for reference in client.get("/ui/diff/shop/impact.json?schema=main&of=customer").json()["impact"]["references"]
    ] == []
    assert client.get("/ui/diff/shop/impact?schema=main&of=orders").status_code == 404


def test_what_is_closed_is_not_offered(keyed, signed_in):
    kinds = ("catalog_scan", "schema_snapshot", "statistics_snapshot")
    headers = signed_in(kinds=kinds)
    page = keyed.get("/ui/diff/shop", headers=headers)
    assert page.status_code == 200
    assert "/impact?" not in page.text
    assert keyed.get("/ui/diff/shop/impact?schema=main&of=customer", headers=headers).status_code == 403
    assert "What scans found is closed to you" in keyed.get("/ui/diff", headers=headers).text
    assert keyed.get("/ui/diff/shop", headers=signed_in(kinds=("schedule",))).status_code == 403


def test_choosing_leads_to_the_comparison(client):
    answer = client.get("/ui/diff?source_id=shop&from=previous&to=&with=")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/diff/shop?from=previous")
    assert client.get("/ui/diff.json?source_id=shop").headers["location"] == "/ui/diff/shop.json"
    stored = client.get("/ui/diff.json").json()["stored"]
    assert stored[0]["source_id"] == "shop"
    assert stored[0]["counts"]["breaking"] >= 1


def test_a_store_without_changes_says_so(tmp_path):
    with opened(tmp_path) as client:
        assert "No scan has found a change yet" in client.get("/ui/diff").text


def test_exports_hold_the_same_changes(client):
    page = client.get("/ui/diff/shop.json").json()
    whole = client.get(page["exports"]["json"]).json()
    assert sorted(map(str, whole["changes"])) == sorted(map(str, page["found"]["changes"]))
    rows = list(csv.DictReader(io.StringIO(client.get(page["exports"]["csv"]).text)))
    assert [(row["table"], row["path"], row["severity"]) for row in rows] == [
        (change["table"], change.get("path", ""), change["severity"]) for change in whole["changes"]
    ]
    text = client.get(page["exports"]["markdown"])
    assert text.headers["content-disposition"] == 'attachment; filename="changes.md"'
    assert "## main.customer" in text.text
    assert "- **breaking** for readers and writers: removed column columns.city" in text.text
    few = client.get("/ui/diff/shop/export?format=csv&severity=breaking").text
    assert len(few.splitlines()) < len(rows) + 1


def test_hostile_names_and_texts_are_shown_and_written_as_they_are(hostile):
    page, answer = read(hostile, "/ui/diff/shop")
    assert HOSTILE in "".join(page.text)
    assert HOSTILE not in answer.text
    assert '<details class="fold"' in answer.text
    assert "lines differ" in answer.text
    text = hostile.get("/ui/diff/shop/export?format=markdown").text
    assert HOSTILE not in text
    cells = [cell for row in csv.reader(io.StringIO(hostile.get("/ui/diff/shop/export?format=csv").text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


def test_the_same_question_is_answered_again_only_while_nothing_new_is_known(hostile):
    diffs = hostile.house.diffs
    first = diffs.compare("shop")
    assert diffs.compare("shop") is first
    hostile.house.run_scan()
    assert diffs.compare("shop") is not first


def test_the_api_writes_the_same_documents(client):
    assert (
        client.get("/diff/shop?format=csv&severity=breaking").text == client.get("/ui/diff/shop/export?format=csv&severity=breaking").text
    )
    assert client.get("/diff/shop?format=markdown").headers["content-type"].startswith("text/markdown")
    then = client.get("/diff/shop", params={"as_of": client.get("/ui/diff/shop.json").json()["scans"][1]["at"]})
    assert then.status_code == 400
