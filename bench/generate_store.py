"""A store of a company for the benches of the pages: 10,000 tables of 20 columns in ten sources, and a year of what happened to them.

    python -m bench.generate_store FOLDER [--days 365] [--scale 1.0]

One source is large (5,500 tables, 5,000 of them in one schema), the others are of 500. Each is scanned every day; on some days a hundredth
of its tables changes. Facts are those that scans, profiles, quality runs, jobs and people leave, stored in the order they would come;
comparisons and alerts are made by the project's own functions. The same every time, but for the day on which the year ends.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from bench.generate_said import contracts, glossary, lineage, notes, products
from factbook.app import Factbook
from factbook.settings import load_settings
from factbook.watch.raising import Raising
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan, ScanCounts, ScanScope, SchemaReading
from factbook_sdk.facts.kinds.job_run import JobError, JobRun, JobState
from factbook_sdk.facts.kinds.quality_result import Dimension, QualityResult
from factbook_sdk.facts.kinds.quality_score import Coverage, DimensionScore, QualityScore, TableScore
from factbook_sdk.facts.kinds.schema_snapshot import Column, Constraint, Index, IndexPart, Reference, SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import Bin, ColumnStatistics, StatisticsSnapshot
from factbook_sdk.facts.kinds.table_observation import TableObservation

SEED = 20260101
SOURCES = ("warehouse", "shop", "billing", "crm", "support", "logistics", "hr", "finance", "marketing", "web_events")
SCHEMAS = {"warehouse": {"core": 5_000, "staging": 500}}
USUAL = {"public": 400, "archive": 100}
_WORDS = """
    customer order invoice payment product shipment supplier employee account ticket campaign session visit refund stock price contract
    address region store basket review message device event budget ledger salary course vehicle route parcel claim policy quote lead
