"""What must be known before a gate may judge: scans that are fresh, complete, and of what is asked for. What is not known never passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from fnmatch import fnmatchcase

import msgspec

from factbook.diff.comparison import Comparison
from factbook.diff.completeness import EVERY_SCHEMA
from factbook.diff.gate_model import GateRequest
from factbook.diff.moments import SCANNER, ScansOf
from factbook.diff.using import Use
from factbook.errors import CannotJudge
from factbook.sources.contract import ScanScope, TableName, covers_schema, covers_table
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.catalog_diff import State
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.repository.contract import MetadataRepository, Within


class Judgeable:
    """Refuse what cannot be judged, by what one tenant's scans say of themselves; every method raises :class:`CannotJudge`."""

    def __init__(self, repository: MetadataRepository, *, tenant: str, now: Callable[[], datetime]) -> None:
        self._repository = repository
        self._tenant = tenant
        self._now = now

    def check_age(self, request: GateRequest) -> None:
        """Refuse a last scan that is older than asked for."""
        if request.max_age_seconds is None:
            return
        for source_id in filter(None, (request.source_id, request.other)):
            moment = self._scans(source_id).latest().moment
            age = (self._now() - moment).total_seconds()
            if age > request.max_age_seconds:
                raise CannotJudge(
                    f"The last scan of {source_id} is too old to judge by",
                    why=f"it was at {moment.isoformat()}, {age:,.0f} s ago, and {request.max_age_seconds:,.0f} s are allowed",
                    fix=f"factbook scan {source_id}, or gate with --scan",
                    field="max_age_seconds",
                )

    def check(self, request: GateRequest, uses: Sequence[Use], comparison: Comparison) -> list[str]:
        """Refuse a comparison that does not show all that is asked for; return what to say of one that does."""
        notes = [*_check_read(uses, comparison), *self._check_scope(request, uses, comparison)]
        if uses:
            self._check_known(request.source_id, uses, comparison)
        return notes

    def _check_scope(self, request: GateRequest, uses: Sequence[Use], comparison: Comparison) -> list[str]:
        """Refuse a scan that looked elsewhere."""
        before, after = (self._scope_of(request.source_id, state) for state in (comparison.before, comparison.after))
        if after == ScanScope():
            return []
        outside = next((use for use in uses if not _is_covered(use, after)), None)
        if outside is not None or (not uses and before != after):
            raise CannotJudge(
                f"The last scan of {request.source_id} did not look at all that is asked for",
                why=f"it read {_shown(after)} only, {f'and not {outside}' if outside else 'another part than the scan before'}",
                fix=f"Scan the rest as well: factbook scan {request.source_id}",
            )
        return [f"judged within what was scanned: {_shown(after)}"]

    def _scope_of(self, source_id: str, state: State) -> ScanScope:
        scan = self._scans(state.source_id or source_id).at(state.moment)
        return scan.said.scope if scan is not None else ScanScope()

    def _check_known(self, source_id: str, uses: Sequence[Use], comparison: Comparison) -> None:
        """Refuse names that neither side has: a slip of the pen would pass for ever."""
        sides = [(state.source_id or source_id, state.moment) for state in (comparison.before, comparison.after)]
        names = {name for side in sides for name in self._tables(*side)}
        for use in uses:
            meant = [name for name in names if use.is_of(name)]
            if not meant:
                raise _unknown(source_id, use, "no table")
            if use.column is not None and not any(
                fnmatchcase(column.name, use.column)
                for side in sides
                for snapshot in self._snapshots(*side, meant)
                for column in snapshot.columns
            ):
                raise _unknown(source_id, use, "no column")

    def _tables(self, source_id: str, moment: datetime) -> Iterator[TableName]:
        found = self._repository.latest_many(Within(source_id), "table_observation", producer_id=SCANNER, tenant=self._tenant, as_of=moment)
        for target, stored in found.items():
            if stored.record.payload is not None and target.schema is not None and target.table is not None:
                yield TableName(target.schema, target.table)

    def _snapshots(self, source_id: str, moment: datetime, names: Sequence[TableName]) -> list[SchemaSnapshot]:
        targets = [MetadataTarget(source_id, name.schema, name.table) for name in names]
        found = self._repository.latest_many(targets, "schema_snapshot", producer_id=SCANNER, tenant=self._tenant, as_of=moment)
        payloads = (stored.record.payload for stored in found.values())
        return [msgspec.convert(payload, SchemaSnapshot) for payload in payloads if payload is not None]

    def _scans(self, source_id: str) -> ScansOf:
        return ScansOf(self._repository, source_id, tenant=self._tenant)


def _unknown(source_id: str, use: Use, what: str) -> CannotJudge:
    return CannotJudge(
        f"There is {what} {use} in {source_id}, before or after",
        why="what is not there cannot be judged to be as it was",
        fix=f"Correct the name, or scan where it is; factbook dictionary {source_id} lists what is known",
        field="tables" if use.party is None else "reads" if use.party == "readers" else "writes",
    )


def _check_read(uses: Sequence[Use], comparison: Comparison) -> list[str]:
    """Refuse where a schema that is asked for was not read completely; return what to say where that hides nothing.

    What an earlier scan did not see stands as last known, so that nothing since then is missed; only what it never saw may look new.
    """
    notes = []
    for item in comparison.unread:
        if item.schema != EVERY_SCHEMA and uses and not any(fnmatchcase(item.schema, use.schema) for use in uses):
            continue
        where = "The source" if item.schema == EVERY_SCHEMA else f"The schema {item.schema}"
        is_earlier = item.side == "before" and not comparison.is_between_sources
        if is_earlier and not _looks_new(item.schema, uses, comparison):
            notes.append(f"{where.lower()} was not read completely by the earlier scan: {item.reason}")
            continue
        raise CannotJudge(
            f"{where} was not read completely",
            why=f"{item.reason} (the {'earlier' if item.side == 'before' else 'later'} of the two)",
            fix="See what the scan could not read and scan again, or name what you use with --table, --reads and --writes",
        )
    return notes


def _looks_new(schema: str, uses: Sequence[Use], comparison: Comparison) -> bool:
    """Return whether a table came in a schema that the earlier scan did not read completely, so that it may have been there."""
    came = (item.difference.name for item in comparison.judged if item.difference.object == "table" and item.difference.change == "added")
    return any(name is not None and name.schema == schema and (not uses or any(use.is_of(name) for use in uses)) for name in came)


def _is_covered(use: Use, scope: ScanScope) -> bool:
    """Return whether a scope holds what a use means; a pattern is taken by its schema."""
    is_pattern = any(sign in use.schema + use.table for sign in "*?[")
    return covers_schema(scope, use.schema) if is_pattern else covers_table(scope, TableName(use.schema, use.table))


def _shown(scope: ScanScope) -> str:
    parts = [", ".join(scope.include) or "everything", f"without {', '.join(scope.exclude)}" if scope.exclude else ""]
    return " ".join(filter(None, parts))
