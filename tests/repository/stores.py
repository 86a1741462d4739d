"""Stores to test on."""

from sqlalchemy import text

from factbook.repository.files.objects import Objects, open_bucket
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_sql
from factbook_sdk.facts import Admission, builtin_kinds

ADMISSION = Admission(builtin_kinds())


def open_empty(url: str) -> SqlRepository:
    """Open a store and empty its log: quicker than a new database for each test."""
    repository = open_sql(url, admission=ADMISSION)
    with repository.database.writing() as connection:
        for table in ("records", "streams", "channels"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text("UPDATE log_head SET last_offset = 0"))
    return repository


def bucket_of(url: str) -> Objects:
    """Return the storage of an ``s3://`` URL."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return open_bucket(bucket, prefix)
