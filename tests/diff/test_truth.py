"""Pagila 2.0.2 and 3.1.0 on a real PostgreSQL: what the comparison of two scans says equals the difference of the two catalogues of the
engine itself, asked with SQL and compared as text."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))
from comparing import Log
from databases import SAMPLES, on_postgres

from factbook.diff.paths import split_path
from factbook.sources.postgres import PostgresConnector

RELATIONS = """
    SELECT c.relname, CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END, pg_get_expr(c.relpartbound, c.oid),
        obj_description(c.oid, 'pg_class'), c.relkind::text
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
"""
COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull OR (t.typtype = 'd' AND t.typnotnull),
        CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END, col_description(c.oid, a.attnum),
        a.attidentity::text, a.attgenerated::text,
        (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = a.atttypid)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype IN ('p', 'u', 'f', 'c', 'x')
"""
INDEXES = """
    SELECT i.indrelid::regclass::text, c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE c.relnamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))
"""
ATTRIBUTES = ("data_type", "nullable", "default", "comment", "identity", "generated", "enum_values")


def load(url, name):
    execute = on_postgres(url)
    execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    sql = (SAMPLES / name).read_text().replace("CREATE SCHEMA public;", "")
    execute("SET search_path = public; " + re.sub(r"^\\.*$", "", re.sub(r"^COPY .*?^\\\.$", "", sql, flags=re.M | re.S), flags=re.M))
    return execute


def catalogue(execute):
    """Return what the engine says of itself."""
    bare = str.removeprefix
    return {
        "tables": {row[0]: row[1:] for row in execute(RELATIONS)},
        "columns": {(row[0], row[1]): row[2:] for row in execute(COLUMNS)},
        "constraints": {(bare(table, "public."), name): definition for table, name, definition in execute(CONSTRAINTS)},
        "indexes": {
            (bare(table, "public."), name): re.sub(rf"INDEX \S*{re.escape(name)} ON", "INDEX ON", definition)
            for table, name, definition in execute(INDEXES)
        },
    }


def named_difference(before, after, shared):
    """Return (removed, added, changed, renamed) names by table, of tables that are there on both sides; equal text is one thing."""
    gone = {key: text for key, text in before.items() if key not in after and key[0] in shared}
    come = {key: text for key, text in after.items() if key not in before and key[0] in shared}
    renamed = set()
    for key, text in sorted(gone.items()):
        same = next((other for other in sorted(come) if other[0] == key[0] and come[other] == text), None)
        if same is not None:
            renamed.add(same)
            del gone[key], come[same]
    changed = {key for key in before.keys() & after.keys() if before[key] != after[key]}
    return set(gone), set(come), changed, renamed


def expected(before, after):
    """Return the difference of two catalogues: (change, object, table, name, attribute)."""
    old, new = before["tables"], after["tables"]
    shared = old.keys() & new.keys()
    found = {("removed", "table", table, "", "") for table in old.keys() - shared}
    found |= {("added", "table", table, "", "") for table in new.keys() - shared}
    for table in shared:
        for attribute, was, is_now in zip(("definition", "partition_of", "comment", "object_type"), old[table], new[table], strict=True):
            if was != is_now:
                found.add(("changed", "partition" if attribute == "partition_of" else "table", table, "", attribute))
    columns, others = before["columns"], after["columns"]
    for change, here, there in (("removed", columns, others), ("added", others, columns)):
        found |= {(change, "column", *key, "") for key in here.keys() - there.keys() if key[0] in shared}
    for key in columns.keys() & others.keys():
        pairs = zip(ATTRIBUTES, columns[key], others[key], strict=True)
        found |= {("changed", "column", *key, attribute) for attribute, was, is_now in pairs if was != is_now}
    for what, kind in (("constraint", "constraints"), ("index", "indexes")):
        gone, come, changed, renamed = named_difference(before[kind], after[kind], shared)
        for change, keys in (("removed", gone), ("added", come), ("changed", changed), ("renamed", renamed)):
            found |= {(change, what, *key, "") for key in keys}
    return found


def said(comparison):
    """Return what the comparison says in the same words; storage and owners left aside, which were not asked for."""
    found = set()
    for item, _ in comparison.judged:
        table, path = item.name.table, split_path(item.path)
        if item.path == "owner" or (item.object == "table" and path[:1] == ("options",)):
            continue
        if item.object == "column":
            if item.aspect == "order" and path[-1] == "position":
                continue
            found.add((item.change, "column", table, path[1], path[2] if len(path) > 2 else ""))
        elif item.object in ("constraint", "index"):
            change = "renamed" if item.change == "changed" and path[-1] == "name" else item.change
            found.add((change, item.object, table, path[1], ""))
        else:
            found.add((item.change, item.object, table, "", path[0] if path else ""))
    return found


@pytest.fixture(scope="module")
def pagila(postgres_url):
    """Return both catalogues and the log of the scans."""
    log, catalogues = Log(), []
    for name in ("pagila-2.0.2-schema.sql", "pagila-3.1.0-schema.sql"):
        catalogues.append(catalogue(load(postgres_url, name)))
        log.scan(PostgresConnector(postgres_url))
    return log, *catalogues


def test_the_difference_is_that_of_the_engines_own_catalogues(pagila):
    log, before, after = pagila
    truth = expected(before, after)
    assert said(log.diffs.compare("src")) == truth
    assert len(truth) > 10


def test_backwards_it_is_that_difference_turned_round(pagila):
    log, before, after = pagila
    assert said(log.diffs.compare("src", "run-2", "run-1")) == expected(after, before)


def test_no_rename_is_proposed_of_what_is_still_there(pagila):
    log, before, after = pagila
    for rename in log.diffs.compare("src").renames:
        if rename.object == "table":
            assert rename.before in before["tables"].keys() - after["tables"].keys()
        else:
            assert (rename.table, rename.before) in before["columns"].keys() - after["columns"].keys()
