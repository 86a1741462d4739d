"""Ask the process that reads SQL. It is started with the first statement, kept for the next ones, and ended where one takes too long."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO

import msgspec

from factbook.errors import InternalError
from factbook.lineage.sql.child import LENGTH
from factbook.lineage.sql.model import Answer, Parsed, Parts, Question, Read, Refused, Trace, Traced

MAX_STATEMENT = 1_000_000
"""Characters of one statement that is read."""

SECONDS = 10.0
"""Seconds that one step of reading a statement may take."""

_START_SECONDS = 60.0

ColumnsOf = Callable[[Sequence[Parts]], list[list[str] | None]]
"""Given the tables a statement mentions, their columns."""


class SqlReader:
    """Reads statements in a process of its own. One after the other: several threads may ask, and wait for each other."""

    def __init__(self, *, seconds: float = SECONDS, max_statement: int = MAX_STATEMENT) -> None:
        self._seconds = seconds
        self._max_statement = max_statement
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._decode = msgspec.msgpack.Decoder(Answer)

    def read(
        self, sql: str, dialect: str, columns_of: ColumnsOf, *, hides_literals: bool = False
    ) -> tuple[Parsed | None, Traced | Refused]:
        """Return what a statement does and what it makes from what; what it does is ``None`` where it was not read."""
        if len(sql) > self._max_statement:
            return None, Refused(f"it has {len(sql):,} characters, and at most {self._max_statement:,} are read")
        with self._lock:
            parsed = self._ask(Read(sql, dialect, hides_literals))
            if not isinstance(parsed, Parsed):
                return None, parsed if isinstance(parsed, Refused) else Refused("it was not read")
            if parsed.does not in ("writes", "reads"):
                return parsed, Traced()
            traced = self._ask(Trace(columns_of(parsed.mentions)))
            return parsed, traced if isinstance(traced, Traced | Refused) else Refused("it was not traced")

    def close(self) -> None:
        """End the process; the next statement starts another one."""
        with self._lock:
            self._end()

    def _ask(self, question: Question) -> Answer:
        process = self._running()
        try:
            body = msgspec.msgpack.encode(question)
        except UnicodeEncodeError:
            return Refused("it holds what is no text")
        late = threading.Event()
        clock = threading.Timer(self._seconds, _end_late, (process, late))
        clock.daemon = True
        clock.start()
        try:
            _send(process, body)
            answer = _receive(process)
        except (OSError, EOFError):
            self._end()
            return Refused(f"it took longer than {self._seconds:g} seconds" if late.is_set() else "the parser broke down over it")
        finally:
            clock.cancel()
        decoded: Answer = self._decode.decode(answer)
        return decoded

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = _start()
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                # What was still to be sent goes nowhere.
                continue
        process.wait()


def _start() -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    # -P: the folder somebody happens to stand in is no place to import from.
    command = [sys.executable, "-P", "-c", "from factbook.lineage.sql.child import main; main()"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # noqa: S603 - our own module
    clock = threading.Timer(_START_SECONDS, process.kill)
    clock.daemon = True
    clock.start()
    try:
        # The first answer says that everything is loaded, so that a statement is not charged for it.
        _send(process, msgspec.msgpack.encode(Read("SELECT 1", "postgres")))
        _receive(process)
    except (OSError, EOFError) as error:
        process.kill()
        raise InternalError("The process that reads SQL does not start", why=f"it ended with {process.wait()}") from error
    finally:
        clock.cancel()
    return process


def _end_late(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _send(process: subprocess.Popen[bytes], body: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - it was started with pipes
    process.stdin.write(LENGTH.pack(len(body)) + body)
    process.stdin.flush()


def _receive(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it was started with pipes
    return _exactly(process.stdout, LENGTH.unpack(_exactly(process.stdout, LENGTH.size))[0])


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    found = pipe.read(size)
    if len(found) < size:
        raise EOFError
    return found
