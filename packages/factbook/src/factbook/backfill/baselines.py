"""How much history each table has, and whether that is enough to judge its variability by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from statistics import median

import msgspec

from factbook.backfill.mapping import Threshold
from factbook_sdk.facts import MetadataTarget

GAP_FACTOR = 3
"""A pause longer than so many of a table's usual ones is a gap; the usual pause is the median."""

MAX_GAPS = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)

Moment = tuple[int, int, str | None]
"""Number of the subject, microseconds since 1970, run."""


class Subject(msgspec.Struct, frozen=True):
    """What a stream of records is about: a kind, a target, a producer."""

    kind: str
    target: MetadataTarget
    producer_id: str


class Gap(msgspec.Struct, frozen=True):
    """A pause in a history that is much longer than its usual one."""

    after: datetime
    before: datetime


class History(msgspec.Struct, frozen=True):
    """What the files hold of one table under one kind. ``runs`` counts run ids, and each record without one; ``lacks`` says what is
    missing for a baseline, nothing if it is enough. ``gaps`` are the longest five of ``gap_count``."""

    kind: str
    target: MetadataTarget
    producer_id: str
    records: int
    runs: int
    first: datetime
    last: datetime
    days: float
    gap_count: int
    gaps: list[Gap]
    lacks: str | None


def histories(moments: Iterable[Moment], subjects: list[Subject], threshold: Threshold) -> Iterator[History]:
    """Yield the history of each subject that has records. Moments come by subject and time."""
    for number, group in groupby(moments, key=lambda moment: moment[0]):
        times: list[int] = []
        runs: set[str] = set()
        without = 0
        for _, at, run in group:
            times.append(at)
            without += run is None
            if run is not None:
                runs.add(run)
        yield _history(subjects[number], times, len(runs) + without, threshold)


def _history(subject: Subject, times: list[int], runs: int, threshold: Threshold) -> History:
    first, last = _moment(times[0]), _moment(times[-1])
    days = (last - first) / _DAY
    gaps = _gaps(times)
    return History(
        subject.kind,
        subject.target,
        subject.producer_id,
        len(times),
        runs,
        first,
        last,
        round(days, 2),
        len(gaps),
        [Gap(_moment(start), _moment(end)) for start, end in gaps[:MAX_GAPS]],
        _lack(runs, days, threshold),
    )


def _gaps(times: list[int]) -> list[tuple[int, int]]:
    """Return the pauses that are gaps, the longest first."""
    # Records of one moment (several checks of one run) say nothing about how often runs come.
    pauses = [(start, end) for start, end in pairwise(times) if end > start]
    if len(pauses) < 2:
        return []
    usual = median(end - start for start, end in pauses)
    found = [(start, end) for start, end in pauses if end - start > GAP_FACTOR * usual]
    return sorted(found, key=lambda gap: (gap[0] - gap[1], gap[0]))


def _lack(runs: int, days: float, threshold: Threshold) -> str | None:
    lacks = []
    if runs < threshold.runs:
        lacks.append(f"{runs} of {threshold.runs} runs")
    if days < threshold.days:
        lacks.append(f"{days:.1f} of {threshold.days:g} days")
    return " and ".join(lacks) or None


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
