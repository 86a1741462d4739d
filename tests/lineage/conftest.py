"""Stores on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.lineage.graphs import opened

from factbook.repository.sql import SqlRepository


@pytest.fixture(params=["sqlite", "postgresql"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlRepository]:
    """Give an empty store with the view of lineage."""
    url = url_of(request, tmp_path)
    found = opened(url)
    yield found
    found.close()


def url_of(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the URL of an empty store on the engine that the parameter names; a PostgreSQL database is one for the whole module."""
    if request.param == "sqlite":
        return f"sqlite:///{folder}/store.sqlite"
    url: str = request.getfixturevalue("postgres_url")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url
