"""The lineage of statements that somebody hands in: files, logs of queries, a text over the API.

What one text says of one table is one fact, whatever number of statements fill it. A table that a text filled once and fills no more has
its fact ended, but only where every statement of the text was understood.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from factbook.errors import InvalidRecord, InvalidRequest, NotFound
from factbook.lineage.sql.dialects import dialect_of
from factbook.lineage.sql.files import SqlFile, read_statements
from factbook.lineage.sql.flows import Flow, flow_of, inputs_of, lineage_of
from factbook.lineage.sql.model import Parsed, Refused, Traced
from factbook.lineage.sql.places import Names, Places
from factbook.lineage.sql.reader import SqlReader
from factbook.lineage.sql.report import SqlLineageReport, Tally, TargetLineage, run_of
from factbook.lineage.sql.splitting import SqlStatement, split
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.lineage import Evidence, Origin, Unresolved
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, Outcome

MAX_STATEMENTS = 100_000
"""Statements of one text that are read; of a log, those that differ."""

MAX_TARGETS = 10_000

MAX_TEXT_SECONDS = 30.0
"""Seconds that the statements of one request may take together."""

ORIGIN: Origin = "sql"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """``dialect`` in place of the source's own; ``search_path`` are schemas for names without one; ``dry_run`` stores nothing."""

    dialect: str | None = None
    search_path: tuple[str, ...] = ()
    hides_literals: bool = False
    dry_run: bool = False


class _Filled(msgspec.Struct):
    """What a text fills one table from, and by which statement first."""

    flow: Flow
    first: SqlStatement
    text: str


