"""The files of a spool. A segment holds records, one a line: eight hex digits of the CRC-32 of the JSON, a blank, the JSON.

Who writes or sends a segment holds its lock (``flock``). The kernel takes the lock back when a process ends, however it ends; what nobody
holds is therefore complete, but for a last line that was torn, and may be sent by anyone.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import msgspec

from factbook_sdk.errors import ConfigurationError

SUFFIX = ".segment"


class Content(msgspec.Struct, frozen=True):
    """What a segment holds: the JSON of its whole lines, what is broken in its middle, and whether its last line was torn."""

    lines: list[bytes]
    broken: list[bytes]
    is_torn: bool
    size_bytes: int


class Segment:
    """A segment whose lock is held; closing it gives the lock back. Every segment opened here must be closed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @property
    def size_bytes(self) -> int:
        return os.fstat(self._descriptor).st_size

    def append(self, lines: Sequence[bytes]) -> int:
        """Write lines to the disk, all or none; return how many bytes that took. Raises ``OSError``."""
        before = self.size_bytes
        content = b"".join(_framed(line) for line in lines)
        try:
            _write_all(self._descriptor, content)
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, before)
            raise
        return len(content)

    def remove(self) -> None:
        """Delete the file; the lock is held until it is closed."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the lock back; closing twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def create(folder: Path) -> Segment:
    """Create an empty segment, locked, whose name sorts after all older ones."""
    while True:
        path = folder / f"{time.time_ns():020d}-{os.getpid()}-{token_hex(4)}{SUFFIX}"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # Somebody who looks for work may have found the empty file, and removed it, before the lock was ours.
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            _sync_folder(folder)
            return Segment(path, descriptor)
        os.close(descriptor)


def claim(path: Path) -> Segment | None:
    """Lock a segment that nobody writes or sends; ``None`` if somebody does, or if it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if _lock(descriptor) and os.fstat(descriptor).st_nlink:
        return Segment(path, descriptor)
    os.close(descriptor)
    return None


def read(path: Path) -> Content:
    """Read a whole segment; one that somebody writes meanwhile may seem torn."""
    return _parse(path.read_bytes())


def paths(folder: Path) -> list[Path]:
    """Return the segments of a folder, oldest first."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.name.partition("-")[0].isdecimal())


def made_at(path: Path) -> datetime:
    """Return when a segment was begun, as its name has it."""
    return datetime.fromtimestamp(int(path.name.partition("-")[0]) / 1e9, UTC)


def size_of_all(folder: Path) -> int:
    """Return the bytes of all segments; one that goes away meanwhile counts nothing."""
    total = 0
    for path in paths(folder):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def _framed(line: bytes) -> bytes:
    return b"%08x %b\n" % (zlib.crc32(line), line)


def _parse(content: bytes) -> Content:
    *framed, rest = content.split(b"\n")
    lines: list[bytes] = []
    broken: list[bytes] = []
    is_torn = bool(rest)
    for number, text in enumerate(framed, start=1):
        line = _unframed(text)
        if line is not None:
            lines.append(line)
        elif number == len(framed) and not rest:
            # The last write may have reached the disk in any order, its end before its middle.
            is_torn = True
        else:
            broken.append(text)
    return Content(lines, broken, is_torn, len(content))


def _unframed(text: bytes) -> bytes | None:
    check, _, line = text.partition(b" ")
    return line if check == b"%08x" % zlib.crc32(line) else None


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError as error:
        raise ConfigurationError(
            "A spool needs file locks", why="this operating system has no flock", fix="Make the emitter without a spool"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Make a new name in the folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
