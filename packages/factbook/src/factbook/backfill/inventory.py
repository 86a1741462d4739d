"""The inventory: which files an input names, in one order whatever the file system says, each with its digest."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Container, Iterator
from pathlib import Path, PurePosixPath

import msgspec

from factbook.backfill.mapping import Format, Input, wrong

_ENDINGS: dict[Format, tuple[str, ...]] = {"jsonl": (".jsonl", ".ndjson", ".log"), "csv": (".csv", ".tsv"), "json": (".json",)}
"""What a folder is searched for; each also with ``.gz``."""

_CHUNK_BYTES = 1 << 20


class RawFile(msgspec.Struct, frozen=True):
    """A file to read. ``path`` is relative to the mapping's folder, as provenance shows it; ``digest`` is the SHA-256 of the file as it
    lies, ``None`` if it cannot be read. ``same_as`` is an earlier file of the input with the same content."""

    location: Path
    path: PurePosixPath
    size_bytes: int
    digest: str | None
    same_as: str | None = None


def take_inventory(source: Input, base: Path, place: str, *, leave_out: Container[Path] = ()) -> list[RawFile]:
    """Return the files of an input, by path; raises :class:`InvalidRequest` for a pattern that matches none.

    ``leave_out`` are files of ours that a pattern may cover: the mapping itself, and what lists the rejected rows.
    """
    found: dict[PurePosixPath, Path] = {}
    for index, pattern in enumerate(source.files):
        matched = [path for path in _matching(pattern, base, source.format) if path.resolve() not in leave_out]
        if not matched:
            raise wrong(
                f"{place}.files[{index}]", f"no file matches {pattern}", f"Paths are relative to the mapping's folder, {base}; correct it"
            )
        found.update((_shown(path, base), path) for path in matched)
    files: list[RawFile] = []
    first: dict[str, str] = {}
    for shown, location in sorted(found.items()):
        digest = _digest(location)
        same_as = None if digest is None else first.get(digest)
        if digest is not None:
            first.setdefault(digest, str(shown))
        files.append(RawFile(location, shown, _size(location), digest, same_as))
    return files


def _matching(pattern: str, base: Path, format: Format) -> Iterator[Path]:
    for name in glob.iglob(pattern, root_dir=base, recursive=True):
        path = base / name
        if path.is_dir():
            # A folder that ** came by is not one that was named.
            yield from _inside(path, format) if not glob.has_magic(pattern) else ()
        elif path.is_file():
            yield path


def _inside(folder: Path, format: Format) -> Iterator[Path]:
    endings = tuple(ending + packed for ending in _ENDINGS[format] for packed in ("", ".gz"))
    for parent, _, names in os.walk(folder):
        yield from (
            path for name in names if name.endswith(endings) and not name.startswith(".") and (path := Path(parent, name)).is_file()
        )


def _shown(path: Path, base: Path) -> PurePosixPath:
    relative = Path(os.path.relpath(path, base)).as_posix()
    # A name that is no UTF-8 could not be stored.
    return PurePosixPath(os.fsencode(relative).decode("utf-8", "backslashreplace"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file; one that cannot be read is told of where it is read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()
