"""A repository that is compacted at random moments, and what tests look at."""

from __future__ import annotations

import random
from pathlib import Path

from sqlalchemy import text
from tests.repository.stores import ADMISSION

from factbook.errors import StoreBusy
from factbook.repository.archive.place import Folder
from factbook.repository.compaction import Compactor, Rule
from factbook.repository.dropping import all_channels
from factbook.repository.projection import Projection
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository

FAR = 2**60
"""Microseconds: after every record of the tests."""


def opened(url: str, archive: Path, *projections: Projection) -> SqlRepository:
    return open_repository(url, admission=ADMISSION, projections=projections, archive=Folder(archive))


def emptied(repository: SqlRepository) -> SqlRepository:
    with repository.database.writing() as connection:
        for table in ("records", "streams", "channels", "archive_files"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text("UPDATE log_head SET last_offset = 0"))
    return repository


def rules(repository: SqlRepository, *, before: int = FAR, newest: int = 0) -> list[Rule]:
    with repository.reading() as connection:
        return [Rule(each.channel_no, each.tenant, each.kind, before, newest) for each in all_channels(connection)]


def compact(repository: SqlRepository, *, newest: int = 0, file_records: int = 250_000) -> int:
    """Archive everything there is, but for the newest of each stream; return how many records went."""
    compactor = Compactor(repository, min_records=1, file_records=file_records)
    return compactor.run(rules(repository, newest=newest)).records


def bodies_left(repository: SqlRepository) -> int:
    with repository.reading() as connection:
        return int(connection.execute(text("SELECT count(*) FROM records WHERE body <> ''")).scalar_one())


def manifest_paths(repository: SqlRepository) -> set[str]:
    with repository.reading() as connection:
        return set(connection.execute(text("SELECT path FROM archive_files")).scalars())


def files_in(archive: Path) -> set[str]:
    return {str(path.relative_to(archive)) for path in archive.rglob("*") if path.is_file()}


class Archiving(SqlRepository):
    """Compacts itself, or not, before it answers; chance decides, from a seed."""

    chance = random.Random(20260101)

    def reading(self):
        if self.chance.random() < 0.15 and not getattr(self, "is_compacting", False):
            self.is_compacting = True
            try:
                compact(self, newest=self.chance.randrange(3), file_records=self.chance.choice([2, 1000]))
            except StoreBusy:
                pass  # another thread of the same test is at it
            finally:
                self.is_compacting = False
        return super().reading()
