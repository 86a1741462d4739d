"""What single statements make from what."""

from __future__ import annotations

import pytest
from tests.sql_lineage.asking import edges, read, refused

T = {"x": {"t.x IDENTITY"}}

CASES = [
    ("SELECT x FROM t", T),
    ("SELECT x + y AS z FROM t", {"z": {"t.x TRANSFORMATION", "t.y TRANSFORMATION"}}),
    ("SELECT x::text AS z FROM t", {"z": {"t.x TRANSFORMATION"}}),
    ("SELECT max(x) AS m, count(*) AS n FROM t", {"m": {"t.x AGGREGATION"}, "n": set()}),
    ("SELECT x FROM t WHERE y > 1 ORDER BY id", T | {"*": {"t.y FILTER", "t.id SORT"}}),
    ("SELECT x FROM t GROUP BY x HAVING sum(y) > 1", T | {"*": {"t.x GROUP_BY", "t.y FILTER"}}),
    ("SELECT t.x FROM t JOIN s ON s.id = t.id AND s.a > 1", T | {"*": {"t.id JOIN", "s.id JOIN", "s.a JOIN"}}),
    (
        "SELECT id, x FROM t JOIN s USING (id)",
        T | {"id": {"t.id TRANSFORMATION", "s.id TRANSFORMATION"}, "*": {"t.id JOIN", "s.id JOIN"}},
    ),
    (
        "SELECT CASE WHEN a > 1 THEN b ELSE d END AS c FROM s",
        {"c": {"s.a CONDITIONAL", "s.b TRANSFORMATION", "s.d TRANSFORMATION"}},
    ),
    ("SELECT CASE a WHEN 1 THEN 'x' END AS c FROM s", {"c": {"s.a CONDITIONAL"}}),
    (
        "SELECT row_number() OVER (PARTITION BY a ORDER BY b) AS r, sum(d) OVER (ORDER BY id) AS z FROM s",
        {"r": {"s.a WINDOW", "s.b WINDOW"}, "z": {"s.d AGGREGATION", "s.id WINDOW"}},
    ),
    ("SELECT sum(a) FILTER (WHERE b > 1) AS f FROM s", {"f": {"s.a AGGREGATION", "s.b CONDITIONAL"}}),
    ("SELECT x FROM t WINDOW w AS (PARTITION BY y)", T | {"*": {"t.y WINDOW"}}),
    ("SELECT DISTINCT ON (y) x FROM t", T | {"*": {"t.y GROUP_BY"}}),
    ("SELECT x FROM t UNION ALL SELECT a FROM s WHERE b = 1", {"x": {"t.x IDENTITY", "s.a IDENTITY"}, "*": {"s.b FILTER"}}),
    (
        "SELECT x, (SELECT max(a) FROM s WHERE s.id = t.id) AS m FROM t",
        T | {"m": {"s.a AGGREGATION", "s.id FILTER", "t.id FILTER"}},
    ),
    ("SELECT x FROM t WHERE id IN (SELECT id FROM u WHERE n > 3)", T | {"*": {"t.id FILTER", "u.id FILTER", "u.n FILTER"}}),
    ("SELECT x FROM t WHERE EXISTS (SELECT b FROM s WHERE s.id = t.id)", T | {"*": {"s.id FILTER", "t.id FILTER"}}),
    (
        "SELECT l.q FROM t, LATERAL (SELECT s.a + t.y AS q FROM s WHERE s.id = t.id) l",
        {"q": {"s.a TRANSFORMATION", "t.y TRANSFORMATION"}, "*": {"s.id FILTER", "t.id FILTER"}},
    ),
    ("SELECT e.v FROM t CROSS JOIN LATERAL unnest(t.y) AS e(v)", {"v": {"t.y TRANSFORMATION"}}),
    ("SELECT v.p, x FROM t, (VALUES (1, 2)) v(p, q)", T | {"p": set()}),
    ("SELECT g.n, x FROM t, generate_series(1, 3) AS g(n)", T | {"n": set()}),
    ("SELECT * FROM t", {"id": {"t.id IDENTITY"}, "x": {"t.x IDENTITY"}, "y": {"t.y IDENTITY"}}),
    ("WITH t AS (SELECT x FROM t) SELECT * FROM t", T),
    ("WITH a AS (SELECT sum(x) AS v FROM t), b AS (SELECT v FROM a) SELECT v FROM b", {"v": {"t.x AGGREGATION"}}),
    ("WITH a AS (SELECT x AS v FROM t WHERE y = 1) SELECT v FROM a", {"v": {"t.x IDENTITY"}, "*": {"t.y FILTER"}}),
    ("SELECT q.w FROM (SELECT x, y FROM t) AS q(v, w)", {"w": {"t.y IDENTITY"}}),
    ("SELECT b.id FROM u a JOIN u b ON a.parent_id = b.id", {"id": {"u.id IDENTITY"}, "*": {"u.parent_id JOIN", "u.id JOIN"}}),
    ("SELECT t FROM t", {"t": {"t.id IDENTITY", "t.x IDENTITY", "t.y IDENTITY"}}),
    ("SELECT a.t.x, b.t.y FROM a.t JOIN b.t ON a.t.id = b.t.id", T | {"y": {"t.y IDENTITY"}, "*": {"t.id JOIN"}}),
    ("SELECT public.t.x FROM public.t", T),
    ("SELECT X FROM T", {"X": {"T.x IDENTITY"}}),
    ('SELECT "Two Words" FROM "Mixed"', {"Two Words": {"Mixed.Two Words IDENTITY"}}),
    ("SELECT c.oid, x FROM t JOIN pg_catalog.pg_class c ON c.relname = t.y", T | {"oid": set(), "*": {"t.y JOIN"}}),
    ("SELECT ctid, x FROM t", T | {"ctid": set()}),
    (
        "WITH RECURSIVE c AS (SELECT id, n FROM u WHERE parent_id IS NULL UNION ALL"
        " SELECT u.id, c.n || u.n FROM u JOIN c ON u.parent_id = c.id) SELECT * FROM c",
        {"id": {"u.id IDENTITY"}, "n": {"u.n TRANSFORMATION"}, "*": {"u.parent_id FILTER", "u.parent_id JOIN", "u.id JOIN"}},
    ),
    # What is swapped on the way round: both columns end in both.
    (
        "WITH RECURSIVE c(k, v) AS (SELECT id, n FROM u UNION ALL SELECT v, k FROM c) SELECT k FROM c",
        {"k": {"u.id IDENTITY", "u.n IDENTITY"}},
    ),
    ("UPDATE t SET x = s.a FROM s WHERE s.id = t.id", {"x": {"s.a IDENTITY"}, "*": {"s.id FILTER", "t.id FILTER"}}),
    ("UPDATE t SET (x, y) = (SELECT a, b FROM s WHERE s.id = t.id)", {
        "x": {"s.a IDENTITY", "s.id FILTER", "t.id FILTER"}, "y": {"s.b IDENTITY", "s.id FILTER", "t.id FILTER"}
    }),
    (
        "MERGE INTO t USING (SELECT * FROM s WHERE d) AS s ON t.id = s.id WHEN MATCHED AND s.d THEN DELETE"
        " WHEN MATCHED THEN UPDATE SET x = s.a WHEN NOT MATCHED THEN INSERT (id, x) VALUES (s.id, upper(s.b))",
        {"x": {"s.a IDENTITY", "s.b TRANSFORMATION"}, "id": {"s.id IDENTITY"}, "*": {"s.d FILTER", "s.id JOIN", "t.id JOIN"}},
    ),
    ("WITH c AS (SELECT a FROM s) INSERT INTO t (x) SELECT a FROM c", {"x": {"s.a IDENTITY"}}),
    ("WITH c AS (DELETE FROM s RETURNING a) INSERT INTO t (x) SELECT a FROM c", {"x": {"s.a IDENTITY"}}),
    ("CREATE MATERIALIZED VIEW v (p, q) AS SELECT a, b FROM s WITH NO DATA", {"p": {"s.a IDENTITY"}, "q": {"s.b IDENTITY"}}),
    ("CREATE TABLE v AS (SELECT a AS p FROM s)", {"p": {"s.a IDENTITY"}}),
    # Tables of which nothing is known: a column is of the only table it can be of.
    ("SELECT k, a FROM nope JOIN s ON nope.j = s.id", {"k": {"nope.k IDENTITY"}, "a": {"s.a IDENTITY"}, "*": {"nope.j JOIN", "s.id JOIN"}}),
    ("WITH c AS (SELECT * FROM nope) SELECT k FROM c", {"k": {"nope.k IDENTITY"}}),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), CASES, ids=[sql[:60] for sql, _ in CASES])
