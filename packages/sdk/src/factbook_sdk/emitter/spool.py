"""Records on disk until the service has them. Several processes may share a folder: each writes segments of its own, anyone sends."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from factbook_sdk.emitter import segments
from factbook_sdk.emitter.segments import Segment
from factbook_sdk.errors import ConfigurationError, EmitterFull, NotFound

REJECTED = "rejected.jsonl"
DEFAULT_MAX_BYTES = 1024 * 1024 * 1024
DEFAULT_MAX_REJECTED_BYTES = 64 * 1024 * 1024


class SpoolStatus(msgspec.Struct, frozen=True):
    """What lies in a spool. ``writing`` segments are held by a process that writes or sends them now, and count as the others do.

    ``torn`` counts last lines that a killed process did not finish; nobody was told that they were kept. ``broken`` are lines whose
    checksum is wrong. ``rejected`` are records the service refused, in ``rejected.jsonl``.
    """

    folder: str
    records: int
    segments: int
    writing: int
    size_bytes: int
    oldest_at: datetime | None
    torn: int
    broken: int
    rejected: int
    rejected_bytes: int


class Spool:
    """A folder of segments, made if it is not there, readable by its owner alone. Safe to use from many threads.

    At most ``max_bytes`` are kept, over all processes that share the folder: then nothing more is taken until something was sent.
    """

    def __init__(
        self, folder: Path | str, *, max_bytes: int = DEFAULT_MAX_BYTES, max_rejected_bytes: int = DEFAULT_MAX_REJECTED_BYTES
    ) -> None:
        self.folder = Path(folder).absolute()
        self._max_bytes = max_bytes
        self._max_rejected_bytes = max_rejected_bytes
        self._lock = threading.Lock()
        self._open: Segment | None = None
        self._claimed: set[Segment] = set()
        self._used_bytes = 0
        self.open_records = 0
        self.open_bytes = 0
        self.opened_at = 0.0
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The spool {self.folder} cannot be made", why=error.strerror or str(error), fix="Name a folder that can be written"
            ) from error

    def append(self, lines: Sequence[bytes]) -> Path:
        """Write lines to the disk; return the segment they are in. Raises :class:`EmitterFull` and ``OSError``, and then wrote none."""
        size = sum(map(len, lines)) + 10 * len(lines)
        with self._lock:
            self._make_room(size)
            if self._open is None:
                self._open = segments.create(self.folder)
                self.open_records = self.open_bytes = 0
                self.opened_at = time.monotonic()
            try:
                written = self._open.append(lines)
            except OSError:
                # Its end may hold half a line now, and the next one must not be glued to that.
                self._open.close()
                self._open = None
                self.open_records = self.open_bytes = 0
                raise
            self._used_bytes += written
            self.open_bytes += written
            self.open_records += len(lines)
            return self._open.path

    def seal(self) -> None:
        """Let the segment that is being written be sent; the next lines go to a new one."""
        with self._lock:
            if self._open is not None:
                self._open.close()
            self._open = None
            self.open_records = self.open_bytes = 0

    def unsent(self) -> Iterator[Segment]:
        """Yield each segment that nobody writes or sends, oldest first, locked for as long as the caller looks at it."""
        for path in segments.paths(self.folder):
            segment = segments.claim(path)
            if segment is None:
                continue
            self._claimed.add(segment)
            try:
                yield segment
            finally:
                self._claimed.discard(segment)
                segment.close()

    def reject(self, refused: Sequence[tuple[bytes, str, str | None]]) -> int:
        """Keep refused records, each with its reason and field; return how many found no room any more.

        They are lines of JSON: ``{"rejected_at", "reason", "field", "record"}``.
        """
        now = datetime.now(UTC)
        entries = [_entry(now, *item) for item in refused]
        with self._lock, open(self.folder / REJECTED, "ab", opener=_private) as file:
            room = self._max_rejected_bytes - file.tell()
            kept = 0
            for entry in entries:
                room -= len(entry)
                if room < 0:
                    break
                kept += 1
            # One write: what several processes append stays whole.
            file.write(b"".join(entries[:kept]))
            file.flush()
            os.fsync(file.fileno())
        return len(entries) - kept

    def status(self) -> SpoolStatus:
        """Count what lies there. A process that writes or sends meanwhile is not disturbed."""
        records = writing = size = torn = broken = 0
        oldest: datetime | None = None
        found = 0
        for path in segments.paths(self.folder):
            segment = segments.claim(path)
            try:
                content = segments.read(path)
            except FileNotFoundError:
                continue
            finally:
                if segment is not None:
                    segment.close()
            found += 1
            records += len(content.lines)
            writing += segment is None
            size += content.size_bytes
            torn += content.is_torn and segment is not None
            broken += len(content.broken)
            oldest = oldest or segments.made_at(path)
        rejected = self.folder / REJECTED
        refused = rejected.read_bytes() if rejected.exists() else b""
        return SpoolStatus(str(self.folder), records, found, writing, size, oldest, torn, broken, refused.count(b"\n"), len(refused))

    def forget(self) -> None:
        """Let go of the locks that a fork copied from the parent, without giving back the parent's."""
        self._lock = threading.Lock()
        for segment in (self._open, *self._claimed):
            if segment is not None:
                segment.close()
        self._open = None
        self.open_records = self.open_bytes = 0
        self._claimed.clear()

    def _make_room(self, size: int) -> None:
        if self._open is not None and self._used_bytes + size <= self._max_bytes:
            return
        self._used_bytes = segments.size_of_all(self.folder)
        if self._used_bytes + size > self._max_bytes:
            raise EmitterFull(
                f"The spool {self.folder} is full",
                why=f"it holds {self._used_bytes:,} bytes that the service has not taken yet, and may hold {self._max_bytes:,}",
                fix="Bring the service back, or allow more by max_spool_bytes",
            )


def existing(folder: Path | str) -> Spool:
    """Open a spool to look at it or to send it; raises :class:`NotFound` where there is no such folder."""
    if not Path(folder).is_dir():
        raise NotFound(f"There is no spool at {folder}", fix="Name the folder that the emitter was given")
    return Spool(folder)


def _entry(now: datetime, line: bytes, reason: str, field: str | None) -> bytes:
    try:
        record: Any = msgspec.Raw(line) if msgspec.json.decode(line) is not None else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        record = line.decode("utf-8", "backslashreplace")
    return msgspec.json.encode({"rejected_at": now, "reason": reason, "field": field, "record": record}) + b"\n"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
