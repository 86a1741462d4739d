"""Errors of the database drivers in our words: the one place where they are translated.

SQLite says what happened in its primary result code (https://www.sqlite.org/rescode.html), PostgreSQL in its SQLSTATE
(https://www.postgresql.org/docs/current/errcodes-appendix.html); a connection that could not be made has neither, only a text.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from factbook.errors import ConfigurationError, FactbookError, InternalError, StoreBusy, TemporaryError

_BUSY = "Wait for the other process, or try again"
_SETTINGS = "Check META_DB_URL and the rights on it"
_RUNS = "Check that it runs, then try again"

_SQLITE: dict[int, tuple[type[FactbookError], str, str]] = {
    3: (ConfigurationError, "cannot be opened", _SETTINGS),
    5: (StoreBusy, "is busy", _BUSY),
    6: (StoreBusy, "is busy", _BUSY),
    8: (ConfigurationError, "cannot be written", _SETTINGS),
    10: (TemporaryError, "could not be read or written", "Check the disk, then try again"),
    11: (ConfigurationError, "is damaged", "Restore the file from a backup"),
    13: (TemporaryError, "has no room left", "Free disk space, then try again"),
    14: (ConfigurationError, "cannot be opened", _SETTINGS),
    26: (ConfigurationError, "is no SQLite file", _SETTINGS),
}

# By SQLSTATE, or by its class (the first two characters).
_POSTGRES: dict[str, tuple[type[FactbookError], str, str]] = {
    "08": (TemporaryError, "does not answer", _RUNS),
    "25006": (TemporaryError, "is read-only just now", "Point META_DB_URL at the primary server, or try again"),
    "28": (ConfigurationError, "refuses us", _SETTINGS),
    "3D": (ConfigurationError, "is not there", _SETTINGS),
    "40": (StoreBusy, "is busy", _BUSY),
    "42501": (ConfigurationError, "refuses us", _SETTINGS),
    "53": (TemporaryError, "has no room left", "Free disk space or connections, then try again"),
    "55P03": (StoreBusy, "is busy", _BUSY),
    "57": (TemporaryError, "does not answer", _RUNS),
    "58": (TemporaryError, "could not be read or written", "Check the disk, then try again"),
    "F0": (ConfigurationError, "is not set up well", _SETTINGS),
}

_REFUSALS = ("authentication failed", "does not exist", "no password supplied", "pg_hba.conf", "invalid connection option")


def translate(error: Exception, store: str) -> FactbookError:
    """Return a driver's or SQLAlchemy's error in our words. ``store`` names the database without its password."""
    if isinstance(error, PoolTimeout):
        return TemporaryError(f"The store {store} is busy", why="every connection to it is in use", fix="Try again")
    original: BaseException | None = error.orig if isinstance(error, DBAPIError) else error
    family, what, fix = _classify(original)
    return family(f"The store {store} {what}", why=_first_line(original), fix=fix)


def _classify(error: BaseException | None) -> tuple[type[FactbookError], str, str]:
    bug = (InternalError, "refused a statement of ours", "Please report it")
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF, bug)
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return _POSTGRES.get(state) or _POSTGRES.get(state[:2]) or bug
    if type(error).__name__ not in ("OperationalError", "InterfaceError"):
        return bug
    if any(word in str(error) for word in _REFUSALS):
        return ConfigurationError, "cannot be opened", _SETTINGS
    return TemporaryError, "does not answer", _RUNS


def _first_line(error: BaseException | None) -> str:
    """Return what went wrong without the statement or the values: those can be long, and are nobody's business."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else ""
