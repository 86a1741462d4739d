"""A password is used and never shown: not in answers, errors, jobs, records, nor in the bytes of the store."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.cli.conftest import Cli
from tests.cli.running import Answer

PASSWORD = "hunter2/@:unlikely"
ESCAPED = "hunter2%2F%40%3Aunlikely"


@pytest.fixture(scope="module")
def guarded_url(mysql_url: str) -> Iterator[str]:
    """Give a URL, without its password, of a user who is let in with :data:`PASSWORD` only."""
    import pymysql

    parts = urlsplit(mysql_url)
    user = f"cli_{secrets.token_hex(6)}"
    database = parts.path.removeprefix("/")
    with pymysql.connect(
        host=parts.hostname or "127.0.0.1", port=parts.port or 3306, user=parts.username, password=parts.password or "", database=database
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE item (id INT PRIMARY KEY, name VARCHAR(40))")
        cursor.execute(f"CREATE USER {user}@'%%' IDENTIFIED BY %s", (PASSWORD,))
        cursor.execute(f"GRANT ALL ON {database}.* TO {user}@'%'")
        yield f"mysql://{user}@{parts.hostname}:{parts.port or 3306}/{database}"
        cursor.execute(f"DROP USER {user}@'%'")


def everything_shown(cli: Cli) -> str:
    """Return what every verb that reads has to say."""
    verbs = ("jobs", "sources list", "records tail", "dictionary", "doctor")
    answers = [cli(*verb.split(), *flags) for verb in verbs for flags in ((), ("--json",))]
    jobs = cli("jobs", "--json").json["items"]
    answers += [cli("job", "show", job["job_id"], *flags) for job in jobs for flags in ((), ("--json",))]
    return "".join(answer.all for answer in answers)


def assert_kept_quiet(cli: Cli, data_dir: Path, *answers: Answer) -> None:
    shown = "".join(answer.all for answer in answers) + everything_shown(cli)
    stored = b"".join(path.read_bytes() for path in data_dir.rglob("*") if path.is_file())
    for secret in ("hunter2", PASSWORD, ESCAPED):
        assert secret not in shown
        assert secret.encode() not in stored


def with_password(url: str, password: str) -> str:
    return url.replace("@", f":{password}@", 1)


def test_without_its_password_the_source_refuses(cli: Cli, guarded_url: str) -> None:
    answer = cli("scan", guarded_url)
    assert answer.code == 3
    assert answer.out == ""


def test_a_password_in_the_url_works_is_hidden_and_earns_a_hint(cli: Cli, guarded_url: str, data_dir: Path) -> None:
    answer = cli("scan", with_password(guarded_url, ESCAPED))
    assert answer.code == 0
    assert "--ask-password" in answer.err
    quiet = cli("scan", with_password(guarded_url, ESCAPED), "--quiet")
    assert (quiet.code, quiet.err) == (0, "")
    assert_kept_quiet(cli, data_dir, answer, quiet)


def test_a_wrong_password_is_refused_without_being_shown(cli: Cli, guarded_url: str, data_dir: Path) -> None:
    plain, as_json = (cli("scan", with_password(guarded_url, "hunter2-but-wrong"), *flags) for flags in ((), ("--json",)))
    assert (plain.code, as_json.code) == (3, 3)
    assert as_json.error["code"] == "source_refused"
    assert_kept_quiet(cli, data_dir, plain, as_json)


def test_a_password_that_is_asked_for_is_not_kept(cli: Cli, guarded_url: str, data_dir: Path) -> None:
    answer = cli("scan", guarded_url, "--source-id", "guarded", "--ask-password", stdin=f"{PASSWORD}\n")
    assert answer.code == 0
    assert cli("scan", "guarded").code == 3
    again = cli("scan", "guarded", "--ask-password", "--json", stdin=f"{PASSWORD}\n")
    assert again.json["unchanged"] is True
    assert_kept_quiet(cli, data_dir, answer, again)


@pytest.mark.parametrize("variable", ["FACTBOOK_SOURCE_PASSWORD", "FACTBOOK_PASSWORD_GUARDED"])
def test_a_password_is_taken_from_the_environment(
    variable: str, cli: Cli, guarded_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, PASSWORD)
    answer = cli("scan", guarded_url, "--source-id", "guarded")
    assert answer.code == 0
    assert "hint" not in answer.err
    assert_kept_quiet(cli, data_dir, answer)


def test_a_reference_in_the_url_is_kept_as_a_reference(cli: Cli, guarded_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    url = with_password(guarded_url, "${SHOP_PASSWORD}")
    assert cli("scan", url, "--source-id", "guarded").code == 0
    assert cli("scan", "guarded", "--json").json["unchanged"] is True
    assert_kept_quiet(cli, data_dir)


def test_the_register_keeps_a_password_encrypted(cli: Cli, guarded_url: str, data_dir: Path) -> None:
    asked = cli("sources", "add", "guarded", guarded_url, "--ask-password", stdin=f"{PASSWORD}\n")
    given = cli("sources", "add", "given", with_password(guarded_url, ESCAPED), "--json")
    assert given.json["has_password"] is True
    for name in ("guarded", "given"):
        assert cli("sources", "test", name).code == 0
        assert cli("scan", name).code == 0
    assert "stored" in cli("sources", "list").out
    assert_kept_quiet(cli, data_dir, asked, given)


def test_no_password_typed_is_a_wrong_request(cli: Cli) -> None:
    answer = cli("sources", "add", "guarded", "mysql://me@127.0.0.1/x", "--ask-password", "--json", stdin="\n")
    assert answer.code == 2
    assert json.loads(answer.err)["error"]["code"] == "invalid_request"
