"""Tokens in the store, and the doorkeeper that checks them."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from factbook.access import Action, Grant
from factbook.access.doorkeeper import BELIEVED_SECONDS, Doorkeeper
from factbook.access.scopes import Who
from factbook.access.tokens import PREFIX, Tokens, digest
from factbook.database.control_tables import service_tokens
from factbook.database.engine import Database
from factbook.errors import InvalidRecord, InvalidRequest, KeyRequired, NotFound

READ = [Grant(Action.READ, "acme")]


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_token_is_shown_once_and_kept_as_a_digest(tokens: Tokens, database: Database) -> None:
    made = tokens.create("loader", READ, created_by="test")
    assert made.value.startswith(PREFIX)
    assert len(made.value) == len(PREFIX) + 43
    assert made.value not in repr(made)
    with database.reading() as connection:
        row = connection.execute(select(service_tokens).where(service_tokens.c.token_id == made.token.token_id)).one()
    assert bytes(row.digest) == digest(made.value)
    assert made.value not in str(tuple(row))
    assert tokens.get(made.token.token_id) == made.token
    assert made.token in tokens.list("acme")


def test_a_token_belongs_to_the_tenant_it_names_or_to_all(tokens: Tokens) -> None:
    one = tokens.create("one", READ, created_by="test").token
    several = tokens.create("several", [*READ, Grant(Action.READ, "mill")], created_by="test").token
    pattern = tokens.create("pattern", [Grant(Action.READ, "acme*")], created_by="test").token
    assert (one.tenant, several.tenant, pattern.tenant) == ("acme", "*", "*")
    assert {one.token_id} <= {token.token_id for token in tokens.list("acme")}
    assert not {several.token_id, pattern.token_id} & {token.token_id for token in tokens.list("acme")}
    for foreign in (several, pattern):
        with pytest.raises(NotFound):
            tokens.get(foreign.token_id, "acme")
        with pytest.raises(NotFound):
            tokens.revoke(foreign.token_id, "acme")
    with pytest.raises(NotFound):
        tokens.revoke(one.token_id, "mill")
    assert tokens.get(one.token_id).revoked_at is None


def test_a_token_that_could_never_be_used_is_not_made(tokens: Tokens) -> None:
    with pytest.raises(InvalidRequest, match="expired already"):
        tokens.create("late", READ, created_by="test", expires_at=datetime.now(UTC))
    with pytest.raises(InvalidRequest, match="grants"):
        tokens.create("idle", [], created_by="test")
    with pytest.raises(InvalidRecord, match="naive"):
        tokens.create("naive", READ, created_by="test", expires_at=datetime(2030, 1, 1))  # noqa: DTZ001
    with pytest.raises(InvalidRecord, match="name is empty"):
        tokens.create("", READ, created_by="test")


def test_the_doorkeeper_tells_who_a_token_is(tokens: Tokens) -> None:
    doorkeeper, made = Doorkeeper(tokens), tokens.create("loader", READ, created_by="test")
    assert doorkeeper.recall(made.value) is None
    found = doorkeeper.look_up(made.value)
    assert (found.who, found.name, found.grants, found.token_id) == (Who.TOKEN, "loader", tuple(READ), made.token.token_id)
    assert doorkeeper.recall(made.value) is found


@pytest.mark.parametrize(
    "change", [lambda value: value + "x", lambda value: value[:-1], str.upper, lambda value: PREFIX, lambda value: "\udcff"]
)
def test_a_wrong_token_is_refused_and_leaves_nothing_behind(tokens: Tokens, change) -> None:
    doorkeeper, made = Doorkeeper(tokens), tokens.create("loader", READ, created_by="test")
    wrong = change(made.value)
    with pytest.raises(KeyRequired) as caught:
        doorkeeper.look_up(wrong)
    assert made.value not in str(caught.value)
    assert wrong == PREFIX or wrong not in str(caught.value)
    assert doorkeeper.recall(wrong) is None


def test_a_revoked_token_is_refused_everywhere_once_the_second_is_over(tokens: Tokens, database: Database) -> None:
    clock = Clock()
    here, there = Doorkeeper(tokens, clock=clock), Doorkeeper(Tokens(database), clock=clock)
    made = tokens.create("loader", READ, created_by="test")
    assert here.look_up(made.value) == there.look_up(made.value)
    tokens.revoke(made.token.token_id)
    assert there.recall(made.value) is not None
    clock.now += BELIEVED_SECONDS + 0.01
    for doorkeeper in (here, there):
        assert doorkeeper.recall(made.value) is None
        with pytest.raises(KeyRequired, match="revoked"):
            doorkeeper.look_up(made.value)
        with pytest.raises(KeyRequired, match="revoked"):
            doorkeeper.recall(made.value)
    first = tokens.get(made.token.token_id).revoked_at
    tokens.revoke(made.token.token_id)
    assert tokens.get(made.token.token_id).revoked_at == first
    with pytest.raises(NotFound):
        tokens.revoke("token-none")


def test_a_token_expires_also_while_it_is_remembered(tokens: Tokens) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.4)
    doorkeeper, made = Doorkeeper(tokens, clock=Clock()), tokens.create("loader", READ, created_by="test", expires_at=soon)
    assert doorkeeper.look_up(made.value).name == "loader"
    while datetime.now(UTC) <= soon:
        time.sleep(0.02)
    for check in (doorkeeper.recall, doorkeeper.look_up):
        with pytest.raises(KeyRequired, match="expired"):
            check(made.value)


def test_the_last_use_is_written_at_most_once_a_minute(tokens: Tokens, database: Database) -> None:
    clock = Clock()
    here, there = Doorkeeper(tokens, clock=clock), Doorkeeper(tokens, clock=clock)
    made = tokens.create("loader", READ, created_by="test")
    token_id = made.token.token_id
    for doorkeeper in (here, there):
        doorkeeper.look_up(made.value)
        doorkeeper.recall(made.value)
        assert doorkeeper.take_used() == {token_id}
    tokens.note_uses({token_id})
    first = tokens.get(token_id).last_used_at
    assert first is not None
    tokens.note_uses({token_id})
    assert tokens.get(token_id).last_used_at == first
    clock.now += 59
    here.look_up(made.value)
    assert here.take_used() == set()
    clock.now += 2
    here.look_up(made.value)
    assert here.take_used() == {token_id}
    with database.writing() as connection:
        connection.execute(update(service_tokens).values(last_used_at=1))
    tokens.note_uses({token_id})
    assert tokens.get(token_id).last_used_at > first


def test_an_admin_token_counts_while_it_is_good(tmp_path) -> None:
    from factbook.database.migrations import migrate

    database = Database(f"sqlite:///{tmp_path}/store.sqlite")
    migrate(database)
    tokens = Tokens(database)
    assert not tokens.has_admin()
    tokens.create("reader", READ, created_by="test")
    assert not tokens.has_admin()
    admin = tokens.create("admin", [Grant(Action.ADMIN, "acme")], created_by="test").token
    assert tokens.has_admin()
    tokens.revoke(admin.token_id)
    assert not tokens.has_admin()
    database.close()


def test_many_threads_may_ask_at_once(tokens: Tokens) -> None:
    doorkeeper = Doorkeeper(tokens)
    made = [tokens.create(f"t{number}", READ, created_by="test") for number in range(4)]
    found: list[str] = []

    def ask(number: int) -> None:
        value = made[number % 4].value
        for _ in range(20):
            found.append((doorkeeper.recall(value) or doorkeeper.look_up(value)).name)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(found)) == ["t0", "t1", "t2", "t3"]
    assert len(found) == 160


@pytest.mark.parametrize(
    ("url", "has_password", "why"),
    [
        ("postgresql://u:p@h/db", True, None),
        ("postgresql://u@h:5432/db?sslmode=require&application_name=x", True, None),
        ("mysql://u@h/db?charset=utf8mb4", True, None),
        ("postgresql://u@h/db", False, "the server's own would be tried"),
        ("postgresql://${USER}@h/db", True, "environment"),
        ("postgresql:///db", True, "without an address"),
        ("postgresql://u@h/db?host=/run/postgresql", True, "host could name"),
        ("postgresql://u@h/db?service=x", True, "service could name"),
        ("postgresql://u@h/db?sslkey=", True, "sslkey could name"),
        ("sqlite:////etc/x.db", True, "file"),
        ("duckdb:///x", True, "file"),
    ],
)
def test_a_source_of_a_tenant_brings_its_own(url: str, has_password: bool, why: str | None) -> None:
    from factbook.sources.isolation import check_brings_its_own

    if why is None:
        check_brings_its_own(url, has_password=has_password)
        return
    with pytest.raises(InvalidRequest, match=why):
        check_brings_its_own(url, has_password=has_password)
