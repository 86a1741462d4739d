"""The quality board, a source's quality, rules through time, reconciliations, and what to write."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from tests.web.conftest import HOSTILE, RULES, opened
from tests.web.test_pages import read

from factbook.quality.job import Rulebook
from factbook_sdk.facts import MetadataRecord, MetadataTarget

OWN = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}


def said(page):
    return " ".join("".join(page.text).split())


@pytest.fixture(scope="module")
def judged(folder, tmp_path_factory):
    """A copy of the store with reconciliations, a missed promise, rules of the server's own, and a source that nobody judged."""
    place = tmp_path_factory.mktemp("judged")
    shutil.copytree(folder, place, dirs_exist_ok=True)
    (place / "rules.yaml").write_text(RULES)
    with opened(place, quality_rules=place / "rules.yaml", job_workers=0) as client:
        house, now = client.house, datetime.now(UTC)
        target = MetadataTarget("shop", "main", "orders")
        metric = {"name": "row_count", "source": 5, "sink": 2, "difference": 3, "difference_share": 0.6}
        house.repository.bulk_store(
            [
                MetadataRecord(target, "recon_result", {"check": "rows", "outcome": "passed"}, now - timedelta(hours=1), "recon"),
                MetadataRecord(target, "recon_result", {"check": "rows", "outcome": "failed", "metric": metric}, now, "recon"),
                MetadataRecord(target, "recon_result", {"check": HOSTILE, "outcome": "passed"}, now, "recon"),
                MetadataRecord(
                    MetadataTarget("shop", "main", "customer"),
                    "sla_adherence",
                    {"name": f"fresh {HOSTILE}", "objective": "freshness", "outcome": "missed"},
                    now,
                    "quality.v1",
                ),
            ],
            atomic=True,
        )
        house.connections.add("aside", "sqlite:////nowhere.sqlite")
        yield client


def test_the_board_has_those_first_that_need_somebody(judged):
    found = judged.get("/ui/quality.json").json()
    assert [item["source_id"] for item in found["board"]["items"]] == ["shop", "aside"]
    shop = found["board"]["items"][0]
    assert [(one["table"], one["result"]["rule"], one["result"]["outcome"]) for one in shop["failing"]] == [
        ("customer", "not_null:town", "failed")
    ]
    assert [one["promise"]["name"] for one in shop["missed"]] == [f"fresh {HOSTILE}"]
    assert [one["result"]["outcome"] for one in found["reconciliations"]] == ["failed"]
    page, answer = read(judged, "/ui/quality")
    assert "not\xa0judged" in "".join(page.text)
    assert HOSTILE not in answer.text


@pytest.mark.parametrize(
    ("asked", "shown"),
    [("need=failing", ["shop"]), ("need=missed", ["shop"]), ("need=unscored", ["aside"]), ("search=SID", ["aside"]), ("search=zz", [])],
)
def test_the_board_is_filtered(judged, asked, shown):
    assert [item["source_id"] for item in judged.get(f"/ui/quality.json?{asked}").json()["board"]["items"]] == shown
    assert judged.get("/ui/quality?need=everything").status_code == 400


def test_before_anybody_judged_nothing_is_said_to_hold(judged):
    page, _ = read(judged, "/ui/quality?as_of=2000-01-01")
    assert "not\xa0judged" in "".join(page.text)
    found = judged.get("/ui/quality.json?as_of=2000-01-01").json()
    assert [(item["failing"], item["missed"], item["trend"]) for item in found["board"]["items"]] == [([], [], [])] * 2
    assert found["reconciliations"] == []


def test_an_empty_store_says_how_to_begin(tmp_path):
    with opened(tmp_path) as client:
        client.house.connections.remove("shop") if client.house.connections.knows("shop") else None
        assert "factbook quality run" in client.get("/ui/quality").text


def test_what_does_not_hold_comes_first(judged):
    page, answer = read(judged, "/ui/quality/shop")
    text = said(page)
    assert text.index("Does not hold") < text.index("Promises not kept") < text.index("Reconciliation") < text.index("Tables")
    assert "2 of 2 rows do not hold" in text
    assert HOSTILE not in answer.text
    assert "/ui/quality/shop/rule?rule=not_null%3Atown&schema=main&table=customer" in page.links


def test_a_rule_is_told_through_time(judged):
    found = judged.get("/ui/quality/shop/rule.json?rule=not_null:town&schema=main&table=customer").json()
    assert [item["result"]["outcome"] for item in found["items"]] == ["failed"]
    answer = judged.get("/ui/quality/shop/rule", params={"rule": HOSTILE, "table": "customer", "schema": "main"})
    assert answer.status_code == 404
    assert HOSTILE not in answer.text
    assert judged.get("/ui/quality/shop/rule?rule=not_null:town&schema=main&table=customer&as_of=2000-01-01").status_code == 404


def test_a_source_is_judged_again(judged):
    assert 'action="/ui/quality/shop/run"' in judged.get("/ui/quality/shop").text
    assert 'action="/ui/quality/shop/run"' not in judged.get("/ui/quality/shop?as_of=2999-01-01").text
    answer = judged.post("/ui/quality/shop/run", headers=OWN)
    assert answer.headers["location"].startswith("/ui/job/quality-")


def test_who_may_not_judge_is_not_offered_it(keyed, signed_in, client):
    assert "/quality/shop/run" not in client.get("/ui/quality/shop").text, "without rules of its own a server has nothing to judge by"
    assert keyed.post("/ui/quality/shop/run", headers=signed_in()).status_code == 403
    kinds = ("quality_result", "quality_score", "sla_adherence")
    for path in ("/ui/quality", "/ui/quality/shop"):
        assert "Closed to you: it needs a token that reads recon_result" in keyed.get(path, headers=signed_in(kinds=kinds)).text
    assert keyed.get("/ui/quality", headers=signed_in(kinds=("schedule",))).status_code == 403


def test_a_rule_that_holds_again_is_off_the_board(judged):
    book = Rulebook("rules.yaml", RULES.replace("not_null: [email, town]", "not_null: [email]"))
    judged.house.of("default").run_quality(rules=book)
    assert judged.get("/ui/quality/shop.json").json()["source"]["failing"] == []
    assert len(judged.get("/ui/quality/shop.json").json()["source"]["trend"]) == 2


def test_documentation_names_what_to_write_where(client):
    found = client.get("/ui/coverage/shop.json").json()
    shares = [row["share"] for row in found["found"]["coverage"][1:]]
    assert shares == sorted(shares)
    page, _ = read(client, "/ui/coverage/shop?rule=column_description&severity=warning&schema=main")
    assert "/ui/table/shop/main/customer?column=id#id" in page.links
    only = client.get("/ui/coverage/shop.json?rule=table_owner").json()["found"]["items"]
    assert {finding["rule"] for finding in only} == {"table_owner"}
    assert "Nothing like that is missing" in client.get("/ui/coverage/shop?schema=elsewhere").text
    assert client.get("/ui/coverage/shop?severity=awful").status_code == 400
