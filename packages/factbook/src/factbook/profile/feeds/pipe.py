"""Rows as text, through a pipe into a table of the workshop, while they come.

One thread writes what the source sends, DuckDB reads and converts it with all its threads; nothing but the pipe's buffer lies between.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from factbook.errors import StatementFailed
from factbook.profile.workshop import Workshop, literal
from factbook.sources.session import Session

_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031
_LOOKS_EVERY_SECONDS = 0.5
_GIVES_UP_AFTER_SECONDS = 10
_LINE_BYTES = 1 << 21
_COLUMN_BYTES = 20_000
"""No value is longer, as long ones are cut."""


class Reading(msgspec.Struct, frozen=True):
    """What comes and what it becomes: text columns separated by tabs, nulls as ``\\N``, and the expressions over them that make the
    table."""

    columns: list[str]
    expressions: list[str]
    relation: str
    limit_rows: int | None = None
    limit_bytes: int | None = None


class Passed(msgspec.Struct, frozen=True):
    """How much came, and whether that was all."""

    rows: int
    bytes: int
    is_complete: bool


class _Writer(threading.Thread):
    """Writes the pieces into the pipe; stops at a limit, when told so, and when nobody reads any more."""

    def __init__(self, pieces: Iterator[bytes], pipe: Path, reading: Reading, check_cancelled: Callable[[], None]) -> None:
        super().__init__(name="profile-copy", daemon=True)
        self._pieces = pieces
        self._pipe = pipe
        self._reading = reading
        self._check_cancelled = check_cancelled
        self.stopped = threading.Event()
        self.error: BaseException | None = None
        self.rows = 0
        self.bytes = 0
        self.is_complete = False

    def run(self) -> None:
        try:
            self._write()
        except BrokenPipeError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the reading was asked for
            self.error = error
        finally:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()

    def _write(self) -> None:
        descriptor = _open_for_writing(self._pipe, self.stopped)
        if descriptor is None:
            return
        looked_at = time.monotonic()
        with os.fdopen(descriptor, "wb", buffering=0) as pipe:
            for piece in self._pieces:
                if self.stopped.is_set() or self._is_full(piece):
                    return
                view = memoryview(piece)
                while view:
                    view = view[pipe.write(view) :]
                if time.monotonic() > looked_at + _LOOKS_EVERY_SECONDS:
                    self._check_cancelled()
                    looked_at = time.monotonic()
        self.is_complete = True

    def _is_full(self, piece: bytes) -> bool:
        self.rows += piece.count(b"\n")
        self.bytes += len(piece)
        limits = (self.rows, self._reading.limit_rows), (self.bytes, self._reading.limit_bytes)
        return any(limit is not None and number > limit for number, limit in limits)


def read_through_pipe(
    pieces: Iterator[bytes], reading: Reading, session: Session, workshop: Workshop, check_cancelled: Callable[[], None]
) -> Passed:
    """Read the pieces into a table; raises what the source, the workshop or ``check_cancelled`` raised."""
    pipe = workshop.folder / "rows"
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o600)
    writer = _Writer(pieces, pipe, reading, check_cancelled)
    writer.start()
    failed: StatementFailed | None = None
    try:
        workshop.ask(_statement(pipe, reading))
    except StatementFailed as error:
        failed = error
    finally:
        writer.stopped.set()
        _end(writer, session)
    if writer.error is not None:
        raise writer.error
    if failed is not None:
        raise failed
    return Passed(writer.rows, writer.bytes, writer.is_complete)


def _end(writer: _Writer, session: Session) -> None:
    writer.join(_LOOKS_EVERY_SECONDS)
    while writer.is_alive():
        # It waits for a source that sends nothing.
        try:
            session.cancel()
        except Exception:  # noqa: BLE001 - any driver's, of a server that is gone; what the writer ran into says more
            writer.join(_GIVES_UP_AFTER_SECONDS)
            return
        writer.join(_LOOKS_EVERY_SECONDS)


def _statement(pipe: Path, reading: Reading) -> str:
    columns = ", ".join(f"'{column}': 'VARCHAR'" for column in reading.columns)
    line = max(_LINE_BYTES, _COLUMN_BYTES * len(reading.columns))
    # By itself DuckDB takes buffers of sixteen lines, as many as it has room for.
    return (
        f"CREATE TABLE {reading.relation} AS SELECT {', '.join(reading.expressions)} "
        f"FROM read_csv({literal(str(pipe))}, auto_detect = false, "
        f"columns = {{{columns}}}, header = false, delim = '\t', quote = '', escape = '', nullstr = '\\N', new_line = '\\n', "
        f"max_line_size = {line}, buffer_size = {2 * line})"
    )


def _open_for_writing(pipe: Path, stopped: threading.Event) -> int | None:
    """Open the pipe once somebody reads it; ``None`` if it was given up before."""
    while not stopped.is_set():
        try:
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            time.sleep(0.001)
        else:
            os.set_blocking(descriptor, True)
            _widen(descriptor)
            return descriptor
    return None


def _widen(descriptor: int) -> None:
    try:
        import fcntl

        fcntl.fcntl(descriptor, _SET_PIPE_SIZE, _PIPE_BYTES)
    except (ImportError, OSError):  # not Linux, or not allowed: the pipe is narrower, nothing else
        return
