"""Files in a folder of this machine. One process writes to the log at a time: whoever holds the lock on ``.lock``."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from factbook.errors import ConfigurationError, StoreBusy, TemporaryError
from factbook.repository.files.storage import Storage

BUSY_TIMEOUT_SECONDS = 30.0

_LOCK = ".lock"
_TURN = ".turn"
_FIRST_PAUSE_SECONDS = 0.0002
_LAST_PAUSE_SECONDS = 0.005
_OPEN_FILES = 32
_NO_HARD_LINKS = {errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Folder(Storage):
    """A folder, made if it is not there."""

    appends = True
    poll_seconds = 0.1
    fresh_seconds = 0.0

    def __init__(self, path: Path, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> None:
        self.path = path.absolute()
        self._busy_timeout_seconds = busy_timeout_seconds
        self._files: OrderedDict[str, int] = OrderedDict()
        self._open = threading.Lock()

    def __str__(self) -> str:
        return f"file://{self.path}"

    def prepare(self) -> bool:
        try:
            (self.path / "log").mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666))
        except OSError as error:
            if error.errno in _REFUSED and (self.path / "log").is_dir():
                return False
            raise ConfigurationError(
                f"The folder {self.path} cannot be used", why=error.strerror or str(error), fix="Choose another META_DB_URL"
            ) from error
        return True

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        deadline = time.monotonic() + self._busy_timeout_seconds
        # Whoever waits for the lock holds the turn, so that nobody who has just let it go can have it again before him.
        turn = self._acquire(_TURN, deadline)
        try:
            lock = self._acquire(_LOCK, deadline)
        finally:
            os.close(turn)
        try:
            yield
        finally:
            # The kernel takes the lock back with the descriptor, also from a process that was killed.
            os.close(lock)

    def names(self, folder: str) -> list[str]:
        with self._translated("read"):
            return sorted(os.listdir(self.path / folder)) if (self.path / folder).is_dir() else []

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        with self._translated("read"), self._open:
            try:
                descriptor = self._descriptor(name)
            except FileNotFoundError:
                return None
            size = os.fstat(descriptor).st_size - start if length is None else length
            return _read(descriptor, start, size) if size > 0 else b""

    def read_all(self, names: Iterable[str]) -> Iterator[bytes]:
        for name in names:
            yield self.read(name) or b""

    def create(self, name: str, content: bytes) -> bool:
        path = self.path / name
        with self._translated("written"):
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
            except FileExistsError:
                return False
            try:
                _write(descriptor, 0, content)
            finally:
                os.close(descriptor)
            _sync(path.parent)
        return True

    def append(self, name: str, size: int, content: bytes) -> None:
        with self._writable(name) as descriptor:
            _write(descriptor, size, content)

    def cut(self, name: str, size: int) -> None:
        with self._writable(name) as descriptor:
            os.ftruncate(descriptor, size)

    def sync(self, name: str) -> None:
        with self._translated("read"):
            _sync(self.path / name)
            _sync((self.path / name).parent)

    def keep(self, name: str, content: bytes) -> bool:
        path = self.path / name
        with self._translated("written"):
            found = _size(path)
            if found is None:
                if _link(path, content):
                    return True
                found = _size(path)
            # What a power cut left empty or cut short is nobody's; whole records are never empty and end in a line feed.
            held = path.read_bytes() if found else b""
            if held != content and held.endswith(b"\n"):
                return False
            if held != content:
                os.replace(_written(path, content), path)
        return True

    def replace(self, name: str, content: bytes) -> None:
        path = self.path / name
        with self._translated("written"):
            os.replace(_written(path, content), path)

    def epoch(self) -> str:
        return _BOOT.read_text().strip() if _BOOT.exists() else ""

    def close(self) -> None:
        with self._open:
            for descriptor in self._files.values():
                os.close(descriptor)
            self._files.clear()

    def _acquire(self, name: str, deadline: float) -> int:
        """Return the descriptor of a file we have locked."""
        try:
            import fcntl
        except ImportError as error:
            raise ConfigurationError(
                "Facts cannot be written to files here", why="this operating system has no flock", fix="Write sqlite:///PATH to META_DB_URL"
            ) from error
        with self._translated("written"):
            descriptor = os.open(self.path / name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        pause = _FIRST_PAUSE_SECONDS
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return descriptor
                except BlockingIOError as error:
                    if time.monotonic() > deadline:
                        raise self._busy() from error
                time.sleep(pause)
                pause = min(2 * pause, _LAST_PAUSE_SECONDS)
        except BaseException:
            os.close(descriptor)
            raise

    def _descriptor(self, name: str) -> int:
        """Return the file of that name, open for reading. The caller holds the lock while it reads: others may have it closed."""
        descriptor = self._files.get(name)
        if descriptor is None:
            descriptor = os.open(self.path / name, os.O_RDONLY | os.O_CLOEXEC)
            self._files[name] = descriptor
            if len(self._files) > _OPEN_FILES:
                os.close(self._files.popitem(last=False)[1])
        self._files.move_to_end(name)
        return descriptor

    @contextmanager
    def _writable(self, name: str) -> Iterator[int]:
        with self._translated("written"):
            descriptor = os.open(self.path / name, os.O_WRONLY | os.O_CLOEXEC)
            try:
                yield descriptor
            finally:
                os.close(descriptor)

    def _busy(self) -> StoreBusy:
        return StoreBusy(
            f"The store {self} is busy",
            why=f"another process has been writing to it for {self._busy_timeout_seconds:g} seconds",
            fix="Wait for the other process, or try again",
        )

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            if error.errno in _REFUSED:
                raise ConfigurationError(
                    f"The store {self} cannot be {what}", why=why, fix="Check META_DB_URL and the rights on it"
                ) from error
            fix = "Free disk space, then try again" if error.errno == errno.ENOSPC else "Check the disk, then try again"
            raise TemporaryError(f"The store {self} could not be {what}", why=why, fix=fix) from error


def _read(descriptor: int, start: int, length: int) -> bytes:
    """Read so many bytes, fewer at the end: one call gives at most 2 GiB."""
    content = os.pread(descriptor, length, start)
    while len(content) < length and (more := os.pread(descriptor, length - len(content), start + len(content))):
        content += more
    return content


def _write(descriptor: int, size: int, content: bytes) -> None:
    """Write to the end of a file of that size, down to the disk, or leave the file as it was."""
    try:
        view, position = memoryview(content), size
        while view:
            written = os.pwrite(descriptor, view, position)
            view, position = view[written:], position + written
        os.fsync(descriptor)
    except OSError:
        # Nobody knows what of it is on the disk, and nobody was told that it is.
        os.ftruncate(descriptor, size)
        raise


def _link(path: Path, content: bytes) -> bool:
    """Give the content that name unless somebody else has it: at no instant there is half a file."""
    written = _written(path, content)
    try:
        os.link(written, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        os.replace(written, path)
    finally:
        written.unlink(missing_ok=True)
    return True


def _written(path: Path, content: bytes) -> Path:
    """Write the content beside the path, under a name that no record has."""
    beside = path.parent / f".{os.getpid()}-{token_hex(6)}"
    try:
        try:
            beside.write_bytes(content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(content)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return beside


def _size(path: Path) -> int | None:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
