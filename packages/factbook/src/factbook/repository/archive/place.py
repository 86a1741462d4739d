"""Where archives are kept: a folder, or an object store. A URL chooses.

A file is drafted on a local disk, checked there, and published whole; no reader of the tree ever sees half of one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from factbook.errors import ArchiveUnavailable, ConfigurationError, MissingExtra
from factbook.log import redact_text

_CHUNK_BYTES = 1 << 20


class Place(ABC):
    """One archive. ``drafts`` is a local folder of its own, which the compactor alone uses."""

    drafts: Path

    @abstractmethod
    def publish(self, draft: Path, path: str) -> None:
        """Bring a draft to its path, durable and whole; what lies there already is replaced. The draft is gone afterwards."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file; harmless when it is not there."""

    @abstractmethod
    def has(self, path: str) -> bool:
        """Return whether a file is there; raises :class:`ArchiveUnavailable` where that cannot be told."""

    @abstractmethod
    def url(self, path: str) -> str:
        """Return what DuckDB calls the file."""

    def prepare(self, connection: Any) -> None:
        """Teach a DuckDB connection to read :meth:`url`."""
        return

    def sweep(self) -> None:
        """Throw away the drafts that a process left when it died."""
        if self.drafts.exists():
            shutil.rmtree(self.drafts)


def open_place(url: str, drafts: Path) -> Place:
    """Return the archive at ``file:///PATH`` or ``s3://BUCKET/PREFIX``; nothing is made or asked yet. ``drafts`` serves object stores."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.strip("/"):
        return Folder(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc and "@" not in parts.netloc:
        return ObjectStore(url.rstrip("/"), drafts)
    raise ConfigurationError(
        "ARCHIVE_URL names no archive",
        why=f"it is {redact_text(url)!r}",
        fix="Write file:///PATH, or s3://BUCKET/PREFIX with the key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    )


class Folder(Place):
    """A folder. Drafts lie inside it, hidden from readers of the tree, so that publishing is a rename."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.drafts = self.root / "_drafts"

    def __str__(self) -> str:
        return str(self.root)

    def publish(self, draft: Path, path: str) -> None:
        target = self.root / path
        with _translated(self, path):
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(target)
            for folder in (target.parent, target.parent.parent, self.root):
                _sync_folder(folder)

    def delete(self, path: str) -> None:
        with _translated(self, path):
            (self.root / path).unlink(missing_ok=True)

    def has(self, path: str) -> bool:
        return (self.root / path).is_file()

    def url(self, path: str) -> str:
        return str(self.root / path)


class ObjectStore(Place):
    """A bucket of an S3-compatible store, or a prefix in it. Region, endpoint and keys come from the usual ``AWS_*`` variables."""

    def __init__(self, url: str, drafts: Path) -> None:
        self._url = url
        self.drafts = drafts.absolute()
        try:
            from obstore.store import from_url
        except ImportError as error:
            raise MissingExtra("Archives in an object store cannot be used", "objectstore") from error
        self._store: Any = from_url(url, client_options={"allow_http": os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")})

    def __str__(self) -> str:
        return self._url

    def publish(self, draft: Path, path: str) -> None:
        import obstore
        from obstore.exceptions import BaseError

        with _translated(self, path, BaseError):
            with draft.open("rb") as file:
                obstore.put(self._store, path, file)
            with draft.open("rb") as file:
                ours = _digest(iter(lambda: file.read(_CHUNK_BYTES), b""))
            if _digest(obstore.get(self._store, path).stream(_CHUNK_BYTES)) != ours:
                raise ArchiveUnavailable(f"{path} came back otherwise than it was sent to {self}", fix="Run it again")
        draft.unlink()

    def delete(self, path: str) -> None:
        import obstore
        from obstore.exceptions import BaseError

        with _translated(self, path, BaseError):
            try:
                obstore.delete(self._store, path)
            except FileNotFoundError:
                return

    def has(self, path: str) -> bool:
        import obstore
        from obstore.exceptions import BaseError

        with _translated(self, path, BaseError):
            try:
                obstore.head(self._store, path)
            except FileNotFoundError:
                return False
        return True

    def url(self, path: str) -> str:
        return f"{self._url}/{path}"

    def prepare(self, connection: Any) -> None:
        from obstore.fsspec import FsspecStore

        allow_http = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        connection.register_filesystem(FsspecStore("s3", client_options={"allow_http": allow_http}))


def sync_file(path: Path) -> None:
    """Force a file that somebody else wrote to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_sync_folder = sync_file


def _digest(chunks: Iterator[Any]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for chunk in chunks:
        digest.update(bytes(chunk))
    return digest.digest()


@contextmanager
def _translated(place: Place, path: str, *families: type[Exception]) -> Iterator[None]:
    expected: tuple[type[Exception], ...] = (OSError, *families)
    try:
        yield
    except expected as error:
        reason = getattr(error, "strerror", None) or redact_text(str(error)).partition("\n")[0]
        raise ArchiveUnavailable(
            f"{path} cannot be reached in the archive {place}",
            why=reason,
            fix="Check ARCHIVE_URL, the rights, and the room that is left",
        ) from error