class TextLineage:
    """The texts of one tenant."""

    def __init__(self, repository: MetadataRepository, names: Names, reader: SqlReader, *, tenant: str) -> None:
        self._repository = repository
        self._names = names
        self._reader = reader
        self._tenant = tenant

    def read_files(self, source_id: str, files: Sequence[SqlFile], options: Options) -> SqlLineageReport:
        """Read files, each of which is a producer of its own, and store what they fill tables from."""
        dialect = self._dialect(source_id, options)
        tally, moment, counts, ended = Tally(), datetime.now(UTC), dict.fromkeys(Outcome, 0), 0
        for file in files:
            hides = options.hides_literals or file.is_log
            one = _Text(self, source_id, file.name, msgspec.structs.replace(options, hides_literals=hides), dialect, tally)
            is_whole = one.take(read_statements(file, dialect), once=file.is_log)
            stored, gone = self._store(one, moment, is_whole=is_whole, options=options)
            counts = {outcome: counts[outcome] + stored[outcome] for outcome in Outcome}
            ended += gone
        report = tally.report(source_id, ORIGIN, dialect, stored=None if options.dry_run else _named(counts), ended=ended)
        if not options.dry_run:
            self._tell(report, moment, [f"sql:{file.name}" for file in files])
        return report

    def read_text(self, source_id: str, sql: str, options: Options, *, name: str | None = None) -> SqlLineageReport:
        """Read a text; facts know it by its ``name``, or by what is in it."""
        dialect = self._dialect(source_id, options)
        name = name or f"text-{hashlib.blake2b(sql.encode(errors='replace'), digest_size=6).hexdigest()}"
        tally, moment = Tally(), datetime.now(UTC)
        one = _Text(self, source_id, name, options, dialect, tally, seconds=MAX_TEXT_SECONDS)
        is_whole = one.take(split(sql, dialect))
        stored, ended = self._store(one, moment, is_whole=is_whole, options=options)
        report = tally.report(source_id, ORIGIN, dialect, stored=None if options.dry_run else _named(stored), ended=ended)
        if not options.dry_run:
            self._tell(report, moment, [f"sql:{name}"])
        return report

    def _dialect(self, source_id: str, options: Options) -> str:
        engine = self._names.engine_of(source_id)
        if engine is None:
            raise NotFound(f"Nothing is known of a source {source_id}", fix="Scan it first, or correct its name", field="source_id")
        return dialect_of(engine, options.dialect)

    def _store(self, text: _Text, moment: datetime, *, is_whole: bool, options: Options) -> tuple[dict[Outcome, int], int]:
        """Store what one text fills tables from; return what became of the facts, and how many hold no more."""
        context = MetadataContext(tenant=self._tenant)
        records = []
        for table, payload in text.payloads():
            try:
                target = MetadataTarget(table.source_id, table.schema, table.table)
            except InvalidRecord as error:
                text.tally.fail(text.name, str(error))
            else:
                records.append(MetadataRecord(target, "lineage", payload, moment, text.producer_id, context))
        counts = dict.fromkeys(Outcome, 0)
        if options.dry_run:
            return counts, 0
        filled = {record.target for record in records}
        gone = [target for target in self._in_force(text.producer_id) if target not in filled] if is_whole else []
        records += [MetadataRecord(target, "lineage", None, moment, text.producer_id, context) for target in gone]
        report = self._repository.bulk_store(records)
        for rejection in report.rejections:
            text.tally.fail(text.name, f"what fills {records[rejection.index].target} was refused: {rejection.reason}")
        return {outcome: report.count(outcome) for outcome in Outcome}, len(gone)

    def _in_force(self, producer_id: str) -> list[MetadataTarget]:
        """Return the targets of which a producer's facts hold."""
        payloads: dict[MetadataTarget, bool] = {}
        cursor = None
        while True:
            page = self._repository.query("lineage", producer_id=producer_id, tenant=self._tenant, limit=MAX_LIMIT // 10, cursor=cursor)
            payloads.update((item.record.target, item.record.payload is not None) for item in page.records)
            cursor = page.next_cursor
            if cursor is None:
                return [target for target, holds in payloads.items() if holds]

    def _tell(self, report: SqlLineageReport, moment: datetime, producers: list[str]) -> None:
        run = msgspec.to_builtins(run_of(report, confirms=producers))
        context = MetadataContext(tenant=self._tenant)
        self._repository.store(MetadataRecord(MetadataTarget(report.source_id), "lineage_run", run, moment, "lineage.sql", context))

    @property
    def names(self) -> Names:
        return self._names

    @property
    def reader(self) -> SqlReader:
        return self._reader


class _Text:
    """One text on its way through."""

    def __init__(
        self, room: TextLineage, source_id: str, name: str, options: Options, dialect: str, tally: Tally, *, seconds: float | None = None
    ) -> None:
        self.producer_id = f"sql:{name}"
        self._room = room
        self.name = name
        self._options = options
        self._dialect = dialect
        self.tally = tally
        self._places = Places(room.names, source_id, options.search_path)
        self._filled: dict[TableRef, _Filled] = {}
        self._until = None if seconds is None else time.monotonic() + seconds

    def take(self, statements: Iterable[SqlStatement], *, once: bool = False) -> bool:
        """Read statements; return whether all were understood. ``once`` passes over those that were there before."""
        is_whole, seen, number = True, set(), 0
        try:
            for statement in statements:
                if once:
                    digest = hashlib.blake2b(statement.text.encode(errors="replace"), digest_size=12).digest()
                    if digest in seen:
                        continue
                    seen.add(digest)
                number += 1
                reason = self._why_to_stop(number)
                if reason:
                    self.tally.fail(self._at(statement), reason)
                    is_whole = False
                    break
                is_whole = self._one(statement) and is_whole
        except InvalidRequest as error:
            self.tally.fail(self.name, f"{error.what}: {error.why}")
            is_whole = False
        self._show()
        return is_whole

    def payloads(self) -> Iterable[tuple[TableRef, dict[str, object]]]:
        """Yield the targets with what they are filled from."""
        for table, filled in self._filled.items():
            evidence = Evidence(file=self.name, line=filled.first.line)
            lineage = lineage_of(filled.flow, table, origin=ORIGIN, statement=filled.text, evidence=evidence)
            yield table, msgspec.to_builtins(lineage)

    def _why_to_stop(self, number: int) -> str | None:
        if number > MAX_STATEMENTS or len(self._filled) >= MAX_TARGETS:
            return f"only the first {MAX_STATEMENTS:,} statements and {MAX_TARGETS:,} targets are read"
        if self._until is not None and time.monotonic() > self._until:
            return f"the statements before it took {MAX_TEXT_SECONDS:g} seconds, and that is all the time there is"
        return None

    def _one(self, statement: SqlStatement) -> bool:
        self._places.follow(statement.text)
        hides = self._options.hides_literals
        parsed, traced = self._room.reader.read(statement.text, self._dialect, self._places.columns_of, hides_literals=hides)
        if isinstance(traced, Refused) or parsed is None:
            self.tally.statements += 1
            reason = traced.reason if isinstance(traced, Refused) else "it was not read"
            self.tally.fail(self._at(statement), reason, None if hides else statement.text)
            return False
        if parsed.note is not None:
            self.tally.notes[parsed.note] += 1
        handle: Callable[[Parsed], None] | None = {"declares": self._places.declare, "drops": self._places.drop}.get(parsed.does)
        if handle is not None:
            handle(parsed)
        elif parsed.does in ("writes", "reads"):
            self.tally.statements += 1
            self._flow(statement, parsed, traced)
        return True

    def _flow(self, statement: SqlStatement, parsed: Parsed, traced: Traced) -> None:
        places = [self._places.find(parts) for parts in parsed.mentions]
        target = None if parsed.target is None else self._places.find(parsed.target)
        self.tally.strays.update(item.name for item in traced.unknown)
        flow = flow_of(parsed, traced, places, None if target is None else target.columns)
        if target is None:
            unresolved = [Unresolved(name, reason) for name, reason in sorted(flow.unresolved.items())]
            self.tally.found(TargetLineage(target=None, at=self._at(statement), inputs=inputs_of(flow, None), unresolved=unresolved))
            return
        if self._places.fill(parsed, flow) or target.ignored:
            return
        if target.reason is not None:
            flow.unresolved[target.table.table] = target.reason
        filled = self._filled.get(target.table)
        if filled is None:
            self._filled[target.table] = _Filled(flow, statement, parsed.text or statement.text)
        else:
            filled.flow.add(flow)

    def _show(self) -> None:
        for table, filled in self._filled.items():
            unresolved = [Unresolved(name, reason) for name, reason in sorted(filled.flow.unresolved.items())]
            inputs = inputs_of(filled.flow, table)
            self.tally.found(TargetLineage(target=table, at=self._at(filled.first), inputs=inputs, unresolved=unresolved))

    def _at(self, statement: SqlStatement) -> str:
        return f"{self.name}:{statement.line}"


def _named(counts: dict[Outcome, int]) -> dict[str, int]:
    return {outcome.value: number for outcome, number in counts.items()}
