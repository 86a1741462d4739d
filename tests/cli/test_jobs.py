"""``factbook jobs`` and ``factbook job``."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.running import settled

from factbook.app import Factbook
from factbook.settings import load_settings


@pytest.fixture
def waiting(scanned: Cli, data_dir: Path) -> str:
    """Give the id of a job that waits for a server."""
    factbook = Factbook(load_settings(data_dir=data_dir))
    job_id = factbook.submit_scan("chinook").job_id
    factbook.close()
    return job_id


def test_jobs_are_listed_newest_first_with_what_came_of_them(scanned: Cli) -> None:
    scanned("scan", "chinook")
    scanned("scan", "sqlite:////no/such/file.db")
    items = scanned("jobs", "--json").json["items"]
    assert [(item["source_id"], item["state"]) for item in items] == [
        ("file", "failed"),
        ("chinook", "succeeded"),
        ("chinook", "succeeded"),
    ]
    lines = scanned("jobs").out.splitlines()
    assert "There is no SQLite file" in lines[2]
    assert "11 tables: unchanged" in lines[3]
    assert "11 tables: 11 added" in lines[4]


def test_jobs_are_narrowed_down_and_paged(scanned: Cli) -> None:
    scanned("scan", "sqlite:////no/such/file.db")
    assert len(scanned("jobs", "--state", "failed", "--json").json["items"]) == 1
    assert len(scanned("jobs", "--source", "chinook", "--json").json["items"]) == 1
    assert len(scanned("jobs", "--type", "scan", "--json").json["items"]) == 2
    assert scanned("jobs", "--type", "profile", "--json").json["items"] == []
    assert "No job is like that." in scanned("jobs", "--type", "profile").err
    first = scanned("jobs", "--limit", "1", "--json").json
    second = scanned("jobs", "--limit", "1", "--cursor", first["next_cursor"], "--json").json
    assert first["items"] != second["items"]
    assert second["next_cursor"] is None


def test_an_unknown_state_is_refused_with_the_ones_there_are(cli: Cli) -> None:
    answer = cli("jobs", "--state", "sleeping")
    assert answer.code == 2
    assert "queued" in answer.err


def test_no_jobs_is_no_error(cli: Cli) -> None:
    answer = cli("jobs")
    assert (answer.code, answer.out) == (0, "")


def test_one_job_is_shown_whole(scanned: Cli, tmp_path: Path) -> None:
    job_id = scanned("jobs", "--json").json["items"][0]["job_id"]
    shown = settled(scanned("job", "show", job_id).out, tmp_path)
    assert "job         scan-JOB\n" in shown
    assert "state       succeeded\n" in shown
    assert '"added": 11' in shown
    assert scanned("job", "show", job_id, "--json").json["result"]["counts"]["added"] == 11


@pytest.mark.parametrize("verb", ["show", "cancel", "retry"])
def test_a_job_that_is_not_there_is_said_so(verb: str, cli: Cli) -> None:
    answer = cli("job", verb, "scan-nowhere")
    assert answer.code == 2
    assert "There is no job 'scan-nowhere'" in answer.err


def test_a_waiting_job_is_cancelled_and_run_again(scanned: Cli, waiting: str) -> None:
    assert scanned("job", "cancel", waiting).out == f"{waiting}: cancelled\n"
    assert scanned("job", "show", waiting, "--json").json["state"] == "cancelled"
    answer = scanned("job", "retry", waiting)
    assert "queued as a retry of" in answer.out
    assert "factbook serve" in answer.err
    assert scanned("jobs", "--state", "queued", "--json").json["items"][0]["retry_of"] == waiting


def test_cancelling_and_retrying_answer_in_json(scanned: Cli, waiting: str) -> None:
    assert scanned("job", "cancel", waiting, "--json").json["state"] == "cancelled"
    assert scanned("job", "retry", waiting, "--json").json["state"] == "queued"


def test_a_job_that_succeeded_is_neither_cancelled_nor_retried(scanned: Cli) -> None:
    job_id = scanned("jobs", "--json").json["items"][0]["job_id"]
    assert scanned("job", "cancel", job_id).code == 2
    assert scanned("job", "retry", job_id).code == 2
