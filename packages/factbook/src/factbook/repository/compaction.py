"""Compaction: bring the bodies of old records into the archive, and empty them in the store.

Each file goes through the same steps, and whatever the step at which a process dies, every record is answered and the next run puts
things right: a draft is written, forced to disk and read back, every body compared; it is announced in the manifest; it is published under
its name; it comes into force in the transaction that begins to empty bodies; it is settled once they all are empty.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from factbook.database.exclusive import Exclusive
from factbook.errors import ConfigurationError
from factbook.repository.archive import manifest
from factbook.repository.archive.layout import file_path, month_bounds, month_of
from factbook.repository.archive.manifest import ArchiveFile, FileState
from factbook.repository.archive.parquet import Draft, Reader, check, workshop
from factbook.repository.archive.place import Place
from factbook.repository.sql import SqlRepository

MIN_RECORDS = 1000
"""A month that has a file gets another only for so many records; until then latecomers stay in the store."""
GRACE_SECONDS = 3600.0
"""For how long a dropped file is still there for readers under way."""

_BATCH = 5000
_FILE_RECORDS = 200_000
_FILE_BYTES = 40 * 1024 * 1024
_BATCH_BYTES = 4 * 1024 * 1024

OnProgress = Callable[[int, int | None, str], None]
OnStep = Callable[[str], None]

# That so many records of the same stream are newer.
_NEWER = """
    (SELECT count(*) FROM (
        SELECT 1 FROM records AS n
        WHERE n.stream_id = r.stream_id AND (n.produced_at, n."offset") > (r.produced_at, r."offset") LIMIT :newest
    ) AS newer) >= :newest
"""
_DUE = """
    FROM records AS r
    WHERE r.channel_no = :channel_no AND r.produced_at >= :since AND r.produced_at < :until AND r.body <> ''
"""
# The bounds of time let PostgreSQL look into one partition only, where records are partitioned.
_ROWS = """
    SELECT r."offset", r.id, r.body, r.produced_at FROM records AS r
    WHERE r."offset" IN {list} AND r.produced_at >= :since AND r.produced_at < :until ORDER BY r."offset"
