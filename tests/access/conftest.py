"""Stores with tokens, and records of several tenants, kinds and namespaces."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factbook.access import Action, Grant, Principal
from factbook.access.scopes import Who
from factbook.access.tokens import Tokens
from factbook.database.engine import Database
from factbook.database.migrations import migrate
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget

START = datetime(2026, 1, 1, tzinfo=UTC)


def holder(*grants: Grant, name: str = "loader") -> Principal:
    """Return a token's principal with these grants."""
    return Principal(Who.TOKEN, name, grants, "token-1")


def reader(tenant: str = "acme", namespace: str = "*", *kinds: str) -> Principal:
    return holder(Grant(Action.READ, tenant, namespace, kinds or ("*",)))


def fact(
    number: int,
    *,
    tenant: str = "acme",
    namespace: str | None = None,
    kind: str = "job_run",
    source: str = "shop",
    value: int | None = None,
) -> MetadataRecord:
    """Return an event (``job_run``) or a state (``table_observation``) of its own second."""
    if kind == "job_run":
        payload = {"job_id": f"job-{number}", "job_type": "scan", "state": "queued"}
    else:
        payload = {"fingerprint": f"test:{number if value is None else value}"}
    moment = START + timedelta(seconds=number)
    return MetadataRecord(
        MetadataTarget(source, "s", "t"), kind, payload, moment, "test.v1", MetadataContext(tenant=tenant, namespace=namespace)
    )


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give a migrated database on each engine; the tests of a module share it."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("access")
        url = f"sqlite:///{folder}/store.sqlite"
    else:
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    database.prepare()
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def tokens(database: Database) -> Tokens:
    return Tokens(database)
