"""Search a store of 10,000 tables with 200,000 columns, a year of daily scans, 1,000 products, 2,000 terms and 3,000 notes, as somebody
types: every beginning of every question, "c", "cu", "cus" … Beside the floor in the same run: the index alone, asked for the numbers of
what holds the words anywhere.

``python -m bench.search [TABLES]`` (10,000 unless given) writes ``bench/results/search.json``: the twelve best with their texts, as the box
asks for them while one types, and a page of thirty with counts by kind, source, schema, tag …, each in the process.
"""

from __future__ import annotations

import gc
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import text

from bench import report
from bench.floor_repository import Ground, postgres, sqlite
from factbook.app import Factbook
from factbook.dictionary.tables import word_index
from factbook.log import configure_logging
from factbook.repository.sql import SqlRepository
from factbook.settings import load_settings
from factbook.words import Field, parse_question
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan, ScanCounts, ScanScope, SchemaReading
from factbook_sdk.facts.kinds.data_product import product_target
from factbook_sdk.facts.kinds.glossary_term import term_target
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot

TABLES = 10_000
COLUMNS = 20
PRODUCTS, TERMS, NOTES = 1000, 2000, 3000
SOURCES = ("shop", "crm", "warehouse")
SEED = 20260101
START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 1000


def words(text: str) -> list[str]:
    return text.split()


THINGS = words("""
    account address alert asset audit balance batch bill branch budget campaign card carrier cart case category channel claim client
    cohort comment commission company contact contract coupon course credit currency customer delivery department deposit device
    discount document driver employee event expense feature forecast fraud goal grade group hotel image incident insurance inventory
    invoice item job journal kit label lead ledger lesson license loan location log machine manager market measure member message
    meter model mortgage network offer order package partner passenger patient payment payroll permission person plan policy position
    price product profile project promotion provider purchase quality quote rate receipt recipe refund region rental report
    reservation return review risk role route salary sample schedule score season seat segment sensor service session shipment site
    skill stock store student subscription supplier survey task tax team territory ticket trade transaction transfer trip unit upload
    user vacation vehicle vendor version visit voucher warehouse warranty
""")
SIDES = words("""
    archive balance change daily detail draft event history hourly import item link log map monthly note snapshot staging state
    summary
""")
TRAITS = words("""
    id code name status type amount currency created_at updated_at deleted_at description email phone city country zip_code start_date
    end_date quantity unit_price total tax_rate comment source_system batch_id version is_active external_id parent_id owner_id
    sort_order
""")
QUESTIONS = (
    "customer",
    "customer_id",
    "customer email",
    "created_at",
    "invoice history",
    "paymentstatus",
    "p",
    "zip",
    "total amount of order",
    "warehouse.vehicle",
    "churn",
    "pii email",
    "external",
    "nothing of the sort",
)


def snapshots(tables: int) -> Iterator[MetadataRecord]:
    """Yield tables as warehouses have them: names of one or two words, keys named after other tables, a comment here and there."""
    choose = random.Random(SEED)
    for number in range(tables):
        thing, side = choose.choice(THINGS), choose.choice(SIDES)
        name = f"{thing}_{side}_{number:05d}" if number % 3 else f"{thing}_{side}{number // 400 or ''}"
        own = [f"{thing}_id", *choose.sample(TRAITS, 11), *(f"{other}_id" for other in choose.sample(THINGS, 4))]
        own += [f"{choose.choice(THINGS)}_{choose.choice(TRAITS)}" for _ in range(COLUMNS)]
        columns = [
            Column(column, place, "text", comment=f"The {column.replace('_', ' ')} of the {thing}" if choose.random() < 0.2 else None)
            for place, column in enumerate(list(dict.fromkeys(own))[:COLUMNS], 1)
        ]
        comment = f"Every {side} of a {thing}, one row a day" if choose.random() < 0.5 else None
        source, schema = SOURCES[number % 3], f"area_{number % 40:02d}"
        payload = SchemaSnapshot("table" if number % 10 else "view", columns, comment=comment).to_payload()
        yield MetadataRecord(MetadataTarget(source, schema, name), "schema_snapshot", payload, START, "scan.v1")


def told(tables: Sequence[MetadataTarget]) -> Iterator[MetadataRecord]:
    """Yield what people declare and say: products, terms, notes."""
    choose = random.Random(SEED)
    for number in range(PRODUCTS):
        one = choose.choice(tables)
        port = {"name": "main", "table": {"source_id": one.source_id, "schema": one.schema, "table": one.table}}
        thing = choose.choice(THINGS)
        payload = {
            "name": f"{thing.title()} {number}",
            "domain": choose.choice(("sales", "finance", "care", "logistics")),
            "status": "active",
            "description": f"Who needs to know of a {thing} looks here; churn and growth by {choose.choice(THINGS)}",
            "owners": [{"name": f"team-{number % 30}"}],
            "outputs": [port],
            "tags": [choose.choice(("gold", "silver", "bronze"))],
        }
        yield MetadataRecord(product_target(f"{thing}-{number}"), "data_product", payload, START, "registry")
    for number in range(TERMS):
        thing = choose.choice(THINGS)
        payload = {
            "name": f"{choose.choice(SIDES)} {thing}",
            "definition": f"A {thing} that {choose.choice(THINGS)}s know",
            "status": "approved",
        }
        yield MetadataRecord(term_target(f"{thing}-{number}"), "glossary_term", payload, START, "glossary")
    for number, one in enumerate(choose.sample(list(tables), min(NOTES, len(tables)))):
        notes = [
            {"property": "description", "value": f"Used for churn by {choose.choice(THINGS)}"},
            {"property": "classification", "value": "pii", "column": "email"},
            {"property": "owner", "value": f"team-{number % 30}"},
        ]
        yield MetadataRecord(one, "annotation", {"author_type": "person", "notes": notes}, START, "person:ada")


