"""What every test may ask for: fresh databases on real servers, a real browser, and the folder of test data.

A test that needs a server, or the browser, which can be neither found nor started fails the whole run at once, with the line that
installs it.
Leaving servers out takes a decision, ``SERVICES=postgres,sqlite``, and the summary then says what was not tested.
"""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.services import SERVICES, ServiceMissing, Services

ROOT = Path(__file__).parents[1]
_FIXTURES = {"postgres_url": "postgres", "mysql_url": "mysql", "nats_url": "nats", "chromium": "chromium"}
_WITHOUT_SERVER = {"sqlite", "duckdb"}
_LEFT_OUT = "left out: "

_services = pytest.StashKey[Services]()


def pytest_configure(config: pytest.Config) -> None:
    wanted = _wanted(os.environ.get("SERVICES", ""))
    given = getattr(config, "workerinput", {}).get("services_folder")
    config.stash[_services] = Services(Path(given or tempfile.mkdtemp(prefix="factbook-tests-")), wanted, os.environ)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell each xdist worker where the run keeps its notes about servers."""
    node.workerinput["services_folder"] = str(node.config.stash[_services].folder)  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and _services in config.stash:
        config.stash[_services].stop()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start what the chosen tests need, drop those that ``SERVICES=`` or missing test data leave out, and note how many."""
    services = config.stash[_services]
    left_out: dict[str, int] = {}
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        reason = _reason_to_leave_out(item, services)
        (dropped if reason else kept).append(item)
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
    items[:] = kept
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        (services.folder / "left-out.json").write_text(json.dumps(left_out))
    if not config.option.collectonly:
        _obtain_services(session, services, {_FIXTURES[name] for item in kept for name in _fixtures(item) if name in _FIXTURES})


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    services = config.stash[_services]
    for name, server in services.in_use().items():
        terminalreporter.write_line(f"{SERVICES[name].title}: {server.origin}")
    left_out = _read_left_out(services)
    for report in terminalreporter.stats.get("skipped", ()):
        reason = str(report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr)
        if _LEFT_OUT in reason:
            reason = reason.partition(_LEFT_OUT)[2]
            left_out[reason] = left_out.get(reason, 0) + 1
    if left_out:
        terminalreporter.section("NOT TESTED IN THIS RUN", sep="!", red=True, bold=True)
        for reason, count in sorted(left_out.items()):
            terminalreporter.write_line(f"{count} tests {_LEFT_OUT}{reason}", red=True, bold=True)


@pytest.fixture(scope="module")
def postgres_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """Give a URL of a fresh, empty PostgreSQL database; it is dropped after the module."""
    import psycopg

    server = _url(pytestconfig, "postgres")
    name = _database_name()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield urlsplit(server)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def mysql_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """Give a URL of a fresh, empty MariaDB (or MySQL) database; it is dropped after the module."""
    import pymysql

    server = _url(pytestconfig, "mysql")
    parts = urlsplit(server)
    name = _database_name()

    def execute(statement: str) -> None:
        with pymysql.connect(
            host=parts.hostname or "127.0.0.1", port=parts.port or 3306, user=parts.username, password=parts.password or ""
        ) as connection:
            connection.cursor().execute(statement)

    execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield parts._replace(path=f"/{name}").geturl()
    execute(f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def nats_url(pytestconfig: pytest.Config) -> str:
    """Give the URL of a NATS server with JetStream."""
    return _url(pytestconfig, "nats")


@pytest.fixture(scope="session")
def chromium(pytestconfig: pytest.Config) -> str:
    """Give the path of a Chromium."""
    return _url(pytestconfig, "chromium")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Give the folder of sample databases that are too large, or not free enough, to be copied into the project."""
    folder = _test_data_folder()
    if not folder.is_dir():
        pytest.skip(_LEFT_OUT + _no_test_data(folder))
    return folder


def _wanted(text: str) -> frozenset[str] | None:
    names = frozenset(part.strip() for part in text.split(",") if part.strip())
    unknown = names - SERVICES.keys() - _WITHOUT_SERVER
    if unknown:
        raise pytest.UsageError(
            f"SERVICES names {', '.join(sorted(unknown))}; there are {', '.join(sorted({*SERVICES, *_WITHOUT_SERVER}))}"
        )
    return names or None


def _fixtures(item: pytest.Item) -> list[str]:
    return getattr(item, "fixturenames", [])


def _reason_to_leave_out(item: pytest.Item, services: Services) -> str | None:
    names = _fixtures(item)
    for fixture, service in _FIXTURES.items():
        if fixture in names and services.leaves_out(service):
            return _excluded(service)
    folder = _test_data_folder()
    return _no_test_data(folder) if "test_data" in names and not folder.is_dir() else None


def _excluded(service: str) -> str:
    return f"they need {SERVICES[service].title}, which SERVICES={os.environ.get('SERVICES')} excludes"


def _test_data_folder() -> Path:
    named = os.environ.get("FACTBOOK_TEST_DATA")
    if named and not Path(named).is_dir():
        raise pytest.UsageError(f"FACTBOOK_TEST_DATA names {named}, and no such folder is there")
    return Path(named) if named else ROOT.parent / "shared" / "data"


def _no_test_data(folder: Path) -> str:
    return f"they need the sample databases; {folder} is not there, and FACTBOOK_TEST_DATA names no other folder"


def _obtain_services(session: pytest.Session, services: Services, names: set[str]) -> None:
    for name in sorted(names):
        try:
            services.url(name)
        except ServiceMissing as error:
            # Set as well as raised: xdist hands an attribute of the session to the controller, but no exception.
            session.shouldfail = str(error)
            raise session.Failed(str(error)) from error


def _url(config: pytest.Config, name: str) -> str:
    """Return the server's URL; reached for an excluded service only by tests that ask for a fixture while they run."""
    services = config.stash[_services]
    if services.leaves_out(name):
        pytest.skip(_LEFT_OUT + _excluded(name))
    return services.url(name)


def _read_left_out(services: Services) -> dict[str, int]:
    note = services.folder / "left-out.json"
    return json.loads(note.read_text()) if note.exists() else {}


def _database_name() -> str:
    return f"factbook_test_{uuid.uuid4().hex[:12]}"
