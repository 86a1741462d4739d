"""Which moments are meant. A source is known by its scans, so every moment is one: a time means the last scan at or before it.

Between two scans there may be facts of one that was killed; what a scan that came to its end saw is whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from factbook.errors import InvalidRequest, NotFound
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan
from factbook_sdk.repository.contract import MetadataRepository, Within
from factbook_sdk.repository.filters import Condition, Operator

SCANNER = "scan.v1"
"""The producer whose facts are compared: another's would be another reading of the same tables, not a change of them."""

INSTANT = timedelta(microseconds=1)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_RELATIVE = re.compile(r"-(\d{1,9})([mhdw])")
_PAGE = 50


class Scan(msgspec.Struct, frozen=True):
    """One scan of a source: the moment that its facts carry, its run, and what it said of itself."""

    source_id: str
    moment: datetime
    run_id: str | None
    said: CatalogScan
    job_id: str | None = None
    namespace: str | None = None


def scan_of(record: MetadataRecord) -> Scan:
    """Read a ``catalog_scan`` record."""
    context = record.context
    said = msgspec.convert(record.payload, CatalogScan)
    return Scan(record.target.source_id, record.produced_at, context.run_id, said, context.job_id, context.namespace)


class ScansOf:
    """The scans of one source, from the log; with ``as_of`` those there were at that moment."""

    def __init__(
        self,
        repository: MetadataRepository,
        source_id: str,
        *,
        tenant: str,
        producer_id: str = SCANNER,
        as_of: datetime | None = None,
    ) -> None:
        self.source_id = source_id
        self._until = None if as_of is None else _just_after(as_of)
        self._repository = repository
        self._tenant = tenant
        self._producer_id = producer_id

    def newest_first(self, up_to: datetime | None = None) -> Iterator[Scan]:
        """Yield the scans at or before a moment, the newest first, read page by page."""
        cursor = None
        until = min(filter(None, (self._until, None if up_to is None else _just_after(up_to))), default=None)
        size = 1
        while True:
            page = self._repository.query(
                "catalog_scan",
                targets=[MetadataTarget(self.source_id)],
                producer_id=self._producer_id,
                tenant=self._tenant,
                until=until,
                order="desc",
                limit=size,
                cursor=cursor,
            )
            yield from (scan_of(item.record) for item in page.records)
            cursor, size = page.next_cursor, _PAGE
            if cursor is None:
                return

    def at(self, moment: datetime) -> Scan | None:
        """Return the last scan at or before a moment."""
        return next(self.newest_first(moment), None)

    def first(self) -> Scan | None:
        """Return the first scan there was."""
        return self._since(None)

    def before(self, scan: Scan) -> Scan | None:
        """Return the scan before another."""
        return self.at(scan.moment - INSTANT)

    def of_run(self, run_id: str) -> Scan | None:
        """Return the scan of a run; its last attempt where there were several."""
        page = self._repository.query(
            "catalog_scan",
            targets=[MetadataTarget(self.source_id)],
            where=[Condition("context.run_id", Operator.EQ, run_id)],
            producer_id=self._producer_id,
            tenant=self._tenant,
            until=self._until,
            order="desc",
            limit=1,
        )
        return scan_of(page.records[0].record) if page.records else None

    def last_with_changes(self) -> Scan | None:
        """Return the scan after which the last change was there: that of the newest structure, or the one after a scan that was killed."""
        page = self._repository.query(
            "schema_snapshot",
            targets=Within(self.source_id),
            producer_id=self._producer_id,
            tenant=self._tenant,
            until=self._until,
            order="desc",
            limit=1,
        )
        if not page.records:
            return None
        return self._since(page.records[0].record.produced_at)

    def _since(self, moment: datetime | None) -> Scan | None:
        page = self._repository.query(
            "catalog_scan",
            targets=[MetadataTarget(self.source_id)],
            producer_id=self._producer_id,
            tenant=self._tenant,
            since=moment,
            until=self._until,
            limit=1,
        )
        return scan_of(page.records[0].record) if page.records else None

    def latest(self) -> Scan:
        """Return the last scan; raises :class:`NotFound` if there is none."""
        last = next(self.newest_first(), None)
        if last is None:
            raise NotFound(
                f"No scan of {self.source_id!r} is known" + (" by then" if self._until else ""),
                why="a source is compared as its scans saw it",
                fix=f"factbook scan {self.source_id}, or name a source that was scanned",
                field="source_id",
            )
        return last


def _just_after(moment: datetime) -> datetime | None:
    """Return the bound that leaves out what came after a moment; ``None`` for the end of time."""
    return None if moment >= datetime.max.replace(tzinfo=UTC) else moment + INSTANT


class Moments:
    """Turn what somebody wrote for ``from`` and ``to`` into two scans."""

    def __init__(self, scans: ScansOf, now: Callable[[], datetime]) -> None:
        self._scans = scans
        self._now = now

    def pair(self, before: str | None, after: str | None) -> tuple[Scan, Scan]:
        """Return the two scans meant. Without either: the last scan that found a change, and the one before it."""
        latest = self._scans.latest()
        if before is None and after is None:
            newest = self._scans.last_with_changes()
            changed = newest if newest is not None and self._scans.before(newest) is not None else latest
            return self._previous(changed, "to"), changed
        to = latest if after is None else self.one(after, latest, "to")
        return self._previous(to, "from") if before is None else self.one(before, to, "from"), to

    def one(self, text: str, newest: Scan, field: str) -> Scan:
        """Return the scan that a text means: ``latest``, ``previous`` (to ``newest``), a run id, a time, or ``-1d``."""
        if text == "latest":
            return self._scans.latest()
        if text == "previous":
            return self._previous(newest, field)
        moment = self._moment(text, field)
        if moment is None:
            return self._of_run(text, field)
        found = self._scans.at(moment)
        if found is None:
            first = self._scans.first()
            raise InvalidRequest(
                f"Nothing is known of {self._scans.source_id} at {moment.isoformat()}",
                why=f"its first scan was at {first.moment.isoformat()}" if first else "it was never scanned",
                fix="Name a later moment",
                field=field,
            )
        return found

    def _previous(self, scan: Scan, field: str) -> Scan:
        earlier = self._scans.before(scan)
        if earlier is None:
            raise InvalidRequest(
                f"There is no scan of {self._scans.source_id} before {scan.moment.isoformat()}",
                why="that was the first one, and what was there before it is not known",
                fix=f"Scan again after a change: factbook scan {self._scans.source_id}",
                field=field,
            )
        return earlier

    def _of_run(self, run_id: str, field: str) -> Scan:
        found = self._scans.of_run(run_id)
        if found is None:
            raise NotFound(
                f"{run_id!r} is no scan of {self._scans.source_id}",
                why="neither a run of it, nor a time, nor `latest`, `previous` or `-1d`",
                fix=f"factbook jobs --source {self._scans.source_id} lists runs; a time is written 2026-01-31T12:00:00Z",
                field=field,
            )
        return found

    def _moment(self, text: str, field: str) -> datetime | None:
        """Read a time; ``None`` for what does not look like one."""
        if relative := _RELATIVE.fullmatch(text):
            try:
                return self._now() - int(relative[1]) * _UNITS[relative[2]]
            except OverflowError:
                return datetime.min.replace(tzinfo=UTC)
        try:
            moment = datetime.fromisoformat(f"{text}T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            raise InvalidRequest(f"{text!r} has no time zone", fix="Write for example 2026-01-31T12:00:00Z", field=field)
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise InvalidRequest(f"{text!r} lies outside the years 1 to 9999", field=field) from None
