"""Judge 40 rules of a table of a million rows in PostgreSQL, beside the floor in the same run: one aggregate over the same table.

``python -m bench.quality [ROWS]`` writes ``bench/results/quality.json``. The floor counts rows and sums one column. "One by one" compiles
each of the same rules alone, as it is often done, and counts the rows that were checked with it, because a result needs them. Both go
through one session that is opened and prepared as the run's own is. Most of either is the engine's time for the two patterns.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psycopg

from bench.report import machine, write
from factbook.app import Factbook
from factbook.quality.compiling import Plan, compile_table
from factbook.quality.dialects import prepare
from factbook.quality.facts import Facts
from factbook.quality.job import Rulebook
from factbook.quality.measuring import Measuring
from factbook.quality.rules import rules_of
from factbook.settings import load_settings
from factbook.sources.connectors import connector_for
from factbook.sources.contract import TableName
from factbook.sources.session import Session
from factbook_sdk.facts import MetadataContext
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot

POSTGRES = os.environ.get("FACTBOOK_TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/test")
REPEATS = 3
ROWS = 1_000_000
TABLE = TableName("public", "orders")

_FILL = """
CREATE TABLE orders AS SELECT
  n AS id,
  (n::bigint * 7919) % 100000 AS customer,
  CASE WHEN n % 50 = 0 THEN NULL ELSE 'user' || n || '@example.com' END AS email,
  (ARRAY['open', 'paid', 'sent', 'lost'])[1 + n % 4] AS status,
  round((n % 10000) / 7.0, 2) AS amount,
  timestamp '2026-01-01' + n * interval '7 seconds' AS placed,
  lpad((n % 999)::text, 3, '0') AS code
FROM generate_series(1, {rows}) AS n
"""


def rules() -> str:
    """Return 40 rules, all but one of which one aggregate can judge."""
    lines = ["tables:", "  - table: public.orders", "    checks:"]
    columns = ("id", "customer", "email", "status", "amount", "placed", "code")
    lines += [f"      - not_null: {column}" for column in columns]
    lines += [f"      - {{range: {{column: amount, min: 0, max: {1000 + step}}}, id: amount-{step}}}" for step in range(10)]
    lines += [f"      - {{range: {{column: placed, min: 2026-01-0{1 + step}}}, id: placed-{step}}}" for step in range(5)]
    lines += [
        f"      - {{accepted_values: {{column: status, values: [open, paid, sent, v{step}]}}, id: status-{step}}}" for step in range(8)
    ]
    lines += [f"      - {{length: {{column: code, min: {step}, max: 5}}, id: code-{step}}}" for step in range(5)]
    lines += [f"      - {{regex: {{column: email, pattern: '@example[.]{end}$'}}, id: email-{end}}}" for end in ("com", "org")]
    lines += ["      - {row_count: {min: 1}, id: rows}", "      - {freshness: {column: placed, max_age: 3650d}, id: fresh}"]
    lines += ["      - unique: id"]
    return "\n".join(lines) + "\n"


@contextmanager
def database(rows: int) -> Iterator[str]:
    """Give the URL of a database with the table in it, and drop it afterwards."""
    name = f"factbook_bench_{uuid.uuid4().hex[:8]}"
    url = urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(_FILL.format(rows=rows).encode())
                connection.execute("VACUUM ANALYZE orders")
            yield url
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def timed(work: Callable[[], object]) -> float:
    """Return the median seconds of some runs."""
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return median(taken)


def floor(session: Session) -> float:
    """Return the seconds of one aggregate over the table."""
    return timed(lambda: session.rows("SELECT count(*), sum(amount) FROM orders"))


def each_alone(session: Session, snapshot: SchemaSnapshot) -> list[Plan]:
    """Return a plan for each rule, made as if it were the only one."""
    now = datetime.now(UTC)
    plans = [compile_table(session, TABLE, snapshot, [rule], now) for rule in rules_of(rules(), "rules.yaml").rules]
    assert not any(plan.unfit for plan in plans), plans
    return plans


def one_by_one(session: Session, snapshot: SchemaSnapshot) -> tuple[float, int]:
    """Return the seconds of a run's rules when each is compiled alone, and how many statements that is."""
    plans = each_alone(session, snapshot)
    measuring = Measuring(session)
    statements = sum(measuring.measure(plan).statements for plan in plans)
    return timed(lambda: [measuring.measure(plan) for plan in plans]), statements


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with database(rows) as url, tempfile.TemporaryDirectory() as folder:
        factbook = Factbook(load_settings({"DATA_DIR": str(Path(folder) / "data")}))
        factbook.run_scan(url, source_id="bench")
        snapshot = Facts(factbook.repository, "bench", MetadataContext()).snapshots([TABLE])[TABLE]
        with connector_for(url).open_session() as session:
            prepare(session)
            least = floor(session)
            each, statements = one_by_one(session, snapshot)
        book = Rulebook("rules.yaml", rules())
        found = []
        seconds = timed(lambda: found.append(factbook.own.run_quality("bench", rules=book).result))
        factbook.close()
    last = found[-1]
    assert last is not None, "the run failed"
    assert last.rules == 40, last.outcomes
    assert not last.outcomes["error"], last.noted
    row = [
        f"{rows:,}",
        last.rules,
        last.statements,
        round(least, 3),
        round(seconds, 2),
        round(seconds / least, 1),
        statements,
        round(each, 2),
    ]
    columns = ["rows", "rules", "statements", "one aggregate, s", "run, s", "times the aggregate", "statements one by one", "one by one, s"]
    write("quality", columns, [row], f"PostgreSQL, medians of {REPEATS}. {machine()}")


if __name__ == "__main__":
    main()
