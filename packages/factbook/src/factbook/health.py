"""How Factbook does: what ``GET /health`` and ``factbook doctor`` show."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from factbook.errors import FactbookError, NeedsDatabase

if TYPE_CHECKING:
    from factbook.jobs import Jobs
    from factbook.repository.files.store import FilesRepository
    from factbook.repository.sql import SqlRepository
    from factbook.settings import Settings
    from factbook.sources.connections import Connections
    from factbook.sources.contract import Probe

_EXTRAS = {"psycopg": "postgres", "pymysql": "mysql", "duckdb": "duckdb"}


class HealthStatus(StrEnum):
    """``degraded``: it works, and something needs attention. ``unavailable``: the store does not answer, so nothing works."""

    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


class DatabaseHealth(msgspec.Struct, frozen=True):
    """The store. ``dialect`` is ``sqlite``, ``postgresql`` or ``files``, ``latency_ms`` the time of one small read, ``last_offset`` the end
    of the log."""

    reachable: bool
    dialect: str | None = None
    latency_ms: float | None = None
    last_offset: int | None = None


class DiskHealth(msgspec.Struct, frozen=True):
    """The disk that holds the data folder; ``min_free_bytes`` is DISK_FREE_MIN_BYTES."""

    free_bytes: int
    total_bytes: int
    min_free_bytes: int

    @property
    def is_enough(self) -> bool:
        return self.free_bytes >= self.min_free_bytes


class JobsHealth(msgspec.Struct, frozen=True):
    """``workers`` is how many jobs one server runs at the same time; the counts are over all servers."""

    workers: int
    queued: int
    running: int


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at once. What cannot be told is ``None``, and ``warnings`` says why and what to do."""

    status: HealthStatus
    version: str
    checked_at: datetime
    database: DatabaseHealth
    disk: DiskHealth | None
    sources: int | None
    jobs: JobsHealth | None
    memory_bytes: int | None
    warnings: list[str]


class Check(msgspec.Struct, frozen=True):
    """One line of ``factbook doctor``."""

    verdict: Literal["ok", "warn", "fail"]
    name: str
    found: str
    fix: str = ""


class House(Protocol):
    """What is looked at: those parts of :class:`factbook.app.Factbook` that can be ill."""

    @property
    def settings(self) -> Settings: ...
    @property
    def has_database(self) -> bool: ...
    @property
    def repository(self) -> SqlRepository | FilesRepository: ...
    @property
    def sql(self) -> SqlRepository: ...
    @property
    def connections(self) -> Connections: ...
    @property
    def jobs(self) -> Jobs: ...
    def test_source(self, source_id: str) -> Probe: ...


def health(house: House) -> Health:
    """Look at everything a running server depends on; what is found to be wrong is told, not raised."""
    warnings: list[str] = []
    database = _database(house, warnings)
    sources, jobs = _registers(house, warnings) if database.reachable and house.has_database else (None, None)
    disk = disk_of(house.settings.data_dir, house.settings.disk_free_min_bytes, warnings)
    status = HealthStatus.DEGRADED if warnings else HealthStatus.OK
    return Health(
        status=status if database.reachable else HealthStatus.UNAVAILABLE,
        version=installed_version(),
        checked_at=datetime.now(UTC),
        database=database,
        disk=disk,
        sources=sources,
        jobs=jobs,
        memory_bytes=memory_bytes(),
        warnings=warnings,
    )


def installed_version(package: str = "factbook") -> str:
    """Return a package's version, ``0+source`` where it runs from sources that nobody installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "0+source"


def memory_bytes() -> int | None:
    """Return the memory this process holds; where the system tells only the highest it ever was, that, or ``None`` for nothing."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def examine(house: House, *, test_sources: bool = False) -> list[Check]:
    """Check the installation; each finding says what to do about it. ``test_sources`` connects to every registered source."""
    return [
        *_check_libraries(),
        *_check_folder(house.settings),
        *_check_store(house),
        *_check_archive(house),
        *_check_sources(house, test_sources),
    ]


def _database(house: House, warnings: list[str]) -> DatabaseHealth:
    try:
        dialect = house.repository.dialect
        started = time.perf_counter()
        last_offset = house.repository.last_offset()
    except FactbookError as error:
        warnings.append(str(error))
        return DatabaseHealth(reachable=False)
    return DatabaseHealth(True, dialect, round((time.perf_counter() - started) * 1000, 3), last_offset)


