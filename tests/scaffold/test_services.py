"""The test servers themselves: each one answers, whether it was found or started."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest
from tests.services import SERVICES, ServiceMissing, Services


def test_a_fresh_postgres_database_is_empty(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchone()
    assert tables == (0,)


def test_a_fresh_mysql_database_is_empty(mysql_url: str) -> None:
    parts = urlsplit(mysql_url)
    with (
        pymysql.connect(
            host=parts.hostname or "",
            port=parts.port or 3306,
            user=parts.username,
            password=parts.password or "",
            database=parts.path.strip("/"),
        ) as connection,
        connection.cursor() as cursor,
    ):
        assert cursor.execute("SHOW TABLES") == 0


def test_the_nats_server_answers_a_ping(nats_url: str) -> None:
    parts = urlsplit(nats_url)
    with socket.create_connection((parts.hostname or "", parts.port or 4222), timeout=5) as connection:
        lines = connection.makefile("rb")
        assert lines.readline().startswith(b"INFO ")
        connection.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
        assert lines.readline() == b"PONG\r\n"


def test_a_named_server_that_does_not_answer_is_no_reason_to_use_another(tmp_path: Path) -> None:
    services = Services(tmp_path, None, {"FACTBOOK_TEST_NATS_URL": "nats://127.0.0.1:1"})
    with pytest.raises(ServiceMissing, match="FACTBOOK_TEST_NATS_URL"):
        services.url("nats")


def test_every_service_says_how_to_get_it() -> None:
    assert all(" install " in service.install for service in SERVICES.values())
