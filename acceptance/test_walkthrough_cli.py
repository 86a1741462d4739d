"""The main job by hand, on real servers: register, scan, look up, scan again, change, see the change, look back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.cli.running import Answer, run_program

SAMPLES = Path(__file__).parents[1] / "tests" / "samples"

Execute = Callable[[str], object]


@contextmanager
def on_postgres(url: str) -> Iterator[Execute]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        schema = (SAMPLES / "pagila-3.1.0-schema.sql").read_text(encoding="utf-8")
        connection.execute(re.sub(r"^\\.*$", "", schema, flags=re.M).encode())
        yield lambda statement: connection.execute(statement.encode())


@contextmanager
def on_mysql(url: str) -> Iterator[Execute]:
    import pymysql

    parts = urlsplit(url)
    with pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=parts.path.removeprefix("/"),
    ) as connection:
        cursor = connection.cursor()
        for statement in (SAMPLES / "chinook-mysql-schema.sql").read_text(encoding="utf-8").split(";\n"):
            if statement.strip() and not re.search(r"\b(DATABASE|USE)\b", statement):
                cursor.execute(statement)
        yield cursor.execute


class Person:
    """Somebody at a terminal."""

    def __init__(self, data_dir: Path) -> None:
        self.run = partial(run_program, data_dir=data_dir)

    def scans(self, source: str, *options: str) -> Answer:
        return self.run(["scan", source, *options])

    def sees(self, *arguments: str) -> Any:
        return self.run([*arguments, "--json"]).json

    def columns(self, *arguments: str) -> list[str]:
        return [f"{row['table']}.{row['column']}" for row in self.sees("dictionary", *arguments, "--limit", "5000")["items"]]


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path / "data")


def test_pagila_on_postgresql(postgres_url: str, person: Person) -> None:
    with on_postgres(postgres_url) as execute:
        assert person.run(["sources", "add", "pagila", postgres_url]).code == 0
        assert "answers    postgresql" in person.run(["sources", "test", "pagila"]).out
        first = person.sees("scan", "pagila")["job"]["result"]
        assert first["counts"]["added"] == first["counts"]["tables"] >= 21
        assert person.columns("pagila", "--search", "replacement cost") == ["film.replacement_cost"]
        assert {"film.rating", "film_list.rating"} <= set(person.columns("pagila", "--type", "public.mpaa_rating"))

        everything = person.columns("pagila")
        assert person.scans("pagila").out.startswith(f"Unchanged: {first['counts']['tables']} tables of pagila")
        assert person.columns("pagila") == everything

        before = datetime.now(UTC).isoformat()
        execute("ALTER TABLE public.actor ADD COLUMN nickname text; COMMENT ON COLUMN public.actor.nickname IS 'what friends say'")
        execute("CREATE TABLE public.award (award_id int PRIMARY KEY); DROP VIEW public.staff_list")
        changed = person.scans("pagila").out
        assert "added: public.award\n" in changed
        assert "changed: public.actor\n" in changed
        assert "removed: public.staff_list\n" in changed
        assert person.columns("pagila", "--search", "friends") == ["actor.nickname"]
        assert person.columns("pagila", "--as-of", before) == everything
        assert person.columns("pagila", "--table", "staff_list") == []
        assert "staff_list.name" in person.columns("pagila", "--table", "staff_list", "--removed")

        assert [job["state"] for job in person.sees("jobs")["items"]] == ["succeeded"] * 3
        known = person.columns("pagila", "--removed")
        assert person.run(["rebuild"]).code == 0
        assert person.columns("pagila", "--removed") == known
        assert person.run(["doctor"]).code == 0


def test_chinook_on_mariadb(mysql_url: str, person: Person) -> None:
    with on_mysql(mysql_url) as execute:
        first = person.scans(mysql_url, "--source-id", "shop")
        assert (first.code, first.out.startswith("Scanned 11 tables of shop")) == (0, True)
        assert len(person.columns("shop")) == 64
        assert person.scans("shop").out.startswith("Unchanged: 11 tables of shop")
        execute("ALTER TABLE Album ADD COLUMN Mood ENUM('loud','quiet') COMMENT 'how it feels'")
        assert re.search(r"changed: \w+\.Album\n", person.scans("shop").out)
        [row] = person.sees("dictionary", "shop", "--search", "feels")["items"]
        assert (row["column"], row["attributes"]["enum_values"]) == ("Mood", ["loud", "quiet"])
