"""Exit codes: one table from error family to number. ``docs/reference/errors.md`` is generated from it."""

from __future__ import annotations

from factbook.errors import (
    Cancelled,
    ConfigurationError,
    FactbookError,
    InvalidRequest,
    NotFound,
    PartialFailure,
    RemovalsHeld,
    TemporaryError,
)

OK = 0
BUG = 1
INTERRUPTED = 130

EXIT_CODES: tuple[tuple[type[FactbookError], int, str], ...] = (
    (RemovalsHeld, 6, "stopped and asks: repeat with the consent the message names"),
    (InvalidRequest, 2, "the request is wrong"),
    (NotFound, 2, "nothing is there under that name"),
    (ConfigurationError, 3, "a setting, credential, source or installation must be changed first"),
    (TemporaryError, 4, "try again later"),
    (PartialFailure, 5, "finished, but some parts failed"),
    (Cancelled, INTERRUPTED, "cancelled or interrupted"),
    (FactbookError, BUG, "a bug of ours"),
)
"""The first family that fits decides."""


def exit_code(error: FactbookError) -> int:
    """Return the exit code of an error."""
    return next(code for family, code, _ in EXIT_CODES if isinstance(error, family))
