"""The register of sources."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from factbook.database.control_tables import sources
from factbook.database.engine import Database
from factbook.database.migrations import migrate
from factbook.errors import ConfigurationError, FactbookError, InvalidRequest, NotFound
from factbook.sources.connections import Connections, complete
from factbook.sources.secrets import SecretBox

BOX = SecretBox(bytes(range(32)))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened = Database(url)
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def tenant() -> str:
    return f"tenant-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def connections(database: Database, tenant: str, monkeypatch: pytest.MonkeyPatch) -> Connections:
    for name in ("FACTBOOK_SOURCE_PASSWORD", "FACTBOOK_PASSWORD_SHOP_EU"):
        monkeypatch.delenv(name, raising=False)
    return Connections(database, tenant, BOX)


def test_a_password_in_the_url_is_kept_encrypted_and_shown_nowhere(connections: Connections, database: Database, tenant: str) -> None:
    shown = connections.add("shop", "postgresql://ada:ti%40ger@db/shop?sslmode=require")
    assert shown.url == "postgresql://ada@db/shop?sslmode=require"
    assert shown.has_password
    with database.reading() as connection:
        row = connection.execute(select(sources).where(sources.c.tenant == tenant)).one()
    assert b"ti@ger" not in bytes(row.secret)
    for text in (repr(shown), repr(connections.list()), repr(connections.get("shop")), repr(connections), row.url):
        assert "ger" not in text
    assert connections.resolve("shop") == "postgresql://ada:ti%40ger@db/shop?sslmode=require"


def test_a_password_beside_the_url_wins_over_the_one_in_it(connections: Connections) -> None:
    connections.add("shop", "postgresql://ada:old@db/shop", password="new/er")
    assert connections.resolve("shop") == "postgresql://ada:new%2Fer@db/shop"


def test_adding_again_changes_how_the_source_is_reached(connections: Connections) -> None:
    first = connections.add("shop", "postgresql://ada:tiger@db/shop")
    second = connections.add("shop", "mysql://db/shop")
    assert (second.url, second.has_password, second.created_at) == ("mysql://db/shop", False, first.created_at)
    assert second.updated_at >= first.updated_at
    assert connections.resolve("shop") == "mysql://db/shop"
    assert len(connections.list()) == 1


def test_sources_are_listed_by_name_and_forgotten_by_name(connections: Connections) -> None:
    for name in ("b", "a", "c"):
        connections.add(name, f"sqlite:////data/{name}.db")
    connections.remove("b")
    assert [source.source_id for source in connections.list()] == ["a", "c"]
    assert not connections.knows("b")
    for ask in (connections.get, connections.resolve, connections.remove):
        with pytest.raises(NotFound, match="'b' is not registered"):
            ask("b")


def test_tenants_do_not_see_each_others_sources(connections: Connections, database: Database, tenant: str) -> None:
    connections.add("shop", "postgresql://ada:tiger@db/shop")
    other = Connections(database, f"{tenant}-other", BOX)
    assert other.list() == []
    with pytest.raises(NotFound):
        other.resolve("shop")


def test_a_password_copied_to_another_source_is_refused(connections: Connections, database: Database, tenant: str) -> None:
    connections.add("shop", "postgresql://ada:tiger@db/shop")
    connections.add("bank", "postgresql://ada@elsewhere/bank")
    with database.writing() as connection:
        stolen = connection.scalar(select(sources.c.secret).where(sources.c.tenant == tenant, sources.c.source_id == "shop"))
        connection.execute(update(sources).where(sources.c.tenant == tenant, sources.c.source_id == "bank").values(secret=stolen))
    with pytest.raises(ConfigurationError, match="belongs to another source"):
        connections.resolve("bank")


@pytest.mark.parametrize("source_id", ["", "a b", "../etc", "-x", "ä", "x" * 129, "a/b", "a\n"])
def test_a_bad_name_is_refused(connections: Connections, source_id: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        connections.add(source_id, "sqlite:////data/x.db")
    assert raised.value.field == "source_id"


@pytest.mark.parametrize(
    "url", ["shop", "ada:tiger@db/shop", "postgresql://ada:ti/ger@db/shop", "postgresql://ada@db/shop?sslpassword=tiger"]
)
def test_a_bad_url_is_refused_without_showing_it(connections: Connections, url: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        connections.add("shop", url)
    assert raised.value.field == "url"
    assert "ger" not in str(raised.value)


def test_a_password_for_a_file_is_refused(connections: Connections) -> None:
    with pytest.raises(InvalidRequest, match="takes no password"):
        connections.add("shop", "sqlite:////data/x.db", password="tiger")


def test_references_are_kept_and_resolved_when_connecting(connections: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connections.add("shop", "postgresql://ada:${SHOP_PASSWORD}@${SHOP_HOST}/shop").url.endswith("${SHOP_PASSWORD}@${SHOP_HOST}/shop")
    with pytest.raises(ConfigurationError, match="SHOP_PASSWORD is not set"):
        connections.resolve("shop")
    monkeypatch.setenv("SHOP_PASSWORD", "ti@ger")
    monkeypatch.setenv("SHOP_HOST", "db:5433")
    assert connections.resolve("shop") == "postgresql://ada:ti%40ger@db:5433/shop"


def test_the_environment_may_give_the_password(connections: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    connections.add("shop-eu", "postgresql://ada@db/shop")
    monkeypatch.setenv("FACTBOOK_SOURCE_PASSWORD", "general")
    assert connections.resolve("shop-eu") == "postgresql://ada:general@db/shop"
    monkeypatch.setenv("FACTBOOK_PASSWORD_SHOP_EU", "own")
    assert connections.resolve("shop-eu") == "postgresql://ada:own@db/shop"
    connections.add("shop-eu", "postgresql://ada@db/shop", password="kept")
    assert connections.resolve("shop-eu") == "postgresql://ada:kept@db/shop"


def test_a_file_gets_no_password_from_the_environment(connections: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTBOOK_SOURCE_PASSWORD", "general")
    assert complete("x", "sqlite:////data/x.db") == "sqlite:////data/x.db"
    assert complete("x", "mysql://ada:own@db/x") == "mysql://ada:own@db/x"


def test_a_source_scanned_by_its_url_is_introduced_once(connections: Connections) -> None:
    connections.introduce("shop", "postgresql://ada:tiger@db/shop", keep_password=False)
    assert connections.resolve("shop") == "postgresql://ada@db/shop"
    connections.introduce("shop", "postgres://ada:tiger@db:5432/shop", keep_password=True)
    assert connections.resolve("shop") == "postgres://ada:tiger@db:5432/shop"
    connections.introduce("shop", "postgresql://bob@db/shop", keep_password=True)
    assert connections.get("shop").has_password


def test_another_database_is_not_taken_for_a_known_one(connections: Connections) -> None:
    connections.introduce("shop", "postgresql://ada:tiger@db/shop", keep_password=True)
    with pytest.raises(InvalidRequest, match=r"is another database.*--source-id") as raised:
        connections.introduce("shop", "postgresql://ada:lion@elsewhere/shop", keep_password=True)
    assert "tiger" not in str(raised.value)
    assert "lion" not in str(raised.value)


def test_a_relative_file_is_registered_with_its_whole_path(
    connections: Connections, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert connections.add("shop", "sqlite:///shop.db").url == f"sqlite:///{tmp_path}/shop.db"


def test_without_the_key_the_source_says_what_to_do(connections: Connections, database: Database, tenant: str) -> None:
    connections.add("shop", "postgresql://ada:tiger@db/shop")
    with pytest.raises(FactbookError, match="Restore the SECRET_KEY"):
        Connections(database, tenant, SecretBox(bytes(32))).resolve("shop")


def test_a_password_stays_while_only_the_database_changes_and_is_told_to_no_other_server(connections: Connections) -> None:
    connections.add("shop", "postgresql://ada:tiger@db:5432/shop?sslmode=require")
    assert connections.tried("shop", "postgresql://ada@db:5432/other?sslmode=require") == (
        "postgresql://ada:tiger@db:5432/other?sslmode=require"
    )
    assert connections.get("shop").url == "postgresql://ada@db:5432/shop?sslmode=require"
    for other in ("postgresql://ada@evil:5432/shop?sslmode=require", "postgresql://ada@db:5433/shop", "postgresql://bob@db:5432/shop"):
        assert "tiger" not in connections.tried("shop", other)
    assert "tiger" not in connections.tried("shop", "postgresql://ada@db:5432/shop?host=evil")
    assert connections.change("shop", "postgresql://ada@db:5432/other?sslmode=require").has_password
    assert connections.resolve("shop") == "postgresql://ada:tiger@db:5432/other?sslmode=require"
    assert not connections.change("shop", "postgresql://ada@evil:5432/other?sslmode=require").has_password
    connections.change("shop", "postgresql://ada@evil:5432/other", password="lion")
    assert connections.resolve("shop") == "postgresql://ada:lion@evil:5432/other"


def test_an_address_is_tried_before_it_is_kept(connections: Connections) -> None:
    assert connections.tried("new", "postgresql://ada@db/shop", password="p@ss") == "postgresql://ada:p%40ss@db/shop"
    assert not connections.knows("new")
    for url in ("no url", "postgresql://ada@db/shop?password=x"):
        with pytest.raises(InvalidRequest):
            connections.tried("new", url)
    with pytest.raises(NotFound):
        connections.change("new", "postgresql://ada@db/shop")
