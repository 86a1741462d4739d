"""Where an export can go: a file, standard output, a folder, an object store, a database. The text of ``-o`` chooses.

What is written appears at once when it is whole. Until then it is a draft beside its place (or in the folder for temporary files, for an
object store), so that a broken export leaves what was there.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from factbook.errors import ConfigurationError, InvalidRequest
from factbook.export.contract import Destination, Exporter
from factbook.export.objects import in_bucket
from factbook.sources.urls import expand, redact

MARK = ".factbook-export"
"""The file by which a folder is known to be an export of ours, which another export may replace."""

_COPY_BYTES = 1 << 20


def open_destination(where: str, exporter: Exporter, *, force: bool = False, stdout: BinaryIO | None = None) -> Destination:
    """Return what ``where`` names: ``-``, a path, ``file:///PATH``, ``s3://BUCKET/KEY`` or a database's URL; nothing is opened yet.

    Raises :class:`InvalidRequest` where the exporter does not write there. A file is replaced; a folder or schema that is there and no
    export of ours only with ``force``.
    """
    scheme, is_url, _ = where.partition("://")
    if exporter.writes == "database":
        if not is_url or scheme in ("file", "s3"):
            raise _refused(exporter, "a database", "postgresql://USER@HOST/DATABASE")
        return DatabaseAt(where, force=force)
    if is_url and scheme == "s3":
        return in_bucket(where, exporter)
    if is_url and scheme != "file":
        raise _refused(exporter, f"a {exporter.writes}", "PATH or s3://BUCKET/KEY")
    if exporter.writes == "folder":
        if where == "-":
            raise _refused(exporter, "a folder", "PATH or s3://BUCKET/PREFIX")
        return LocalFolder(_path(where), force=force)
    return StandardOutput(stdout or sys.stdout.buffer) if where == "-" else LocalFile(_path(where))


def _path(where: str) -> Path:
    return Path(unquote(urlsplit(where).path)) if where.startswith("file://") else Path(where)


def _refused(exporter: Exporter, what: str, example: str) -> InvalidRequest:
    return InvalidRequest(f"{exporter.name} cannot be written there", why=f"it is {what}", fix=f"Write -o {example}", field="destination")


class StandardOutput(Destination):
    """A stream that is written as it comes; what broke off there has no end."""

    def __init__(self, stream: BinaryIO, name: str = "standard output") -> None:
        self._stream = stream
        self._name = name

    def __str__(self) -> str:
        return self._name

    @contextmanager
    def file(self) -> Iterator[BinaryIO]:
        counting: Any = _Counting(self._stream)
        yield counting
        self._stream.flush()
        self.size_bytes = counting.written

    @contextmanager
    def draft(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="factbook-export-") as folder:
            path = Path(folder) / "draft"
            yield path
            with path.open("rb") as made, self.file() as out:
                shutil.copyfileobj(made, out, _COPY_BYTES)


class _Counting:
    """A stream that knows how much went through it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.written = 0

    def write(self, data: bytes) -> int:
        self._stream.write(data)
        self.written += len(data)
        return len(data)


class LocalFile(Destination):
    """A file, whose draft lies beside it. A device or pipe that is there is written to as standard output is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    @contextmanager
    def file(self) -> Iterator[BinaryIO]:
        if self._is_stream():
            with self._stream() as stream, stream.file() as out:
                yield out
            self.size_bytes = stream.size_bytes
            return
        with self.draft() as draft, draft.open("wb") as out:
            yield out

    @contextmanager
    def draft(self) -> Iterator[Path]:
        if self._is_stream():
            with self._stream() as stream, stream.draft() as draft:
                yield draft
            self.size_bytes = stream.size_bytes
            return
        # What a link points to is replaced, and not the link.
        place = self._path.resolve()
        with _written(self):
            if place.is_dir():
                raise IsADirectoryError(21, "it is a folder, and the format is one file")
            descriptor, name = tempfile.mkstemp(prefix=f".{place.name[:64]}.", suffix=".draft", dir=place.parent)
            os.close(descriptor)
            draft = Path(name)
            try:
                yield draft
                _sync(draft)
                self.size_bytes = draft.stat().st_size
                draft.chmod(_mode_of(place))
                draft.replace(place)
            finally:
                draft.unlink(missing_ok=True)

    def _is_stream(self) -> bool:
        try:
            mode = self._path.stat().st_mode
        except OSError:
            return False
        return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)

    @contextmanager
    def _stream(self) -> Iterator[StandardOutput]:
        with _written(self), self._path.open("wb") as stream:
            yield StandardOutput(stream, str(self))


class LocalFolder(Destination):
    """A folder, whose draft lies beside it. One that is there is replaced if it is empty or an export of ours, or with ``force``."""

    def __init__(self, path: Path, *, force: bool = False) -> None:
        self._path = path
        self._force = force

    def __str__(self) -> str:
        return str(self._path)

    @property
    def may_replace(self) -> bool:
        return self._force

    @contextmanager
    def folder(self) -> Iterator[Path]:
        place = self._path.resolve()
        self._refuse_what_is_not_ours(place)
        with _written(self):
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=f".{place.name[:64]}.", suffix=".draft", dir=place.parent))
            try:
                yield draft
                (draft / MARK).write_text("Written by `factbook export`; another export may replace this folder.\n")
                self.size_bytes = _size(draft)
                draft.chmod(0o777 & ~_umask())
                self._exchange(draft, place)
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def _exchange(self, draft: Path, place: Path) -> None:
        """Put the draft into its place. What was there is back if that fails."""
        old = draft.with_suffix(".old")
        had = place.exists()
        if had:
            place.rename(old)
        try:
            draft.rename(place)
        except OSError:
            if had:
                old.rename(place)
            raise
        shutil.rmtree(old, ignore_errors=True)

    def _refuse_what_is_not_ours(self, place: Path) -> None:
        if not place.exists() or self._force or (place / MARK).exists():
            return
        if place.is_dir() and not any(place.iterdir()):
            return
        raise InvalidRequest(
            f"{self} would be replaced",
            why="it is there already and no export of ours",
            fix="Name another folder, or add --force",
            field="destination",
        )


class DatabaseAt(Destination):
    """A database, by a URL whose password is never shown. ``${NAME}`` in it stands for a variable of the environment."""

    def __init__(self, url: str, *, force: bool = False) -> None:
        self._url = url
        self._force = force

    def __str__(self) -> str:
        return redact(self._url)

    @property
    def may_replace(self) -> bool:
        return self._force

    def database_url(self) -> str:
        return expand(self._url)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _mode_of(place: Path) -> int:
    """Return the rights of the file that is replaced, or those of a new one: a draft is made for its owner alone."""
    return stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def _written(destination: Destination) -> Iterator[None]:
    try:
        yield
    except (ConnectionError, TimeoutError):
        # No file system says that; it is whoever was read from, or the reader of a pipe who went away.
        raise
    except OSError as error:
        raise ConfigurationError(
            f"The export cannot be written to {destination}",
            why=error.strerror or str(error),
            fix="Check the path, the rights and the room that is left",
            field="destination",
        ) from error
