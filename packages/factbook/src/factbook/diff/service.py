"""Compare what the log knows: a source with itself at another moment, with another source, or with a file; and keep what was found.

What two scans of a source make is stored once: the fact carries the later moment and nothing of now, so that whoever compares them
again, later or at the same time, says the same record.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from factbook.diff.columns import ColumnHistory, Since, Structures, column_history_of, since_of
from factbook.diff.compare import Catalog, compare_catalogs, compare_schemas
from factbook.diff.comparison import EVERYTHING, Comparison, Judge, Wanted, judged_worst_first, summarise
from factbook.diff.completeness import Seen, schemas_to_compare, seen_by
from factbook.diff.files import NamedCatalog, write_catalog
from factbook.diff.history import TableHistory, changes_between, history_of, moments_of
from factbook.diff.keeping import KeptComparisons
from factbook.diff.mapping import renamed_schemas
from factbook.diff.model import Difference
from factbook.diff.moments import INSTANT, SCANNER, Moments, Scan, ScansOf, scan_of
from factbook.diff.reading import Reading, Statistics
from factbook.diff.renames import propose_renames, wants_statistics
from factbook.diff.storing import is_stored, outcomes, records_of
from factbook.errors import InvalidRequest, NotFound
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.catalog_diff import Change, State, Unread
from factbook_sdk.repository.contract import MetadataRepository, Stored

JudgeFor = Callable[[str, str | None], Judge]
"""Given a source and its engine, what judges its differences."""

NO_MAPPING: Mapping[str, str] = {}


class _Side(NamedTuple):
    """One side of a comparison: its state, what the scans behind it saw, and up to when the statistics that belong to it may be."""

    state: State
    seen: Seen | None = None
    source_id: str | None = None
    measured_until: datetime | None = None


class _Found(NamedTuple):
    """What comparing two sides found, not yet judged."""

    differences: list[Difference]
    schemas_unchanged: int | None
    tables_unchanged: int | None


class Diffs:
    """Compare the sources of one tenant. ``judge_for`` says what a difference does to others; ``now`` is what ``-1d`` counts from.
    ``state_of`` gives what the answer for a source depends on beside the question: with it the last comparisons are kept while that is
    equal.

    A comparison that is *settled* leaves out what was measured after its moments, so that it is the same whenever it is made; only such
    a one can be stored.
    """

    def __init__(
        self,
        repository: MetadataRepository,
        *,
        tenant: str,
        judge_for: JudgeFor,
        producer_id: str = SCANNER,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        state_of: Callable[[str], object] | None = None,
    ) -> None:
        self._repository = repository
        self._kept = None if state_of is None else KeptComparisons(state_of)
        self._tenant = tenant
        self._judge_for = judge_for
        self._producer_id = producer_id
        self._now = now
        self._reading = Reading(repository, tenant=tenant, producer_id=producer_id)

    def compare(
        self,
        source_id: str,
        before: str | None = None,
        after: str | None = None,
        *,
        other: str | None = None,
        mapping: Mapping[str, str] = NO_MAPPING,
        wanted: Wanted = EVERYTHING,
        settled: bool = False,
        as_of: datetime | None = None,
    ) -> Comparison:
        """Compare a source at two moments; or with ``other``, what that source is at ``before`` with what this one is at ``after``.

        Moments are run ids, times, ``latest``, ``previous`` or ``-1d``; without any it is the last change there was, and between two
        sources what they are now. ``mapping`` calls schemas of ``other`` as this source calls them. With ``as_of`` that moment is now, and
        what was scanned later is not known. Raises :class:`NotFound` and :class:`InvalidRequest` where a moment cannot be told.
        """
        if mapping and other is None:
            raise InvalidRequest("There is nothing to map", why="schemas are mapped to those of another source", field="map_schema")

        def made() -> Comparison:
            if other is not None:
                return self._between_sources(source_id, other, before, after, mapping, wanted, settled, as_of)
            pair = Moments(self._scans(source_id, as_of), self._now if as_of is None else lambda: as_of).pair(before, after)
            return self._between(*pair, wanted, settled=settled)

        if self._kept is None or any(moment is not None and moment.startswith("-") for moment in (before, after)):
            return made()

        def question(before: str | None, after: str | None) -> Hashable:
            return source_id, other, before, after, tuple(mapping.items()), wanted, settled, as_of

        def fixed(comparison: Comparison) -> Hashable:
            return question(comparison.before.moment.isoformat(), comparison.after.moment.isoformat())

        return self._kept.get(source_id, question(before, after), made, also=fixed)

    def compare_file(
        self,
        source_id: str,
        file: NamedCatalog,
        *,
        at: str | None = None,
        file_is_before: bool = False,
        mapping: Mapping[str, str] = NO_MAPPING,
        wanted: Wanted = EVERYTHING,
        settled: bool = False,
    ) -> Comparison:
        """Compare a source with a catalogue file: what the file would change or, with ``file_is_before``, what has changed since."""
        scan = self._scan_at(source_id, at, "to" if file_is_before else "from")
        engines = _engines(scan.said.engine, file.engine)
        own = self._side(scan, State(scan.moment, scan.run_id, engine=engines[0]), settled)
        foreign = _Side(State(scan.moment, file=file.name, engine=engines[1]))
        mine, theirs = self._reading.whole(source_id, scan.moment), renamed_schemas(file.catalog, mapping)
        (old, new), sides = ((theirs, mine), (foreign, own)) if file_is_before else ((mine, theirs), (own, foreign))
        return self._judged(scan, sides, _across(old, new), wanted, settled)

    def history(
        self, source_id: str, name: TableName, *, limit: int = 100, cursor: str | None = None, as_of: datetime | None = None
    ) -> TableHistory:
        """Return each moment at which a table was seen to be another, newest first; raises :class:`NotFound` for one never seen."""
        target = MetadataTarget(source_id, name.schema, name.table)
        judge = self._judge_for(source_id, None)
        found = history_of(
            self._repository,
            target,
            judge,
            tenant=self._tenant,
            producer_id=self._producer_id,
            limit=limit,
            cursor=cursor,
            as_of=as_of,
        )
        if not found.items and cursor is None:
            raise NotFound(f"No table {target} is known" + (" by then" if as_of else ""), fix=f"factbook scan {source_id}", field="table")
        return found

    def moments(self, source_id: str, name: TableName, *, limit: int = 200, as_of: datetime | None = None) -> list[datetime]:
        """Return the moments at which a table was seen to be another, newest first, without what changed then."""
        target = MetadataTarget(source_id, name.schema, name.table)
        return moments_of(self._repository, target, tenant=self._tenant, producer_id=self._producer_id, limit=limit, as_of=as_of)

    def changes_between(self, source_id: str, name: TableName, before: datetime, after: datetime) -> list[Change]:
        """Return what of one table differs between two moments, the worst first."""
        target, judge = MetadataTarget(source_id, name.schema, name.table), self._judge_for(source_id, None)
        return changes_between(self._repository, target, judge, before, after, tenant=self._tenant, producer_id=self._producer_id)

    def columns_since(
        self, source_id: str, name: TableName, columns: Collection[str], *, as_of: datetime | None = None
    ) -> dict[str, Since]:
        """Return since when some columns of a table are as they are."""
        return since_of(self._structures(source_id, name, as_of), columns)

    def column_history(self, source_id: str, name: TableName, column: str, *, as_of: datetime | None = None) -> ColumnHistory:
        """Return each moment at which a column of a table was seen to be another, newest first; raises :class:`NotFound`."""
        found = column_history_of(self._structures(source_id, name, as_of), column)
        if not found.items and found.looked_back_to is None:
            raise NotFound(f"{name} of {source_id} never had a column {column!r}", fix="Choose one of its columns", field="column")
        return found

    def _structures(self, source_id: str, name: TableName, as_of: datetime | None) -> Structures:
        target = MetadataTarget(source_id, name.schema, name.table)
        return Structures(self._repository, target, tenant=self._tenant, producer_id=self._producer_id, as_of=as_of)

    def write(self, source_id: str, path: Path, *, at: str | None = None) -> int:
        """Write the catalogue of a source at a moment to a file; return how many tables it holds."""
        scan = self._scan_at(source_id, at, "to")
        catalog = self._reading.whole(source_id, scan.moment)
        write_catalog(path, catalog, source_id=source_id, engine=scan.said.engine)
        return len(catalog)

    def on_scan(self, record: MetadataRecord) -> list[Stored]:
        """Compare a scan, given by its stored ``catalog_scan`` fact, with the one before it and store what changed; nothing if nothing did.

        Doing it again stores nothing: not from another process at the same time, and not after rules have changed, for what was judged
        then stands.
        """
        scan = scan_of(record)
        earlier = self._scans(scan.source_id).before(scan)
        if record.producer_id != self._producer_id or earlier is None or is_stored(self._repository, earlier, scan, tenant=self._tenant):
            return []
        comparison = self._between(earlier, scan, EVERYTHING, settled=True)
        return self.store(comparison) if comparison.judged else []

    def store(self, comparison: Comparison) -> list[Stored]:
        """Store a settled comparison as ``catalog_diff`` facts, all or none; storing it again answers that they are there."""
        if not comparison.is_settled:
            raise InvalidRequest(
                "Only a whole comparison can be stored",
                why="whoever reads the fact would take a part for all there was",
                fix="Leave out what selects tables and aspects",
                field="store",
            )
        scan = self._scans(comparison.source_id).at(comparison.after.moment)
        records = records_of(comparison, scan, tenant=self._tenant)
        report = self._repository.bulk_store(records, atomic=True)
        return [result for result in report.results if isinstance(result, Stored)]

    def fulfil(
        self, source_id: str, *, file: NamedCatalog | None = None, store: bool = True, **options: Any
    ) -> tuple[Comparison, dict[str, int] | None]:
        """Compare as :meth:`compare` or, with ``file``, as :meth:`compare_file` does, and store it; return what became of the facts."""
        compared = (
            self.compare(source_id, settled=True, **options)
            if file is None
            else self.compare_file(source_id, file, settled=True, **options)
        )
        return compared, outcomes(self.store(compared)) if store else None

    def _between_sources(
        self,
        source_id: str,
        other: str,
        before: str | None,
        after: str | None,
        mapping: Mapping[str, str],
        wanted: Wanted,
        settled: bool,
        as_of: datetime | None,
    ) -> Comparison:
        scan, theirs = self._scan_at(source_id, after, "to", as_of), self._scan_at(other, before, "from", as_of)
        engines = _engines(theirs.said.engine, scan.said.engine)
        sides = (
            self._side(theirs, State(theirs.moment, theirs.run_id, source_id=other, engine=engines[0]), settled),
            self._side(scan, State(scan.moment, scan.run_id, engine=engines[1]), settled),
        )
        old = renamed_schemas(self._reading.whole(other, theirs.moment), mapping)
        new = self._reading.whole(source_id, scan.moment)
        return self._judged(scan, sides, _across(old, new), wanted, settled)

    def _between(self, before: Scan, after: Scan, wanted: Wanted, *, settled: bool) -> Comparison:
        """Compare two scans of one source, reading what moved."""
        old, new = self._reading.moved(after.source_id, before.moment, after.moment)
        old_side = self._side(before, State(before.moment, before.run_id), settled)
        new_side = self._side(after, State(after.moment, after.run_id), settled)
        # What was measured between the two scans was measured of what the earlier one saw.
        if before.moment <= after.moment:
            old_side = old_side._replace(measured_until=after.moment - INSTANT)
        else:
            new_side = new_side._replace(measured_until=before.moment - INSTANT)
        sides = (old_side, new_side)
        seen = [side.seen for side in sides if side.seen is not None]
        schemas = schemas_to_compare(*seen)
        tables = seen[1].tables
        found = _Found(
            [*compare_schemas(*schemas), *compare_catalogs(old, new)],
            len(schemas[0] & schemas[1]),
            None if tables is None else max(tables - len(new), 0),
        )
        return self._judged(after, sides, found, wanted, settled)

    def _judged(self, scan: Scan, sides: tuple[_Side, _Side], found: _Found, wanted: Wanted, settled: bool) -> Comparison:
        if wanted:
            found = _Found([item for item in found.differences if wanted.has(item)], None, None)
        names = wants_statistics(found.differences)
        measured: list[Statistics] = [
            self._reading.statistics(side.source_id, names, side.measured_until) if side.source_id else {} for side in sides
        ]
        before, after = sides
        return Comparison(
            source_id=scan.source_id,
            before=before.state,
            after=after.state,
            judged=judged_worst_first(found.differences, self._judge_for(scan.source_id, scan.said.engine)),
            summary=summarise(found.differences, schemas_unchanged=found.schemas_unchanged, tables_unchanged=found.tables_unchanged),
            renames=propose_renames(found.differences, *measured),
            unread=_unread(before, after),
            is_settled=settled and not wanted,
        )

    def _side(self, scan: Scan, state: State, settled: bool) -> _Side:
        seen = seen_by(self._scans(scan.source_id).newest_first(scan.moment))
        return _Side(state, seen, scan.source_id, scan.moment if settled else None)

    def _scans(self, source_id: str, as_of: datetime | None = None) -> ScansOf:
        return ScansOf(self._repository, source_id, tenant=self._tenant, producer_id=self._producer_id, as_of=as_of)

    def _scan_at(self, source_id: str, moment: str | None, field: str, as_of: datetime | None = None) -> Scan:
        scans = self._scans(source_id, as_of)
        latest = scans.latest()
        now = self._now if as_of is None else lambda: as_of
        return latest if moment is None else Moments(scans, now).one(moment, latest, field)


def _across(old: Catalog, new: Catalog) -> _Found:
    """Compare two whole catalogues; schemas are those that have tables."""
    differences = compare_catalogs(old, new, across=True)
    schemas = {name.schema for name in old}, {name.schema for name in new}
    differing = {difference.name for difference in differences}
    unchanged = sum(name not in differing for name in old.keys() & new.keys())
    return _Found([*compare_schemas(*schemas), *differences], len(schemas[0] & schemas[1]), unchanged)


def _unread(before: _Side, after: _Side) -> list[Unread]:
    return [*(before.seen.unread("before") if before.seen else ()), *(after.seen.unread("after") if after.seen else ())]


def _engines(before: str | None, after: str | None) -> tuple[str | None, str | None]:
    """Return both engines where they are known to differ."""
    return (before, after) if before and after and before != after else (None, None)