"""
_ASPECTS = "items history daily summary status details archive log balance notes links totals changes queue snapshot"
WORDS, ASPECTS = _WORDS.split(), _ASPECTS.split()
COLUMNS = (
    ("id", "bigint", "The key"),
    ("{other}_id", "bigint", "The {other} it belongs to"),
    ("code", "character varying(32)", "What people call it"),
    ("title", "text", None),
    ("email", "character varying(120)", "Where to write to"),
    ("amount", "numeric(12,2)", "In euros, with tax"),
    ("quantity", "integer", None),
    ("created_at", "timestamp with time zone", "When it came to be"),
    ("updated_at", "timestamp with time zone", None),
    ("is_active", "boolean", None),
    ("details", "jsonb", None),
    ("tags", "text[]", None),
    ("country", "character(2)", "ISO 3166"),
    ("currency", "character(3)", "ISO 4217"),
    ("ratio", "double precision", None),
    ("rank", "smallint", None),
    ("valid_from", "date", "The first day it holds"),
    ("valid_to", "date", None),
    ("{word}_state", "character varying(20)", "Where the {word} stands"),
    ("loaded_by", "text", None),
)
MEASURED = 20
"""Tables of a source that are profiled every day; six of each source are judged by rules."""
JUDGED = 6
RULES: tuple[tuple[str, str, Dimension], ...] = (
    ("not_null:email", "not_null", "completeness"),
    ("unique:code", "unique", "uniqueness"),
    ("fresh", "freshness", "timeliness"),
)


class Company:
    """The tables, as they are on the day that was told last."""

    def __init__(self, scale: float) -> None:
        self.chance = random.Random(SEED)
        self.tables: dict[MetadataTarget, SchemaSnapshot] = {}
        for source_id in SOURCES:
            for schema, count in SCHEMAS.get(source_id, USUAL).items():
                names = [
                    f"{WORDS[place % len(WORDS)]}_{ASPECTS[place // len(WORDS) % len(ASPECTS)]}_{place:04d}"
                    for place in range(max(12, int(count * scale)))
                ]
                for place, name in enumerate(names):
                    self.tables[MetadataTarget(source_id, schema, name)] = structure(schema, names, place)
        self.of = {source_id: [target for target in self.tables if target.source_id == source_id] for source_id in SOURCES}

    def change(self, target: MetadataTarget, day: int) -> None:
        """Let a table change as tables do: mostly a column more, now and then a wider or a narrower type, or a column less."""
        before = self.tables[target]
        columns, kind = list(before.columns), self.chance.random()
        if kind < 0.6:
            columns.append(Column(f"added_{day:03d}", len(columns) + 1, "text", comment=f"Came on day {day}"))
        elif kind < 0.9:
            place = self.chance.randrange(2, len(columns))
            columns[place] = msgspec.structs.replace(columns[place], data_type=self.chance.choice(("text", "bigint", "numeric(18,4)")))
        elif len(columns) > 18:
            columns.pop()
        self.tables[target] = msgspec.structs.replace(before, columns=columns)


def structure(schema: str, names: list[str], place: int) -> SchemaSnapshot:
    """Return a table; every tenth is a view over the one before."""
    word, other = WORDS[place % len(WORDS)], WORDS[(place + 7) % len(WORDS)]
    columns = [
        Column(name.format(word=word, other=other), at, kind, nullable=at > 3, comment=said and said.format(word=word, other=other))
        for at, (name, kind, said) in enumerate(COLUMNS, 1)
    ]
    if place % 10 == 9:
        query = f"SELECT {', '.join(column.name for column in columns)} FROM {schema}.{names[place - 1]} WHERE is_active"
        return SchemaSnapshot("view", columns, definition=query, comment=f"The active rows of {names[place - 1]}")
    key = Constraint("primary_key", f"{names[place]}_pkey", ["id"])
    referred = names[place - 7 if place % 10 != 6 and place >= 7 else 0]
    foreign = Constraint("foreign_key", f"{names[place]}_{other}", [f"{other}_id"], references=Reference(referred, schema, ["id"]))
    index = Index(f"{names[place]}_code", [IndexPart("code")], unique=True, method="btree")
    said = f"Each {word} of {schema}, {ASPECTS[place // len(WORDS) % len(ASPECTS)]}" if place % 3 else None
    return SchemaSnapshot("table", columns, [key, foreign], [index], comment=said)


def scanned(company: Company, source_id: str, day: int, moment: datetime) -> Iterator[MetadataRecord]:
    """Yield what a scan and its job leave."""
    own = company.of[source_id]
    changed = own if day == 0 else []
    if day and company.chance.random() < 0.3:
        changed = company.chance.sample(own, max(1, len(own) // 100))
        for target in changed:
            company.change(target, day)
    run = f"scan-{moment:%Y%m%dT%H%M%SZ}-{source_id}"
    context = MetadataContext(run_id=run, job_id=run, namespace=f"postgres://{source_id}.example:5432")
    for target in changed:
        snapshot = company.tables[target]
        yield MetadataRecord(target, "schema_snapshot", snapshot.to_payload(), moment, "scan.v1", context)
        rows = company.chance.randrange(10_000_000)
        seen = TableObservation(f"postgres1:{day:04d}{len(snapshot.columns):04d}", rows, rows * 180)
        yield record_of(seen, target, producer_id="scan.v1", produced_at=moment, context=context)
    counts = ScanCounts(len(own), len(own) if day == 0 else 0, 0 if day == 0 else len(changed), len(own) - len(changed), 0, 0)
    schemas = {target.schema or "": SchemaReading(True) for target in own}
    said = CatalogScan("postgresql", "15.6", ScanScope(), schemas, True, counts, 12.5, namespace=context.namespace, database=source_id)
    whole = MetadataTarget(source_id)
    yield record_of(said, whole, producer_id="scan.v1", produced_at=moment, context=context)
    fails = company.chance.random() < 0.01
    result = {"counts": msgspec.to_builtins(counts), "source_id": source_id}
    steps: list[tuple[JobState, int, dict[str, Any]]] = [(JobState.QUEUED, 0, {}), (JobState.RUNNING, 1, {"worker_id": "worker-1"})]
    if fails:
        steps.append((JobState.FAILED, 1, {"error": JobError("source_unavailable", f"{source_id} could not be reached")}))
    else:
        steps.append((JobState.SUCCEEDED, 1, {"result": result, "worker_id": "worker-1"}))
    for second, (state, attempt, more) in enumerate(steps):
        job = JobRun(run, "scan", state, attempt, trigger="schedule", parameters={"source_id": source_id}, **more)
        yield record_of(job, whole, producer_id="jobs.v1", produced_at=moment + timedelta(seconds=second * 6), context=context)


def measured(company: Company, source_id: str, day: int, moment: datetime) -> Iterator[MetadataRecord]:
    """Yield statistics of some tables, results of rules on fewer, and their scores."""
    chosen = [target for target in company.of[source_id] if company.tables[target].object_type == "table"][:MEASURED]
    context = MetadataContext(run_id=f"profile-{moment:%Y%m%dT%H%M%SZ}-{source_id}")
    for place, target in enumerate(chosen):
        rows = 10_000 + place * 5_000 + day * 37
        columns = [figures(column, rows, day) for column in company.tables[target].columns]
        said = StatisticsSnapshot("exact", rows, size_bytes=rows * 180, columns=columns, duration_seconds=1.5)
        yield record_of(said, target, producer_id="profile.v1", produced_at=moment, context=context)
    tables = []
    for place, target in enumerate(chosen[:JUDGED]):
        rows, failing = 10_000 + place * 5_000 + day * 37, 0
        for rule, check, dimension in RULES:
            bad = company.chance.randrange(1, 90) if company.chance.random() < 0.03 else 0
            failing += bool(bad)
            outcome: Any = "failed" if bad else "passed"
            result = QualityResult(
                rule, check, dimension, outcome, columns=["email"], observed=float(bad), upper=0.0, rows_checked=rows, rows_failed=bad
            )
            yield record_of(result, target, producer_id="quality.v1", produced_at=moment, context=context)
        score = 100.0 - 7.5 * failing
        tables.append(TableScore(target.schema or "", target.table or "", score))
        parts = [DimensionScore(dimension, 1.0, 1.0, 1) for _, _, dimension in RULES]
        covered = Coverage(columns=20, columns_measured=20, rules=3, rules_judged=3)
        told = QualityScore("weakest_link", 1, covered, score, dimensions=parts, rules=[rule for rule, _, _ in RULES])
        yield record_of(told, target, producer_id="quality.v1", produced_at=moment, context=context)
    covered = Coverage(tables=len(company.of[source_id]), tables_measured=len(tables))
    whole = QualityScore("weakest_link", 1, covered, sum(item.score for item in tables) / len(tables), tables=tables)
    yield record_of(whole, MetadataTarget(source_id), producer_id="quality.v1", produced_at=moment, context=context)


def figures(column: Column, rows: int, day: int) -> ColumnStatistics:
    """Return what a profile says of a column."""
    numeric = column.data_type.startswith(("bigint", "numeric", "integer", "double", "smallint"))
    nulls = 0 if not column.nullable else rows // (10 + column.position)
    bars = [Bin(float(place * 100), float(place * 100 + 100), (place * 31 + day) % 90) for place in range(10)] if numeric else []
    return ColumnStatistics(
        column.name,
        column.data_type,
        null_count=nulls,
        null_share=nulls / rows,
        distinct_count=rows if column.position == 1 else rows // column.position,
        minimum=0 if numeric else None,
        maximum=1000 if numeric else None,
        mean=480.5 + day if numeric else None,
        histogram=bars,
    )


def fill(house: Factbook, *, days: int, scale: float) -> None:
    """Fill an empty store."""
    company = Company(scale)
    end = datetime.now(UTC).replace(hour=3, minute=0, second=0, microsecond=0)
    for source_id in SOURCES:
        house.connections.add(source_id, f"postgresql://reader@{source_id}.example:5432/{source_id}")
    raise_alerts = Raising(house.repository, house.rulebook)
    for day in range(days):
        moment = end - timedelta(days=days - 1 - day)
        scans = [record for at, source in enumerate(SOURCES) for record in scanned(company, source, day, moment + timedelta(minutes=at))]
        house.repository.bulk_store(scans)
        later = moment + timedelta(hours=1)
        house.repository.bulk_store([record for source in SOURCES for record in measured(company, source, day, later)])
        if day == 0:
            told = moment + timedelta(hours=2)
            for said in (lineage, notes, glossary, products, contracts):
                house.repository.bulk_store(said(company.tables, told))
        for record in scans:
            if record.kind == "catalog_scan":
                house.own.diffs.on_scan(record)
        if day % 30 == 0:
            print(f"day {day} of {days}", flush=True)
    offset = 0
    while (found := house.repository.tail(offset, kinds=["catalog_diff", "quality_result", "job_run"], limit=1_000)).records:
        raise_alerts(found.records)
        offset = found.next_offset


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill a store of a company.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--scale", type=float, default=1.0)
    asked = parser.parse_args()
    house = Factbook(load_settings(data_dir=asked.folder, log_level="CRITICAL"))
    fill(house, days=asked.days, scale=asked.scale)
    house.close()


if __name__ == "__main__":
    main()
