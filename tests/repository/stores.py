"""Stores to test on."""

from sqlalchemy import text

from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, builtin_kinds

ADMISSION = Admission(builtin_kinds())


def open_empty(url: str) -> SqlRepository:
    """Open a store and empty its log: quicker than a new database for each test."""
    repository = open_repository(url, admission=ADMISSION)
    with repository.database.writing() as connection:
        for table in ("records", "streams", "channels"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text("UPDATE log_head SET last_offset = 0"))
    return repository
