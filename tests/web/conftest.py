"""A store with a history, and its pages: a source that changed between two scans, was measured, judged and spoken of."""

import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from factbook.access import Action, Grant
from factbook.app import Factbook
from factbook.contracts.reading import read_document
from factbook.products import NewProduct
from factbook.products.model import NewPort
from factbook.quality.job import Rulebook
from factbook.settings import load_settings
from factbook.web.app import create_app
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.glossary_term import GlossaryTerm, Relation

HOSTILE = '<script>alert("1")</script>'
KEY = "a-key-of-some-length"
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: customers-daily
version: 1.0.0
status: active
description: {purpose: "Who buys <script>alert(1)</script>"}
team: {name: Sales}
servers: [{server: shop, type: custom, schema: main}]
schema:
  - name: customer
    properties:
      - {name: id, logicalType: integer}
      - {name: email, logicalType: string, required: true}
      - {name: "<script>", logicalType: string}
"""
RULES = """
source: shop
tables:
  - table: main.customer
    checks:
      - not_null: [email, town]
      - row_count: {min: 1}
    promises: {accuracy: 0.9}
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("web")
    with sqlite3.connect(place / "shop.sqlite") as shop:
        shop.executescript(f"""
            CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT NOT NULL, city TEXT);
            CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer (id), amount NUMERIC(10,2));
            CREATE TABLE "{HOSTILE.replace('"', '""')}" ("{HOSTILE.replace('"', '""')}" TEXT DEFAULT '<img src=x>');
            CREATE TABLE "orders.json" (id INTEGER PRIMARY KEY, body TEXT);
            CREATE TABLE basket (id INTEGER PRIMARY KEY);
            CREATE VIEW big AS SELECT id, amount FROM orders WHERE amount > 100;
            INSERT INTO customer VALUES (1, 'a@example.com', 'Bonn'), (2, 'b@example.com', NULL);
            INSERT INTO orders VALUES (1, 1, 10), (2, 2, 250);
        """)
    house = Factbook(load_settings({}, data_dir=str(place / "data"), source_db_url=f"sqlite:///{place}/shop.sqlite"))
    house.run_scan()
    with sqlite3.connect(place / "shop.sqlite") as shop:
        shop.executescript("""
            ALTER TABLE customer DROP COLUMN city;
            ALTER TABLE customer ADD COLUMN town TEXT;
            DROP TABLE basket;
            CREATE TABLE invoice (id INTEGER PRIMARY KEY, due TEXT NOT NULL DEFAULT 'now');
        """)
    house.run_scan(accept_removals=True)
    house.run_profile()
    house.of("default").run_quality(rules=Rulebook("rules.yaml", RULES))
    note = {
        "author_type": "person",
        "notes": [{"property": "description", "value": f"Who buys {HOSTILE}"}, {"property": "owner", "value": "Sales"}],
    }
    alert = {"rule": "late", "state": "firing", "severity": "error", "title": f"Orders are late {HOSTILE}"}
    house.repository.store(MetadataRecord(MetadataTarget("shop", "main", "customer"), "annotation", note, datetime.now(UTC), "person:ada"))
    house.repository.store(MetadataRecord(MetadataTarget("shop", "main", "orders"), "alert", alert, datetime.now(UTC), "watch"))
    lineage = {"origin": "view", "inputs": [{"table": {"source_id": "shop", "schema": "main", "table": "orders"}}]}
    read = {"origin": "openlineage", "inputs": [{"table": {"source_id": "shop", "schema": "main", "table": "big"}}]}
    house.repository.store(MetadataRecord(MetadataTarget("shop", "main", "big"), "lineage", lineage, datetime.now(UTC), "lineage.view"))
    house.repository.store(MetadataRecord(MetadataTarget("s3://lake", None, HOSTILE), "lineage", read, datetime.now(UTC), "etl"))
    guess = {
        "author_type": "agent",
        "notes": [
            {
                "property": "description",
                "value": f"Where receipts go {HOSTILE}",
                "column": "email",
                "confidence": 0.8,
                "reason": "its name",
            },
            {"property": "classification", "value": "pii", "column": "email", "confidence": 0.9},
            {"property": "term", "value": "customer"},
        ],
    }
    house.repository.store(
        MetadataRecord(MetadataTarget("shop", "main", "customer"), "annotation", guess, datetime.now(UTC), "agent:sorter")
    )
    house.glossary.add("party", GlossaryTerm("Party", status="approved"), author="person:ada")
    customer = GlossaryTerm("Customer", f"Who buys {HOSTILE}", synonyms=["client"], relations=[Relation("broader", "party")])
    house.glossary.add("customer", customer, author="person:ada")
    house.diffs.fulfil("shop")
    rooms = house.of("default")
    rooms.contracts.import_document(read_document(CONTRACT))
    port = NewPort("customers", "shop.main.customer", "customers-daily")
    product = NewProduct(name="customers", domain="sales", owner="Sales", description=HOSTILE, schema={"id": "integer"}, ports=[port])
    rooms.product_registry.register(product, by="ada")
    house.close()
    return place


@contextmanager
def opened(place, **settings):
    """Open the pages over a store; whoever asks is on this machine."""
    house = Factbook(load_settings({}, data_dir=str(place / "data"), source_db_url=f"sqlite:///{place}/shop.sqlite", **settings))
    with TestClient(create_app(house), base_url="http://localhost", client=("127.0.0.1", 5), follow_redirects=False) as client:
        client.house = house
        yield client


@pytest.fixture(scope="session")
def client(folder):
    """The pages as somebody on this machine sees them, without a key; for tests that change nothing."""
    with opened(folder) as client:
        yield client


@pytest.fixture(scope="session")
def keyed(folder):
    """The pages of a server with a key."""
    with opened(folder, api_key=KEY) as client:
        yield client


@pytest.fixture(scope="session")
def signed_in(keyed):
    """Return a function that makes a token with grants, signs in with it, and returns the headers its browser sends."""
    cookies = {}

    def sign_in(action="read", tenant="default", kinds=("*",)):
        asked = action, tenant, kinds
        if asked not in cookies:
            made = keyed.house.tokens.create(f"{action} {tenant}", [Grant(Action(action), tenant, "*", kinds)], created_by="test")
            answer = keyed.post("/ui/sign-in", data={"credential": made.value, "to": "/ui"}, headers={"host": "factbook.example"})
            keyed.cookies.clear()
            cookies[asked] = answer.headers["set-cookie"].split(";")[0]
        return {"host": "factbook.example", "cookie": cookies[asked], "origin": "http://factbook.example", "sec-fetch-site": "same-origin"}

    return sign_in
