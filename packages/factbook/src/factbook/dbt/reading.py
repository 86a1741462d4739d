"""Files and bodies into artefacts: which file is what, how large it may be, and JSON that is read as leniently as dbt changes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from factbook.dbt.model import Artefacts
from factbook.errors import InvalidRequest

MAX_ARTEFACT_BYTES = 512 * 1024 * 1024
"""Bytes of one artefact: a project of ten thousand models has a manifest of some hundred million."""

Name = Literal["manifest", "catalog", "run_results", "sources"]
NAMES: tuple[Name, ...] = ("manifest", "catalog", "run_results", "sources")
NEWEST: Mapping[str, int] = {"manifest": 12, "catalog": 1, "run_results": 6, "sources": 3}
"""The versions that are known. What is newer is read as the newest, and noted."""

_VERSION = re.compile(r"/dbt/([a-z-]+)/v(\d+)\.json$")


class Metadata(msgspec.Struct, frozen=True):
    """What every artefact says of itself."""

    dbt_schema_version: str = ""
    dbt_version: str | None = None
    generated_at: str | None = None
    invocation_id: str | None = None
    project_name: str | None = None
    adapter_type: str | None = None

    def moment(self) -> datetime | None:
        """Return when the artefact was written, in UTC; ``None`` where that is not to be read."""
        return moment_of(self.generated_at)

    def version(self) -> int | None:
        found = _VERSION.search(self.dbt_schema_version)
        return None if found is None else int(found[2])


class _Head(msgspec.Struct, frozen=True):
    metadata: Metadata = Metadata()


def read_paths(paths: Iterable[Path]) -> Artefacts:
    """Return the artefacts in a project's folder, its target folder, or files; raises :class:`InvalidRequest`.

    A file is what its ``dbt_schema_version`` says it is, whatever it is called.
    """
    found: dict[str, bytes] = {}
    for path in paths:
        for file in _files(path):
            text = _read(file)
            found[_name_of(text, file)] = text
    if "manifest" not in found:
        raise InvalidRequest(
            "There is no manifest.json",
            why="without it nobody can tell which tables the other files are about",
            fix="Name dbt's target folder, or the manifest beside the other files; dbt compile writes it",
            field="path",
        )
    return Artefacts(**found)


def decode(text: bytes, shape: type[msgspec.Struct], name: Name) -> Any:
    """Decode one artefact; raises :class:`InvalidRequest` for what is none, naming the place."""
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise InvalidRequest(
            f"{name}.json cannot be read",
            why=f"{message} at {path.rstrip('`').lstrip('.') or 'the top'}",
            fix="Send what dbt wrote, unchanged",
            field=name,
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"{name}.json is no JSON", why=str(error), fix="Send what dbt wrote, unchanged", field=name) from error


def check_version(name: Name, metadata: Metadata, warnings: list[str]) -> int:
    """Return an artefact's version; note one that is not known. Raises :class:`InvalidRequest` for another artefact in its place."""
    found = _VERSION.search(metadata.dbt_schema_version)
    said = None if found is None else found[1].replace("-", "_")
    if said is not None and said != name:
        raise InvalidRequest(f"{name} holds something else", why=f"it says that it is {said}", fix=f"Send {name}.json", field=name)
    version = metadata.version()
    if version is None:
        warnings.append(f"{name}.json does not say its version; it was read as v{NEWEST[name]}")
        return NEWEST[name]
    if version > NEWEST[name]:
        warnings.append(f"{name}.json is v{version}, newer than v{NEWEST[name]}; what is new in it was passed over")
    return version


def moment_of(text: Any) -> datetime | None:
    """Return a moment as dbt writes it, in UTC, which it means where it says no zone."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    folder = path if (path / "manifest.json").exists() else path / "target"
    files = [folder / f"{name}.json" for name in NAMES]
    return [file for file in files if file.is_file()]


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_ARTEFACT_BYTES:
            raise InvalidRequest(f"{file} is too large", why=f"at most {MAX_ARTEFACT_BYTES:,} bytes are read", field="path")
        return file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read", why=error.strerror or type(error).__name__, field="path") from error


def _name_of(text: bytes, file: Path) -> Name:
    try:
        said = _VERSION.search(msgspec.json.decode(text, type=_Head).metadata.dbt_schema_version)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"{file} is no artefact of dbt", why=str(error), fix="Name dbt's target folder", field="path") from error
    told = file.stem if said is None else said[1].replace("-", "_")
    for name in NAMES:
        if told == name:
            return name
    raise InvalidRequest(
        f"{file} is not of use here", why=f"it is {told}", fix=f"These are: {', '.join(f'{name}.json' for name in NAMES)}", field="path"
    )
