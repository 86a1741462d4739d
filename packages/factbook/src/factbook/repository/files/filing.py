"""What follows from the log, for people and for tools that read files: a file per record, and the catalogue ``index.json``.

Written in the background by whoever writes to the log, in log order, and never read to answer a question. ``index.json`` says up to which
offset everything is filed; what is missing after that, because a process died, is filed again at the next opening.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
import structlog

from factbook.errors import FactbookError
from factbook.repository.files.index import Index, Stream
from factbook.repository.files.lines import body_of
from factbook.repository.files.paths import CATALOGUE, kind_folder, plain_folder, qualified_folder, record_name
from factbook.repository.files.storage import Storage
from factbook_sdk.facts import MetadataTarget

CATALOGUE_SECONDS = 5.0
_FORMAT = 1
_AT_ONCE = 500
_RETRY_SECONDS = 5.0

Read = Callable[[Sequence[int]], list[bytes]]
"""Returns the lines of the log at these offsets."""

log = structlog.get_logger(__name__)


class Latest(msgspec.Struct, frozen=True):
    """The last record of an artifact: where it is in the log, and in which file."""

    offset: int
    id: str
    produced_at: datetime
    version: int
    file: str


class Artifact(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one producer says about one target in one kind."""

    target: MetadataTarget
    kind: str
    producer_id: str
    latest: Latest
    tenant: str = "default"


class Catalogue(msgspec.Struct, frozen=True):
    """``index.json``: every artifact, as of an offset of the log."""

    format: int
    offset: int
    epoch: str
    written_at: datetime
    artifacts: list[msgspec.Raw]


class _ToldLatest(msgspec.Struct):
    offset: int
    id: str


class _Told(msgspec.Struct):
    """What is read of a catalogue's artifact."""

    latest: _ToldLatest


class _Context(msgspec.Struct, frozen=True):
    run_id: str | None = None


class _Head(msgspec.Struct):
    """What a record's file name is made of."""

    produced_at: datetime
    context: _Context = _Context()
    version: int = 1


_head = msgspec.json.Decoder(_Head)


