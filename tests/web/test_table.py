"""The pages of a table: what they show of one with a long history, of a wide one, and of one of which hardly anything is known."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise
from urllib.parse import quote

import pytest
from tests.web.conftest import HOSTILE, opened
from tests.web.test_accessibility import Outline
from tests.web.test_pages import Reading

from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.data_product import product_target

START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 30
WIDE = 1600
ORDERS = "/ui/table/store/public/orders"
PAGES = [
    ORDERS,
    f"{ORDERS}?column=amount",
    f"{ORDERS}?column=email",
    f"{ORDERS}/profile?column=amount",
    f"{ORDERS}/history",
    f"{ORDERS}/history?column=amount",
    f"{ORDERS}/quality",
    f"{ORDERS}/definition",
    f"{ORDERS}/used-by",
    f"{ORDERS}/facts",
    "/ui/table/store/public/big/definition",
    "/ui/table/store/public/empty",
    "/ui/table/store/public/empty/profile",
    "/ui/table/store/public/parts/definition",
    "/ui/table/store/public/gone/used-by",
    "/ui/table/store/public/wide?column=c_1500",
]


def day(number, minutes=0):
    return START + timedelta(days=number, minutes=minutes)


def column(name, position, data_type="integer", **more):
    return {"name": name, "position": position, "data_type": data_type, **more}


def facts():
    """Yield a month of a source: what scans, profiles, rules, people, contracts, products and jobs said."""

    def said(table, kind, payload, at, producer):
        run = MetadataContext(run_id=f"run-{(at - START).days}")
        return MetadataRecord(MetadataTarget("store", "public", table), kind, payload, at, producer, run)

    def structure(table, payload, number):
        return said(table, "schema_snapshot", payload, day(number), "scan.v1")

    for number in range(DAYS):
        scanned = {
            "engine": "postgresql",
            "engine_version": "17",
            "scope": {},
            "schemas": {"public": {"complete": True}},
            "schemas_complete": True,
            "counts": {"tables": 6, "added": 0, "changed": 0, "unchanged": 6, "removed": 0, "failed": 1},
            "duration_seconds": 1.0,
            "failures": [{"schema": "public", "table": "empty", "reason": "permission denied"}],
        }
        yield MetadataRecord(MetadataTarget("store"), "catalog_scan", scanned, day(number), "scan.v1")
        own = [
            column("id", 1, "bigint", nullable=False, identity="always"),
            column("email", 2, "text"),
            column("amount", 3, "numeric(10,2)" if number < 10 else "numeric(12,2)", default="0"),
            column("city", 4, "text", generated="stored", generation_expression="lower(town)"),
        ]
        own += [column("channel", 5, "text")] if number >= 20 else []
        keys = [
            {"type": "primary_key", "columns": ["id"]},
            {"type": "foreign_key", "columns": ["city"], "references": {"table": "gone", "columns": ["name"]}},
        ]
        yield structure("orders", {"object_type": "table", "columns": own, "constraints": keys}, number)
        measured = {
            "origin": "exact",
            "row_count": 100 + number,
            "size_bytes": 1000 * number,
            "freshness": {"method": "column", "latest": day(number).isoformat(), "column": "id"},
            "columns": [
                {"name": "id", "null_share": 0.0, "distinct_count": 100 + number, "minimum": 1, "maximum": 100 + number},
                {"name": "email", "null_share": 0.25, "distinct_count": 75, "minimum": "secret@example.com", "maximum": "z@example.com"},
                {
                    "name": "amount",
                    "null_share": number / 100,
                    "distinct_count": 50,
                    "minimum": 1.5,
                    "maximum": 90.0 + number,
                    "mean": 40.0,
                    "quantiles": [{"share": 0.5, "value": 42.5}],
                    "histogram": [{"lower": 0.0, "upper": 50.0, "count": 70}, {"lower": 50.0, "upper": 100.0, "count": 30}],
                },
                {
                    "name": "city",
                    "frequent": [{"value": HOSTILE, "count": 60}, {"value": "Bonn", "count": 40}],
                    "suggestions": [{"classification": "personal", "confidence": 0.6, "reason": "probably addresses"}],
                    "patterns": [{"pattern": "uuid", "count": 3, "share": 0.03}],
                },
            ],
        }
        yield said("orders", "statistics_snapshot", measured, day(number, 5), "profile.v1")
        score = {"formula": "weighted", "formula_version": 1, "coverage": {"rules": 1, "rules_judged": 1}, "score": 60.0 + number}
        score |= {"rules": ["complete"], "dimensions": [{"dimension": "completeness", "weight": 1, "value": 0.9}]}
        result = {"rule": "complete", "check": "not_null", "dimension": "completeness", "outcome": "failed" if number == 7 else "passed"}
        yield said("orders", "quality_score", score, day(number, 9), "quality.v1")
        yield said("orders", "quality_result", result, day(number, 9), "quality.v1")
    yield structure("empty", {"object_type": "table", "columns": []}, 0)
    yield structure("gone", {"object_type": "table", "columns": [column("name", 1, "text")]}, 0)
    yield structure("gone", None, 5)
    view = {"object_type": "view", "columns": [column("id", 1)], "definition": f"SELECT id FROM orders -- {HOSTILE}\nWHERE amount > 100"}
    yield structure("big", view, 0)
    parts = {"strategy": "RANGE", "key": "RANGE (day)", "columns": ["day"]}
    yield structure("parts", {"object_type": "partitioned_table", "columns": [column("day", 1, "date")], "partitioning": parts}, 0)
    wide = [column(f"c_{number:04}", number + 1) for number in range(WIDE)]
    yield structure("wide", {"object_type": "table", "columns": wide}, 0)
    figures = [{"name": item["name"], "null_share": 0.5, "distinct_count": 3} for item in wide]
    yield said("wide", "statistics_snapshot", {"origin": "exact", "row_count": 0, "columns": figures}, day(1), "profile.v1")
    last = day(DAYS)
    notes = [{"property": "classification", "value": "personal", "column": "email"}]
    yield said("orders", "annotation", {"author_type": "person", "notes": notes}, last, "person:ada")
    odd = {"metric": "row_count", "observed": 107.0, "low": 1.0, "high": 2.0, "direction": "above", "method": "robust_band", "points": 20}
    yield said("orders", "anomaly", odd | {"measured_by": "statistics_snapshot"}, day(7, 5), "quality.v1")
    contract = {"contract_id": "orders-v1", "version": "2.0.0", "status": "active", "columns": [{"name": "id"}]}
    yield said("orders", "data_contract", contract, last, "contract:orders-v1")
    broken = {"rule": "orders-v1.id", "check": "schema", "dimension": "validity", "outcome": "failed", "ruleset": "orders-v1"}
    yield said("orders", "quality_result", broken, last, "contracts.v1")
    port = {"name": "raw", "table": {"source_id": "store", "table": "orders", "schema": "public"}}
    product = {"name": "sales", "domain": "shop", "status": "active", "owners": [{"name": "Ada"}], "inputs": [port]}
    yield MetadataRecord(product_target("sales"), "data_product", product, last, "products.v1")
    retired = product | {"name": "old", "status": "retired"}
    yield MetadataRecord(product_target("old"), "data_product", retired, last, "products.v1")
    made = {"origin": "manual", "inputs": [{"table": port["table"]}], "job": {"namespace": "dbt", "name": "nightly"}}
    yield said("big", "lineage", made, last, "dbt.v1")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("table")) as client:
        report = client.house.repository.bulk_store(list(facts()))
        assert report.rejections == []
        yield client


def shown(pages, path):
    name, _, query = path.partition("?")
    answer = pages.get(f"{name}.json?{query}")
    assert answer.status_code == 200, answer.text[:300]
    return answer.json()


def text_of(pages, path):
    answer = pages.get(path)
    assert answer.status_code == 200, answer.text[:300]
    return " ".join("".join(Reading(answer.text).text).split())


@pytest.mark.parametrize("path", PAGES)
def test_each_is_whole_and_can_be_walked(pages, path):
    answer = pages.get(path)
    assert answer.status_code == 200
    page, outline = Reading(answer.text), Outline(answer.text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert set(page.inputs) <= page.labelled
    levels = [int(element["tag"][1]) for element in outline.of("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    assert HOSTILE not in answer.text
    for element in outline.elements:
        if "data-draw" in element["attributes"]:
            # What is drawn is told as text beside it.
            assert element["attributes"]["aria-label"]
            assert "as a table" in answer.text


def test_the_head_says_how_the_table_stands_and_where_more_is_said(pages):
    standing = shown(pages, ORDERS)["head"]["standing"]
    assert standing["rows"] == {"value": 100 + DAYS - 1, "origin": "counted"}
    assert standing["size_bytes"] == 1000 * (DAYS - 1)
    assert {badge["text"]: badge["kind"] for badge in standing["badges"]} == {
        "1 sensitive column": "warning",
        "quality 89 of 100": "",
        "contract orders-v1 2.0.0: broken": "error",
        "in 1 product": "",
    }
    for path, text in (("empty", "not read by the last scan"), ("gone", "removed"), ("parts", "partitioned by range")):
        assert text in text_of(pages, f"/ui/table/store/public/{path}")
    assert "not known" in text_of(pages, "/ui/table/store/public/empty")


def test_columns_say_their_keys_since_when_they_are_so_and_why_they_are_sensitive(pages):
    rows = {row["column"]: row for row in shown(pages, ORDERS)["shown"]["columns"]}
    assert rows["id"]["primary_key"]
    assert rows["id"]["identity"] == "always"
    assert rows["city"]["points_at"] == [{"schema": "public", "table": "gone", "column": "name"}]
    assert rows["city"]["suggestions"][0]["classification"] == "personal"
    assert [rows[name]["since"]["how"] for name in ("id", "amount", "channel")] == ["first_seen", "changed", "appeared"]
    assert rows["amount"]["since"]["at"].startswith("2025-01-11")
    assert rows["email"]["sensitive"] == "person:ada says personal"
    assert rows["channel"]["measured"] is None


def test_a_sensitive_column_shows_counts_and_no_value_on_any_page(pages):
    row = next(row for row in shown(pages, ORDERS)["shown"]["columns"] if row["column"] == "email")
    assert (row["measured"]["null_share"], row["measured"]["distinct_count"]) == (0.25, 75)
    for path in (ORDERS, f"{ORDERS}?column=email", f"{ORDERS}/profile?column=email", f"{ORDERS}/facts?kind=statistics_snapshot"):
        for answer in (pages.get(path), pages.get(path.replace("?", ".json?") if "?" in path else f"{path}.json")):
            assert "secret@example.com" not in answer.text, path
    assert "withholds" in pages.get(f"{ORDERS}/facts.json").text
    assert "is sensitive" in text_of(pages, f"{ORDERS}/profile?column=email")


def test_an_opened_column_shows_all_that_was_measured(pages):
    text = text_of(pages, f"{ORDERS}?column=amount")
    assert "42.5" in text
    assert "Quantiles" in text
    text = text_of(pages, f"{ORDERS}?column=city")
    assert HOSTILE in text
    assert "lower(town)" in text
    assert "probably addresses" in text


def test_a_wide_table_comes_in_pages_and_can_be_filtered(pages):
    wide = "/ui/table/store/public/wide"
    first = shown(pages, wide)
    assert (len(first["shown"]["columns"]), first["shown"]["total"]) == (100, WIDE)
    second = shown(pages, f"{wide}?cursor={first['next_cursor']}")
    assert second["shown"]["columns"][0]["column"] == "c_0100"
    found = shown(pages, f"{wide}?find=C_150")["shown"]
    assert [row["column"] for row in found["columns"]] == [f"c_150{number}" for number in range(10)]
    assert shown(pages, f"{wide}?only=keys")["shown"]["columns"] == []
    # A column is opened on the page that it is on.
    assert shown(pages, f"{wide}?column=c_1500")["shown"]["columns"][0]["column"] == "c_1500"
    assert [row["column"] for row in shown(pages, f"{ORDERS}?only=sensitive")["shown"]["columns"]] == ["email"]
    assert [row["column"] for row in shown(pages, f"{ORDERS}?only=perhaps+personal")["shown"]["columns"]] == ["city"]
    assert [row["column"] for row in shown(pages, f"{ORDERS}?only=required")["shown"]["columns"]] == ["id"]
    assert pages.get(f"{wide}?cursor=next").status_code == pages.get(f"{wide}?only=some").status_code == 400


def test_a_profile_draws_figures_over_time_with_their_anomalies_and_compares_two_measurements(pages):
    found = shown(pages, f"{ORDERS}/profile?column=amount")["shown"]
    charts = {chart["title"]: chart for chart in found["charts"]}
    assert list(charts) == ["Rows", "Size", "Nulls in amount", "Distinct values of amount", "Range of amount"]
    assert charts["Rows"]["series"][0]["values"] == [100 + number for number in range(DAYS)]
    assert charts["Rows"]["marks"] == [{"series": 0, "index": 7, "text": "above what its history allows"}]
    assert [series["name"] for series in charts["Range of amount"]["series"]] == ["maximum", "mean", "minimum"]
    compared = {row["column"]: row for row in found["comparison"]["columns"]}
    assert (compared["amount"]["before"]["maximum"], compared["amount"]["after"]["maximum"]) == (90.0, 90.0 + DAYS - 1)
    some = shown(pages, f"{ORDERS}/profile?from={quote(day(3, 5).isoformat())}&to={quote(day(4, 5).isoformat())}")["shown"]
    assert (some["comparison"]["rows_before"], some["comparison"]["rows_after"]) == (103, 104)
    past = shown(pages, f"{ORDERS}/profile?as_of={quote(day(5, 6).isoformat())}")["shown"]
    assert len(past["moments"]) == 6
    assert "was not measured yet" in text_of(pages, "/ui/table/store/public/empty/profile")
    assert "single measurement" in text_of(pages, "/ui/table/store/public/wide/profile")


def test_history_tells_the_table_a_column_and_any_two_moments(pages):
    found = shown(pages, f"{ORDERS}/history")["shown"]
    assert [(item["change"], item["run_id"]) for item in found["history"]] == [
        ("changed", "run-20"),
        ("changed", "run-10"),
        ("first_seen", "run-0"),
    ]
    answer = pages.get(f"{ORDERS}/history").text
    [link, _] = [unescape(link) for link in re.findall(r'href="(/ui/diff/[^"]+)"', answer)]
    assert "table=public.orders" in link
    assert f"from={quote(day(10).isoformat(), safe='')}&to={quote(day(20).isoformat(), safe='')}" in link
    of_column = shown(pages, f"{ORDERS}/history?column=amount")["shown"]["of_column"]
    assert [item["change"] for item in of_column["items"]] == ["changed", "first_seen"]
    assert of_column["items"][0]["changes"] == [{"what": "data_type", "before": "numeric(10,2)", "after": "numeric(12,2)"}]
    between = shown(pages, f"{ORDERS}/history?from={quote(day(20).isoformat())}&to={quote(day(0).isoformat())}")["shown"]["between"]
    assert {change["path"] for change in between["changes"]} == {"columns.amount.data_type", "columns.channel"}
    assert pages.get(f"{ORDERS}/history?column=never").status_code == 404
    past = shown(pages, f"{ORDERS}/history?as_of={quote(day(12).isoformat())}")["shown"]
    assert len(past["history"]) == len(past["moments"]) == 2


def test_quality_shows_scores_and_outcomes_over_time(pages):
    found = shown(pages, f"{ORDERS}/quality")["shown"]
    assert found["chart"]["series"][0]["values"] == [60.0 + number for number in range(DAYS)]
    rules = {rule["rule"]: [one["outcome"] for one in rule["outcomes"]] for rule in found["quality"]["rules"]}
    assert rules["orders-v1.id"] == ["failed"]
    assert rules["complete"] == ["passed"] * 20
    past = shown(pages, f"{ORDERS}/quality?as_of={quote(day(7, 10).isoformat())}")["shown"]
    assert past["quality"]["now"]["results"][0]["result"]["outcome"] == "failed"
    assert "Nobody judged it yet" in text_of(pages, "/ui/table/store/public/empty/quality")


def test_a_definition_is_coloured_and_can_be_copied(pages):
    answer = pages.get("/ui/table/store/public/big/definition").text
    assert '<span class="key">SELECT </span>' in answer
    assert 'data-copy-of="query"' in answer
    table = shown(pages, f"{ORDERS}/definition")["shown"]
    assert table["definition"] is None
    assert 'Table "public"."orders" {' in table["dbml"]
    assert 'Ref: "public"."orders"."city" > "public"."gone"."name"' in table["dbml"]
    assert "RANGE (day)" in text_of(pages, "/ui/table/store/public/parts/definition")
    assert shown(pages, "/ui/table/store/public/empty/definition")["shown"]["dbml"] is None


def test_used_by_names_products_contracts_jobs_and_keys(pages):
    found = shown(pages, f"{ORDERS}/used-by")["shown"]
    assert [(use["product"], use["way"], use["owner"]) for use in found["products"]] == [("sales", "input", "Ada")]
    assert [(item["contract_id"], item["broken"]) for item in found["contracts"]] == [("orders-v1", 1)]
    assert [item["node"]["name"] for item in found["downstream"]] == ["store.public.big"]
    assert [(item["job"], item["origin"], item["targets"]) for item in found["readers"]] == [
        ("dbt/nightly", "manual", ["store.public.big"])
    ]
    gone = shown(pages, "/ui/table/store/public/gone/used-by")["shown"]
    assert [(row["table"], row["column"]) for row in gone["referring"]] == [("orders", "city")]
    assert "Nobody told any lineage" in text_of(pages, "/ui/table/store/public/gone/used-by")
    past = shown(pages, f"{ORDERS}/used-by?as_of={quote(day(3).isoformat())}")["shown"]
    assert past["products"] == past["contracts"] == past["downstream"] == []


def test_facts_are_all_records_by_kind_producer_and_time_each_with_its_own_address(pages):
    kinds = ["annotation", "anomaly", "data_contract", "quality_result", "quality_score", "schema_snapshot", "statistics_snapshot"]
    seen, cursor = [], ""
    while cursor is not None:
        found = shown(pages, f"{ORDERS}/facts?cursor={quote(cursor)}")
        assert found["shown"]["kinds"] == kinds
        seen += [fact["offset"] for fact in found["shown"]["facts"]]
        cursor = found["next_cursor"]
    assert len(seen) == len(set(seen)) == 3 * DAYS + 3 + 4
    some = shown(pages, f"{ORDERS}/facts?kind=quality_score&since=2025-01-03&until=2025-01-05")["shown"]["facts"]
    assert [fact["produced_at"][:10] for fact in some] == ["2025-01-04", "2025-01-03"]
    assert {fact["kind"] for fact in shown(pages, f"{ORDERS}/facts?producer_id=contracts.v1")["shown"]["facts"]} == {"quality_result"}
    [alone] = shown(pages, f"{ORDERS}/facts?kind=quality_score&offset={some[0]['offset']}")["shown"]["facts"]
    assert alone == some[0]
    assert pages.get(f"/ui/table/store/public/wide/facts?kind=quality_score&offset={some[0]['offset']}").status_code == 404
    long = [fact for fact in shown(pages, "/ui/table/store/public/wide/facts")["shown"]["facts"] if fact["record"] is None]
    assert len(long) == 2
    assert "see it alone" in text_of(pages, "/ui/table/store/public/wide/facts")
    assert shown(pages, f"{ORDERS}/facts?as_of={quote(day(0, 6).isoformat())}")["shown"]["kinds"] == [
        "schema_snapshot",
        "statistics_snapshot",
    ]


def test_what_is_closed_is_not_offered(keyed, signed_in):
    reads = ("annotation", "catalog_scan", "data_contract", "data_product", "lineage", "lineage_run", "name_binding")
    headers = signed_in(kinds=(*reads, "schema_snapshot", "statistics_snapshot", "table_observation"))
    table = "/ui/table/shop/main/customer"
    head = keyed.get(f"{table}.json", headers=headers).json()["head"]
    assert [tab["label"] for tab in head["tabs"] if tab["label"] in ("Quality", "Columns", "Used by")] == ["Columns", "Used by"]
    assert not [badge for badge in head["standing"]["badges"] if "quality" in badge["text"]]
    assert keyed.get(f"{table}/quality", headers=headers).status_code == 403
    assert "Anomalies are closed" in keyed.get(f"{table}/profile", headers=headers).text
    kinds = keyed.get(f"{table}/facts.json", headers=headers).json()["shown"]["kinds"]
    assert "quality_result" not in kinds
    assert "schema_snapshot" in kinds
