"""The log: segments of lines below ``log/``, each named by the offset it begins with. Nothing else decides what was acknowledged.

A commit is written to the end of the last segment, or to a new one where that is full or cannot grow. The next segment's name follows from
the last offset, so whoever has read up to there knows where to look.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from secrets import token_hex

import structlog

from factbook.errors import ConfigurationError
from factbook.repository.files import lines
from factbook.repository.files.lines import Found
from factbook.repository.files.paths import LOG, TORN, first_offset_of, segment_name
from factbook.repository.files.storage import Storage

SEGMENT_BYTES = 16 * 1024 * 1024

log = structlog.get_logger(__name__)


class Place:
    """Where a commit was written: the position and the length of each of its lines."""

    __slots__ = ("lengths", "position")

    def __init__(self, position: int, lengths: list[int]) -> None:
        self.position = position
        self.lengths = lengths


class Log:
    """What one process has read of the log, and its way to write to it. One thread at a time may read on or write."""

    def __init__(self, storage: Storage, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.storage = storage
        self.last_offset = 0
        self._segment_bytes = segment_bytes
        self._writer = token_hex(4)
        self._firsts = array("Q")
        self._size = 0

    def open(self, *, repair: bool) -> Iterator[list[Found]]:
        """Yield the lines of all segments there are, one segment after the other."""
        names = [name for name in self.storage.names(LOG) if first_offset_of(name) is not None]
        paths = [f"{LOG}/{name}" for name in names]
        for number, (path, content) in enumerate(zip(paths, self.storage.read_all(paths), strict=True), start=1):
            if path != segment_name(self.last_offset + 1):
                raise self._damaged(path, f"it should begin with offset {self.last_offset + 1}")
            self._firsts.append(self.last_offset + 1)
            self._size = 0
            yield from self._take(content, is_last=number == len(names), repair=repair)

    def catch_up(self, *, repair: bool) -> Iterator[list[Found]]:
        """Yield lines that others have written since. With ``repair``, which only a writer may ask for who keeps the others from writing,
        what a process that died has left half-written is cut off."""
        if self._firsts and self.storage.appends:
            content = self.storage.read(self._last_segment, self._size)
            if content:
                yield from self._take(content, is_last=True, repair=repair)
        while (content := self.storage.read(segment_name(self.last_offset + 1))) is not None:
            if self._firsts and self._firsts[-1] == self.last_offset + 1:
                # Made by somebody who died before writing to it, or does so just now: it is the last segment already.
                return
            self._firsts.append(self.last_offset + 1)
            self._size = 0
            yield from self._take(content, is_last=True, repair=repair)

    def append(self, records: Sequence[tuple[bytes, bytes]]) -> Place | None:
        """Write records (16-byte id, canonical body) as one commit and make it outlive a power cut.

        ``None``: somebody else was first; catch up, judge again and try again.
        """
        encoded = lines.encode(self.last_offset + 1, self._writer, records)
        content = b"".join(encoded)
        if self._firsts and self.storage.appends and (self._size < self._segment_bytes or not self._size):
            position = self._size
            self.storage.append(self._last_segment, position, content)
        else:
            if not self.storage.create(segment_name(self.last_offset + 1), content):
                return None
            position = 0
            self._firsts.append(self.last_offset + 1)
        self._size = position + len(content)
        self.last_offset += len(records)
        return Place(position, [len(line) for line in encoded])

    def read(self, places: Sequence[tuple[int, int, int]]) -> Iterator[bytes]:
        """Yield lines by offset, position and length; lines that lie side by side are read at once."""
        start = 0
        while start < len(places):
            offset, position, length = places[start]
            segment = bisect_right(self._firsts, offset) - 1
            after = self._firsts[segment + 1] if segment + 1 < len(self._firsts) else None
            end = start + 1
            while (
                end < len(places)
                and places[end][1] == position + length
                and places[end][0] > offset
                and (after is None or places[end][0] < after)
            ):
                length += places[end][2]
                end += 1
            content = self.storage.read(segment_name(self._firsts[segment]), position, length)
            if content is None or len(content) < length:
                raise self._damaged(
                    segment_name(self._firsts[segment]), f"it was longer than {position + length:,} bytes when it was read before"
                )
            for _, at, size in places[start:end]:
                yield content[at - position : at - position + size]
            start = end

    @property
    def _last_segment(self) -> str:
        return segment_name(self._firsts[-1])

    def _take(self, content: bytes, *, is_last: bool, repair: bool) -> Iterator[list[Found]]:
        path, position, end = self._last_segment, self._size, 0
        while True:
            parsed = lines.parse(content, end, position, self.last_offset + 1)
            torn = 0 if parsed.is_enough else len(content) - parsed.end
            if parsed.damage or (torn and not (is_last and self.storage.appends)):
                raise self._damaged(path, parsed.damage or f"its last {torn:,} bytes are no whole lines, and it is not the last segment")
            if parsed.lines:
                if not end:
                    # Whoever wrote them may have died before they were on the disk, and what we have told cannot be taken back.
                    self.storage.sync(path)
                end = parsed.end
                self._size = position + end
                self.last_offset = parsed.lines[-1].offset
                yield parsed.lines
            if not parsed.is_enough:
                break
        if torn and repair:
            kept = f"{TORN}/{self.last_offset + 1:020d}-{token_hex(4)}.part"
            self.storage.keep(kept, content[end:])
            self.storage.cut(path, self._size)
            log.warning("torn_end_of_log_cut", segment=path, bytes=torn, kept=kept)

    def _damaged(self, path: str, why: str) -> ConfigurationError:
        return ConfigurationError(
            f"The log of {self.storage} is damaged in {path}", why=why, fix="Restore that file from a copy; nothing was changed"
        )
