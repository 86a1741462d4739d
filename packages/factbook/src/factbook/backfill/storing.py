"""Records on their way into a repository, by the same door as those of live producers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from factbook.backfill.baselines import Subject
from factbook.backfill.report import Revised
from factbook.backfill.spill import Spill
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.codec import decode_record
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, Outcome, Rejection

_BATCH_RECORDS = 5_000
_BATCH_BYTES = 8 * 1024 * 1024
_TARGETS = 500


class Stored(msgspec.Struct, frozen=True):
    """What became of the records: counts by outcome, the refused ones by their number in the spill, and which subjects grew."""

    counts: dict[str, int]
    refused: list[tuple[int, MetadataRecord, str]]
    grown: set[int]


def store(spill: Spill, repository: MetadataRepository, on_stored: Callable[[int], None]) -> Stored:
    """Store every record of the spill, a batch at a time; ``on_stored`` is told how many rows are in each."""
    counts = {outcome.value: 0 for outcome in Outcome} | {"rejected": 0}
    refused: list[tuple[int, MetadataRecord, str]] = []
    grown: set[int] = set()
    for batch in _batches(spill.records()):
        records = [decode_record(body) for _, _, _, body in batch]
        report = repository.bulk_store(records)
        for (number, subject, _, _), record, result in zip(batch, records, report.results, strict=True):
            if isinstance(result, Rejection):
                refused.append((number, record, result.reason))
            elif result.outcome is Outcome.STORED:
                grown.add(subject)
        for name, count in report.counts.items():
            counts[name] += count
        on_stored(sum(rows for _, _, rows, _ in batch))
    return Stored(counts, refused, grown)


def known_subjects(subjects: Sequence[Subject], repository: MetadataRepository, tenant: str) -> set[int]:
    """Return the numbers of the subjects of which the repository holds something."""
    streams: dict[tuple[str, str], list[int]] = {}
    for number, subject in enumerate(subjects):
        streams.setdefault((subject.kind, subject.producer_id), []).append(number)
    known: set[int] = set()
    for (kind, producer_id), numbers in streams.items():
        for start in range(0, len(numbers), _TARGETS):
            part = numbers[start : start + _TARGETS]
            found = repository.latest_many([subjects[number].target for number in part], kind, producer_id=producer_id, tenant=tenant)
            known.update(number for number in part if subjects[number].target in found)
    return known


def revised_runs(
    spill: Spill, subjects: Sequence[Subject], numbers: set[int], repository: MetadataRepository, tenant: str
) -> Iterator[Revised]:
    """Yield the runs of these subjects of which the repository holds more records than were just made."""
    for number in sorted(numbers):
        subject = subjects[number]
        made = Counter(run for (run,) in spill.runs_of(number))
        held = Counter(run for run in _held_runs(subject, repository, tenant) if run in made)
        for run in sorted(made):
            if held[run] > made[run]:
                yield Revised(subject.kind, subject.target, run, held[run])


def _held_runs(subject: Subject, repository: MetadataRepository, tenant: str) -> Iterator[str | None]:
    cursor: str | None = None
    while True:
        page = repository.query(
            subject.kind, targets=[subject.target], producer_id=subject.producer_id, tenant=tenant, limit=MAX_LIMIT, cursor=cursor
        )
        yield from (item.record.context.run_id for item in page.records)
        cursor = page.next_cursor
        if cursor is None:
            return


def _batches(records: Iterator[tuple[int, int, int, bytes]]) -> Iterator[list[tuple[int, int, int, bytes]]]:
    batch: list[tuple[int, int, int, bytes]] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record[3])
        if len(batch) >= _BATCH_RECORDS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
