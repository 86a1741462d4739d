"""The command line as a process among others: pipes, signals, terminals, and real servers."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.running import command, environment, run_program
from tests.cli.test_records import lines, observation

from factbook import demo

_TIMEOUT_SECONDS = 60


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """Give a server that lets everybody in and says nothing, so that a scan of it waits."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(_TIMEOUT_SECONDS)
        yield server


def in_terminal(arguments: list[str], data_dir: Path, *, typed: str = "", wait_for: str = "", **more: str) -> tuple[int, str]:
    """Run ``factbook`` in a terminal of 80 columns; once it shows ``wait_for``, type."""
    ours, theirs = pty.openpty()
    variables = environment(data_dir, TERM="xterm-256color", **more)
    process = subprocess.Popen(command(arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=variables, start_new_session=True)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux reports a terminal whose last program has gone as an error
            break
        if not piece:
            break
        shown += piece
        if typed and wait_for.encode() in shown:
            os.write(ours, typed.encode())
            typed = ""
    os.close(ours)
    return process.wait(_TIMEOUT_SECONDS), shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_scan_that_is_stopped_leaves_a_cancelled_job(stop: signal.Signals, silent_server: socket.socket, data_dir: Path) -> None:
    url = f"postgresql://root@127.0.0.1:{silent_server.getsockname()[1]}/x"
    process = subprocess.Popen(command(["scan", url]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(data_dir))
    connection, _ = silent_server.accept()
    process.send_signal(stop)
    out, err = process.communicate(timeout=_TIMEOUT_SECONDS)
    connection.close()
    assert (process.returncode, out, err) == (130, "", "Interrupted.\n")
    [job] = run_program(["jobs", "--json"], data_dir).json["items"]
    assert job["state"] == "cancelled"


def test_a_reader_who_goes_away_is_no_error(data_dir: Path) -> None:
    run_program(["records", "store"], data_dir, stdin=lines(*(observation(f"table_{number}", number) for number in range(3000))))
    process = subprocess.Popen(
        command(["records", "tail", "--limit", "3000", "--json"]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(data_dir)
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"{")
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(_TIMEOUT_SECONDS) == 0
    process.stderr.close()


def test_a_reader_who_goes_away_from_a_table_is_no_error_either(data_dir: Path) -> None:
    run_program(["records", "store"], data_dir, stdin=lines(*(observation(f"table_{number}", number) for number in range(3000))))
    process = subprocess.Popen(
        command(["records", "tail", "--limit", "3000"]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(data_dir)
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(_TIMEOUT_SECONDS) == 0
    process.stderr.close()


def test_following_shows_what_arrives_and_ends_with_an_interrupt(data_dir: Path) -> None:
    run_program(["records", "store"], data_dir, stdin=lines(observation("before", 1)))
    process = subprocess.Popen(
        command(["records", "tail", "--follow", "--json"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(data_dir),
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["record"]["target"]["table"] == "before"
    run_program(["records", "store"], data_dir, stdin=lines(observation("meanwhile", 2)))
    assert json.loads(process.stdout.readline())["record"]["target"]["table"] == "meanwhile"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=_TIMEOUT_SECONDS)
    assert (process.returncode, out) == (130, "")


def test_a_terminal_gets_colour_and_a_bar_that_leaves_no_trace(tmp_path: Path, data_dir: Path) -> None:
    source = demo.ensure_source(tmp_path / "chinook.sqlite")
    code, shown = in_terminal(["scan", f"sqlite:///{source}"], data_dir)
    assert code == 0
    assert "Scanning chinook" in shown
    assert "\x1b[1m" in shown
    assert "Scanned 11 tables of chinook" in shown


def test_no_color_is_respected(data_dir: Path) -> None:
    code, plain = in_terminal(["kinds", "show", "nope"], data_dir, NO_COLOR="1")
    _, coloured = in_terminal(["kinds", "show", "nope"], data_dir)
    assert code == 2
    red = re.compile(r"\x1b\[[0-9;]*31m")
    assert red.search(coloured)
    assert not red.search(plain)


def test_a_password_is_asked_for_in_the_dark(data_dir: Path) -> None:
    arguments = ["sources", "add", "shop", "postgresql://me@127.0.0.1/shop", "--ask-password"]
    code, shown = in_terminal(arguments, data_dir, typed="hunter2\n", wait_for="Password for shop: ")
    assert code == 0
    assert "with its password encrypted" in shown
    assert "hunter2" not in shown


def test_logs_go_to_stderr_and_only_when_asked_for(data_dir: Path) -> None:
    answer = run_program(["scan", "--json"], data_dir)
    assert (answer.code, answer.err) == (0, "")
    asked = run_program(["scan", "--json"], data_dir, LOG_LEVEL="DEBUG")
    assert asked.json["unchanged"] is True


def test_postgresql_is_scanned_and_scanned_again(postgres_url: str, data_dir: Path) -> None:
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shop")
        connection.execute("CREATE TABLE shop.item (id int PRIMARY KEY, price numeric(10,2) NOT NULL)")
        connection.execute("COMMENT ON COLUMN shop.item.price IS 'in euro'")
        connection.execute("CREATE VIEW shop.cheap AS SELECT id FROM shop.item WHERE price < 10")
        first = run_program(["scan", postgres_url, "--source-id", "pg"], data_dir)
        assert (first.code, "added: shop.cheap, shop.item" in first.out) == (0, True)
        again = run_program(["scan", "pg"], data_dir)
        assert again.out.startswith("Unchanged: 2 tables of pg")
        connection.execute("ALTER TABLE shop.item ADD COLUMN stock int")
        assert "changed: shop.item" in run_program(["scan", "pg"], data_dir).out
    rows = run_program(["dictionary", "pg", "--search", "euro", "--json"], data_dir).json["items"]
    assert [(row["column"], row["data_type"]) for row in rows] == [("price", "numeric(10,2)")]


def test_mariadb_is_scanned_and_scanned_again(mysql_url: str, data_dir: Path) -> None:
    from urllib.parse import urlsplit

    import pymysql

    parts = urlsplit(mysql_url)
    database = parts.path.removeprefix("/")
    with pymysql.connect(
        host=parts.hostname or "127.0.0.1", port=parts.port or 3306, user=parts.username, password=parts.password or "", database=database
    ) as connection:
        connection.cursor().execute("CREATE TABLE item (id INT PRIMARY KEY, state ENUM('new','old') COMMENT 'of the item')")
        first = run_program(["scan", mysql_url, "--source-id", "maria"], data_dir)
        assert (first.code, f"added: {database}.item" in first.out) == (0, True)
        assert run_program(["scan", "maria"], data_dir).out.startswith("Unchanged: 1 table of maria")
        connection.cursor().execute("ALTER TABLE item ADD COLUMN stock INT")
        assert f"changed: {database}.item" in run_program(["scan", "maria"], data_dir).out


def test_the_store_may_be_postgresql(postgres_url: str, data_dir: Path) -> None:
    store = {"FACTBOOK_META_DB_URL": postgres_url}
    assert run_program(["scan", "--json"], data_dir, **store).json["unchanged"] is False
    assert run_program(["scan", "--json"], data_dir, **store).json["unchanged"] is True
    assert len(run_program(["dictionary", "--table", "Genre", "--json"], data_dir, **store).json["items"]) == 2
    assert not (data_dir / "metadb.sqlite").exists()
