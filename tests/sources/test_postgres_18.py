"""What PostgreSQL 18 brought, on the server that comes as a Python package where the one in use is older."""

import random
import signal
import tempfile
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from databases import SMALL, SMALL_TABLES, on_postgres
from test_fingerprints import BASE, POSTGRES, run_program
from tests.services import SERVICES

from factbook.sources.contract import TableName
from factbook.sources.postgres import PostgresConnector
from factbook.sources.testing import SECRET, ConnectorContract, KnownDatabase, read, snapshots
from factbook.sources.urls import with_password

NEW = [
    ("ALTER TABLE a ADD COLUMN g2 integer GENERATED ALWAYS AS (n * 3) VIRTUAL", "ALTER TABLE a DROP COLUMN g2"),
    ("ALTER TABLE a ADD CONSTRAINT nn NOT NULL n NO INHERIT", "ALTER TABLE a DROP CONSTRAINT nn"),
    ("ALTER TABLE a ADD CONSTRAINT loose CHECK (n > 0) NOT ENFORCED", "ALTER TABLE a DROP CONSTRAINT loose"),
    (
        "ALTER TABLE b ADD CONSTRAINT fk3 FOREIGN KEY (a_id) REFERENCES a NOT ENFORCED; ALTER TABLE b ALTER CONSTRAINT fk3 ENFORCED",
        "ALTER TABLE b DROP CONSTRAINT fk3",
    ),
    ("ALTER TABLE booked ADD CONSTRAINT apart PRIMARY KEY (room, during WITHOUT OVERLAPS)", "ALTER TABLE booked DROP CONSTRAINT apart"),
]


@pytest.fixture(scope="module")
def server(request):
    """Give a server of version 18 or later: the one in use, or one started for this module."""
    url = request.getfixturevalue("postgres_url")
    if on_postgres(url)("SELECT current_setting('server_version_num')::int >= 180000") == [(True,)]:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="factbook-postgres-18-", ignore_cleanup_errors=True) as folder:
        started = SERVICES["postgres"].start(Path(folder))
        yield started.url
        process = psutil.Process(started.process_id)
        process.send_signal(signal.SIGINT)
        process.wait(20)


@pytest.fixture
def url(server):
    name = f"factbook_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield urlsplit(server)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class TestPostgres18(ConnectorContract):
    @pytest.fixture
    def database(self, url):
        execute = on_postgres(url)
        for statement in SMALL:
            execute(statement)
        missing = PostgresConnector(with_password(url.rsplit("/", 1)[0] + "/no_such_database", SECRET))
        return KnownDatabase(lambda: PostgresConnector(url), "public", SMALL_TABLES, execute, missing)


def test_fingerprints_tell_every_change(url):
    execute = on_postgres(url)
    execute("CREATE TYPE mood AS ENUM ('calm', 'busy'); CREATE DOMAIN positive AS integer CHECK (VALUE > 0)")
    execute("CREATE TABLE parts (id integer) PARTITION BY RANGE (id); CREATE TABLE booked (room int4range, during tsrange)")
    for statement in BASE:
        execute(statement)
    steps = [*POSTGRES, *NEW, *NEW]
    run_program(lambda: PostgresConnector(url), execute, random.Random(18).sample(steps, len(steps)), 18, length=60)


def test_what_is_new_is_said(url):
    execute = on_postgres(url)
    execute(
        "CREATE TABLE t (a int CONSTRAINT must NOT NULL, b int GENERATED ALWAYS AS (a * 2), room int4range, during tsrange, "
        "CONSTRAINT loose CHECK (a > 0) NOT ENFORCED, CONSTRAINT apart UNIQUE (room, during WITHOUT OVERLAPS))"
    )
    found = snapshots(read(PostgresConnector(url)))[TableName("public", "t")]
    assert found["columns"][1]["generated"] == "virtual"
    assert found["columns"][1]["generation_expression"] == "(a * 2)"
    told = {constraint.pop("name"): constraint for constraint in found["constraints"]}
    assert told == {
        "apart": {"type": "unique", "columns": ["room", "during"], "expression": "UNIQUE (room, during WITHOUT OVERLAPS)"},
        "loose": {"type": "check", "columns": ["a"], "expression": "(a > 0)", "enforced": False, "validated": False},
        "must": {"type": "not_null", "columns": ["a"]},
    }
