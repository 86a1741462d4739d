"""The store the browser looks at: a real database that changed between two scans, was measured, judged and spoken of, and a hostile one.

The real one is Chinook. A view over its customers is what a product gives out under a contract, and a person has described the table below.
"""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from factbook import demo
from factbook.app import Factbook
from factbook.contracts.model import ImportWish
from factbook.contracts.reading import read_document
from factbook.knowledge.editing import NewNote, NoteSet
from factbook.knowledge.places import Place
from factbook.lineage.registering import NewLineage
from factbook.products.model import NewPort, NewProduct, TablePlace
from factbook.quality.job import Rulebook
from factbook.settings import load_settings
from factbook.watch.raising import Raising
from factbook.web.app import create_app
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.glossary_term import GlossaryTerm

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "</script><script>alert(1)</script>",
    "\u202egnp.elbat",
    "{{ 7 * 7 }}${7*7}",
)
"""Names that a page which takes them for markup, an address or a template would run or be bent by."""
RULES = """
source: chinook
tables:
  - table: main.Customer
    checks:
      - not_null: [Email, Company]
      - unique: Email
      - row_count: {min: 1}
"""


class Shelf(msgspec.Struct, frozen=True):
    """A folder with a store, the moment between the two scans, a job that ended, and an alert with the rule that raised it."""

    folder: Path
    between: datetime
    job_id: str
    alert_id: str
    rule: str

    def value(self, place: str, parameter: str) -> str | None:
        """Return what stands for a parameter of a page's path; ``place`` is the first part of the path. ``None`` where nothing is known."""
        known = {
            "source_id": "chinook",
            "schema": "main",
            "table": "Customer",
            "job_id": self.job_id,
            "alert_id": self.alert_id,
            "rule.name": self.rule,
            "offset": "1",
            "kind.name": "annotation",
            "product": "Best customers",
            "product.name": "Best customers",
            "domain": "sales",
            "domain.name": "sales",
            "contract_id": "best-customers",
            "contract.id": "best-customers",
            "term.key": "customer",
            "key": "customer",
        }
        return known.get(f"{place}.{parameter}", known.get(parameter))


def fill(folder: Path, *, hostile: bool = True) -> Shelf:
    """Make the store, with the hostile source or without."""
    chinook = demo.ensure_source(folder / "chinook.sqlite")
    with opened(folder) as house:
        house.run_scan()
        between = datetime.now(UTC)
        demo.change(chinook)
        house.run_scan()
        own = house.own
        house.run_profile()
        own.run_quality(rules=Rulebook("rules.yaml", RULES))
        house.diffs.fulfil("chinook")
        own.sql_lineage.scan("chinook")
        Raising(house.repository, house.rulebook)(house.repository.tail(0, kinds=["catalog_diff", "quality_result"], limit=1_000).records)
        _speak(house)
        _offer(house)
        if hostile:
            _add_hostile(house, folder / "hostile.sqlite")
        alert = own.alerts.page(limit=1, source_id="chinook").items[0]
        return Shelf(folder, between, own.jobs.page(limit=1).items[0].job_id, alert.alert_id, alert.rule)


@contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Factbook]:
    """Open a store."""
    url = f"sqlite:///{folder}/chinook.sqlite"
    house = Factbook(load_settings({}, data_dir=str(folder / "data"), source_db_url=url, log_level="CRITICAL", **settings))
    try:
        yield house
    finally:
        house.close()


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[str]:
    """Serve a store as ``factbook serve`` does; give the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"sqlite:///{folder}/chinook.sqlite"
    house = Factbook(
        load_settings({}, data_dir=str(folder / "data"), source_db_url=url, log_level="CRITICAL", port=port, job_attempts=1, **settings)
    )
    server = uvicorn.Server(uvicorn.Config(create_app(house), log_config=None, access_log=False, timeout_graceful_shutdown=1))
    listening = socket.create_server(("127.0.0.1", port))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def _speak(house: Factbook) -> None:
    """Let people say what things are, and an agent guess."""
    said = NoteSet(
        [
            NewNote("description", "Everybody who ever bought something, one row each."),
            NewNote("owner", "Sales"),
            NewNote("tag", "gold"),
        ]
    )
    house.own.notes.writing.replace(Place("chinook", "main", "Customer"), "person:ada", said)
    house.own.notes.writing.replace(
        Place("chinook", "main", "Customer", "Email"), "person:ada", NoteSet([NewNote("classification", "pii")])
    )
    guess = {"author_type": "agent", "notes": [{"property": "description", "value": "Songs, probably.", "confidence": 0.8}]}
    _tell(house, MetadataTarget("chinook", "main", "Track"), "annotation", guess, "agent:librarian")
    term = GlossaryTerm("Customer", "Somebody who bought something at least once.", "approved", "sales", ["client"], ["Sales"])
    house.glossary.add("customer", term, author="person:ada")


def _tell(house: Factbook, target: MetadataTarget, kind: str, payload: dict[str, Any], producer_id: str) -> None:
    house.repository.store(MetadataRecord(target, kind, payload, datetime.now(UTC), producer_id))


def _offer(house: Factbook) -> None:
    """Register a product whose port is a view, under a contract, and say where its data comes from and goes."""
    own = house.own
    table = "chinook.main.BestCustomers"
    document = own.contracts.draft(table) | {"id": "best-customers", "status": "active", "version": "1.0.0"}
    own.contracts.import_document(read_document(msgspec.json.encode(document)), ImportWish(bind={"BestCustomers": table}, by="person:ada"))
    port = NewPort("customers", TablePlace("chinook", "BestCustomers", "main"), contract_id="best-customers")
    best = NewProduct(
        name="Best customers", domain="sales", owner="Sales", description="Who buys most, every morning.", ports=[port], tags=["daily"]
    )
    own.product_registry.register(best, by="person:ada")
    for source, target, how in (
        ("Web shop", "chinook.main.Customer", "every order with its buyer"),
        ("chinook.main.BestCustomers", "Best customers", "as it stands, every morning"),
        ("chinook.main.Customer", "Churn forecast", "who bought nothing for long"),
        ("chinook.main.Invoice", "Churn forecast", "who bought nothing for long"),
        ("Best customers", "Newsletter", "whoever has an address"),
    ):
        own.lineage_by_hand.register(NewLineage(source, target, how), by="person:ada")


def _add_hostile(house: Factbook, file: Path) -> None:
    """Scan a source whose names would run or bend a page, and say the like of it."""
    _make_hostile(file)
    house.run_scan(f"sqlite:///{file}")
    house.own.sql_lineage.scan("hostile")
    for name in HOSTILE:
        notes = [{"property": "description", "value": name}, {"property": "link", "value": "javascript:alert(1)"}]
        _tell(house, MetadataTarget("hostile", "main", name), "annotation", {"author_type": "person", "notes": notes}, "person:mallory")
        alert = {"rule": name, "state": "firing", "severity": "error", "title": name, "message": name}
        _tell(house, MetadataTarget("hostile", "main", name), "alert", alert, f"watch:{name}")
    house.glossary.add("odd", GlossaryTerm(HOSTILE[0], HOSTILE[3], synonyms=[HOSTILE[1]]), author="person:mallory")
    odd = NewProduct(name='"><img src=x onerror=alert(1)>', domain="odd", owner=HOSTILE[0], description=HOSTILE[3])
    house.own.product_registry.register(odd, by="person:mallory")


def _make_hostile(file: Path) -> None:
    quoted = ['"' + name.replace('"', '""') + '"' for name in HOSTILE]
    with closing(sqlite3.connect(file)) as connection, connection:
        for name in quoted:
            connection.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, {', '.join(f'{column} TEXT' for column in quoted)})")
            connection.execute(f"INSERT INTO {name} VALUES (1{', ?' * len(HOSTILE)})", HOSTILE)
        view = '"</script><svg onload=alert(1)>"'
        connection.execute(f"CREATE VIEW {view} AS SELECT id, {quoted[0]} FROM {quoted[0]}")
