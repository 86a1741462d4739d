"""Spools as the command line shows and sends them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.sdk.scripted import problem, scripted, stored
from tests.sdk.test_emitter import NOBODY

from factbook_sdk.emitter import Spool
from factbook_sdk.repository.wire import encode_record
from factbook_sdk.testing.records import event


@pytest.fixture
def spool(data_dir: Path) -> Path:
    """Fill the spool that the settings name with two segments, one of them torn."""
    folder = data_dir / "spool"
    spool = Spool(folder)
    for numbers in ((1, 2), (3, 4)):
        path = spool.append([encode_record(event(number)) for number in numbers])
        spool.seal()
    path.write_bytes(path.read_bytes()[:-1])
    return folder


def test_the_status_tells_people_and_programs_the_same(cli: Cli, spool: Path) -> None:
    told = cli("records", "spool", "status", "--json").json
    assert (told["folder"], told["records"], told["segments"], told["writing"], told["torn"]) == (str(spool), 3, 2, 0, 1)
    shown = cli("records", "spool", "status", str(spool)).out
    assert "records     3" in shown
    assert "in 2 segments, 0 of them in use by a process" in shown
    assert "torn lines  1" in shown
    assert "rejected" not in shown


def test_a_spool_is_sent_with_the_token_of_the_settings(cli: Cli, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTBOOK_SERVICE_TOKEN", "t0p-s3cret")
    with scripted() as service:
        monkeypatch.setenv("FACTBOOK_SERVICE_URL", service.url)
        answer = cli("records", "spool", "flush")
        assert (answer.code, answer.out) == (0, "3 stored, 0 duplicate, 0 unchanged, 0 rejected\n")
        assert {request.headers["authorization"] for request in service.requests} == {"Bearer t0p-s3cret"}
    assert cli("records", "spool", "status", "--json").json["segments"] == 0


def test_refused_records_end_the_command_with_a_code_of_their_own(cli: Cli, spool: Path) -> None:
    with scripted((200, {}, stored(2, rejected=[0]))) as service:
        answer = cli("records", "spool", "flush", "--url", service.url, "--json")
    assert (answer.code, answer.json["stored"], answer.json["rejected"]) == (5, 2, 1)
    assert "1, in rejected.jsonl with the reasons" in cli("records", "spool", "status").out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["flush", "--url", NOBODY], 4, "cannot be reached"),
        (["flush", "--url", "nonsense"], 3, "no URL"),
        (["flush"], 3, "No service is named"),
        (["flush", "nowhere", "--url", NOBODY], 2, "There is no spool at nowhere"),
        (["status", "nowhere"], 2, "There is no spool at nowhere"),
    ],
)
def test_what_goes_wrong_is_told_and_keeps_the_spool(cli: Cli, spool: Path, arguments: list[str], code: int, told: str) -> None:
    answer = cli("records", "spool", *arguments)
    assert (answer.code, told in answer.err) == (code, True), answer.err
    assert Spool(spool).status().records == 3
    assert not Path("nowhere").exists()


def test_a_wrong_token_is_a_matter_of_configuration(cli: Cli, spool: Path) -> None:
    with scripted(problem(401, "key_required", fix="Send the header")) as service:
        assert cli("records", "spool", "flush", "--url", service.url).code == 3
    assert Spool(spool).status().records == 3
