"""How Factbook does: what ``/health`` and ``factbook doctor`` show."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from factbook.errors import FactbookError

if TYPE_CHECKING:
    from factbook.app import Factbook

_EXTRAS = {"psycopg": "postgres", "pymysql": "mysql", "duckdb": "duckdb"}


class DatabaseHealth(msgspec.Struct, frozen=True):
    """Whether the store answers, how fast, and the last offset of its log."""

    reachable: bool
    latency_ms: float | None = None
    last_offset: int | None = None
    reason: str | None = None


class DiskHealth(msgspec.Struct, frozen=True):
    """Room in the data folder."""

    free_bytes: int
    total_bytes: int
    enough: bool


class Health(msgspec.Struct, frozen=True):
    """``ok``, ``degraded`` (works, with something to look after) or ``down`` (the store does not answer)."""

    status: Literal["ok", "degraded", "down"]
    version: str
    database: DatabaseHealth
    disk: DiskHealth
    sources: int
    jobs: dict[str, int]
    memory_bytes: int


class Check(msgspec.Struct, frozen=True):
    """One line of ``factbook doctor``."""

    verdict: Literal["ok", "warn", "fail"]
    name: str
    found: str
    fix: str = ""


def health(factbook: Factbook) -> Health:
    """Look at everything a running server depends on."""
    disk = _disk(factbook)
    try:
        started = time.perf_counter()
        offset = factbook.repository.last_offset()
        database = DatabaseHealth(True, round((time.perf_counter() - started) * 1000, 3), offset)
        sources, jobs = len(factbook.connections.list()), factbook.jobs.counts()
    except FactbookError as error:
        database, sources, jobs = DatabaseHealth(False, reason=str(error)), 0, {}
    status: Literal["ok", "degraded", "down"] = "down" if not database.reachable else "ok" if disk.enough else "degraded"
    return Health(status, version("factbook"), database, disk, sources, jobs, _memory_bytes())


def examine(factbook: Factbook, *, test_sources: bool) -> list[Check]:
    """Check the installation; each finding says what to do about it."""
    return [*_check_libraries(), *_check_folder(factbook), *_check_store(factbook), *_check_sources(factbook, test_sources)]


def _disk(factbook: Factbook) -> DiskHealth:
    folder = factbook.settings.data_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return DiskHealth(usage.free, usage.total, usage.free >= factbook.settings.disk_free_min_bytes)


def _memory_bytes() -> int:
    """Return the resident size; where the system does not tell, the highest it ever was."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _check_libraries() -> Iterator[Check]:
    yield Check("ok", "python", sys.version.split()[0])
    yield Check("ok", "factbook", version("factbook"))
    for module, extra in _EXTRAS.items():
        if find_spec(module) is None:
            yield Check("warn", module, "not installed", f"pip install 'factbook[{extra}]' to use it")
        else:
            yield Check("ok", module, version(module))


def _check_folder(factbook: Factbook) -> Iterator[Check]:
    folder = factbook.settings.data_dir
    writable = os.access(folder if folder.exists() else folder.absolute().parent, os.W_OK)
    yield Check("ok" if writable else "fail", "data folder", str(folder), "" if writable else "Make it writable, or set DATA_DIR")
    disk = _disk(factbook)
    found = f"{disk.free_bytes / 2**30:.1f} GiB free of {disk.total_bytes / 2**30:.1f}"
    yield Check("ok" if disk.enough else "warn", "disk", found, "" if disk.enough else "Make room, or lower DISK_FREE_MIN_BYTES")
    key = folder / "secret.key"
    if key.exists():
        open_to_others = key.stat().st_mode & 0o077
        yield Check(
            "fail" if open_to_others else "ok", "secret key", oct(key.stat().st_mode & 0o777), f"chmod 600 {key}" if open_to_others else ""
        )


def _check_store(factbook: Factbook) -> Iterator[Check]:
    try:
        yield Check("ok", "store", f"{factbook.repository.database!r}, {factbook.repository.last_offset():,} records")
        jobs = factbook.jobs.counts()
        yield Check("ok", "jobs", ", ".join(f"{count} {state}" for state, count in jobs.items()))
    except FactbookError as error:
        yield Check("fail", "store", str(error), error.fix)


def _check_sources(factbook: Factbook, test_sources: bool) -> Iterator[Check]:
    try:
        found = factbook.connections.list()
    except FactbookError as error:
        yield Check("fail", "sources", str(error), error.fix)
        return
    if not test_sources:
        yield Check("ok", "sources", f"{len(found)} registered", "factbook doctor --sources connects to them" if found else "")
        return
    for item in found:
        try:
            probe = factbook.test_source(item.source_id)
            yield Check("ok", f"source {item.source_id}", f"{probe.engine} {probe.version}")
        except FactbookError as error:
            yield Check("fail", f"source {item.source_id}", str(error), error.fix)
