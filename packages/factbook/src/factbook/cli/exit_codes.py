"""What a command's exit code means: one table for every verb. ``factbook --help`` and the reference page print it."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The codes. Scripts rely on them: a code never changes its meaning."""

    OK = 0
    NOT_PASSED = 1
    REQUEST = 2
    CONFIGURATION = 3
    TRY_AGAIN = 4
    SOME_FAILED = 5
    ASKS = 6
    BUG = 70
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.NOT_PASSED: "what was checked did not pass: a gate, a rule, a lint",
    ExitCode.REQUEST: "the request is wrong: an option, a name, a record",
    ExitCode.CONFIGURATION: "a setting, a missing library, or the source said no",
    ExitCode.TRY_AGAIN: "try again later: something is busy or away",
    ExitCode.SOME_FAILED: "finished, but some parts failed",
    ExitCode.ASKS: "stopped to ask: removals are held back",
    ExitCode.BUG: "a bug of ours",
    ExitCode.INTERRUPTED: "interrupted or cancelled",
}


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the code of an error by its family; what is no :class:`FactbookError` is a bug."""
    from factbook import errors

    families: tuple[tuple[type[BaseException], ExitCode], ...] = (
        (errors.RemovalsHeld, ExitCode.ASKS),
        (errors.InvalidRequest, ExitCode.REQUEST),
        (errors.NotFound, ExitCode.REQUEST),
        (errors.ConfigurationError, ExitCode.CONFIGURATION),
        (errors.KeyRequired, ExitCode.CONFIGURATION),
        (errors.NotAllowed, ExitCode.CONFIGURATION),
        (errors.TemporaryError, ExitCode.TRY_AGAIN),
        (errors.PartialFailure, ExitCode.SOME_FAILED),
        (errors.Cancelled, ExitCode.INTERRUPTED),
    )
    return next((code for family, code in families if isinstance(error, family)), ExitCode.BUG)


def exit_codes_text() -> str:
    """Return the table as lines of text."""
    return "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())
