"""The command and the API: what they say, how they end, and that a killed run goes on where it was."""

import json
import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest
from starlette.testclient import TestClient
from tests.cli.running import command, environment, run_program

from factbook.api.app import create_app
from factbook.app import Factbook
from factbook.errors import InvalidRequest
from factbook.profile.model import Budget, Sampling
from factbook.profile.spending import parse_budget, parse_sample
from factbook.settings import load_settings


@pytest.fixture(scope="module")
def shop(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE a (id integer PRIMARY KEY, name text); INSERT INTO a SELECT i, 'n' || i % 3 FROM generate_series(1, 100) i"
        )
        connection.execute("CREATE TABLE b (id integer); CREATE TABLE c (id integer)")
    return postgres_url


def test_the_command_shows_columns_and_the_bill_and_show_repeats_them(shop, tmp_path):
    assert run_program(["scan", shop, "--source-id", "shop"], tmp_path).code == 0
    answer = run_program(["profile", "shop", "--table", "a"], tmp_path)
    assert answer.code == 0, answer.err
    lines = [line.split() for line in answer.out.splitlines()]
    assert ["id", "integer", "·····", "0", "%", "100", "1", "100", "key", "candidate"] in lines
    assert "Measured 1 table of shop: read 100 rows, " in answer.out
    shown = run_program(["profile", "show", "shop", "a"], tmp_path)
    assert [line for line in answer.out.splitlines() if "key candidate" in line] == [
        line for line in shown.out.splitlines() if "key candidate" in line
    ]
    document = run_program(["profile", "shop", "--json", "--sample", "50%"], tmp_path).json
    assert {table["table"] for table in document["tables"]} == {"a", "b", "c"}
    assert document["job"]["result"]["failures"] == []
    history = run_program(["profile", "show", "shop", "a", "--history", "--json"], tmp_path).json
    assert [item["statistics"]["origin"] for item in history["items"]] == ["sampled", "exact"]
    past = run_program(["profile", "show", "shop", "a", "--as-of", history["items"][1]["measured_at"], "--json"], tmp_path).json
    assert past == history["items"][1]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["profile", "nothere"], 2),
        (["profile", "shop", "--budget", "much"], 2),
        (["profile", "shop", "--sample", "0"], 2),
        (["profile", "shop", "--engine-stats", "maybe"], 2),
        (["profile", "shop", "--table", "zzz"], 2),
        (["profile", "shop", "--resume", "job-that-never-was"], 2),
        (["profile", "show", "shop", "zzz"], 2),
        (["profile", "show", "shop"], 2),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(shop, tmp_path, arguments, code):
    run_program(["scan", shop, "--source-id", "shop"], tmp_path)
    answer = run_program(arguments, tmp_path)
    assert answer.code == code
    assert "fix:" in answer.err


def test_a_table_that_fails_ends_with_the_code_of_partial_failure(shop, tmp_path):
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("CREATE VIEW broken AS SELECT 1 / (random() * 0)::integer AS x")
    run_program(["scan", shop, "--source-id", "shop"], tmp_path)
    answer = run_program(["profile", "shop", "-t", "broken", "-t", "a"], tmp_path)
    assert (answer.code, "division by zero" in answer.out) == (5, True)


def test_a_number_that_cannot_be_measured_ends_with_the_code_of_partial_failure_and_says_why(shop, tmp_path):
    run_program(["scan", shop, "--source-id", "shop"], tmp_path)
    file = tmp_path / "metrics.yaml"
    lines = ["{name: bad, table: a, sql: SELECT nonsense}", "{name: good, table: '*', sql: SELECT 1}"]
    file.write_text("metrics:\n" + "".join(f"  - {line}\n" for line in lines), encoding="utf-8")
    answer = run_program(["profile", "shop", "--metrics", str(file)], tmp_path)
    assert answer.code == 5, answer.err
    told = " ".join(answer.out.split())
    assert "Numbers that could not be measured" in told
    assert "nonsense" in told
    document = run_program(["profile", "shop", "--metrics", str(file), "--json"], tmp_path)
    failed = {table["table"]: table["failed_metrics"] for table in document.json["job"]["result"]["tables"]}
    assert (document.code, failed["a"], failed["b"]) == (5, ["bad"], [])


def test_a_metric_that_means_no_table_is_told_by_the_command_and_in_json(shop, tmp_path):
    run_program(["scan", shop, "--source-id", "shop"], tmp_path)
    file = tmp_path / "metrics.yaml"
    file.write_text("metrics:\n  - {name: lost, table: aa, sql: SELECT 1}\n  - {name: here, table: a, sql: SELECT 1}\n", encoding="utf-8")
    arguments = ["profile", "shop", "-t", "a", "--metrics", str(file)]
    answer = run_program(arguments, tmp_path)
    assert answer.code == 0, answer.err
    assert "these metrics, whose `table` may be misspelt: lost" in " ".join(answer.out.split())
    assert run_program([*arguments, "--json"], tmp_path).json["job"]["result"]["unmatched_metrics"] == ["lost"]


