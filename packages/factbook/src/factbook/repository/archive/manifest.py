"""The manifest: which file holds whose bodies, and how far each file has come.

``written``: checked and about to be published; nobody reads it yet. ``in_force``: readers find bodies in it while those in ``records`` are
emptied. ``settled``: they all are. ``dropped``: nobody needs it, and it is deleted once readers under way have ended. ``deleting``: it may
be gone already.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from factbook.database.log_tables import archive_files as files
from factbook.errors import InternalError


class FileState(StrEnum):
    """written → in_force → settled → dropped → deleting."""

    WRITTEN = "written"
    IN_FORCE = "in_force"
    SETTLED = "settled"
    DROPPED = "dropped"
    DELETING = "deleting"


class ArchiveFile(msgspec.Struct, frozen=True):
    """One file. ``digest`` is over its offsets, ids and bodies; ``body_bytes`` what they took, ``size_bytes`` what the file takes."""

    channel_no: int
    month: str
    path: str
    rows: int
    body_bytes: int
    size_bytes: int
    digest: bytes
    first_offset: int
    last_offset: int
    state: FileState = FileState.WRITTEN
    moved_at: int = 0
    file_no: int = 0


_COLUMNS = tuple(files.c[name] for name in ArchiveFile.__struct_fields__)
_READABLE = (FileState.IN_FORCE.value, FileState.SETTLED.value, FileState.DROPPED.value)


def announce(connection: Connection, file: ArchiveFile) -> ArchiveFile:
    """Note a file that is about to be published, so that it is found and deleted should we die now."""
    number = connection.scalars(select(func.coalesce(func.max(files.c.file_no), 0) + 1)).one()
    noted = msgspec.structs.replace(file, file_no=number, state=FileState.WRITTEN, moved_at=_now())
    values: dict[str, Any] = msgspec.structs.asdict(noted)
    connection.execute(insert(files).values(values | {"state": noted.state.value}))
    return noted


def move(connection: Connection, file: ArchiveFile, state: FileState) -> ArchiveFile:
    """Bring a file to its next state; raises :class:`InternalError` if somebody else has moved it meanwhile."""
    moved = update(files).where(files.c.file_no == file.file_no, files.c.state == file.state.value)
    now = _now()
    if connection.execute(moved.values(state=state.value, moved_at=now)).rowcount != 1:
        raise InternalError(f"{file.path} is no longer {file.state.value}", why="another process has moved it", fix="Run it again")
    return msgspec.structs.replace(file, state=state, moved_at=now)


def forget(connection: Connection, file: ArchiveFile) -> None:
    """Take a file that was deleted out of the manifest."""
    connection.execute(delete(files).where(files.c.file_no == file.file_no, files.c.state == file.state.value))


def in_state(connection: Connection, *states: FileState) -> list[ArchiveFile]:
    """Return the files in any of these states, oldest first."""
    wanted = files.c.state.in_([state.value for state in states])
    return [_file(row) for row in connection.execute(select(*_COLUMNS).where(wanted).order_by(files.c.file_no))]


def holding(connection: Connection, channel_no: int, month: str, offsets: Sequence[int]) -> list[str]:
    """Return the paths of the files that may hold bodies of these offsets."""
    statement = select(files.c.path).where(
        files.c.channel_no == channel_no,
        files.c.month == month,
        files.c.state.in_(_READABLE),
        files.c.first_offset <= max(offsets),
        files.c.last_offset >= min(offsets),
    )
    return list(connection.scalars(statement))


def has_files(connection: Connection, channel_no: int, month: str) -> bool:
    """Return whether a month of a channel has files already."""
    statement = select(files.c.file_no).where(files.c.channel_no == channel_no, files.c.month == month, files.c.state.in_(_READABLE))
    return connection.execute(statement.limit(1)).first() is not None


def of_channel(connection: Connection, channel_no: int) -> list[ArchiveFile]:
    """Return the files of a channel that are in use."""
    used = files.c.state.in_([FileState.IN_FORCE.value, FileState.SETTLED.value])
    return [_file(row) for row in connection.execute(select(*_COLUMNS).where(files.c.channel_no == channel_no, used))]


def _file(row: Any) -> ArchiveFile:
    values = dict(zip(ArchiveFile.__struct_fields__, row, strict=True))
    return ArchiveFile(**(values | {"digest": bytes(values["digest"]), "state": FileState(values["state"])}))


def _now() -> int:
    return time.time_ns() // 1000
