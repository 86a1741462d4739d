"""Work that only one process may do at a time. The lock is the kernel's or the server's, who take it back when a process dies."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, select

from factbook.database.engine import Database
from factbook.errors import ConfigurationError, StoreBusy


class Exclusive:
    """One such work over one database. A thread that holds it may hold it again; everybody else is refused at once."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._held = threading.local()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Do the work inside; raises :class:`StoreBusy` while another process or thread does it."""
        if getattr(self._held, "depth", 0):
            yield
            return
        with self._locked_file() if self._database.dialect == "sqlite" else self._locked_session():
            self._held.depth = 1
            try:
                yield
            finally:
                self._held.depth = 0

    @contextmanager
    def _locked_file(self) -> Iterator[None]:
        try:
            import fcntl
        except ImportError as error:
            raise ConfigurationError(
                f"{self._name} needs file locks", why="this operating system has no flock", fix="Keep the facts in PostgreSQL"
            ) from error
        if self._database.file is None:
            raise ConfigurationError(f"{self._name} needs a file to lock", why="the store is in memory", fix="Keep it in a file")
        descriptor = os.open(f"{self._database.file}.{self._name}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise self._busy() from error
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _locked_session(self) -> Iterator[None]:
        key = int.from_bytes(hashlib.blake2b(f"factbook {self._name}".encode(), digest_size=8).digest(), signed=True)
        with self._database.reading() as connection:
            if not connection.scalar(select(func.pg_try_advisory_lock(key))):
                raise self._busy()
            try:
                yield
            finally:
                connection.scalar(select(func.pg_advisory_unlock(key)))

    def _busy(self) -> StoreBusy:
        return StoreBusy(f"{self._name.capitalize()} is under way already", why="another process does it", fix="Let it finish")