def test_a_killed_run_goes_on_at_the_next_table_and_leaves_no_files(shop, tmp_path):
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("CREATE OR REPLACE VIEW slow AS SELECT i, pg_sleep(0.05)::text AS t FROM generate_series(1, 60) i")
    data, files = tmp_path / "data", tmp_path / "tmp"
    files.mkdir()
    run_program(["scan", shop, "--source-id", "shop"], data)
    arguments = ["profile", "shop", "-t", "a", "-t", "slow", "-t", "b", "--json"]
    process = subprocess.Popen(command(arguments), env=environment(data, TMPDIR=str(files)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (measured := measured_tables(data)):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    measured = measured_tables(data)
    assert measured
    assert set(measured) < {"a", "slow", "b"}
    (job,) = [
        job for job in run_program(["jobs", "--json"], data, FACTBOOK_JOB_LEASE_SECONDS="1").json["items"] if job["job_type"] == "profile"
    ]
    answer = run_program([*arguments, "--resume", job["job_id"]], data, TMPDIR=str(files))
    assert answer.code == 0, answer.err
    tables = answer.json["job"]["result"]["tables"]
    assert {table["table"] for table in tables if table["resumed"]} == set(measured)
    assert {table["table"] for table in tables} == {"a", "slow", "b"}
    assert sorted(measured_tables(data)) == ["a", "b", "slow"]
    assert list(files.glob("factbook-profile-*")) == []


def measured_tables(data):
    answer = run_program(["profile", "show", "shop", "--json"], data)
    return [item["table"] for item in answer.json["items"]] if answer.code == 0 else []


def test_the_api_measures_in_the_background_and_shows_what_was_found(shop, tmp_path):
    app = create_app(Factbook(load_settings({}, data_dir=str(tmp_path), source_db_url=shop)))
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50000)) as client:
        source_id = finished(client, client.post("/scan/trigger"))["source_id"]
        job = finished(client, client.post("/profile/trigger", json={"tables": ["a", "b"], "budget": ["60s"]}))
        assert (job["state"], len(job["result"]["tables"])) == ("succeeded", 2)
        page = client.get(f"/profile/{source_id}", params={"limit": 1}).json()
        rest = client.get(f"/profile/{source_id}", params={"cursor": page["next_cursor"]}).json()
        assert [item["table"] for item in page["items"] + rest["items"]] == ["a", "b"]
        wrong = client.get(f"/profile/{source_id}", params={"cursor": "nonsense"})
        assert (wrong.status_code, wrong.json()["field"]) == (400, "cursor")
        table = client.get(f"/profile/{source_id}/public/a").json()
        assert (table["statistics"]["row_count"], table["run_id"]) == (100, job["job_id"])
        assert client.get(f"/profile/{source_id}/public/a/history").json()["items"] == [table]
        assert client.get(f"/profile/{source_id}/public/a", params={"as_of": "2020-01-01T00:00:00Z"}).status_code == 404
        wrong = client.post("/profile/trigger", json={"sample": "all"})
        assert (wrong.status_code, wrong.json()["field"]) == (400, "sample")


def finished(client, answer):
    assert answer.status_code == 202, answer.text
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = client.get(answer.headers["location"]).json()
        if job["state"] in ("succeeded", "failed", "cancelled"):
            return job
        time.sleep(0.02)
    raise AssertionError(json.dumps(job))


def test_starting_the_command_loads_no_duckdb(tmp_path):
    script = (
        "import sys; import factbook.cli.main; print(sorted(name for name in sys.modules if name.split('.')[0] in ('duckdb', 'psycopg')))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment(tmp_path), check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("texts", "budget"),
    [
        (["30s"], Budget(seconds=30)),
        (["2min", "1,000,000rows"], Budget(seconds=120, rows=1_000_000)),
        (["1.5GB"], Budget(bytes=1_500_000_000)),
        (["1GiB"], Budget(bytes=1 << 30)),
    ],
)
def test_budgets_are_read(texts, budget):
    assert parse_budget(texts) == budget


@pytest.mark.parametrize("texts", [["30"], ["rows"], ["-1s"], ["0s"], ["30s", "40s"], ["1e9rows"]])
def test_what_is_no_budget_is_refused(texts):
    with pytest.raises(InvalidRequest, match="is no budget"):
        parse_budget(texts)


def test_samples_are_read():
    assert (parse_sample("2.5%"), parse_sample("10_000", seed=4)) == (Sampling(share=0.025), Sampling(rows=10_000, seed=4))
    for text in ("0", "0%", "101%", "1.5", "half", ""):
        with pytest.raises(InvalidRequest, match="is no sample"):
            parse_sample(text)