"""
_EMPTY = "UPDATE records SET body = '' WHERE \"offset\" IN {list} AND produced_at >= :since AND produced_at < :until"
_NEXT_MOMENT = "SELECT min(produced_at) FROM records WHERE channel_no = :channel_no AND produced_at >= :since AND produced_at < :until"
_SIZE = {"sqlite": "length(CAST(r.body AS BLOB))", "postgresql": "octet_length(r.body)"}
_LIST = {"sqlite": "(SELECT value FROM json_each(:offsets))", "postgresql": "(SELECT unnest(CAST(:offsets AS bigint[])))"}

_GIVE_BACK = {"sqlite": ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"), "postgresql": ("VACUUM FULL records",)}


class Rule(msgspec.Struct, frozen=True):
    """What of a channel is due: records of months that end by ``before`` (microseconds), but for the ``newest`` of each stream."""

    channel_no: int
    tenant: str
    kind: str
    before: int
    newest: int


class Due(msgspec.Struct, frozen=True):
    """One month of one channel that has something to archive."""

    rule: Rule
    month: str
    records: int
    body_bytes: int


class Compacted(msgspec.Struct, frozen=True):
    """What a run has archived: so many records in so many files, and what their bodies took before and take now."""

    records: int = 0
    files: int = 0
    body_bytes: int = 0
    file_bytes: int = 0

    def plus(self, file: ArchiveFile) -> Compacted:
        return Compacted(self.records + file.rows, self.files + 1, self.body_bytes + file.body_bytes, self.file_bytes + file.size_bytes)


class Compactor:
    """Compacts one store into its archive. Only one process does so at a time: :attr:`exclusive` says so to all others."""

    def __init__(
        self,
        repository: SqlRepository,
        *,
        min_records: int = MIN_RECORDS,
        file_records: int = _FILE_RECORDS,
        file_bytes: int = _FILE_BYTES,
        grace_seconds: float = GRACE_SECONDS,
        on_step: OnStep = lambda step: None,
    ) -> None:
        self._repository = repository
        self._dialect = repository.database.dialect
        self._min_records = min_records
        self._file_records = file_records
        self._file_bytes = file_bytes
        self._grace_seconds = grace_seconds
        self._on_step = on_step
        self.exclusive = Exclusive(repository.database, "compaction")

    def plan(self, rules: Sequence[Rule]) -> list[Due]:
        """Return what is due by the rules, month by month; nothing is changed."""
        with self._repository.reading() as connection:
            return [due for rule in rules for due in self._plan(connection, rule)]

    def run(
        self, rules: Sequence[Rule], *, on_progress: OnProgress = lambda *_: None, check_cancelled: Callable[[], None] = lambda: None
    ) -> Compacted:
        """Archive what is due, after finishing what an earlier run left; raises :class:`StoreBusy` while another process does so."""
        with self.exclusive.hold():
            self.recover()
            done, plan = Compacted(), self.plan(rules)
            total = sum(due.records for due in plan)
            if not plan:
                return done
            with workshop(self._place().drafts) as connection:
                for due in plan:
                    for file in self._compact(connection, due, check_cancelled):
                        done = done.plus(file)
                        on_progress(done.records, total, "archived")
            self._refresh()
            return done

    def recover(self) -> None:
        """Finish or take back what a process that died has left, and delete dropped files that nobody can be reading any more."""
        place = self._place()
        place.sweep()
        with self._repository.reading() as connection:
            left = manifest.in_state(connection, FileState.WRITTEN, FileState.IN_FORCE, FileState.DELETING)
        for file in left:
            if file.state is not FileState.IN_FORCE:
                # Whether it was published or not: readers never saw it, and its records are all in the store.
                self._delete(file)
            else:
                self._settle(file)
        oldest = (time.time() - self._grace_seconds) * 1e6
        with self._repository.reading() as connection:
            dropped = [file for file in manifest.in_state(connection, FileState.DROPPED) if file.moved_at <= oldest]
        for file in dropped:
            # From here on no reader is sent there, so that it may be gone before the manifest knows.
            moved = self._move(file, FileState.DELETING)
            self._on_step("deleting")
            self._delete(moved)

    def give_back(self) -> None:
        """Give the room that bodies took back to the disk: the store is rewritten, and writers wait meanwhile."""
        with self.exclusive.hold():
            self._repository.database.maintain(*_GIVE_BACK[self._dialect])

    def _plan(self, connection: Connection, rule: Rule) -> Iterator[Due]:
        reached = _START
        while (
            at := connection.scalar(text(_NEXT_MOMENT), {"channel_no": rule.channel_no, "since": reached, "until": rule.before})
        ) is not None:
            month = month_of(at)
            since, reached = month_bounds(month)
            if reached > rule.before:
                return
            counted = f"SELECT count(*), coalesce(sum({_SIZE[self._dialect]}), 0) {_DUE}" + (f" AND {_NEWER}" if rule.newest else "")
            records, body_bytes = connection.execute(text(counted), _parameters(rule, since, reached)).one()
            if records >= (self._min_records if manifest.has_files(connection, rule.channel_no, month) else 1):
                yield Due(rule, month, records, int(body_bytes))

    def _compact(self, duck: Any, due: Due, check_cancelled: Callable[[], None]) -> Iterator[ArchiveFile]:
        """Archive one month of a channel, file by file."""
        for offsets in self._slices(due):
            while offsets:
                check_cancelled()
                file, taken = self._archive(duck, due, offsets)
                yield file
                offsets = offsets[taken:]

    def _slices(self, due: Due) -> Iterator[list[int]]:
        """Yield the offsets that are due, in the order of time and a file's worth at a time, each in the order of the log."""
        since, until = month_bounds(due.month)
        picked = text(
            f'SELECT r."offset", r.produced_at, r.id {_DUE} AND (r.produced_at, r.id) > (:at, :id)'
            + (f" AND {_NEWER}" if due.rule.newest else "")
            + " ORDER BY r.produced_at, r.id LIMIT :limit"
        )
        parameters = _parameters(due.rule, since, until) | {"at": since - 1, "id": b"", "limit": self._file_records}
        while True:
            offsets = []
            with self._repository.reading() as connection:
                for offset, at, content_id in connection.execute(picked, parameters):
                    offsets.append(offset)
                    parameters |= {"at": at, "id": bytes(content_id)}
            if not offsets:
                return
            offsets.sort()
            yield offsets

    def _archive(self, duck: Any, due: Due, offsets: Sequence[int]) -> tuple[ArchiveFile, int]:
        """Bring the first of these records into one file; return it and how many it took."""
        place = self._place()
        path = place.drafts / "draft.parquet"
        draft = Draft(duck, due.rule.tenant)
        step = 1
        while draft.rows < len(offsets) and draft.weight < self._file_bytes:
            draft.add(self._rows(due, offsets[draft.rows : draft.rows + step]))
            # Nobody knows how large the next bodies are; the last ones are a good guess, which is never raised by much.
            step = max(1, min(_BATCH, 4 * step, _BATCH_BYTES * draft.rows // draft.body_bytes))
        draft.write(path)
        check(duck, path, rows=draft.rows, digest=draft.digest)
        self._on_step("drafted")
        name = file_path(due.rule.kind, due.month, due.rule.tenant, draft.first_offset, draft.last_offset, draft.digest)
        sizes = (draft.rows, draft.body_bytes, path.stat().st_size)
        file = ArchiveFile(due.rule.channel_no, due.month, name, *sizes, draft.digest, draft.first_offset, draft.last_offset)
        with self._repository.database.writing() as connection:
            file = manifest.announce(connection, file)
        self._on_step("announced")
        place.publish(path, name)
        self._on_step("published")
        taken = offsets[: draft.rows]
        with self._repository.database.writing() as connection:
            file = manifest.move(connection, file, FileState.IN_FORCE)
            self._empty(connection, file, taken[:_BATCH])
        self._on_step("in force")
        return self._settle(file, taken[_BATCH:]), draft.rows

    def _rows(self, due: Due, offsets: Sequence[int]) -> list[tuple[int, bytes, str, int]]:
        since, until = month_bounds(due.month)
        with self._repository.reading() as connection:
            wanted = {"offsets": self._listed(offsets), "since": since, "until": until}
            found = connection.execute(text(_ROWS.format(list=_LIST[self._dialect])), wanted)
            return [(row[0], bytes(row[1]), row[2], row[3]) for row in found]

    def _settle(self, file: ArchiveFile, offsets: Sequence[int] | None = None) -> ArchiveFile:
        """Empty the bodies that a file in force holds, in short transactions; which ones, it says itself if nobody else knows."""
        for batch in self._listed_by(file) if offsets is None else _batches(offsets):
            with self._repository.database.writing() as connection:
                self._empty(connection, file, batch)
            self._on_step("emptied")
        return self._move(file, FileState.SETTLED)

    def _listed_by(self, file: ArchiveFile) -> Iterator[Sequence[int]]:
        reader = Reader(self._place())
        try:
            yield from reader.offsets(file.path)
        finally:
            reader.close()

    def _empty(self, connection: Connection, file: ArchiveFile, offsets: Sequence[int]) -> None:
        since, until = month_bounds(file.month)
        emptied = {"offsets": self._listed(offsets), "since": since, "until": until}
        connection.execute(text(_EMPTY.format(list=_LIST[self._dialect])), emptied)

    def _listed(self, offsets: Sequence[int]) -> Any:
        return json.dumps(list(offsets)) if self._dialect == "sqlite" else list(offsets)

    def _move(self, file: ArchiveFile, state: FileState) -> ArchiveFile:
        with self._repository.database.writing() as connection:
            return manifest.move(connection, file, state)

    def _delete(self, file: ArchiveFile) -> None:
        self._place().delete(file.path)
        self._on_step("deleted")
        with self._repository.database.writing() as connection:
            manifest.forget(connection, file)

    def _refresh(self) -> None:
        """Let PostgreSQL reuse the room of emptied bodies at once; SQLite does so by itself."""
        if self._dialect == "postgresql":
            self._repository.database.maintain("VACUUM records")

    def _place(self) -> Place:
        if self._repository.archive is None:
            raise ConfigurationError("There is no archive", why="the store was opened without one", fix="Set ARCHIVE_URL")
        return self._repository.archive


def _batches(offsets: Sequence[int]) -> Iterator[Sequence[int]]:
    return (offsets[start : start + _BATCH] for start in range(0, len(offsets), _BATCH))


_START = month_bounds("0001-01")[0]


def _parameters(rule: Rule, since: int, until: int) -> dict[str, Any]:
    bounds: dict[str, Any] = {"channel_no": rule.channel_no, "since": since, "until": until}
    return bounds | ({"newest": rule.newest} if rule.newest else {})
