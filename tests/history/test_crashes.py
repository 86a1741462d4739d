"""A compactor that is killed, at every step and at random moments, loses nothing and leaves nothing lying about."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.history.archiving import bodies_left, compact, emptied, files_in, manifest_paths, opened, rules

from factbook.errors import ArchiveUnavailable, InternalError, StoreBusy
from factbook.repository.archive import manifest
from factbook.repository.archive.manifest import FileState
from factbook.repository.archive.parquet import check, workshop
from factbook.repository.compaction import Compactor
from factbook.repository.sql import SqlRepository
from factbook_sdk.repository.contract import TailPage
from factbook_sdk.testing.records import event, state

ROOT = Path(__file__).parents[2]
RECORDS = 1000


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def child(url: str, archive: Path, last: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.history.child", url, str(archive), str(last)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def filled(url: str, archive: Path) -> tuple[SqlRepository, TailPage]:
    repository = emptied(opened(url, archive))
    repository.bulk_store([event(number, number) for number in range(RECORDS // 2)])
    repository.bulk_store([state(number, number) for number in range(RECORDS // 2)])
    return repository, repository.tail(limit=10_000)


def is_tidy(repository: SqlRepository, archive: Path) -> bool:
    """Return whether the manifest names just what lies in the archive, and every body is there and nowhere else."""
    with repository.reading() as connection:
        settled = {file.path for file in manifest.in_state(connection, FileState.SETTLED)}
    return settled == manifest_paths(repository) == files_in(archive) and bodies_left(repository) == 0


def test_killed_at_any_step_every_record_is_answered_and_the_next_run_puts_things_right(url: str, archive: Path) -> None:
    repository, before = filled(url, archive)
    whole = child(url, archive)
    steps = int((whole.communicate()[0]).split()[-1])
    assert repository.tail(limit=10_000) == before
    assert is_tidy(repository, archive)
    repository.close()
    # The steps of the first file, and one in a later file, which finds what was settled before.
    for last in (1, 2, 3, 4, steps // 2):
        archive = archive.with_name(f"archive-{last}")
        repository, before = filled(url, archive)
        killed = child(url, archive, last)
        killed.communicate()
        assert killed.returncode == -9
        assert repository.tail(limit=10_000) == before
        compact(repository)
        assert repository.tail(limit=10_000) == before
        assert is_tidy(repository, archive)
        repository.close()


def test_killed_at_random_moments_over_and_over_it_ends_with_every_record_answered(url: str, archive: Path) -> None:
    chance = random.Random(20260131)
    repository, before = filled(url, archive)
    for _ in range(4):
        running = child(url, archive)
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(chance.random() * 0.25)
        running.kill()
        running.communicate()
        assert repository.tail(limit=10_000) == before
        repository.store(event(len(before.records), 1_000_000))
        before = repository.tail(limit=10_000)
    compact(repository)
    assert repository.tail(limit=10_000) == before
    assert is_tidy(repository, archive)
    repository.close()


def test_of_two_compactors_one_wins_and_the_other_says_so(url: str, archive: Path) -> None:
    repository, before = filled(url, archive)
    other = opened(url, archive)
    refused = []

    def meanwhile(_step: str) -> None:
        with pytest.raises(StoreBusy, match="Compaction is under way already"):
            Compactor(other).run(rules(other))
        refused.append(1)

    Compactor(repository, min_records=1, on_step=meanwhile).run(rules(repository))
    assert refused
    Compactor(other).run(rules(other))
    assert repository.tail(limit=10_000) == before
    other.close()
    repository.close()


def test_a_file_that_somebody_else_dropped_meanwhile_never_comes_into_force(tmp_path: Path, archive: Path) -> None:
    """Should a lock be lost in the middle (PostgreSQL restarted), the next compactor takes the first one's file for an orphan."""
    repository, before = filled(f"sqlite:///{tmp_path}/store.sqlite", archive)

    def interfere(step: str) -> None:
        if step == "published":
            Compactor(repository, grace_seconds=0).recover()

    with pytest.raises(InternalError, match="no longer written"):
        Compactor(repository, min_records=1, on_step=interfere).run(rules(repository))
    assert repository.tail(limit=10_000) == before
    compact(repository)
    assert repository.tail(limit=10_000) == before
    assert is_tidy(repository, archive)
    repository.close()


def test_a_file_that_does_not_read_back_takes_nothing_from_the_store(tmp_path: Path, archive: Path) -> None:
    repository, before = filled(f"sqlite:///{tmp_path}/store.sqlite", archive)
    compact(repository)
    path = next(archive.rglob("*.parquet"))
    with workshop(tmp_path / "drafts") as connection, pytest.raises(ArchiveUnavailable, match="does not read back"):
        check(connection, path, rows=RECORDS, digest=b"0" * 16)
    assert repository.tail(limit=10_000) == before
    repository.close()
