"""Exports into an object store, through obstore."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from factbook.errors import InvalidRequest, MissingExtra, TemporaryError
from factbook.export.contract import Destination, Exporter


class ObjectAt(Destination):
    """An object, or a prefix of objects, in an S3-compatible store. Keys, region and endpoint come from the usual ``AWS_*`` variables.

    One object appears whole. Of a folder each object does, and its page of contents last.
    """

    def __init__(self, store: Any, url: str, key: str) -> None:
        self._store = store
        self._url = url
        self._key = key

    def __str__(self) -> str:
        return self._url

    @contextmanager
    def file(self) -> Iterator[BinaryIO]:
        with self.draft() as draft, draft.open("wb") as out:
            yield out

    @contextmanager
    def draft(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="factbook-export-") as folder:
            path = Path(folder) / "draft"
            yield path
            self.size_bytes = path.stat().st_size
            self._put(self._key, path)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="factbook-export-") as name:
            folder = Path(name)
            yield folder
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            self.size_bytes = sum(path.stat().st_size for path in files)
            for path in sorted(files, key=lambda path: path.name.startswith("index.")):
                self._put("/".join(part for part in (self._key, path.relative_to(folder).as_posix()) if part), path)

    def _put(self, key: str, path: Path) -> None:
        import obstore
        from obstore.exceptions import BaseError

        try:
            with path.open("rb") as file:
                obstore.put(self._store, key, file)
        except (BaseError, OSError) as error:
            raise TemporaryError(
                f"The export cannot be written to {self}",
                why=str(error).strip().partition("\n")[0] or type(error).__name__,
                fix="Check the bucket, AWS_ENDPOINT_URL and the rights of the key, then try again",
            ) from error


def in_bucket(url: str, exporter: Exporter) -> ObjectAt:
    """Return what ``s3://BUCKET/KEY`` names; raises :class:`InvalidRequest`, and :class:`MissingExtra` without the library."""
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise MissingExtra("An object store cannot be written to", "objectstore") from error
    parts = urlsplit(url)
    key = unquote(parts.path).strip("/")
    if not parts.netloc or "@" in parts.netloc or parts.query or (exporter.writes == "file" and not key):
        raise InvalidRequest(
            f"{exporter.name} cannot be written there",
            why="an object is named by its bucket and key, and credentials stand in the environment",
            fix="Write -o s3://BUCKET/KEY",
            field="destination",
        )
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    store = from_url(f"s3://{parts.netloc}", client_options={"allow_http": endpoint.startswith("http://")})
    return ObjectAt(store, url, key)
