"""The morning story on real PostgreSQL: yesterday a scan and a profile; overnight somebody drops, renames and narrows; in the morning the
diff says exactly what, the gate says whom it hits, one alert arrives, and the published dictionary shows it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psycopg
import pytest
from tests.cli.running import Answer, run_program

SHOP = """
    DROP SCHEMA public CASCADE;
    CREATE SCHEMA public;
    CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL, city varchar(40));
    CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, amount numeric(12,2) NOT NULL, note text);
    CREATE TABLE untouched (id integer PRIMARY KEY);
    INSERT INTO customers SELECT n, 'user' || n || '@example.com', 'City ' || n % 7 FROM generate_series(1, 1000) AS n;
    INSERT INTO orders SELECT n, 1 + n % 1000, n / 100.0, CASE WHEN n % 4 = 0 THEN 'note ' || n END FROM generate_series(1, 5000) AS n;
"""
OVERNIGHT = """
    ALTER TABLE orders DROP COLUMN note;
    ALTER TABLE customers RENAME COLUMN city TO town;
    ALTER TABLE orders ALTER COLUMN amount TYPE numeric(8,2);
"""
WHAT_CHANGED = {
    ("removed", "orders", "columns.note", "breaking"),
    ("removed", "customers", "columns.city", "breaking"),
    ("added", "customers", "columns.town", "compatible"),
    ("changed", "orders", "columns.amount.data_type", "breaking"),
}
RULES = """
channels:
  - name: ops
    type: webhook
    url: ${OPS_WEBHOOK}
"""


class Hook:
    """A webhook of ours on a free port; ``posted`` is what came."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        posted = self.posted

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    thread = threading.Thread(target=hook.server.serve_forever)
    thread.start()
    yield hook
    hook.server.shutdown()
    thread.join()
    hook.server.server_close()


class Text(HTMLParser):
    """The text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    def __str__(self) -> str:
        return " ".join(self.words)


def what_a_pipeline_tells() -> str:
    """Return facts of a pipeline: what a report of another source is made of, and whose it is."""
    orders = {"source_id": "shop", "schema": "public", "table": "orders"}
    lineage = {"origin": "manual", "inputs": [{"table": orders, "columns": [{"output": "revenue", "input": "amount"}]}]}
    owner = {"author_type": "person", "notes": [{"property": "owner", "value": "Finance"}]}
    report = {"source_id": "mart", "schema": "sales", "table": "daily"}
    moment = datetime.now(UTC).isoformat()
    facts = [("lineage", lineage), ("annotation", owner)]
    return "\n".join(
        json.dumps({"target": report, "kind": kind, "payload": payload, "produced_at": moment, "producer_id": "etl.v1"})
        for kind, payload in facts
    )


def test_what_happened_overnight_is_known_in_the_morning(postgres_url: str, hook: Hook, tmp_path: Path) -> None:
    run = partial(run_program, data_dir=tmp_path / "data", cwd=tmp_path)
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "facts.ndjson").write_text(what_a_pipeline_tells())

    def watch() -> Answer:
        return run(["watch", "--once", "--rules", "rules.yaml", "--json"], OPS_WEBHOOK=hook.url)

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(SHOP.encode())
        assert run(["scan", postgres_url, "--source-id", "shop"]).code == 0
        profile = run(["profile", "shop", "--json"])
        assert profile.code == 0, profile.all
        assert run(["records", "store", "facts.ndjson"]).code == 0
        assert (watch().code, hook.posted) == (0, [])
        assert run(["gate", "shop"]).code == 2, "one scan is nothing to judge by"

        connection.execute(OVERNIGHT.encode())
        assert run(["scan", "shop"]).code == 0

    diff = run(["diff", "shop", "--json"]).json
    assert {(item["change"], item["table"], item["path"], item["severity"]) for item in diff["changes"]} == WHAT_CHANGED
    [rename] = diff["renames"]
    assert (rename["object"], rename["table"], rename["before"], rename["after"]) == ("column", "customers", "city", "town")

    gate = run(["gate", "shop", "--fail-on", "breaking", "--junit", "gate.xml"])
    assert gate.code == 1
    for word in ("public.orders columns.amount.data_type", "type_narrowed", "mart.sales.daily", "Finance"):
        assert word in gate.out
    assert len(ElementTree.parse(tmp_path / "gate.xml").findall(".//failure")) == 3
    assert run(["gate", "shop", "--reads", "public.untouched"]).code == 0, "a pipeline that uses nothing of it goes on"

    assert watch().code == 0
    [message] = hook.posted
    [alert] = message["data"]["alerts"]
    assert alert["target"] == {"source_id": "shop"}
    assert "columns.amount.data_type" in alert["message"]
    assert watch().code == 0
    assert len(hook.posted) == 1, "an alert is told once"

    assert run(["export", "html", "--source", "shop", "-o", "dictionary"]).code == 0
    page = str(Text((tmp_path / "dictionary" / "shop" / "public" / "orders.html").read_text(encoding="utf-8")))
    for word in ("amount", "numeric(12,2)", "numeric(8,2)", "note"):
        assert word in page
