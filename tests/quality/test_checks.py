"""Every check on every engine: what it counts is what plain SQL counts on the same data, and it passes and fails at exactly that number."""

import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))
sys.path.insert(0, str(Path(__file__).parent))
from databases import on_duckdb, on_mysql, on_postgres, on_sqlite
from houses import house, judged

ENGINES = ("sqlite", "duckdb", "postgres", "mysql")
ROWS = 300
NEWEST = datetime.now(UTC).replace(microsecond=0, tzinfo=None) - timedelta(hours=2)


def rows():
    """Return orders with faults of every sort."""
    draw = random.Random(20261121)
    for number in range(ROWS):
        email = draw.choice([None, "", "n/a", "a@b.example", "Ünï@ö.example", "not an address", "x@y"])
        status = draw.choice([None, "paid", "open", "PAID", "lost", "o'pen", "50%"])
        code = draw.choice([None, "AA", "BBB", "ÄÖ", "C"])
        amount = draw.choice([None, "-5", "0", "9.99", "10", "10.01", "100"])
        placed = draw.choice([None, "2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01"])
        changed = str(NEWEST - timedelta(hours=draw.randrange(500))) if number else str(NEWEST)
        customer, region = draw.choice([None, 1, 2, 3, 99]), draw.choice([None, 1, 2])
        yield (number, email, status, code, amount, placed, changed, customer, region, int(NEWEST.replace(tzinfo=UTC).timestamp()) - number)


