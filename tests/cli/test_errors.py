"""Every error in one shape, with an exit code that scripts can rely on."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

from factbook import errors
from factbook.cli.exit_codes import MEANINGS, ExitCode, exit_code_of
from factbook.cli.failures import settle
from factbook_sdk.facts import builtin_kinds

CODES: dict[type[errors.FactbookError], int] = {
    errors.FactbookError: 70,
    errors.InternalError: 70,
    errors.InvalidRequest: 2,
    errors.KindIncompatible: 2,
    errors.KindRefused: 2,
    errors.KindTaken: 2,
    errors.EditConflict: 2,
    errors.StatementFailed: 2,
    errors.InvalidRecord: 2,
    errors.UnknownKind: 2,
    errors.NotFound: 2,
    errors.ConfigurationError: 3,
    errors.KeyRequired: 3,
    errors.MissingExtra: 3,
    errors.NeedsDatabase: 3,
    errors.NotAllowed: 3,
    errors.SourceRefused: 3,
    errors.ChannelRefused: 3,
    errors.TemporaryError: 4,
    errors.SourceUnavailable: 4,
    errors.StatementTimeout: 4,
    errors.BusUnavailable: 4,
    errors.ChannelUnavailable: 4,
    errors.StoreBusy: 4,
    errors.ArchiveUnavailable: 4,
    errors.PartialFailure: 5,
    errors.CannotJudge: 2,
    errors.RemovalsHeld: 6,
    errors.SchemaMismatch: 2,
    errors.Cancelled: 130,
}


def test_every_error_of_ours_has_an_exit_code_in_this_table() -> None:
    ours = {item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, errors.FactbookError)}
    assert ours == set(CODES)


@pytest.mark.parametrize(("family", "code"), CODES.items(), ids=lambda value: getattr(value, "__name__", value))
def test_an_error_ends_with_the_code_of_its_family(family: type[errors.FactbookError], code: int) -> None:
    error = family("It failed", "postgres") if family is errors.MissingExtra else family("It failed")
    assert exit_code_of(error) == code


def test_every_exit_code_has_a_meaning() -> None:
    assert list(MEANINGS) == list(ExitCode)


def test_what_is_no_error_of_ours_is_a_bug() -> None:
    assert exit_code_of(KeyError("x")) == ExitCode.BUG


KINDS = ", ".join(kind.name for kind in builtin_kinds())


def test_an_error_says_what_why_and_what_to_do(cli: Cli) -> None:
    answer = cli("kinds", "show", "nope")
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.splitlines() == [
        "error: The kind 'nope' is unknown",
        f"  why: registered are {KINDS}",
        "  fix: Register it first, or correct the name",
    ]


def test_with_json_an_error_is_one_document_on_stderr(cli: Cli) -> None:
    answer = cli("kinds", "show", "nope", "--json")
    assert answer.code == 2
    assert answer.out == ""
    assert answer.error == {
        "code": "unknown_kind",
        "what": "The kind 'nope' is unknown",
        "why": f"registered are {KINDS}",
        "fix": "Register it first, or correct the name",
        "field": "kind",
        "exit_code": 2,
    }


@pytest.mark.parametrize(
    "arguments", [["bogus"], ["scan", "--bogus"], ["job", "show"], ["dictionary", "--limit", "0"], ["jobs", "--limit", "x"]]
)
def test_a_mistake_in_the_command_line_is_a_wrong_request(arguments: list[str], cli: Cli) -> None:
    answer = cli(*arguments)
    assert answer.code == 2
    assert answer.err.startswith("error: ")
    assert "--help" in answer.err
    assert cli(*arguments, "--json").error["code"] == "usage"


@pytest.mark.parametrize("moment", ["2026-01-31T12:00:00", "yesterday", "2026-13-01"])
def test_a_moment_without_its_zone_is_refused(moment: str, cli: Cli) -> None:
    answer = cli("dictionary", "--as-of", moment)
    assert answer.code == 2
    assert "2026-01-31T12:00:00Z" in answer.err


def test_a_wrong_setting_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTBOOK_JOB_ATTEMPTS", "many")
    answer = cli("jobs")
    assert answer.code == 3
    assert "FACTBOOK_JOB_ATTEMPTS" in answer.err


def test_a_store_that_cannot_be_opened_is_a_matter_of_configuration(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a database, and long enough to be taken for one by nobody" * 20)
    monkeypatch.setenv("FACTBOOK_META_DB_URL", f"sqlite:///{tmp_path / 'file'}")
    assert cli("jobs").code == 3


def test_a_store_that_does_not_answer_is_a_matter_of_time(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTBOOK_META_DB_URL", "postgresql://somebody@127.0.0.1:1/facts")
    answer = cli("jobs")
    assert answer.code == 4
    assert answer.err.startswith("error: ")


def test_a_bug_is_one_sentence_without_a_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACTBOOK_DEBUG", raising=False)
    assert settle(KeyError("a secret of somebody"), as_json=False) == ExitCode.BUG
    printed = capsys.readouterr().err
    assert "error: Something broke inside Factbook (KeyError)" in printed
    assert "FACTBOOK_DEBUG=1" in printed
    assert "Traceback" not in printed
    assert "secret of somebody" not in printed


def test_a_bug_shows_its_traceback_when_asked_without_passwords(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTBOOK_DEBUG", "1")
    try:
        raise RuntimeError("cannot reach postgresql://me:hunter2@host/db")
    except RuntimeError as error:
        settle(error, as_json=False)
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert "hunter2" not in printed


def test_an_error_with_terminal_codes_in_a_name_does_not_steer_the_terminal(cli: Cli) -> None:
    answer = cli("kinds", "show", "evil\x1b[2Jname")
    assert "\x1b" not in answer.err


def test_being_interrupted_has_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert settle(KeyboardInterrupt(), as_json=False) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
