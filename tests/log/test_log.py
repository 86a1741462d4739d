"""What is logged, how, and what never is."""

import io
import json
import logging
from typing import Any

import pytest
import structlog

from factbook.log import HIDDEN, configure_logging, is_secret_name, redact, redact_text

SECRET = "hunter2"


def logged(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def stream() -> io.StringIO:
    found = io.StringIO()
    configure_logging("INFO", found)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://bob:hunter2@db.example/shop",
        "postgresql+psycopg://bob:hunter2@db.example/shop?sslmode=require",
        "cannot reach mysql://bob:hunter2@db:3306/x, try again",
        "postgresql://bob:a@hunter2@db/x",
        "postgresql://bob:a/hunter2@db/x",
        "postgresql://:hunter2@db/x",
        "host=db user=bob password=hunter2 dbname=x",
        "password='hunter2'",
        'password="a hunter2"',
        '{"password": "hunter2"}',
        "{'api_key': 'hunter2'}",
        "https://x.example/?access_token=hunter2&a=b",
        "https://x.example/?API-KEY=hunter2",
        "SECRET_KEY=hunter2",
        "Authorization: Bearer hunter2",
        "authorization: basic aHVudGVyMg==hunter2",
        "PWD=hunter2;Server=x",
        "Pwd: hunter2",
    ],
)
def test_a_secret_inside_a_text_is_hidden(text: str) -> None:
    assert SECRET not in redact_text(text)
    assert HIDDEN in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "GET http://localhost:8000/jobs?limit=10",
        "postgresql://bob@db.example:5432/shop",
        "sqlite:////var/lib/metadb.sqlite",
        "the next token is next_cursor",
        "2026-01-01T00:00:00.000000Z~12",
        "select a.b, c::text from t",
        "foreign key orders.customer_id",
        "password is missing",
        "the basic of it",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "piece", ["a", "a-", "a://", "a://b:", "a://b:c", "password", "password ", "bearer ", "token=", "token:", '"', "@", "password='"]
)
def test_a_long_text_is_searched_in_linear_steps(piece: str) -> None:
    # Quadratic expressions took minutes for a path of this length, which anybody can send.
    assert redact_text(f"{piece * 10_000} @")


@pytest.mark.parametrize(
    "name",
    ["password", "db_password", "passwd", "PWD", "secret", "client_secret", "token", "access_token", "Authorization", "api_key", "apikey",
     "API-KEY".replace("-", "_"), "cookie", "Set-Cookie", "credentials", "private_key", "secret_key"],
)  # fmt: skip
def test_these_names_hold_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["key", "primary_key", "foreign_key", "passed", "bypass_count", "tokens_read", "source_id", "event", "compass"]
)
def test_these_names_do_not(name: str) -> None:
    assert not is_secret_name(name)


def test_secrets_are_hidden_at_any_depth_and_in_any_type() -> None:
    class Shown:
        def __repr__(self) -> str:
            return "Shown(postgresql://bob:hunter2@db)"

    value = {
        "a": [{"password": SECRET}, ("x", Shown())],
        "n": 1,
        "none": None,
        "token": {"deep": SECRET},
        "flag": True,
        "empty": {"password": None},
    }
    shown = redact(value)
    assert SECRET not in json.dumps(shown)
    assert (shown["n"], shown["none"], shown["empty"]) == (1, None, {"password": None})


def test_a_line_is_one_json_object_with_its_context(stream: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("factbook.x").info("scan_ended", job_id="j1", tables=3, note="two\nlines")
    [line] = logged(stream)
    assert (
        line.items()
        >= {"event": "scan_ended", "job_id": "j1", "tables": 3, "request_id": "r1", "level": "info", "note": "two\nlines"}.items()
    )
    assert line["logger"] == "factbook.x"
    assert line["timestamp"].endswith("Z")


def test_secrets_never_reach_a_line(stream: io.StringIO) -> None:
    log = structlog.get_logger("x")
    log.info("connected", url="postgresql://bob:hunter2@db/x", password=SECRET, headers={"Authorization": f"Bearer {SECRET}"})
    logging.getLogger("library").warning("cannot reach %s", "mysql://bob:hunter2@db/x")
    logging.getLogger("library").warning("said", extra={"api_key": SECRET})
    try:
        raise ValueError("bad URL postgresql://bob:hunter2@db/x")
    except ValueError:
        log.exception("broke")
        logging.getLogger("library").exception("broke")
    lines = logged(stream)
    assert len(lines) == 5
    assert SECRET not in stream.getvalue()
    assert "ValueError" in lines[3]["exception"]
    assert "ValueError" in lines[4]["exception"]


def test_libraries_log_in_the_same_form(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    logging.getLogger("uvicorn.access").info("GET / 200")
    logging.getLogger("alembic.runtime.migration").info("chatter")
    assert [(line["event"], line["logger"]) for line in logged(stream)] == [("Started server process [7]", "uvicorn.error")]


@pytest.mark.parametrize(("level", "expected"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1), ("CRITICAL", 0)])
def test_the_level_is_respected(level: str, expected: int) -> None:
    stream = io.StringIO()
    configure_logging(level, stream)
    log = structlog.get_logger("x")
    for method in (log.debug, log.info, log.warning, log.error):
        method("said")
    assert len(logged(stream)) == expected


def test_configuring_again_replaces_what_was_there() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging("INFO", first)
    configure_logging("INFO", second)
    structlog.get_logger("x").info("said")
    assert first.getvalue() == ""
    assert len(logged(second)) == 1


def test_a_lone_surrogate_does_not_lose_the_line(stream: io.StringIO) -> None:
    structlog.get_logger("x").info("odd", name="a\ud800b")
    assert logged(stream)[0]["name"] == "a\ud800b"


def test_lines_go_to_standard_error_as_it_is_now(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    structlog.get_logger("x").info("said")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["event"] == "said"