def literal(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def fill(execute):
    execute("CREATE TABLE regions (customer integer NOT NULL, region integer NOT NULL, PRIMARY KEY (customer, region))")
    execute("INSERT INTO regions VALUES (1, 1), (1, 2), (2, 1)")
    execute("CREATE TABLE customers (id integer NOT NULL PRIMARY KEY)")
    execute("INSERT INTO customers VALUES (1), (2), (3)")
    execute(
        "CREATE TABLE orders (id integer NOT NULL, email varchar(40), status varchar(20), code varchar(9), amount decimal(8,2), "
        "placed date, changed timestamp NULL, customer integer, region integer, epoch bigint)"
    )
    values = ", ".join("(" + ", ".join(literal(value) for value in row) + ")" for row in rows())
    execute(f"INSERT INTO orders VALUES {values}")
    execute("CREATE TABLE empty_one (id integer, seen timestamp NULL)")


def make(engine, request, folder):
    """Return the URL of a filled database and what runs statements in it."""
    if engine in ("sqlite", "duckdb"):
        path = folder / f"shop.{engine}"
        execute = (on_sqlite if engine == "sqlite" else on_duckdb)(path)
        return f"{engine}:///{path}", execute
    url = request.getfixturevalue(f"{engine}_url")
    return url, (on_postgres if engine == "postgres" else on_mysql)(url)


@pytest.fixture(scope="module", params=ENGINES)
def shop(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    url, execute = make(request.param, request, folder)
    fill(execute)
    with house(folder / "data", url) as factbook:
        yield factbook, execute, request.param


EXACT = {
    "sqlite": "{}",
    "duckdb": "{}",
    "postgres": "{}",
    # Its collation takes upper and lower case for the same; the checks do not.
    "mysql": "BINARY {}",
}
MATCHES = {
    "sqlite": "(instr({0}, '@') > 1 AND instr({0}, '.') > 0)",
    "duckdb": "regexp_matches({0}, '^[^@]+@[^@]+[.]')",
    "postgres": "{0} ~ '^[^@]+@[^@]+[.]'",
    "mysql": "{0} REGEXP '^[^@]+@[^@]+[.]'",
}
LENGTH = {"sqlite": "length", "duckdb": "length", "postgres": "char_length", "mysql": "char_length"}

# The check, the rows it looks at, and the rows that fail it.
CHECKS = {
    "not_null": ("not_null: {column: email", "1=1", "email IS NULL"),
    "not_null where": ("not_null: {column: email", "status = 'open'", "email IS NULL"),
    "accepted_values": ("accepted_values: {column: status, values: [paid, open, 50%]", "1=1", "{status} NOT IN ('paid', 'open', '50%')"),
    "accepted_values of numbers": ("accepted_values: {column: customer, values: [1, 2, 3]", "1=1", "customer NOT IN (1, 2, 3)"),
    "accepted_values of decimals": ("accepted_values: {column: amount, values: [0, 9.99, 10]", "1=1", "amount NOT IN (0, 9.99, 10)"),
    "accepted_values of dates": ("accepted_values: {column: placed, values: [2026-01-01]", "1=1", "placed <> '2026-01-01'"),
    "rejected_values": ('rejected_values: {column: status, values: [lost, "o\'pen"]', "1=1", "{status} IN ('lost', 'o''pen')"),
    "range": ("range: {column: amount, min: 0, below: 10", "1=1", "amount < 0 OR amount >= 10"),
    "range, ends the other way": ("range: {column: amount, above: 0, max: 10", "1=1", "amount <= 0 OR amount > 10"),
    "range of dates": (
        "range: {column: placed, min: 2026-01-01, below: 2026-02-01",
        "1=1",
        "placed < '2026-01-01' OR placed >= '2026-02-01'",
    ),
    "range from now": ("range: {column: changed, max: now - 240h", "1=1", None),
    "regex": ("regex: {column: email, pattern: '^[^@]+@[^@]+[.]'", "1=1", "NOT {matches}"),
    "length": ("length: {column: code, min: 2, max: 2", "1=1", "{length}(code) < 2 OR {length}(code) > 2"),
    "unique": ("unique: {columns: [customer, region]", "customer IS NOT NULL AND region IS NOT NULL", None),
    "foreign_key": (
        "foreign_key: {columns: customer, table: customers, their_columns: id",
        "customer IS NOT NULL",
        "customer NOT IN (SELECT id FROM customers)",
    ),
    "foreign_key of two columns": (
        "foreign_key: {columns: [customer, region], table: regions, their_columns: [customer, region]",
        "customer IS NOT NULL AND region IS NOT NULL",
        "NOT EXISTS (SELECT 1 FROM regions r WHERE r.customer = orders.customer AND r.region = orders.region)",
    ),
    "sql": ("sql: {query: 'SELECT id FROM orders WHERE amount > 10 -- more'", None, "amount > 10"),
}


def truth(execute, engine, name):
    """Return how many rows are looked at and how many fail, by plain SQL."""
    _, checked, failed = CHECKS[name]
    if name == "unique":
        one = "SELECT count(*) FROM orders WHERE customer IS NOT NULL AND region IS NOT NULL"
        distinct = "SELECT count(*) FROM (SELECT DISTINCT customer, region FROM orders WHERE customer IS NOT NULL AND region IS NOT NULL) d"
        return execute(one)[0][0], execute(one)[0][0] - execute(distinct)[0][0]
    if name == "range from now":
        limit = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=240)
        failed = f"changed > '{limit:%Y-%m-%d %H:%M:%S}'"
    words = {"status": EXACT[engine].format("status"), "matches": MATCHES[engine].format("email"), "length": LENGTH[engine]}
    for word, text in words.items():
        failed = failed.replace(f"{{{word}}}", text)
    found = execute(f"SELECT count(*) FROM orders WHERE ({checked or '1=1'}) AND ({failed})")[0][0]
    return (None if checked is None else execute(f"SELECT count(*) FROM orders WHERE {checked}")[0][0]), found


def test_every_check_counts_what_plain_sql_counts_and_passes_and_fails_at_exactly_that_number(shop):
    factbook, execute, engine = shop
    truths = {name: truth(execute, engine, name) for name in CHECKS}
    lines = ["tables:", "  - table: '*.orders'", "    checks:"]
    for name, (check, _, _) in CHECKS.items():
        failing = truths[name][1]
        for label, allowed in (("none", 0), ("less", failing - 1), ("just", failing)):
            lines.append(f"      - {check}, allowed_rows: {allowed}}}")
            lines.append(f"        id: {name} {label}")
            if name.endswith("where"):
                lines.append("        where: status = 'open'")
    run, found = judged(factbook, "\n".join(lines))
    for name, (checked, failing) in truths.items():
        results = [found[f"{name} {label}"] for label in ("none", "less", "just")]
        assert failing > 0, name
        assert [one.outcome for one in results] == ["failed", "failed", "passed"], (name, results)
        assert {(one.rows_checked, one.rows_failed) for one in results} == {(checked, failing)}, name
        assert checked is None or results[0].share == pytest.approx(failing / checked), name
    # One aggregate, and one statement for each uniqueness, foreign key and query.
    assert run.statements == 1 + 3 * 4


def test_shares_are_judged_at_their_bound(shop):
    factbook, execute, engine = shop
    checked, failing = truth(execute, engine, "not_null")
    share = failing / checked
    text = f"""
tables:
  - table: '*.orders'
    checks:
      - {{not_null: {{column: email, allowed_share: {share!r}}}, id: just}}
      - {{not_null: {{column: email, allowed_share: {share - 0.001!r}}}, id: less}}
      - {{not_null: {{column: email}}, id: warned, severity: warning}}
"""
    _, found = judged(factbook, text)
    assert [found[name].outcome for name in ("just", "less", "warned")] == ["passed", "failed", "warned"]


def test_age_rows_and_numbers_are_judged(shop):
    factbook, _, _ = shop
    text = """
tables:
  - table: '*.orders'
    checks:
      - {freshness: {column: changed, max_age: 3h}, id: young}
      - {freshness: {column: changed, max_age: 1h}, id: old}
      - {freshness: {column: epoch, max_age: 3h, epoch: seconds}, id: epoch}
      - {freshness: {column: changed, max_age: 3h}, id: never, where: id < 0}
      - {row_count: {equals: 300}, id: rows}
      - {row_count: {min: 301}, id: too few}
      - {row_count: {max: 10}, id: filtered, where: id < 10}
      - {sql: {query: 'SELECT max(amount) FROM ${table}', max: 100}, id: number}
      - {sql: {query: 'SELECT max(amount) FROM ${table}', below: 100}, id: wrong number}
  - table: '*.empty_one'
    checks:
      - {freshness: {column: seen, max_age: 3h}, id: empty}
      - {not_null: id, id: vacuous}
"""
    _, found = judged(factbook, text)
    outcomes = {name: one.outcome for name, one in found.items()}
    passed = ("young", "epoch", "rows", "filtered", "number", "vacuous")
    assert outcomes == dict.fromkeys(found, "failed") | dict.fromkeys(passed, "passed")
    assert found["young"].observed == pytest.approx(7200, abs=3000)  # the rows were made when the module began
    assert found["young"].observed == pytest.approx(found["epoch"].observed, abs=5)
    assert found["vacuous"].rows_checked == 0
    assert found["never"].reason == "no row has a moment in this column"


def test_a_contract_is_judged_as_it_says(shop):
    factbook, execute, engine = shop
    missing = execute("SELECT count(*) FROM orders WHERE email IS NULL OR email IN ('', 'n/a')")[0][0]
    invalid = execute(f"SELECT count(*) FROM orders WHERE {EXACT[engine].format('status')} NOT IN ('paid', 'open')")[0][0]
    text = f"""
apiVersion: v3.1.0
kind: DataContract
id: c1
version: 1.0.0
status: active
schema:
  - name: orders
    quality:
      - {{id: rows, metric: rowCount, mustBeBetween: [1, 300]}}
      - {{id: pairs, metric: duplicateValues, mustBe: 0, arguments: {{properties: [customer, region]}}}}
      - {{id: free, type: text, description: Orders are complete.}}
      - {{id: soda, type: custom, engine: soda, implementation: x}}
      - {{id: query, type: sql, query: 'SELECT count(*) FROM ${{object}}', mustBeGreaterThan: 299}}
    properties:
      - name: email
        quality:
          - {{id: missing, metric: missingValues, mustBe: {missing}, arguments: {{missingValues: [null, '', n/a]}}}}
          - {{id: few, metric: missingValues, mustBeLessThan: 1, unit: percent, arguments: {{missingValues: ['', n/a]}}}}
      - name: status
        quality:
          - {{id: invalid, metric: invalidValues, mustBe: {invalid}, arguments: {{validValues: [paid, open]}}}}
          - {{id: strange, metric: averageValue, mustBe: 0}}
"""
    _, found = judged(factbook, text)
    outcomes = {name: one.outcome for name, one in found.items()}
    assert outcomes == {
        "rows": "passed",
        "pairs": "failed",
        "free": "skipped",
        "soda": "skipped",
        "query": "passed",
        "missing": "passed",
        "few": "failed",
        "invalid": "passed",
        "strange": "skipped",
    }
    assert (found["missing"].rows_failed, found["invalid"].rows_failed) == (missing, invalid)
    assert "people" in found["free"].reason


def test_hostile_names_and_values_stay_names_and_values(request, tmp_path):
    for engine in ENGINES:
        table, column = 'od"d `t%s?; DROP', 'c"o`l %s ? $1'
        folder = tmp_path / engine
        folder.mkdir()
        url, execute = make(engine, request, folder)
        mark = "`" if engine == "mysql" else '"'
        quoted = [mark + name.replace(mark, mark * 2) + mark for name in (table, column)]
        execute(f"DROP TABLE IF EXISTS {quoted[0]}")
        execute(f"CREATE TABLE {quoted[0]} ({quoted[1]} varchar(50))")
        hurts = ["'; DROP TABLE x; --", "50%", "%s", "?", "日本", None]
        texts = ", ".join(f"({literal(value)})" for value in hurts)
        execute(f"INSERT INTO {quoted[0]} VALUES {texts}")
        named = json.dumps(column)
        text = f"""
tables:
  - table: '*.od*DROP'
    checks:
      - {{accepted_values: {{column: {named}, values: {json.dumps(hurts[:-1])}}}, id: all}}
      - {{rejected_values: {{column: {named}, values: {json.dumps(hurts[:2])}}}, id: two}}
      - {{not_null: {{column: {named}}}, id: one}}
      - {{unique: {{columns: {named}}}, id: unique}}
      - {{length: {{column: {named}, min: 2}}, id: length}}
      - {{regex: {{column: {named}, pattern: '[%?]'}}, id: regex}}
      - {{foreign_key: {{columns: [{named}], table: {json.dumps(table)}, their_columns: [{named}]}}, id: self}}
"""
        with house(folder / "data", url) as factbook:
            _, found = judged(factbook, text)
        counted = {name: (one.rows_checked, one.rows_failed) for name, one in found.items()}
        assert counted == {
            "all": (6, 0),
            "two": (6, 2),
            "one": (6, 1),
            "unique": (5, 0),
            "length": (6, 1),
            "regex": (6, 2),
            "self": (5, 0),
        }, (engine, found)
        execute(f"DROP TABLE {quoted[0]}")


def test_one_wrong_check_does_not_take_down_the_others_and_its_reason_holds_no_value(shop):
    factbook, _, _ = shop
    text = """
tables:
  - table: '*.orders'
    checks:
      - {not_null: email, id: good}
      - {regex: {column: email, pattern: '((('}, id: bad pattern}
      - {not_null: email, id: bad filter, where: no_such_column = 1}
      - {range: {column: email, min: 1}, id: wrong type}
      - {not_null: nowhere, id: no column}
      - {sql: SELECT nothing FROM nowhere_at_all, id: bad query}
      - {sql: {query: "SELECT email FROM orders WHERE email LIKE 'not an%'", max: 1}, id: value}
      - {unique: id, id: fine}
"""
    _, found = judged(factbook, text)
    outcomes = {name: one.outcome for name, one in found.items()}
    assert outcomes == dict.fromkeys(found, "error") | {"good": "failed", "fine": "passed"}
    assert all("not an address" not in (one.reason or "") for one in found.values())
