"""A store on each engine, opened as often as there are processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.kinds.houses import House, open_house
from tests.repository.stores import open_empty

from factbook.repository.indexing import IndexProjection

MakeHouse = Callable[..., House]


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    """Give the URL of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite"
    url: str = request.getfixturevalue("postgres_url")
    repository = open_empty(url)
    with repository.database.writing() as connection:
        IndexProjection([]).drop(connection)
        connection.exec_driver_sql("DELETE FROM projections")
    repository.close()
    return url


@pytest.fixture
def make_house(store_url: str) -> Iterator[MakeHouse]:
    """Give a function that opens the store as another process would."""
    houses: list[House] = []

    def make(**options: Any) -> House:
        houses.append(open_house(store_url, **options))
        return houses[-1]

    yield make
    for house in houses:
        house.repository.close()


@pytest.fixture
def house(make_house: MakeHouse) -> House:
    return make_house()
