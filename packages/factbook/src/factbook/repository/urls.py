"""A URL chooses the repository."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from factbook.errors import ConfigurationError
from factbook_sdk.facts import Admission

if TYPE_CHECKING:
    from factbook.repository.archive.place import Place
    from factbook.repository.files.store import FilesRepository
    from factbook.repository.projection import Projection
    from factbook.repository.sql import SqlRepository

Store = TypeVar("Store", "SqlRepository", "FilesRepository")


def open_repository(
    url: str, *, admission: Admission, projections: Sequence[Projection] = (), archive: Place | None = None
) -> SqlRepository | FilesRepository:
    """Open the store that a URL names; raises :class:`ConfigurationError`.

    ``file:///PATH`` and ``s3://BUCKET/PREFIX`` keep facts alone; ``projections`` and ``archive`` need a database.
    """
    if is_files(url):
        return open_files(url, admission=admission)
    return open_sql(url, admission=admission, projections=projections, archive=archive)


def is_files(url: str) -> bool:
    """Return whether the URL names a folder or a bucket."""
    return url.partition(":")[0].lower() in ("file", "s3")


def open_sql(url: str, *, admission: Admission, projections: Sequence[Projection] = (), archive: Place | None = None) -> SqlRepository:
    """Open ``sqlite:///PATH`` or ``postgresql://…``: tables migrated, views caught up. Raises :class:`ConfigurationError`.

    ``archive`` is where bodies of old records are; a store of which none were archived needs none.
    """
    from factbook.database.engine import Database
    from factbook.repository.sql import SqlRepository

    database = Database(url)
    if database.dialect == "sqlite" and database.file is None:
        raise ConfigurationError(
            "META_DB_URL names no file",
            why="facts are kept in a file or on a server",
            fix="Write sqlite:///PATH or postgresql://USER@HOST/DATABASE",
        )
    return _opened(SqlRepository(database, admission, projections, archive))


def open_files(url: str, *, admission: Admission) -> FilesRepository:
    """Open ``file:///PATH`` or ``s3://BUCKET/PREFIX`` and repair what a process that died has left. Raises :class:`ConfigurationError`."""
    from factbook.repository.files.folder import Folder
    from factbook.repository.files.objects import open_bucket
    from factbook.repository.files.store import FilesRepository

    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigurationError(
            "The address of the store is no URL", why=str(error), fix="Write file:///PATH or s3://BUCKET/PREFIX"
        ) from error
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            "META_DB_URL says too much",
            why="credentials and options do not belong into it, for it is shown",
            fix="Write file:///PATH or s3://BUCKET/PREFIX, and put credentials into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    path = unquote(parts.path)
    if parts.scheme == "file" and (parts.netloc not in ("", "localhost") or not path.strip("/")):
        raise ConfigurationError("META_DB_URL names no folder", why="file: takes three slashes and a path", fix="Write file:///PATH")
    if parts.scheme == "s3" and not parts.netloc:
        raise ConfigurationError("META_DB_URL names no bucket", why="s3: takes two slashes and a bucket", fix="Write s3://BUCKET/PREFIX")
    storage = Folder(Path(path)) if parts.scheme == "file" else open_bucket(parts.netloc, path.strip("/"))
    return _opened(FilesRepository(storage, admission))


def _opened(repository: Store) -> Store:
    try:
        repository.open()
    except BaseException:
        repository.close()
        raise
    return repository
