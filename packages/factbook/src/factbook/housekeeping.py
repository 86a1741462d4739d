"""What may be thrown away in the data folder: folders of past demos, and drafts that a process left when it died."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from factbook.errors import ConfigurationError

_DRAFT = re.compile(r"^(secret\.key|.+\.sqlite)\.[0-9a-f]{12}$")
_DRAFT_AGE_SECONDS = 3600.0
"""A younger draft may be the work of a process that is still alive."""


class Removed(msgspec.Struct, frozen=True):
    """Something that was thrown away, and how much room it took."""

    path: str
    size_bytes: int


def clean(data_dir: Path) -> list[Removed]:
    """Throw away what nobody needs any more; facts, keys and sources are never touched."""
    return [_remove(path) for path in (*_demos(data_dir), *_abandoned_drafts(data_dir))]


def _demos(data_dir: Path) -> Iterator[Path]:
    yield from sorted(path for path in (data_dir / "demo").glob("*") if path.is_dir() and path.name.isdigit())


def _abandoned_drafts(data_dir: Path) -> Iterator[Path]:
    oldest = time.time() - _DRAFT_AGE_SECONDS
    for path in sorted(data_dir.glob("*")):
        if _DRAFT.match(path.name) and path.is_file() and path.stat().st_mtime < oldest:
            yield path


def _remove(path: Path) -> Removed:
    size_bytes = sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be removed", why=error.strerror or "", fix="Check the rights on it") from error
    return Removed(str(path), size_bytes)