def test_a_statement_has_exactly_these_edges(sql: str, expected: dict[str, set[str]]) -> None:
    assert edges(sql) == expected


@pytest.mark.parametrize(
    ("dialect", "sql", "expected"),
    [
        ("mysql", "SELECT ID, `Two words` FROM `Mixed`", {"ID": {"Mixed.Id IDENTITY"}, "Two words": {"Mixed.Two Words IDENTITY"}}),
        ("mysql", "UPDATE t JOIN s ON t.id = s.id SET t.x = s.a", {"x": {"s.a IDENTITY"}, "*": {"t.id JOIN", "s.id JOIN"}}),
        ("mysql", "REPLACE INTO t (x) SELECT a FROM s", {"x": {"s.a IDENTITY"}}),
        ("tsql", "UPDATE q SET q.x = s.a FROM dbo.t AS q JOIN s ON q.id = s.id", {"x": {"s.a IDENTITY"}, "*": {"t.id JOIN", "s.id JOIN"}}),
        ("tsql", "SELECT s.a, z.x FROM s CROSS APPLY (SELECT t.x FROM t WHERE t.id = s.id) z", {
            "a": {"s.a IDENTITY"}, "x": {"t.x IDENTITY"}, "*": {"s.id FILTER", "t.id FILTER"}
        }),
        ("hive", "SELECT x, v FROM t LATERAL VIEW explode(y) e AS v", T | {"v": {"t.y TRANSFORMATION"}}),
        ("sqlite", "SELECT X AS [a b] FROM T", {"a b": {"T.x IDENTITY"}}),
        ("databricks", "MERGE INTO t USING u ON t.id = u.id WHEN NOT MATCHED THEN INSERT *", {
            "id": {"u.id IDENTITY"}, "n": {"u.n IDENTITY"}, "parent_id": {"u.parent_id IDENTITY"}, "*": {"t.id JOIN", "u.id JOIN"}
        }),
    ],
)  # fmt: skip
def test_dialects_are_read_as_their_engines_do(dialect: str, sql: str, expected: dict[str, set[str]]) -> None:
    assert edges(sql, dialect) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM t WHERE x = 1",
        "COPY t FROM 'f'",
        "SET search_path = a",
        "GRANT SELECT ON t TO x",
        "INSERT INTO t VALUES (1)",
        "VACUUM t",
        "-- nothing",
    ],
)
def test_what_fills_no_table_from_others_is_nothing(sql: str) -> None:
    assert read(sql)[0].does == "nothing"


