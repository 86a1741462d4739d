"""psycopg's errors in our words, and which of them concern one relation only."""

from __future__ import annotations

import psycopg

from factbook.errors import FactbookError, SourceRefused, SourceUnavailable

_REFUSED = ("28", "3D", "42501", "0LP01")
_UNAVAILABLE = ("08", "53", "57", "58", "25", "40")
"""Classes of SQLSTATE (appendix A of PostgreSQL's manual): the session, the server or the transaction is gone, or the server is busy."""

_NOT_ANSWERING = (
    "connection refused",
    "could not connect",
    "could not receive",
    "could not send",
    "could not translate host name",
    "failed to resolve",
    "is the server running",
    "name or service not known",
    "network is unreachable",
    "no route to host",
    "server closed the connection",
    "timeout",
    "timed out",
    "is starting up",
    "is shutting down",
    "in recovery mode",
    "too many clients",
    "too many connections",
    "remaining connection slots",
)
"""libpq gives no SQLSTATE while connecting. What it says itself is English; whatever else it passes on is the server's refusal, in the
server's language."""


def translated(error: psycopg.Error, namespace: str) -> FactbookError:
    """Return our error for one that ends the reading."""
    text = reason_of(error)
    if isinstance(error, psycopg.errors.QueryCanceled):
        return SourceUnavailable(f"{namespace} took too long", why=text, fix="Try again when it is less busy, or with a narrower scope")
    if _is_refusal(error):
        return SourceRefused(
            f"{namespace} refuses us", why=text, fix="Check the user, its password and privileges, and the database's name"
        )
    return SourceUnavailable(f"{namespace} does not answer", why=text, fix="Check that it runs and can be reached, then try again")


def _is_refusal(error: psycopg.Error) -> bool:
    if error.sqlstate is not None:
        return error.sqlstate.startswith(_REFUSED)
    said = str(error).lower()
    return isinstance(error, psycopg.OperationalError) and "fatal" in said and not any(words in said for words in _NOT_ANSWERING)


def ends_the_reading(error: psycopg.Error) -> bool:
    """Return whether nothing more can be read after this error; else it concerns what was being read."""
    return error.sqlstate is None or error.sqlstate.startswith((*_REFUSED, *_UNAVAILABLE))


def reason_of(error: psycopg.Error) -> str:
    """Return what the server or the driver says, on one line."""
    said = error.diag.message_primary or str(error)
    return " ".join(said.split()) or type(error).__name__
