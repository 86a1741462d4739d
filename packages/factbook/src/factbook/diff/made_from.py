"""Which edges count for whom a change hits: names as they were settled, and nothing that nobody has confirmed for too long. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from factbook.diff.downstream import Edge
from factbook.names import Binding
from factbook.names.bindings import Key
from factbook.names.namespaces import space_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.lineage import AGEING, Lineage
from factbook_sdk.facts.kinds.lineage_run import confirmed_by
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import StoredRecord


def ref_of(target: MetadataTarget) -> TableRef | None:
    """Return the table a fact is about; ``None`` for a whole source."""
    return None if target.table is None else TableRef(target.source_id, target.table, target.schema)


def edges_in_force(
    facts: Sequence[StoredRecord],
    bindings: Mapping[Key, Binding],
    runs: Callable[[], Iterable[StoredRecord]],
    *,
    gone_before: datetime,
) -> Iterator[Edge]:
    """Yield the edges of ``lineage`` facts, oldest first. ``runs`` gives the ``lineage_run`` facts since ``gone_before``, if any fact is
    so old that it counts only where one of them confirms it."""
    read = [(stored, msgspec.convert(stored.record.payload, Lineage)) for stored in facts]
    is_any_old = any(_is_old(stored, lineage, gone_before) for stored, lineage in read)
    is_confirmed = _confirmed(runs() if is_any_old else ())
    for stored, lineage in read:
        if not _is_old(stored, lineage, gone_before) or is_confirmed(stored.record.producer_id):
            yield from _edges(stored, lineage, bindings)


def _is_old(stored: StoredRecord, lineage: Lineage, gone_before: datetime) -> bool:
    return lineage.origin in AGEING and stored.record.produced_at < gone_before


def _confirmed(runs: Iterable[StoredRecord]) -> Callable[[str], bool]:
    confirms = ((run.record.producer_id, (run.record.payload or {}).get("confirms", ())) for run in runs)
    patterns = {pattern for producer_id, named in confirms for pattern in confirmed_by(producer_id, named)}
    names = {name for name, is_start in patterns if not is_start}
    starts = tuple(name for name, is_start in patterns if is_start)
    return lambda producer_id: producer_id in names or producer_id.startswith(starts)


def _edges(stored: StoredRecord, lineage: Lineage, bindings: Mapping[Key, Binding]) -> Iterator[Edge]:
    named = ref_of(stored.record.target)
    reader = None if named is None else _meant(named, bindings)
    job = None if lineage.job is None else lineage.job.name
    for item in lineage.inputs if reader is not None else ():
        source = _meant(item.table, bindings)
        if reader is not None and source is not None:
            yield Edge(reader, source, tuple(item.columns), job)


def _meant(named: TableRef, bindings: Mapping[Key, Binding]) -> TableRef | None:
    """Return the table that a name was settled to mean, else the name; ``None`` where it is ignored."""
    if named.schema is not None or not bindings:
        return named
    space = space_of(named.source_id).key
    own, whole = bindings.get((space, named.table)), bindings.get((space, None))
    if own is None:
        return None if whole is not None and whole.ignored else named
    if own.source_id is None or own.table is None:
        return None
    return TableRef(own.source_id, own.table, own.schema)