def scans() -> Iterator[MetadataRecord]:
    """Yield a year of daily scans that found nothing new. But for the last they confirm no table, which takes a store of tables long and
    says nothing of a search."""
    schemas = {f"area_{number:02d}": SchemaReading(True) for number in range(40)}
    for day in range(365):
        seen = schemas if day == 364 else {name: SchemaReading(False) for name in schemas}
        payload = CatalogScan("e", "1", ScanScope(), seen, True, ScanCounts(3333, 0, 0, 3333, 0, 0), 1.0)
        for source in SOURCES:
            moment = START + timedelta(days=day)
            yield MetadataRecord(MetadataTarget(source), "catalog_scan", msgspec.to_builtins(payload), moment, "scan.v1")


def fill(repository: SqlRepository, tables: int) -> float:
    """Store all of it; return how many seconds the tables took."""
    found = list(snapshots(tables))
    begun = time.perf_counter()
    for start in range(0, len(found), BATCH):
        repository.bulk_store(found[start : start + BATCH], atomic=True)
    seconds = time.perf_counter() - begun
    rest = [*told([record.target for record in found]), *scans()]
    for start in range(0, len(rest), BATCH):
        repository.bulk_store(rest[start : start + BATCH], atomic=True)
    if repository.database.dialect == "postgresql":
        repository.database.maintain("VACUUM ANALYZE")
    return seconds


def typed() -> list[str]:
    """Return every beginning of every question that ends in a letter."""
    beginnings = (question[:length] for question in QUESTIONS for length in range(1, len(question) + 1))
    return [words for words in beginnings if words[-1].isalnum()]


def quantiles(act: Callable[[str], object], asked: Sequence[str], repeats: int = 3) -> tuple[float, float, float, str]:
    """Return p50, p95 and the longest in milliseconds, and what took longest."""
    for words in asked[:20]:
        act(words)
    times = []
    for _ in range(repeats):
        for words in asked:
            begun = time.perf_counter()
            act(words)
            times.append(((time.perf_counter() - begun) * 1000, words))
    times.sort()
    longest, words = times[-1]
    return round(times[len(times) // 2][0], 1), round(times[int(len(times) * 0.95)][0], 1), round(longest, 1), words


def floor(repository: SqlRepository) -> Callable[[str], int]:
    """Return the bare question: which tables hold the words in any field."""
    fields = (Field.NAME, Field.PART, Field.TEXT, Field.PLACE)

    def ask(asked: str) -> int:
        question = parse_question(asked)
        assert question is not None
        condition = tuple(tuple((field.value + term, True) for field in fields) for term in question.terms)
        with repository.reading() as connection:
            dialect = connection.dialect.name
            parameters = {"words": word_index.asked(dialect, condition)}
            return len(connection.execute(text(word_index.numbers(dialect)), parameters).all())

    return ask


def measure(ground: Ground, tables: int) -> list[list[Any]]:
    with tempfile.TemporaryDirectory() as folder:
        house = Factbook(load_settings({"DATA_DIR": folder, "META_DB_URL": ground.url}))
        seconds = fill(house.sql, tables)
        gc.collect()
        finder, asked = house.own.finder, typed()
        rows: list[list[Any]] = []
        for what, act in (
            ("the index alone", floor(house.sql)),
            ("the twelve best", lambda words: finder.search(words, limit=12, facets=False)),
            ("a page of thirty with counts", lambda words: finder.search(words)),
        ):
            p50, p95, longest, slowest = quantiles(act, asked)
            rows.append([ground.name, what, p50, p95, longest, slowest])
            print(rows[-1], flush=True)
        print(f"{ground.name}: {tables:,} tables stored in {seconds:.1f} s, {len(asked)} questions", flush=True)
        house.close()
    return rows


def main() -> None:
    configure_logging("ERROR")
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else TABLES
    rows: list[list[Any]] = []
    for place in (sqlite, postgres):
        with place() as ground:
            rows += measure(ground, tables)
    columns = ["store", "what is asked", "p50, ms", "p95, ms", "longest, ms", "which was"]
    note = f"`python -m bench.search`, {report.machine()} {tables:,} tables, {tables * COLUMNS:,} columns, {len(typed())} questions thrice."
    report.write("search", columns, rows, note)


if __name__ == "__main__":
    main()
