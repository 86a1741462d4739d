"""Check before a load: what is about to be written against what the log knows of the table, in any repository."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from factbook_sdk.checks.columns import Expectations, Mismatch, check_columns, expected_columns
from factbook_sdk.errors import CannotJudge, InvalidRequest, SchemaMismatch
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan
from factbook_sdk.facts.kinds.schema_snapshot import from_payload
from factbook_sdk.facts.record import DEFAULT_TENANT, MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord


class LoadCheck(msgspec.Struct, frozen=True):
    """The answer. ``known_at`` is since when the table is known as it was compared, ``scanned_at`` when it was last looked at."""

    target: MetadataTarget
    mismatches: list[Mismatch]
    known_at: datetime
    scanned_at: datetime

    @property
    def passed(self) -> bool:
        return not self.mismatches

    def require(self) -> LoadCheck:
        """Return this if everything fits; raises :class:`SchemaMismatch` with every reason if not."""
        if self.mismatches:
            raise SchemaMismatch(
                f"What is to be written does not fit {self.target}",
                reasons=[mismatch.reason for mismatch in self.mismatches],
                fix="Change the load or the table, then scan again",
            )
        return self


def check_before_load(
    repository: MetadataRepository,
    target: MetadataTarget,
    expected: Expectations,
    *,
    tenant: str = DEFAULT_TENANT,
    max_age_seconds: float | None = None,
    raises: bool = True,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> LoadCheck:
    """Compare the columns of a load with the table as the last scan saw it: two questions to the repository.

    Raises :class:`SchemaMismatch` with every reason where something does not fit, unless ``raises`` is false; and :class:`CannotJudge`,
    in either case, where the table was never seen, the last scan could not read it, or is older than ``max_age_seconds``.
    """
    if target.schema is None or target.table is None:
        raise InvalidRequest(f"{target} is no table", fix="Name source, schema and table", field="target")
    wanted = expected_columns(expected)
    scan, known = _scan(repository, target, tenant), repository.latest(target, "schema_snapshot", tenant=tenant)
    said = msgspec.convert(scan.record.payload, CatalogScan)
    _check_age(target, scan, max_age_seconds, now)
    _check_read(target, said)
    if known is None:
        raise CannotJudge(f"{target} was never seen", why="no scan of the source found such a table", fix="Correct the name, or scan again")
    gone = Mismatch("gone", f"the table is gone since {known.record.produced_at.isoformat()}")
    payload = known.record.payload
    mismatches = [gone] if payload is None else check_columns(from_payload(payload), wanted, engine=said.engine)
    check = LoadCheck(target, mismatches, known.record.produced_at, scan.record.produced_at)
    return check.require() if raises else check


def _scan(repository: MetadataRepository, target: MetadataTarget, tenant: str) -> StoredRecord:
    scan = repository.latest(MetadataTarget(target.source_id), "catalog_scan", tenant=tenant)
    if scan is None or scan.record.payload is None:
        raise CannotJudge(f"{target.source_id} was never scanned", fix=f"factbook scan {target.source_id}")
    return scan


def _check_age(target: MetadataTarget, scan: StoredRecord, most: float | None, now: Callable[[], datetime]) -> None:
    age = (now() - scan.record.produced_at).total_seconds()
    if most is not None and age > most:
        raise CannotJudge(
            f"The last scan of {target.source_id} is too old to judge by",
            why=f"it was {age:,.0f} s ago, and {most:,.0f} s are allowed",
            fix=f"factbook scan {target.source_id}",
            field="max_age_seconds",
        )


def _check_read(target: MetadataTarget, said: CatalogScan) -> None:
    """Refuse to judge by a state that the last scan could not confirm."""
    reading = said.schemas.get(target.schema or "")
    failure = next((note for note in said.failures if (note.schema, note.table) == (target.schema, target.table)), None)
    why = failure.reason if failure else reading.reason or "" if reading and not reading.complete else None
    if why is None and reading is None:
        why = "the last scan did not look at its schema"
    if why is None and said.removals_held:
        why = f"{said.removals_held} removals wait for --accept-removals, and it may be among them"
    if why is not None:
        raise CannotJudge(f"The last scan could not vouch for {target}", why=why, fix=f"factbook scan {target.source_id}")
