"""What drivers say comes out as one of our families, by what the caller can do, and never with a secret."""

import sqlite3
import threading

import psycopg
import pytest
from psycopg import errors as postgres
from sqlalchemy.exc import TimeoutError as PoolTimeout

from factbook.database.engine import Database
from factbook.database.failures import translate
from factbook.errors import ConfigurationError, InternalError, StoreBusy, TemporaryError
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, builtin_kinds

ADMISSION = Admission(builtin_kinds())


def sqlite_error(code):
    error = sqlite3.OperationalError("something happened")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (sqlite_error(sqlite3.SQLITE_BUSY), StoreBusy),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), StoreBusy),
        (sqlite_error(sqlite3.SQLITE_LOCKED), StoreBusy),
        (sqlite_error(sqlite3.SQLITE_PERM), ConfigurationError),
        (sqlite_error(sqlite3.SQLITE_READONLY_DIRECTORY), ConfigurationError),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN), ConfigurationError),
        (sqlite_error(sqlite3.SQLITE_NOTADB), ConfigurationError),
        (sqlite_error(sqlite3.SQLITE_CORRUPT), ConfigurationError),
        (sqlite_error(sqlite3.SQLITE_FULL), TemporaryError),
        (sqlite_error(sqlite3.SQLITE_IOERR_FSYNC), TemporaryError),
        (sqlite_error(sqlite3.SQLITE_CONSTRAINT_UNIQUE), InternalError),
        (sqlite_error(sqlite3.SQLITE_ERROR), InternalError),
        (sqlite3.ProgrammingError("Cannot operate on a closed database."), InternalError),
        (postgres.LockNotAvailable(), StoreBusy),
        (postgres.DeadlockDetected(), StoreBusy),
        (postgres.SerializationFailure(), StoreBusy),
        (postgres.InvalidPassword(), ConfigurationError),
        (postgres.InvalidAuthorizationSpecification(), ConfigurationError),
        (postgres.InvalidCatalogName(), ConfigurationError),
        (postgres.InsufficientPrivilege(), ConfigurationError),
        (postgres.AdminShutdown(), TemporaryError),
        (postgres.CannotConnectNow(), TemporaryError),
        (postgres.TooManyConnections(), TemporaryError),
        (postgres.DiskFull(), TemporaryError),
        (postgres.ConnectionFailure(), TemporaryError),
        (postgres.ReadOnlySqlTransaction(), TemporaryError),
        (postgres.UniqueViolation(), InternalError),
        (postgres.UndefinedTable(), InternalError),
        (psycopg.OperationalError("connection refused"), TemporaryError),
        (psycopg.OperationalError('FATAL: role "nobody" does not exist'), ConfigurationError),
        (PoolTimeout("QueuePool limit reached"), TemporaryError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else f"{type(value).__name__}-{getattr(value, 'sqlite_errorcode', '')}",
)
def test_every_failure_has_its_family(error, family):
    translated = translate(error, "postgresql://user:***@host/db")
    assert type(translated) is family
    assert "postgresql://user:***@host/db" in str(translated)


@pytest.mark.parametrize(
    "url", ["postgresql://joe:geheim@127.0.0.1:1/none", "postgresql://joe:geheim@host:port/x", "mysql://joe:geheim@h/x"]
)
def test_a_password_is_in_no_error_and_no_repr(url):
    with pytest.raises((ConfigurationError, TemporaryError)) as caught:
        open_repository(url, admission=ADMISSION)
    assert "geheim" not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert "geheim" not in repr(Database("postgresql://joe:geheim@host/x"))


def test_a_database_that_is_not_there_is_a_matter_of_configuration(postgres_url):
    with pytest.raises(ConfigurationError):
        open_repository(postgres_url + "_missing", admission=ADMISSION)


def test_a_file_that_is_no_store_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("These are notes and no database. " * 100)
    with pytest.raises(ConfigurationError, match="no SQLite file"):
        open_repository(f"sqlite:///{path}", admission=ADMISSION)
    assert path.read_text().startswith("These are notes")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="file"):
        open_repository(f"sqlite:///{tmp_path}/file/store.sqlite", admission=ADMISSION)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/x", "mongodb://host/x", "sqlite://", "sqlite:///:memory:"])
def test_only_a_file_or_a_server_can_keep_facts(url):
    with pytest.raises(ConfigurationError):
        open_repository(url, admission=ADMISSION)


@pytest.fixture
def store(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/store.sqlite")
    yield database
    database.close()


def test_an_acknowledged_commit_survives_power_loss_and_links_are_kept(store):
    with store.reading() as connection:
        settings = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_nothing_is_opened_before_it_is_used(tmp_path):
    Database(f"sqlite:///{tmp_path}/deep/store.sqlite").close()
    assert list(tmp_path.iterdir()) == []


def test_a_write_inside_a_write_is_refused_at_once(store):
    with pytest.raises(InternalError, match="inside another"), store.writing(), store.writing():
        pass
    with store.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE still_writable (a)")


def test_writers_of_one_process_take_turns(store):
    with store.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (n INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")

    def count():
        for _ in range(20):
            with store.writing() as connection:
                number = connection.exec_driver_sql("SELECT n FROM counter").scalar_one()
                connection.exec_driver_sql("UPDATE counter SET n = ?", (number + 1,))

    threads = [threading.Thread(target=count) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT n FROM counter").scalar_one() == 100


def test_a_statement_that_fails_below_sqlalchemy_is_translated_as_well(store):
    with pytest.raises(InternalError, match="no such table"):
        store.fetch_one("SELECT * FROM nowhere", ())
    with pytest.raises(InternalError, match="no such table"), store.writing() as connection:
        connection.connection.driver_connection.execute("SELECT * FROM nowhere")


def test_a_server_that_dropped_our_idle_connection_is_asked_again(postgres_url, monkeypatch):
    monkeypatch.setattr("factbook.database.engine._IDLE_SECONDS", -1)
    database = Database(postgres_url)
    with database.reading() as connection:
        ours = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("SELECT pg_terminate_backend(%s, 5000)", (ours,))
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    database.close()
