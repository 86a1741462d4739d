"""One backfill from its mapping to its report: inventory, normalise, merge, store, and look at what that gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from factbook.backfill import report as reports
from factbook.backfill.baselines import Subject, histories
from factbook.backfill.expectations import Tally, compared
from factbook.backfill.inventory import RawFile, take_inventory
from factbook.backfill.mapping import Mapping, Threshold, load
from factbook.backfill.merging import Merged, merge_run
from factbook.backfill.moments import microseconds
from factbook.backfill.paths import Row
from factbook.backfill.plan import BadRow, KnownKinds, Plan, compile_mapping
from factbook.backfill.reading import Unreadable, read_rows
from factbook.backfill.report import BackfillReport, FileRead, InputRead, RejectedRow, Revised, RowCounts
from factbook.backfill.spill import Held, Reject, Spill, spilling
from factbook.backfill.storing import Stored, known_subjects, revised_runs, store
from factbook.errors import InternalError, InvalidRequest
from factbook_sdk.facts import Admission, MetadataRecord
from factbook_sdk.repository.contract import MetadataRepository

OnProgress = Callable[[int, int | None, str], None]
"""Called with the rows done, the rows there are (``None`` while they are still read), and what is being done."""

_EVERY = 1_000


class Options(msgspec.Struct, frozen=True):
    """How to run. ``strict``: one rejected row, and nothing is stored. ``rejects`` is a file to write every rejected row into."""

    dry_run: bool = False
    strict: bool = False
    rejects: Path | None = None
    min_runs: int | None = None
    min_days: float | None = None


class Destination(msgspec.Struct, frozen=True):
    """Where the records go: its name for people, what opens it, what a record must be, whose the records are, and the kinds there are."""

    name: str
    open: Callable[[], MetadataRepository]
    admission: Admission
    tenant: str
    kinds: KnownKinds


def backfill(file: Path, destination: Destination, options: Options, on_progress: OnProgress) -> BackfillReport:
    """Read the raw files that the mapping names and store their records; running it again changes nothing.

    Raises :class:`InvalidRequest` for a mapping that is wrong, and with ``strict`` for rejected rows; then nothing was stored.
    """
    mapping = load(file)
    plans = compile_mapping(mapping, destination.kinds)
    ours = {path.resolve() for path in (file, options.rejects) if path is not None}
    inventories = [take_inventory(plan.source, file.resolve().parent, f"input[{plan.number}]", leave_out=ours) for plan in plans]
    # Opened before the work, so that a wrong setting is told before and not after it.
    repository = None if options.dry_run else destination.open()
    with spilling() as spill:
        return _Backfill(file, mapping, plans, inventories, spill, destination, repository, options, on_progress).run()


class _Backfill:
    """The state of one backfill while it runs."""

    def __init__(
        self,
        file: Path,
        mapping: Mapping,
        plans: Sequence[Plan],
        inventories: Sequence[Sequence[RawFile]],
        spill: Spill,
        destination: Destination,
        repository: MetadataRepository | None,
        options: Options,
        on_progress: OnProgress,
    ) -> None:
        self._file = file
        self._plans = plans
        self._inventories = inventories
        self._paths = [[file.path for file in files] for files in inventories]
        self._spill = spill
        self._destination = destination
        self._repository = repository
        self._options = options
        self._on_progress = on_progress
        self._threshold = Threshold(
            runs=mapping.baseline.runs if options.min_runs is None else options.min_runs,
            days=mapping.baseline.days if options.min_days is None else options.min_days,
        )
        self._tallies = [Tally(expectation) for expectation in mapping.expect]
        self._rows_of: dict[tuple[int, int], int] = {}
        self._skipped = [0] * len(plans)
        self._repeats = [0] * len(plans)
        self._subjects: dict[tuple[str, str, bytes], int] = {}
        self._names: list[Subject] = []
        self._done = 0

    def run(self) -> BackfillReport:
        for plan in self._plans:
            self._read(plan)
        self._done = 0
        for plan in self._plans:
            self._merge(plan)
        self._spill.drop_rows()
        self._write_rejects()
        self._stop_if_strict()
        stored, revised = (None, []) if self._repository is None else self._store(self._repository)
        return self._report(stored, revised)

    def _read(self, plan: Plan) -> None:
        for number, file in enumerate(self._inventories[plan.number]):
            count = 0
            if file.same_as is None:
                for count, row in enumerate(read_rows(file, plan.source, plan.each), start=1):  # noqa: B007 - the last is the number of rows
                    self._take(plan, number, row)
                    self._moved(1, None, f"reading {file.path}")
            self._rows_of[plan.number, number] = count

    def _take(self, plan: Plan, file: int, row: Row | Unreadable) -> None:
        if isinstance(row, Unreadable):
            self._spill.reject(Reject(plan.number, file, row.line, row.last_line, None, 1, row.reason))
        elif not plan.wants(row):
            self._skipped[plan.number] += 1
        else:
            try:
                taken = plan.take(row)
            except BadRow as bad:
                self._refuse(plan, file, row, bad)
                return
            if plan.merges:
                self._spill.hold(plan, file, row, taken)
            else:
                # It is a run by itself and need not wait for others.
                alone = Held(file, row.line, row.last_line, row.spot, row.digest, taken.values, None, False)
                self._settle(plan, iter([alone]))

    def _refuse(self, plan: Plan, file: int, row: Row, bad: BadRow) -> None:
        if bad.key is None:
            self._spill.reject(Reject(plan.number, file, row.line, row.last_line, row.spot, 1, bad.reason))
        else:
            self._spill.hold(plan, file, row, bad)

    def _merge(self, plan: Plan) -> None:
        for run in self._spill.runs(plan):
            self._moved(self._settle(plan, run), None, "merging")

    def _settle(self, plan: Plan, run: Iterator[Held]) -> int:
        """Make the record of a run, or reject its rows; return how many there were."""
        merged = merge_run(plan, run, self._paths[plan.number], self._destination.admission, self._destination.tenant)
        self._repeats[plan.number] += merged.repeats
        if merged.record is None:
            self._reject_run(plan, merged)
        else:
            self._keep(plan, merged)
        return len(merged.rows) + merged.repeats

    def _reject_run(self, plan: Plan, merged: Merged) -> None:
        for row in merged.rows:
            reason = row.bad or merged.reason or ""
            self._spill.reject(Reject(plan.number, row.file, row.line, row.last_line, row.spot, 1, reason))

    def _keep(self, plan: Plan, merged: Merged) -> None:
        admitted = merged.record
        assert admitted is not None  # noqa: S101 - the caller has looked
        record = admitted.record
        first = min(merged.rows, key=lambda row: (row.file, row.line))
        self._spill.keep_record(
            produced_at=microseconds(record.produced_at),
            id=admitted.id,
            subject=self._subject(record),
            run=record.context.run_id,
            rows=len(merged.rows),
            input=plan.number,
            file=first.file,
            line=first.line,
            body=admitted.body,
        )
        for tally in self._tallies:
            tally.add(record)

    def _subject(self, record: MetadataRecord) -> int:
        key = record.kind, record.producer_id, msgspec.json.encode(record.target, order="sorted")
        number = self._subjects.get(key)
        if number is None:
            number = self._subjects[key] = len(self._names)
            self._names.append(Subject(record.kind, record.target, record.producer_id))
        return number

    def _stop_if_strict(self) -> None:
        rejected = sum(rows for _, rows in self._spill.count_rejects())
        if self._options.strict and rejected:
            shown = [f"{row.place}: {row.reason}" for row in self._rejected(3)]
            raise InvalidRequest(
                f"{rejected:,} {'row was' if rejected == 1 else 'rows were'} rejected, so nothing was stored",
                why="\n".join(shown) + ("\n…" if rejected > len(shown) else ""),
                fix="Correct them or the mapping, or leave out --strict; --rejects FILE lists all of them",
            )

    def _store(self, repository: MetadataRepository) -> tuple[Stored, list[Revised]]:
        tenant = self._destination.tenant
        known = known_subjects(self._names, repository, tenant)
        self._done = 0
        total = sum(rows for _, _, rows in self._spill.count_records())
        stored = store(self._spill, repository, lambda rows: self._moved(rows, total, "storing"))
        for number, record, reason in stored.refused:
            self._spill.refuse_record(number, f"the repository refused its record: {reason}")
            for tally in self._tallies:
                tally.add(record, -1)
        if stored.refused:
            self._write_rejects()
        return stored, list(revised_runs(self._spill, self._names, known & stored.grown, repository, tenant))

    def _moved(self, rows: int, total: int | None, text: str) -> None:
        before = self._done // _EVERY
        self._done += rows
        if self._done // _EVERY != before or self._done == total:
            self._on_progress(self._done, total, text)

    def _rejected(self, limit: int | None = None) -> list[RejectedRow]:
        return [self._named(reject) for reject in islice(self._spill.rejects(), limit)]

    def _named(self, reject: Reject) -> RejectedRow:
        path = self._paths[reject.input][reject.file]
        lines = str(reject.line) if reject.line == reject.last_line else f"{reject.line}-{reject.last_line}"
        return RejectedRow(f"{path}:{lines}" + (f" ({reject.spot})" if reject.spot else ""), reject.rows, reject.reason)

    def _write_rejects(self) -> None:
        if self._options.rejects is None:
            return
        try:
            with self._options.rejects.open("wb") as stream:
                for reject in self._spill.rejects():
                    stream.write(msgspec.json.encode(self._named(reject)) + b"\n")
        except OSError as error:
            raise InvalidRequest(
                f"{self._options.rejects} cannot be written", why=error.strerror or "", fix="Name another file", field="rejects"
            ) from error

    def _report(self, stored: Stored | None, revised: list[Revised]) -> BackfillReport:
        inputs = [InputRead(plan.source.name, plan.source.kind, self._rows(plan), plan.unseen, self._files(plan)) for plan in self._plans]
        rows = sum((each.rows for each in inputs), RowCounts(0, 0, 0, 0, 0, 0))
        if not all(each.rows.is_balanced for each in inputs):
            raise InternalError("Rows went astray in a backfill", why=f"{rows}", fix="Please report it with the mapping")
        tables = sorted(
            histories(self._spill.moments(), self._names, self._threshold),
            key=lambda table: (table.kind, str(table.target), msgspec.json.encode(table.target), table.producer_id),
        )
        return BackfillReport(
            mapping=str(self._file),
            into=self._destination.name,
            dry_run=self._options.dry_run,
            rows=rows,
            inputs=inputs,
            stored=None if stored is None else stored.counts,
            revised_count=len(revised),
            revised=revised[: reports.MAX_REVISED],
            rejects=self._rejected(reports.MAX_REJECTS),
            threshold=self._threshold,
            table_count=len(tables),
            thin_count=sum(table.lacks is not None for table in tables),
            tables=tables[: reports.MAX_TABLES],
            expectations=compared(self._tallies),
        )

    def _rows(self, plan: Plan) -> RowCounts:
        records, merged = next(((count, rows) for number, count, rows in self._spill.count_records() if number == plan.number), (0, 0))
        rejected = next((rows for number, rows in self._spill.count_rejects() if number == plan.number), 0)
        read = sum(count for (number, _), count in self._rows_of.items() if number == plan.number)
        return RowCounts(read, merged, records, self._skipped[plan.number], self._repeats[plan.number], rejected)

    def _files(self, plan: Plan) -> list[FileRead]:
        return [
            FileRead(str(file.path), file.size_bytes, file.digest, self._rows_of[plan.number, number], file.same_as)
            for number, file in enumerate(self._inventories[plan.number])
        ]
