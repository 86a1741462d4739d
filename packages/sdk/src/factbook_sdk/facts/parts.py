"""Parts that the payloads of several kinds share, so that a window or a table is said the same way everywhere."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Moment = Annotated[datetime, Meta(tz=True)]


class Window(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stretch of data a fact is about: ``start <= column < end``. An end that is missing is open."""

    start: Moment | None = None
    end: Moment | None = None
    column: Name | None = None


class TableRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table somewhere else than the record's target."""

    source_id: Name
    table: Name
    schema: Name | None = None


class Watermark(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far an incremental load has come: everything up to ``value`` of ``column`` was taken, as text as the source prints it."""

    column: Name
    value: str
    previous: str | None = None


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why something went wrong. No secret may be in it."""

    message: Name
    code: Name | None = None
