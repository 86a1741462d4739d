"""What people and pipelines say of the tables of :mod:`bench.generate_store`: lineage, notes, terms, products and contracts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from factbook.contracts.drafting import draft_contract
from factbook.contracts.odcs import contract_of, objects_of, promise_of
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.annotation import Annotation, Note
from factbook_sdk.facts.kinds.data_contract import ContractObject, contract_producer, contract_target
from factbook_sdk.facts.kinds.data_product import DataProduct, Owner, Port, product_target
from factbook_sdk.facts.kinds.glossary_term import GlossaryTerm, Relation, term_target
from factbook_sdk.facts.kinds.lineage import ColumnEdge, Lineage, LineageInput
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.parts import TableRef

Tables = Mapping[MetadataTarget, SchemaSnapshot]
PRODUCTS = 1_000
TERMS = 300
NOTED = 5
"""Every fifth table has notes of a person, and every tenth suggestions of an agent."""
EDGES = 3
PEOPLE = ("ada", "grace", "edsger", "barbara", "donald", "frances")
DOMAINS = ("sales", "finance", "logistics", "people", "marketing", "support", "risk", "web")
SHARED = ("id", "code", "amount", "country", "created_at")


def lineage(tables: Tables, moment: datetime) -> Iterator[MetadataRecord]:
    """Yield of each view what it reads, and of most tables of the warehouse what the pipelines make them from."""
    chance = random.Random(1)
    everything = list(tables)
    sources = [target for target in everything if target.source_id != "warehouse" and tables[target].object_type == "table"]
    made = [target for target in everything if target.source_id == "warehouse" and tables[target].object_type == "table"]
    before: MetadataTarget | None = None
    for target in everything:
        if tables[target].object_type == "view" and before is not None:
            yield _made(target, [_input(before, 1.0)], "view", "lineage.view", moment)
        before = target
    for place, target in enumerate(made):
        near = made[max(0, place - 60) : place]
        found = [chance.choice(sources), *(chance.sample(near, 3) if len(near) > 20 else [])]
        inputs = [_input(other, 0.9 if chance.random() < 0.25 else 1.0) for other in dict.fromkeys(found)]
        yield _made(target, inputs, "sql", f"sql:load_{place % 400:03d}.sql", moment)


def _input(other: MetadataTarget, confidence: float) -> LineageInput:
    edges = [ColumnEdge(name, name) for name in SHARED]
    return LineageInput(_ref(other), edges, confidence=confidence)


def _made(target: MetadataTarget, inputs: list[LineageInput], origin: str, producer_id: str, moment: datetime) -> MetadataRecord:
    said = Lineage(origin, inputs)  # type: ignore[arg-type]
    return record_of(said, target, producer_id=producer_id, produced_at=moment)


def notes(tables: Tables, moment: datetime) -> Iterator[MetadataRecord]:
    """Yield what people say of tables and columns, and what an agent suggests."""
    for place, target in enumerate(tables):
        if place % NOTED == 0:
            person = PEOPLE[place % len(PEOPLE)]
            said = [
                Note("description", f"What {target.schema} knows of {(target.table or '').replace('_', ' ')}."),
                Note("owner", f"team-{DOMAINS[place % len(DOMAINS)]}"),
                Note("tag", "gold" if place % 3 else "raw"),
                Note("classification", "pii", column="email"),
                Note("description", "In euros, with tax, as it was billed.", column="amount"),
                Note("term", f"term_{place % TERMS:03d}"),
            ]
            yield record_of(Annotation("person", said), target, producer_id=f"person:{person}", produced_at=moment)
        if place % (2 * NOTED) == 3:
            guess = [Note("description", f"Probably the {target.table}.", confidence=0.7, reason="its name")]
            yield record_of(Annotation("agent", guess), target, producer_id="agent:librarian", produced_at=moment)


def glossary(_: Tables, moment: datetime) -> Iterator[MetadataRecord]:
    """Yield terms, each under one of the first ten."""
    for place in range(TERMS):
        above = [Relation("broader", f"term_{place % 10:03d}")] if place >= 10 else []
        term = GlossaryTerm(
            f"Term {place}",
            f"What everybody means by term {place} when they count it.",
            "approved",
            DOMAINS[place % len(DOMAINS)],
            [f"word {place}"],
            [PEOPLE[place % len(PEOPLE)]],
            above,
        )
        yield record_of(term, term_target(f"term_{place:03d}"), producer_id="glossary", produced_at=moment, extras={"by": "person:ada"})


def products(tables: Tables, moment: datetime) -> Iterator[MetadataRecord]:
    """Yield products, each with a table that it gives out under a contract, and one that it takes in."""
    for place, (given, taken) in enumerate(ports(tables)):
        product = DataProduct(
            f"product_{place:04d}",
            DOMAINS[place % len(DOMAINS)],
            "active",
            version="1.0.0",
            description=f"All that readers need of {given.table}, every morning at six.",
            owners=[Owner(f"team-{DOMAINS[place % len(DOMAINS)]}")],
            inputs=[Port("raw", _ref(taken))],
            outputs=[Port("table", _ref(given), contract_id=_contract_id(given))],
            tags=["daily"],
            tier="gold" if place % 4 == 0 else "silver",
            schema={"id": "bigint", "code": "varchar", "amount": "numeric"},
            created_at=moment,
        )
        said = {"by": f"person:{PEOPLE[place % len(PEOPLE)]}"}
        yield record_of(product, product_target(product.name), producer_id="products.v1", produced_at=moment, extras=said)


def contracts(tables: Tables, moment: datetime) -> Iterator[MetadataRecord]:
    """Yield the contract of each product's table, as it is drafted from the table and stored."""
    for given, _ in ports(tables):
        document = draft_contract(_ref(given), tables[given], None) | {"status": "active", "version": "1.0.0"}
        bound = [ContractObject(item["name"], _ref(given)) for item in objects_of(document)]
        producer = contract_producer(document["id"])
        whole = msgspec.structs.replace(contract_of(document), objects=bound)
        yield record_of(whole, contract_target(document["id"]), producer_id=producer, produced_at=moment)
        promise = promise_of(document, objects_of(document)[0])
        yield record_of(promise, given, producer_id=producer, produced_at=moment)


def ports(tables: Tables) -> list[tuple[MetadataTarget, MetadataTarget]]:
    """Return the tables that products give out and take in, in the order of the products."""
    there = [target for target in tables if target.source_id == "warehouse"]
    count = min(PRODUCTS, len(there) // 2)
    return [(there[place * 2 + 1], there[place * 2]) for place in range(count)]


def _contract_id(given: MetadataTarget) -> str:
    return f"{given.source_id}.{given.schema}.{given.table}"


def _ref(target: MetadataTarget) -> TableRef:
    return TableRef(target.source_id, target.table or "", target.schema)
