"""On every engine, whatever DDL runs between two scans: the comparison names exactly the effects of the statements, no more and no less."""

import sys
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given, settings

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))
from comparing import Log, found, proposed
from databases import on_mysql, on_postgres, on_sqlite
from ddl_programs import MYSQL, MYSQL_BASE, POSTGRES, POSTGRES_BASE, SQLITE, SQLITE_BASE

from factbook.sources.mysql import MySQLConnector
from factbook.sources.postgres import PostgresConnector
from factbook.sources.sqlite import SQLiteConnector


def intervals(steps):
    """Draw a few stretches between scans, each a list of steps to do, or to undo where they were done."""
    stretch = st.lists(st.integers(0, len(steps) - 1), max_size=len(steps), unique=True)
    return st.lists(stretch, min_size=1, max_size=3)


def run_program(log, connector, execute, steps, program):
    """Run the stretches and compare each scan with the one before."""
    done = set()
    before = log.scan(connector)
    for stretch in program:
        expected, renames = set(), set()
        for index in stretch:
            step = steps[index]
            if index in done and step.undo is None:
                continue
            for statement in (step.undo if index in done else step.do).split("; "):
                execute(statement)
            expected |= step.undone() if index in done else step.effects
            renames |= {(what, table, new, old) if index in done else (what, table, old, new) for what, table, old, new in step.proposals}
            done ^= {index}
        after = log.scan(connector)
        comparison = log.diffs.compare(log.source_id, before, after)
        assert found(comparison) == expected, [steps[index].do for index in stretch]
        check_proposals(proposed(comparison), renames, expected)
        backwards = log.diffs.compare(log.source_id, after, before)
        turned = {"added": "removed", "removed": "added", "changed": "changed"}
        inverse = {(turned[change], what, table, path, aspect) for change, what, table, path, aspect in expected if "name" not in path}
        assert {item for item in found(backwards) if "name" not in item[3]} == inverse
        before = after


def check_proposals(proposals, renames, expected):
    """Every rename is proposed where nothing else came or went beside it, and a proposal only joins what came and what went."""
    gone = {(what, table, path.rpartition(".")[2] or table) for change, what, table, path, _ in expected if change == "removed"}
    come = {(what, table, path.rpartition(".")[2] or table) for change, what, table, path, _ in expected if change == "added"}
    for what, table, old, new in proposals:
        assert (what, table or old, old) in gone
        assert (what, table or new, new) in come
    for what, table, old, new in renames:
        beside = {name for other, of, name in gone | come if other == what and (what == "table" or of == table)}
        if beside == {old, new}:
            assert (what, table, old, new) in proposals


@settings(max_examples=12)
@given(program=intervals(POSTGRES))
def test_postgres(postgres_url, program):
    execute = on_postgres(postgres_url)
    execute("DROP SCHEMA IF EXISTS annex CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    execute(POSTGRES_BASE)
    run_program(Log(), PostgresConnector(postgres_url), execute, POSTGRES, program)


@settings(max_examples=6)
@given(program=intervals(MYSQL))
def test_mysql(mysql_url, program):
    execute = on_mysql(mysql_url)
    schema = mysql_url.rsplit("/", 1)[1]
    execute(f"DROP DATABASE {schema}; CREATE DATABASE {schema} CHARACTER SET utf8mb4")
    for statement in MYSQL_BASE:
        execute(statement)
    run_program(Log(), MySQLConnector(mysql_url), execute, MYSQL, program)


@settings(max_examples=25)
@given(program=intervals(SQLITE))
def test_sqlite(tmp_path_factory, program):
    path = tmp_path_factory.mktemp("program") / "x.sqlite"
    execute = on_sqlite(path)
    for statement in SQLITE_BASE:
        execute(statement)
    run_program(Log(), SQLiteConnector(f"sqlite:///{path}"), execute, SQLITE, program)


@settings(max_examples=1)
@given(program=st.just([list(range(len(POSTGRES)))] * 2))
def test_all_of_it_at_once_on_postgres(postgres_url, program):
    execute = on_postgres(postgres_url)
    execute("DROP SCHEMA IF EXISTS annex CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    execute(POSTGRES_BASE)
    run_program(Log(), PostgresConnector(postgres_url), execute, POSTGRES, program)
