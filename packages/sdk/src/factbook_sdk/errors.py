"""Errors, grouped by what the caller can do about them.

FactbookError
├── InvalidRequest        fix the request: the same call fails again
│   ├── InvalidRecord     … a record broke a rule; ``field`` names where
│   │   └── UnknownKind   … no such kind, or no such version of it
│   ├── CannotJudge       … what is known does not allow to tell: too old, incomplete, about something else
│   └── SchemaMismatch    … what is about to be written does not fit the table
├── NotFound              fix the request: nothing is there under that name
├── ConfigurationError    fix the configuration: a setting, a missing extra, a wrong password
├── TemporaryError        try again: the other side is busy, away or slow
│   ├── ServiceUnavailable  … the Factbook service cannot be reached, or says when to come again
│   └── EmitterFull       … memory and spool are full; the record was not taken
├── PartialFailure        skip and go on: some parts failed, the rest is kept
└── InternalError         report a bug: an invariant of ours does not hold
"""

from __future__ import annotations

from collections.abc import Sequence


class FactbookError(Exception):
    """Say what failed, why, and what to do; never a secret.

    ``code`` is stable and machine-readable; ``field`` is the path of the offending value, where there is one.
    """

    code = "factbook_error"

    def __init__(self, what: str, *, why: str = "", fix: str = "", field: str | None = None) -> None:
        self.what = what
        self.why = why
        self.fix = fix
        self.field = field
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.what}: {self.why}" if self.why else self.what
        return f"{text}. {self.fix}" if self.fix else text


class InvalidRequest(FactbookError):
    """The request itself is wrong; sending it again unchanged fails again."""

    code = "invalid_request"


class InvalidRecord(InvalidRequest, ValueError):
    """A record was refused; ``field`` is the path of the value that broke a rule."""

    code = "invalid_record"


class UnknownKind(InvalidRecord):
    """The kind, or this version of it, is not registered."""

    code = "unknown_kind"


class CannotJudge(InvalidRequest):
    """What is known does not allow to tell what changed. This is no pass: what is not known may have broken."""

    code = "cannot_judge"


class SchemaMismatch(InvalidRequest):
    """What is about to be written does not fit the table; ``reasons`` has a sentence for everything that does not."""

    code = "schema_mismatch"

    def __init__(self, what: str, *, why: str = "", fix: str = "", field: str | None = None, reasons: Sequence[str] = ()) -> None:
        super().__init__(what, why=why or "; ".join(reasons), fix=fix, field=field)
        self.reasons = list(reasons)


class NotFound(FactbookError):
    """Nothing is there under that name."""

    code = "not_found"


class ConfigurationError(FactbookError):
    """A setting, credential or installation must be changed first."""

    code = "configuration"


class TemporaryError(FactbookError):
    """The same call may succeed later."""

    code = "temporary"


class ServiceUnavailable(TemporaryError):
    """The Factbook service is away, busy or slow.

    ``retry_after_seconds`` is what the service asked for (``Retry-After``), else ``None``.
    """

    code = "service_unavailable"

    def __init__(
        self, what: str, *, why: str = "", fix: str = "", field: str | None = None, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(what, why=why, fix=fix, field=field)
        self.retry_after_seconds = retry_after_seconds


class EmitterFull(TemporaryError):
    """An emitter has no room for the record, in memory or in its spool; the record was not taken."""

    code = "emitter_full"


class PartialFailure(FactbookError):
    """Some parts failed and are named; the rest was kept."""

    code = "partial_failure"


class InternalError(FactbookError):
    """One of our own invariants does not hold; please report it."""

    code = "internal"