def _registers(house: House, warnings: list[str]) -> tuple[int | None, JobsHealth | None]:
    try:
        return len(house.connections.list()), JobsHealth(house.settings.job_workers, **house.jobs.counts())
    except FactbookError as error:
        warnings.append(str(error))
        return None, None


def disk_of(folder: Path, min_free_bytes: int, warnings: list[str]) -> DiskHealth | None:
    """Look at the disk that holds a folder; what is wrong with it is added to ``warnings``."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    try:
        usage = shutil.disk_usage(existing)
    except OSError as error:
        warnings.append(f"The disk of {folder} cannot be read: {error.strerror}. Check the rights on it")
        return None
    disk = DiskHealth(usage.free, usage.total, min_free_bytes)
    if not disk.is_enough:
        warnings.append(
            f"The disk of {folder} has {usage.free:,} bytes free, less than {min_free_bytes:,}. Make room, or lower DISK_FREE_MIN_BYTES"
        )
    return disk


def _check_libraries() -> Iterator[Check]:
    yield Check("ok", "python", sys.version.split()[0])
    yield Check("ok", "factbook", installed_version())
    for module, extra in _EXTRAS.items():
        if find_spec(module) is None:
            yield Check("warn", module, "not installed", f"pip install 'factbook[{extra}]' to use it")
        else:
            yield Check("ok", module, installed_version(module))


def _check_folder(settings: Settings) -> Iterator[Check]:
    folder = settings.data_dir
    writable = os.access(folder if folder.exists() else folder.absolute().parent, os.W_OK)
    yield Check("ok" if writable else "fail", "data folder", str(folder), "" if writable else "Make it writable, or set DATA_DIR")
    warnings: list[str] = []
    disk = disk_of(folder, settings.disk_free_min_bytes, warnings)
    found = "unknown" if disk is None else f"{disk.free_bytes / 2**30:.1f} GiB free of {disk.total_bytes / 2**30:.1f}"
    yield Check("warn" if warnings else "ok", "disk", found, " ".join(warnings))
    key = folder / "secret.key"
    if key.exists() and os.name == "posix":
        open_to_others = key.stat().st_mode & 0o077
        mode = oct(key.stat().st_mode & 0o777)
        yield Check("fail" if open_to_others else "ok", "secret key", mode, f"chmod 600 {key}" if open_to_others else "")


def _check_store(house: House) -> Iterator[Check]:
    try:
        yield Check("ok", "store", f"{house.repository}, {house.repository.last_offset():,} records")
        if not house.has_database:
            return
        yield Check("ok", "jobs", ", ".join(f"{count} {state}" for state, count in house.jobs.counts().items()))
    except FactbookError as error:
        yield Check("fail", "store", str(error), error.fix)


def _check_archive(house: House) -> Iterator[Check]:
    from factbook.log import redact_text

    if not house.has_database:
        return
    url = redact_text(house.settings.archive_url)
    try:
        missing = house.sql.missing_from_archive()
    except FactbookError as error:
        yield Check("fail", "archive", str(error), error.fix)
        return
    if missing is None:
        yield Check("ok", "archive", url)
    else:
        fix = "Every process on one store needs the same ARCHIVE_URL; correct it, or bring the archive back"
        yield Check("fail", "archive", f"{missing} is not in {url}", fix)


def _check_sources(house: House, test_sources: bool) -> Iterator[Check]:
    if not house.has_database:
        yield Check("ok", "sources", "none: facts are kept in files", NeedsDatabase().fix)
        return
    try:
        found = house.connections.list()
    except FactbookError as error:
        yield Check("fail", "sources", str(error), error.fix)
        return
    if not test_sources:
        yield Check("ok", "sources", f"{len(found)} registered", "factbook doctor --sources connects to them" if found else "")
        return
    for item in found:
        try:
            probe = house.test_source(item.source_id)
            yield Check("ok", f"source {item.source_id}", f"{probe.engine} {probe.version}")
        except FactbookError as error:
            yield Check("fail", f"source {item.source_id}", str(error), error.fix)
