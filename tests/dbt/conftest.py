"""A store with the view that names are read from, and a reader of what a project left in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from tests.names.shelf import Shelf

from factbook.dbt import DbtProjects
from factbook.names.projection import NamesProjection
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, builtin_kinds


class Store:
    """What was stored, as it stands."""

    def __init__(self, repository: Any) -> None:
        self.repository = repository
        self.shelf = Shelf(repository)
        self.dbt = DbtProjects(repository, tenant="default")

    def standing(self, kind: str, *, as_of: datetime | None = None) -> dict[str, Any]:
        """Return the payloads in force by ``target < producer``; of events, the last."""
        found: dict[str, Any] = {}
        for item in self.repository.query(kind, limit=10_000).records:
            if as_of is None or item.record.produced_at <= as_of:
                found[f"{item.record.target} < {item.record.producer_id}"] = item.record.payload
        return {key: payload for key, payload in found.items() if payload is not None}

    def edges(self, *, as_of: datetime | None = None) -> list[str]:
        """Return ``input > target`` of all lineage in force."""
        found = self.standing("lineage", as_of=as_of)
        tables = [(key.partition(" <")[0], one["table"]) for key, payload in found.items() for one in payload["inputs"]]
        parts = ("source_id", "schema", "table")
        return sorted(f"{'.'.join(str(table[part]) for part in parts if part in table)} > {target}" for target, table in tables)

    def notes(self, target: str, producer: str = "dbt:shop") -> list[str]:
        """Return what a project says of a table, ``column property name=value``."""
        payload = self.standing("annotation").get(f"{target} < {producer}") or {"notes": []}
        return [
            f"{note.get('column', '-')} {note['property']} {note['name'] + '=' if 'name' in note else ''}{note['value']}"
            for note in payload["notes"]
        ]

    def of_kind(self, kind: str) -> list[tuple[str, Any]]:
        return [(str(item.record.target), item.record.payload) for item in self.repository.query(kind, limit=10_000).records]


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    opened = open_repository(url, admission=Admission(builtin_kinds()), projections=[NamesProjection()])
    yield Store(opened)
    opened.close()
