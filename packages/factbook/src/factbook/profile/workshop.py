"""The workshop: a DuckDB database in memory that spills to a folder of its own, where the rows of one table at a time are measured."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from factbook.errors import MissingExtra, StatementFailed, StatementTimeout
from factbook.sources.session import Row

if TYPE_CHECKING:
    import duckdb

try:
    import fcntl
except ImportError:  # Windows: nobody can tell who works where, so nothing is swept
    fcntl = None  # type: ignore[assignment]

_PREFIX = "factbook-profile-"


class Workshop:
    """One connection, used by one thread at a time, and a folder that only its owner can read."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, memory_bytes: int) -> None:
        self.connection = connection
        self.folder = folder
        self.memory_bytes = memory_bytes

    def ask(self, statement: str) -> list[Row]:
        """Run a statement and return its rows; raises :class:`StatementFailed`, or :class:`StatementTimeout` where it was interrupted."""
        import duckdb

        try:
            return self.connection.execute(statement).fetchall()
        except duckdb.InterruptException as error:
            raise StatementTimeout("A statement was cut off", why="the workshop was interrupted") from error
        except duckdb.Error as error:
            # What DuckDB says may quote a value; its first words say what sort of error it was.
            raise StatementFailed("The workshop refused a statement", why=_sort_of(error)) from error

    def set_up(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Bound a connection's memory and let it spill to the folder. A source that is a DuckDB file is measured under the same bounds."""
        connection.execute(f"SET memory_limit = '{self.memory_bytes}B'")
        connection.execute(f"SET temp_directory = {literal(str(self.folder / 'spill'))}")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET TimeZone = 'UTC'")

    def clear(self) -> None:
        """Drop what was brought, so that the next table finds the workshop empty."""
        for (name,) in self.ask("SELECT table_name FROM duckdb_tables() WHERE NOT internal"):
            self.connection.execute(f'DROP TABLE "{name}"')


@contextmanager
def opened(memory_bytes: int) -> Iterator[Workshop]:
    """Give a workshop; its folder is deleted at the end, or by the next one if this process is killed.

    The folder holds values of the source: it is made with mode 0700. Raises :class:`MissingExtra` where DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtra("Data cannot be measured", "duckdb") from error
    with _folder() as folder, duckdb.connect(":memory:") as connection:
        workshop = Workshop(connection, folder, memory_bytes)
        workshop.set_up(connection)
        yield workshop


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder that is locked while somebody works in it; what killed processes left is swept first."""
    place = Path(tempfile.gettempdir())
    for left in place.glob(f"{_PREFIX}*"):
        _sweep(left)
    folder, lock = _made(place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _made(place: Path) -> tuple[Path, int | None]:
    """Make a folder and lock it. Between the two a sweep may take it for left behind; then another is made."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        if fcntl is None:
            return folder, None
        with suppress(FileNotFoundError, BlockingIOError):
            return folder, _locked(folder)


def _sweep(folder: Path) -> None:
    """Delete a folder in which nobody works any more. One that belongs to somebody else cannot be opened and stays."""
    if fcntl is None:
        return
    try:
        lock = _locked(folder)
    except OSError:  # its owner is at work, is another user, or has deleted it
        return
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _locked(folder: Path) -> int:
    """Lock the folder itself, until the descriptor is closed or this process ends; nothing has to be in it for that.

    Raises :class:`BlockingIOError` where another has the lock, :class:`FileNotFoundError` where the folder was deleted before.
    """
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder.stat()
    except OSError:
        os.close(lock)
        raise
    return lock


def _sort_of(error: Exception) -> str:
    return str(error).partition(":")[0].strip().lower() or type(error).__name__


def literal(text: str) -> str:
    """Return a text as it stands in a DuckDB statement."""
    return "'" + text.replace("'", "''") + "'"
