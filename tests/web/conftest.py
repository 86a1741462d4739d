"""A store with a history, and its pages: a source that changed between two scans, was measured, judged and spoken of."""

import sqlite3
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from factbook.app import Factbook
from factbook.settings import load_settings
from factbook.web.app import create_app
from factbook_sdk.facts import MetadataRecord, MetadataTarget

HOSTILE = '<script>alert("1")</script>'


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("web")
    with sqlite3.connect(place / "shop.sqlite") as shop:
        shop.executescript(f"""
            CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT NOT NULL, city TEXT);
            CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer (id), amount NUMERIC(10,2));
            CREATE TABLE "{HOSTILE.replace('"', '""')}" ("{HOSTILE.replace('"', '""')}" TEXT DEFAULT '<img src=x>');
            CREATE VIEW big AS SELECT id, amount FROM orders WHERE amount > 100;
            INSERT INTO customer VALUES (1, 'a@example.com', 'Bonn'), (2, 'b@example.com', NULL);
            INSERT INTO orders VALUES (1, 1, 10), (2, 2, 250);
        """)
    house = Factbook(load_settings({}, data_dir=str(place / "data"), source_db_url=f"sqlite:///{place}/shop.sqlite"))
    house.run_scan()
    with sqlite3.connect(place / "shop.sqlite") as shop:
        shop.executescript("ALTER TABLE customer DROP COLUMN city; ALTER TABLE customer ADD COLUMN town TEXT;")
    house.run_scan()
    house.run_profile()
    note = {
        "author_type": "person",
        "notes": [{"property": "description", "value": f"Who buys {HOSTILE}"}, {"property": "owner", "value": "Sales"}],
    }
    house.repository.store(MetadataRecord(MetadataTarget("shop", "main", "customer"), "annotation", note, datetime.now(UTC), "person:ada"))
    house.diffs.fulfil("shop")
    house.close()
    return place


@pytest.fixture
def browse(folder):
    """Return a function that opens the pages as somebody: ``browse(api_key=…)``."""
    opened = []

    def browse(**settings):
        house = Factbook(load_settings({}, data_dir=str(folder / "data"), source_db_url=f"sqlite:///{folder}/shop.sqlite", **settings))
        client = TestClient(create_app(house), base_url="http://localhost", client=("127.0.0.1", 5), follow_redirects=False)
        client.__enter__()
        opened.append(client)
        return client

    yield browse
    for client in opened:
        client.__exit__(None, None, None)
