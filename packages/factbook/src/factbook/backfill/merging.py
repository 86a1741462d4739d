"""From the rows of a run to its one record, or to the reason why it has none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec

from factbook.backfill.plan import Plan
from factbook.backfill.provenance import Place, original_source
from factbook.backfill.spill import Held
from factbook.errors import InvalidRecord
from factbook_sdk.facts import Admission, Admitted


class Merged(msgspec.Struct, frozen=True, gc=False):
    """One run: its admitted record or why there is none, the rows that count, and how many repeats were passed over."""

    record: Admitted | None
    reason: str | None
    rows: list[Held]
    repeats: int


def merge_run(plan: Plan, run: Iterator[Held], files: Sequence[PurePosixPath], admission: Admission, tenant: str) -> Merged:
    """Read a run to its end and return what became of it. One bad row is enough for it to give no record: a total over the rest
    would look like the whole."""
    rows: list[Held] = []
    repeats = 0
    aggregates = [field.aggregate() for field in plan.fields]
    reason: str | None = None
    for row in run:
        if row.is_repeat:
            repeats += 1
            continue
        rows.append(row)
        if row.bad is not None:
            reason = reason or f"{files[row.file]}:{row.line} of the same run is bad"
        elif reason is None:
            reason = _add(plan, aggregates, row)
        # Only their places are needed from here on; a run may have very many rows.
        row.values = []
    if reason is not None:
        return Merged(None, reason, rows, repeats)
    try:
        values = [aggregate.result() for aggregate in aggregates]
        _check_rows(plan, values, len(rows))
        places: list[Place] = [(row.file, row.line, row.last_line, row.digest) for row in rows]
        record = plan.build(values, original_source(places, files, plan.source.format), tenant)
        return Merged(admission.admit(record), None, rows, repeats)
    except InvalidRecord as error:
        return Merged(None, f"{error.what}: {error.why}" if error.why else error.what, rows, repeats)
    except ValueError as error:
        return Merged(None, str(error), rows, repeats)


def _add(plan: Plan, aggregates: Sequence[Any], row: Held) -> str | None:
    for field, aggregate, value in zip(plan.fields, aggregates, row.values, strict=True):
        try:
            aggregate.add(value)
        except ValueError as error:
            return f"{'.'.join(field.place)}: {error}"
    return None


def _check_rows(plan: Plan, values: list[Any], found: int) -> None:
    """Refuse a run that says how many rows it has, and has another number. The number itself is no part of the record."""
    if plan.counts_rows:
        expected, values[-1] = values[-1], None
        if str(expected) != str(found):
            raise ValueError(f"the run should have {expected} rows and has {found}")
