"""Factbook's errors. The families and their meaning are drawn in :mod:`factbook_sdk.errors`; here stand the ones that need the house.

ConfigurationError
├── MissingExtra          an optional library is not installed; the message is the install line
├── NeedsDatabase         facts are kept in files, and this needs a database
├── SourceRefused         the source said no: wrong password, no such database, no privilege
└── ChannelRefused        who should be told of an alert does not take it
TemporaryError
├── SourceUnavailable     the source does not answer, or not in time
├── StatementTimeout      one statement took longer than it may; the source is there
├── BusUnavailable        the bus does not answer, or did not accept an event in time
├── ChannelUnavailable    who should be told of an alert cannot be reached, or says when to come again
├── StoreBusy             another process holds the store longer than we wait
└── ArchiveUnavailable    a file of the archive cannot be read or written
InvalidRequest
├── KindRefused           a kind breaks a rule: its name, its schema, a path to index
│   └── KindIncompatible  … its new version would break those who read the kind
├── KindTaken             the kind, or this version of it, is there already and differs
├── EditConflict          somebody else was faster: what is to be changed is not what was read
├── StatementFailed       the source refused one statement: wrong SQL, no privilege on that table
└── RemovalsHeld          a scan would remove too much and waits for --accept-removals
FactbookError
├── KeyRequired           the request needs the API key or a token, and came without a good one
├── NotAllowed            who asks may not do this, or not from there
└── Cancelled             someone asked the job to stop
"""

from __future__ import annotations

from factbook_sdk.errors import (
    CannotJudge,
    ConfigurationError,
    FactbookError,
    InternalError,
    InvalidRecord,
    InvalidRequest,
    NotFound,
    PartialFailure,
    SchemaMismatch,
    TemporaryError,
    UnknownKind,
)

__all__ = [
    "ArchiveUnavailable",
    "BusUnavailable",
    "Cancelled",
    "CannotJudge",
    "ChannelRefused",
    "ChannelUnavailable",
    "ConfigurationError",
    "EditConflict",
    "FactbookError",
    "InternalError",
    "InvalidRecord",
    "InvalidRequest",
    "KeyRequired",
    "KindIncompatible",
    "KindRefused",
    "KindTaken",
    "MissingExtra",
    "NeedsDatabase",
    "NotAllowed",
    "NotFound",
    "PartialFailure",
    "RemovalsHeld",
    "SchemaMismatch",
    "SourceRefused",
    "SourceUnavailable",
    "StatementFailed",
    "StatementTimeout",
    "StoreBusy",
    "TemporaryError",
    "UnknownKind",
]


class MissingExtra(ConfigurationError):
    """An optional library is needed for this and is not installed."""

    code = "missing_extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, why="an optional library is not installed", fix=f"pip install 'factbook[{extra}]'")


class NeedsDatabase(ConfigurationError):
    """Facts are kept in a folder or a bucket, and this cannot be done there."""

    code = "needs_database"

    def __init__(self, what: str = "This needs a database") -> None:
        super().__init__(
            what,
            why="META_DB_URL names a folder or a bucket, which keeps records alone: no sources, scans, jobs, dictionary or views",
            fix="Write sqlite:///PATH or postgresql://USER@HOST/DATABASE to META_DB_URL",
        )


class SourceRefused(ConfigurationError):
    """The source answered and said no; the same call fails until someone changes something."""

    code = "source_refused"


class ChannelRefused(ConfigurationError):
    """A channel answered and said no; the same message fails again until someone changes something."""

    code = "channel_refused"


class ChannelUnavailable(TemporaryError):
    """A channel does not answer, or cannot take a message now.

    ``retry_after_seconds`` is what it asked for (``Retry-After``), else ``None``.
    """

    code = "channel_unavailable"

    def __init__(
        self, what: str, *, why: str = "", fix: str = "", field: str | None = None, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(what, why=why, fix=fix, field=field)
        self.retry_after_seconds = retry_after_seconds


class SourceUnavailable(TemporaryError):
    """The source does not answer, dropped the connection, or took too long."""

    code = "source_unavailable"


class StatementTimeout(TemporaryError):
    """One statement took longer than it may, or was cancelled; the source is there and the connection good."""

    code = "statement_timeout"


class StatementFailed(InvalidRequest):
    """The source refused one statement: wrong SQL, a name that is not there, no privilege. The connection is good."""

    code = "statement_failed"


class BusUnavailable(TemporaryError):
    """The bus does not answer, lost the connection, or did not accept an event in time."""

    code = "bus_unavailable"


class ArchiveUnavailable(TemporaryError):
    """A file of the archive cannot be read or written now."""

    code = "archive_unavailable"


class StoreBusy(TemporaryError):
    """Another process holds the store's write lock longer than we wait."""

    code = "store_busy"


class KindRefused(InvalidRequest):
    """A kind breaks a rule: its name, its schema, a path to index."""

    code = "kind_refused"


class KindIncompatible(KindRefused):
    """The new version of a kind would break those who read it; every change that does is named."""

    code = "kind_incompatible"


class KindTaken(InvalidRequest):
    """The kind, or this version of it, is there already and differs."""

    code = "kind_taken"


class EditConflict(InvalidRequest):
    """What is to be changed is not what whoever changes it has read, or is there already; nothing was changed."""

    code = "edit_conflict"


class RemovalsHeld(InvalidRequest):
    """A scan found so many objects gone that it recorded no removal and asks first."""

    code = "removals_held"


class KeyRequired(FactbookError):
    """The request needs the API key or a token, and came without one or with one that is not good."""

    code = "key_required"


class NotAllowed(FactbookError):
    """Who asks may not do this, or not from where the request came. The answer never tells whether what was asked for exists."""

    code = "not_allowed"


class Cancelled(FactbookError):
    """The job was asked to stop and did."""

    code = "cancelled"
