"""Sessions that are kept between requests."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from factbook.errors import StatementFailed, TemporaryError
from factbook.serving import pool as pooling
from factbook.serving.pool import Pool
from factbook.sources.connectors import connector_for


def backend(session: Any) -> int:
    number: int = session.rows("SELECT pg_backend_pid()")[0][0]
    return number


def test_a_session_is_used_again_also_after_a_refused_statement(postgres_url: str) -> None:
    with closing(Pool()) as pool:
        with pool.session(postgres_url, connector_for, wait_seconds=5) as session:
            first = backend(session)
        with pytest.raises(StatementFailed), pool.session(postgres_url, connector_for, wait_seconds=5) as session:
            session.rows("SELECT nothing")
        with pool.session(postgres_url, connector_for, wait_seconds=5) as session:
            assert backend(session) == first
            with pool.session(postgres_url, connector_for, wait_seconds=5) as other:
                assert backend(other) != first


def test_a_session_that_died_meanwhile_is_replaced(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    with closing(Pool()) as pool:
        with pool.session(postgres_url, connector_for, wait_seconds=5) as session:
            first = backend(session)
        with psycopg.connect(postgres_url, autocommit=True) as killer:
            killer.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        now = pooling.time.monotonic() + 2
        monkeypatch.setattr(pooling.time, "monotonic", lambda: now)
        with pool.session(postgres_url, connector_for, wait_seconds=5) as session:
            assert backend(session) != first


def test_who_comes_while_all_are_in_use_waits_and_is_told(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "_AT_ONCE", 1)
    with (
        closing(Pool()) as pool,
        pool.session(postgres_url, connector_for, wait_seconds=5),
        pytest.raises(TemporaryError, match="busy"),
        pool.session(postgres_url, connector_for, wait_seconds=0.01),
    ):
        pass


def test_nothing_stays_open_behind_a_closed_pool(postgres_url: str) -> None:
    pool = Pool()
    with pool.session(postgres_url, connector_for, wait_seconds=5) as kept:
        pass
    with pool.session(postgres_url, connector_for, wait_seconds=5) as used:
        assert used is kept
        pool.close()
    assert used.connection.closed
