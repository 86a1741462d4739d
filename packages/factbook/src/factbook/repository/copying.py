"""Copy a log from one repository into another. Records keep their content ids, so it may be stopped, repeated and caught up at will."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from factbook_sdk.repository.contract import MetadataRepository, Outcome

PAGE = 5_000
_MAX_REASONS = 100

OnCopied = Callable[[int, int | None, str], None]
"""Called with records copied, how many there are (``None``: unknown), and where it is."""


class CopyReport(msgspec.Struct, frozen=True):
    """What became of the records. ``reached`` is the offset of the source up to which all were copied; ``refused`` holds at most 100
    reasons, ``counts["rejected"]`` is exact."""

    counts: dict[str, int]
    reached: int
    refused: list[str]


def copy_log(
    source: MetadataRepository, sink: MetadataRepository, *, tenant: str, after_offset: int = 0, on_copied: OnCopied | None = None
) -> CopyReport:
    """Store every record of a tenant after an offset in ``sink``, in log order; what is there already is a duplicate."""
    counts = {outcome.value: 0 for outcome in Outcome} | {"rejected": 0}
    refused: list[str] = []
    done = 0
    while True:
        page = source.tail(after_offset, tenant=tenant, limit=PAGE)
        if not page.records and page.next_offset == after_offset:
            return CopyReport(counts, after_offset, refused)
        report = sink.bulk_store([item.record for item in page.records])
        for name, number in report.counts.items():
            counts[name] += number
        for rejection in report.rejections[: _MAX_REASONS - len(refused)]:
            refused.append(f"offset {page.records[rejection.index].offset}: {rejection.reason}")
        after_offset = page.next_offset
        done += len(page.records)
        if on_copied is not None:
            on_copied(done, None, f"offset {after_offset:,}")
