"""The command and the routes say what a run found, end as it ended, and run nobody's SQL that came over HTTP."""

import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.api.conftest import make_client, source_url
from tests.cli.conftest import chinook, cli, data_dir

sys.path.insert(0, str(Path(__file__).parent))

__all__ = ["chinook", "cli", "data_dir", "make_client", "source_url"]

GOOD = "tables:\n  - table: main.Customer\n    checks:\n      - not_null: [CustomerId, Email]\n"


@pytest.fixture
def rules(tmp_path):
    def write(text):
        path = tmp_path / "rules.yaml"
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture
def scanned(cli, chinook):
    assert cli("scan", f"sqlite:///{chinook}", "--source-id", "shop", "--quiet").code == 0
    return cli


@pytest.mark.parametrize(
    ("more", "options", "code"),
    [
        ("", (), 0),
        ("      - not_null: Company\n", (), 1),
        ("      - {not_null: Company, severity: warning}\n", (), 0),
        ("      - {not_null: Company, severity: warning}\n", ("--fail-on", "warned"), 1),
        ("      - not_null: Nowhere\n", (), 5),
        ("      - not_null: Nowhere\n      - not_null: Company\n", (), 1),
        ("      - row_count: {change: 5%}\n", (), 0),
        ("      - row_count: {change: 5%}\n", ("--fail-on", "skipped"), 1),
        ("    promises: {completeness: {columns: [Company], min: 0.9}}\n", (), 1),
        ("      - bogus: 1\n", (), 2),
    ],
)
def test_a_run_ends_by_what_it_found(scanned, rules, more, options, code):
    answer = scanned("quality", "run", "shop", "--rules", rules(GOOD + more), *options)
    assert answer.code == code, answer


def test_a_run_tells_every_result_to_programs_and_to_ci(scanned, rules, tmp_path):
    file = tmp_path / "junit.xml"
    text = GOOD + "      - not_null: [Company, Nowhere]\n      - row_count: {change: 5%}\n"
    answer = scanned("quality", "run", "shop", "--rules", rules(text), "--json", "--junit", str(file))
    found = {one["result"]["rule"]: one["result"]["outcome"] for one in answer.json["results"]}
    assert (answer.json["passed"], found) == (
        False,
        {
            "not_null:CustomerId": "passed",
            "not_null:Email": "passed",
            "not_null:Company": "failed",
            "not_null:Nowhere": "error",
            "row_count": "skipped",
        },
    )
    suite = ElementTree.parse(file).getroot()[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }


@pytest.mark.parametrize(("budget", "code"), [("30s", 0), ("2m", 0), ("30", 0), ("0.5h", 0), ("0", 2), ("soon", 2), ("30rows", 2)])
def test_a_budget_is_a_length_of_time(scanned, rules, budget, code):
    assert scanned("quality", "run", "shop", "--rules", rules(GOOD), "--budget", budget).code == code


def test_the_score_is_shown_with_its_formula(scanned, rules):
    assert scanned("quality", "show", "shop").code == 2
    scanned("quality", "run", "shop", "--rules", rules(GOOD + "      - not_null: {column: Company, allowed_share: 10%}\n"))
    shown = scanned("quality", "show", "shop", "--explain", "--table", "Customer").out
    assert "weakest_link v1: 100 x 0.1695 = 16.95" in shown
    assert "Company by not_null:Company" in shown
    assert "not measured" in shown


def test_a_rules_file_is_checked_without_any_source(cli, rules):
    wrong = cli("quality", "check", rules(GOOD + "      - bogus: 1\n"))
    assert (wrong.code, "line 5, tables[0].checks[1].bogus: 'bogus' is no check" in wrong.out) == (1, True)
    right = cli("quality", "check", rules(GOOD), "--json")
    assert (right.code, len(right.json["rules"]["rules"])) == (0, 2)


@pytest.fixture
def served(make_client, tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("tables:\n  - table: '*.customer'\n    checks:\n      - sql: SELECT 1 WHERE 1 = 0\n")
    client = make_client(quality_rules=file)
    finished(client, client.post("/scan/trigger").json())
    return client


def finished(client, job):
    deadline = time.monotonic() + 30
    while job["state"] in ("queued", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
        job = client.get(f"/jobs/{job['job_id']}").json()
    return job


def test_rules_sent_over_http_are_judged_but_their_sql_is_not(served):
    document = (
        "tables:\n  - table: '*'\n"
        "    checks: []\n  - table: '*.customer'\n    checks:\n      - {row_count: {min: 0}, id: rows}\n"
        "      - {sql: SELECT 1, id: query}\n      - {row_count: {min: 0}, id: filtered, where: 1 = 1}\n"
    )
    wrong = served.post("/quality/run", json={"document": document})
    assert (wrong.status_code, "write schema.table" in wrong.json()["detail"]) == (400, True)
    job = finished(served, served.post("/quality/run", json={"document": document.replace("  - table: '*'\n    checks: []\n", "")}).json())
    assert job["state"] == "succeeded", job
    assert job["result"]["outcomes"] == {"passed": 1, "warned": 0, "failed": 0, "error": 0, "skipped": 2}
    page = served.get(f"/quality/{job['source_id']}").json()
    last = {one["result"]["rule"]: one["result"] for one in page["items"][1]["results"]}
    assert "over HTTP" in last["query"]["reason"]
    assert last["filtered"]["outcome"] == "skipped"


def test_the_servers_own_rules_run_where_the_body_brings_none(served):
    job = finished(served, served.post("/quality/run").json())
    assert job["result"]["outcomes"]["passed"] == 1
    assert served.get(f"/quality/{job['source_id']}/anomalies").status_code == 404


def test_a_url_is_no_source_of_a_request(served):
    answer = served.post("/quality/run", json={"source_id": "sqlite:////etc/passwd"})
    assert (answer.status_code, answer.json()["field"]) == (400, "source_id")


EXAMPLES = Path(__file__).parents[2] / "examples" / "quality"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_have_no_mistake(cli, path):
    assert cli("quality", "check", str(path)).code == 0


def test_the_demo_database_holds_what_its_example_says(cli, chinook):
    cli("scan", f"sqlite:///{chinook}", "--source-id", "chinook", "--quiet")
    first = cli("quality", "run", "chinook", "--rules", str(EXAMPLES / "chinook.yaml"), "--json").json
    assert [one["result"]["rule"] for one in first["results"] if one["result"]["outcome"] != "passed"] == ["no-jump"]
    assert cli("quality", "run", "chinook", "--rules", str(EXAMPLES / "chinook.yaml")).code == 0
