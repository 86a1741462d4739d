"""What the source itself says of its tables, now and at any moment before: the comments in ``schema_snapshot`` facts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository

_PAGE = 250
_TICK = timedelta(microseconds=1)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class Comments(NamedTuple):
    """The comments of one snapshot, of the table itself under ``None``; without ``columns`` the table was gone."""

    moment: datetime
    record_id: str
    columns: tuple[str, ...]
    texts: Mapping[str | None, str]


class SourceTexts:
    """The comments on some tables, up to a moment. Of each snapshot only the comments are kept."""

    def __init__(self, repository: MetadataRepository, targets: Sequence[MetadataTarget], *, tenant: str, as_of: datetime | None) -> None:
        self._found: dict[MetadataTarget, list[Comments]] = {}
        until = None if as_of is None or as_of == _END_OF_TIME else as_of + _TICK
        cursor: str | None = None
        while targets:
            page = repository.query("schema_snapshot", targets=targets, tenant=tenant, until=until, limit=_PAGE, cursor=cursor)
            for item in page.records:
                self._found.setdefault(item.record.target, []).append(_comments(item.record.produced_at, item.id, item.record.payload))
            cursor = page.next_cursor
            if cursor is None:
                break

    def now(self, target: MetadataTarget) -> Comments | None:
        """Return the last comments; ``None`` where the table is not there (any more)."""
        found = self._found.get(target)
        return found[-1] if found and found[-1].columns else None

    def text_at(self, target: MetadataTarget, column: str | None, moment: datetime) -> str | None:
        """Return what the source said at a moment; of a moment before the first scan, what that found."""
        found = self._found.get(target, ())
        place = bisect_right(found, moment, key=lambda comments: comments.moment)
        return found[max(place - 1, 0)].texts.get(column) if found else None

    def since(self, target: MetadataTarget, column: str | None) -> tuple[datetime, str]:
        """Return since when the source says what it says now, and by which record."""
        found = self._found[target]
        first = found[-1]
        for earlier in reversed(found):
            if earlier.texts.get(column) != found[-1].texts.get(column):
                break
            first = earlier
        return first.moment, first.record_id


def _comments(moment: datetime, record_id: str, payload: dict[str, Any] | None) -> Comments:
    columns = payload["columns"] if payload else ()
    texts = {column["name"]: column["comment"] for column in columns if column.get("comment", "").strip()}
    own = (payload or {}).get("comment")
    return Comments(
        moment, record_id, tuple(column["name"] for column in columns), {**texts, **({None: own} if own and own.strip() else {})}
    )