class Filing:
    """Files records after the log has them. Nothing runs before :meth:`wake`."""

    def __init__(self, storage: Storage, index: Index, lock: threading.Condition, read: Read) -> None:
        self._storage = storage
        self._index = index
        self._lock = lock
        self._read = read
        self._filed = 0
        self._artifacts: dict[int, bytes] = {}
        self._owners: dict[tuple[str, str], tuple[str, str | None, str | None]] = {}
        self._owned = 0
        self._written_at = 0.0
        self._written_offset = 0
        self._changed = threading.Event()
        self._stop = threading.Event()
        self._deadline = 0.0
        self._thread: threading.Thread | None = None

    def resume(self) -> bool:
        """Take up the catalogue that is there; return whether anything is left to file."""
        self._filed, self._artifacts = self._told()
        self._written_offset = self._filed
        return self._filed < len(self._index) or self._storage.read(CATALOGUE) is None

    def wake(self) -> None:
        """Say that there is something to file."""
        self._changed.set()
        if self._thread is None and not self._stop.is_set():
            self._thread = threading.Thread(target=self._work, name="factbook-filing", daemon=True)
            self._thread.start()

    def close(self, seconds: float) -> None:
        """File what is left, for at most so many seconds; the rest is left to the next opening."""
        self._deadline = time.monotonic() + seconds
        self._stop.set()
        self._changed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while True:
            self._changed.wait(CATALOGUE_SECONDS)
            self._changed.clear()
            # Looked at before filing: what comes while we file, just before the end, is still to be filed.
            is_last = self._stop.is_set()
            try:
                self._file_all()
            except FactbookError as error:
                # The log has the records; here only what follows from it is late, and it is tried again.
                log.warning("filing_failed", store=str(self._storage), filed=self._filed, error=str(error))
                if not self._stop.wait(_RETRY_SECONDS):
                    self._changed.set()
            if is_last:
                return
            if self._filed == self._written_offset:
                self._changed.wait()

    def _file_all(self) -> None:
        while self._filed < len(self._index) and not self._is_late():
            self._file(range(self._filed + 1, min(self._filed + _AT_ONCE, len(self._index)) + 1))
        is_due = self._stop.is_set() or time.monotonic() - self._written_at >= CATALOGUE_SECONDS
        if is_due and (self._filed > self._written_offset or not self._written_at):
            self._write_catalogue()

    def _is_late(self) -> bool:
        return self._stop.is_set() and time.monotonic() > self._deadline

    def _file(self, offsets: range) -> None:
        with self._lock:
            streams = [self._index.stream_at(offset) for offset in offsets]
            folders = [self._folder(stream) for stream in streams]
            ids = [self._index.content_id(offset).hex() for offset in offsets]
        bodies = [body_of(line) for line in self._read(offsets)]
        heads = [_head.decode(body) for body in bodies]
        names = self._keep_all(folders, heads, ids, bodies)
        with self._lock:
            for offset, stream, head, content_id, name in zip(offsets, streams, heads, ids, names, strict=True):
                if self._index.last(stream) == offset:
                    self._artifacts[stream.number] = _artifact(stream, Latest(offset, content_id, head.produced_at, head.version, name))
        self._filed = offsets[-1]

    def _keep_all(self, folders: list[str], heads: list[_Head], ids: list[str], bodies: list[bytes]) -> list[str]:
        """Write the files; two of one name go one after the other, so that the first in the log has the plain name."""
        plain = [f"{folder}/{record_name(head.produced_at, head.context.run_id)}" for folder, head in zip(folders, heads, strict=True)]
        groups: dict[str, list[int]] = {}
        for number, name in enumerate(plain):
            groups.setdefault(name.casefold(), []).append(number)
        names = list(plain)

        def keep(group: list[int]) -> None:
            for number in group:
                content = bodies[number] + b"\n"
                if not self._storage.keep(plain[number], content):
                    names[number] = f"{folders[number]}/{record_name(heads[number].produced_at, heads[number].context.run_id, ids[number])}"
                    self._storage.keep(names[number], content)

        if self._storage.appends:
            for group in groups.values():
                keep(group)
        else:
            with ThreadPoolExecutor(16, "factbook-filing") as pool:
                list(pool.map(keep, groups.values()))
        return names

    def _folder(self, stream: Stream) -> str:
        """Return the folder of a stream's records: the plain name belongs to the target that is first in the log."""
        tenant = stream.channel.tenant
        for other in self._index.streams[self._owned : stream.number + 1]:
            self._owners.setdefault((other.channel.tenant, plain_folder(other.target).casefold()), _name(other.target))
            self._owned += 1
        plain = plain_folder(stream.target)
        is_owner = self._owners[tenant, plain.casefold()] == _name(stream.target)
        return f"{kind_folder(tenant, stream.channel.kind)}/{plain if is_owner else qualified_folder(stream.target)}"

    def _write_catalogue(self) -> None:
        head = msgspec.json.encode(Catalogue(_FORMAT, self._filed, self._storage.epoch(), datetime.now(UTC), []))
        artifacts = b",\n".join(self._artifacts[number] for number in sorted(self._artifacts))
        self._storage.replace(CATALOGUE, head.removesuffix(b"]}") + b"\n" + artifacts + b"\n]}\n")
        self._written_offset, self._written_at = self._filed, time.monotonic()

    def _told(self) -> tuple[int, dict[int, bytes]]:
        """Return what the catalogue says, or nothing where it is missing, torn, of another log, or from before a power cut."""
        content = self._storage.read(CATALOGUE)
        try:
            found = msgspec.json.decode(content or b"", type=Catalogue)
            if found.format != _FORMAT or found.epoch != self._storage.epoch() or found.offset > len(self._index):
                return 0, {}
            artifacts: dict[int, bytes] = {}
            for text in found.artifacts:
                latest = msgspec.json.decode(text, type=_Told).latest
                if self._index.content_id(latest.offset).hex() != latest.id:
                    return 0, {}
                artifacts[self._index.stream_at(latest.offset).number] = bytes(text)
        except (msgspec.MsgspecError, IndexError, UnicodeDecodeError):
            return 0, {}
        return found.offset, artifacts


def _artifact(stream: Stream, latest: Latest) -> bytes:
    return msgspec.json.encode(Artifact(stream.target, stream.channel.kind, stream.producer_id, latest, stream.channel.tenant))


def _name(target: MetadataTarget) -> tuple[str, str | None, str | None]:
    return target.source_id, target.schema, target.table