def test_the_body_of_a_routine_is_said_not_to_be_read() -> None:
    parsed, _ = read("CREATE FUNCTION f() RETURNS int AS $$ INSERT INTO t SELECT * FROM s $$ LANGUAGE sql")
    assert parsed.note == "bodies of functions, procedures and triggers are not read"


@pytest.mark.parametrize("sql", ["SELEC bad", "SELECT FROM WHERE (", "REFRSH EVERYTHING NOW", "CREATE TABLE AS"])
def test_what_does_not_parse_is_refused_with_a_reason(sql: str) -> None:
    assert refused(sql)


def test_a_column_that_no_table_has_is_named() -> None:
    _, traced = read("SELECT nosuch, t.neither, x FROM t")
    assert {item.name for item in traced.unknown} == {"nosuch", "t.neither"}
    assert [len(output.edges) for output in traced.outputs] == [0, 0, 1]


def test_an_expression_is_kept_and_bounded() -> None:
    _, traced = read(f"SELECT x || '{'z' * 1000}' AS long, upper(y) AS short FROM t")
    long, short = (output.edges[0].transformation for output in traced.outputs)
    assert short == "UPPER(t.y)"
    assert (len(long or ""), (long or "")[-1]) == (300, "…")


def test_where_a_star_is_not_known_no_column_is_guessed_by_its_place() -> None:
    parsed, traced = read("INSERT INTO t SELECT *, 1 FROM nope")
    assert (parsed.by_position, traced.outputs, traced.stars) == (True, [], [0])


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT n.one, n.two FROM t AS n (one, two)", {"one": {"t.id IDENTITY"}, "two": {"t.x IDENTITY"}}),
        ("SELECT n.x, n.id, n.y FROM t AS n (x, id)", {"x": {"t.id IDENTITY"}, "id": {"t.x IDENTITY"}, "y": {"t.y IDENTITY"}}),
        ("SELECT n.* FROM t AS n (one)", {"one": {"t.id IDENTITY"}, "x": {"t.x IDENTITY"}, "y": {"t.y IDENTITY"}}),
        ("SELECT two FROM t n (one, two)", {"two": {"t.x IDENTITY"}}),
        ("WITH c AS (SELECT id, x FROM t) SELECT d.two FROM c AS d (one, two)", {"two": {"t.x IDENTITY"}}),
        (
            "WITH c AS (SELECT id, x FROM t UNION SELECT id, y FROM t) SELECT d.two FROM c d (one, two)",
            {"two": {"t.x IDENTITY", "t.y IDENTITY"}},
        ),
    ],
)
def test_columns_that_the_table_got_other_names_for_are_found_by_their_place(sql: str, expected: dict[str, set[str]]) -> None:
    assert edges(f"CREATE VIEW v AS {sql}") == expected
