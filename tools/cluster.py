"""A Factbook of several processes on this machine, as ``deploy/compose.yaml`` has it in containers: PostgreSQL, NATS, API servers, workers.

``make cluster`` runs it until Ctrl-C, or for CLUSTER_SECONDS. PostgreSQL and NATS are those that listen already or are started for it
(``tests/services.py``); the store is a database of its own, dropped at the end. Tests take :class:`Cluster` and bring the store themselves.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.services import SERVICES, Services

_UP_SECONDS = 60.0
_DOWN_SECONDS = 20.0


class Member:
    """One process of a cluster. It can be killed and started again; what it logs is kept through all its lives."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], folder: Path, url: str | None = None) -> None:
        self.name = name
        self.url = url
        self.log = folder / f"{name}.log"
        self._command = command
        self._environment = dict(environment)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            # In a session of its own: Ctrl-C reaches whoever started the cluster, who then ends the members in good order.
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """How it ended, ``None`` while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def process_id(self) -> int | None:
        return None if self._process is None else self._process.pid

    def kill(self) -> None:
        """End it where it stands, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """Ask it to end, wait until it has, and return its exit code; one that does not end is killed."""
        return self._end(signal.SIGTERM)

    def wait_until_up(self) -> None:
        """Wait until a server answers; a worker is up at once. Raises :class:`RuntimeError` with its log if it ends or takes too long."""
        deadline = time.monotonic() + _UP_SECONDS
        while self.url is not None and not self._answers():
            if self.exit_code is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} is not up: {self.last_words()}")
            time.sleep(0.05)

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _end(self, how: signal.Signals) -> int | None:
        if self._process is None:
            return None
        self._process.send_signal(how)
        try:
            return self._process.wait(_DOWN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


class Cluster:
    """Servers and workers over one store; a context manager that starts them, waits until they answer and ends them."""

    def __init__(self, store_url: str, folder: Path, *, servers: int = 2, workers: int = 2, **settings: str) -> None:
        known = {name for name in os.environ if name.startswith("FACTBOOK_")}
        inherited = {name: value for name, value in os.environ.items() if name not in known}
        # Whoever shares a store shares the key that opens the passwords in it.
        self.settings = {"DATA_DIR": str(folder / "data"), "META_DB_URL": store_url, "LOG_LEVEL": "INFO", **settings}
        environment = {**inherited, **{f"FACTBOOK_{name}": value for name, value in self.settings.items()}}
        program = [sys.executable, "-m", "factbook"]
        # Where there are workers the servers only answer.
        of_servers = {**environment, "FACTBOOK_JOB_WORKERS": "0"} if workers else environment
        self.servers = [
            Member(f"server-{number}", [*program, "serve", "--port", str(port)], of_servers, folder, f"http://127.0.0.1:{port}")
            for number, port in enumerate(free_ports(servers), 1)
        ]
        self.workers = [Member(f"worker-{number}", [*program, "worker"], environment, folder) for number in range(1, workers + 1)]

    @property
    def members(self) -> list[Member]:
        return [*self.servers, *self.workers]

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self.servers if server.url is not None]

    def __enter__(self) -> Cluster:
        try:
            for member in self.members:
                member.start()
            for member in self.members:
                member.wait_until_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.stop()


def free_ports(count: int) -> list[int]:
    """Return different ports on which nobody listens."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Give the URL of a new PostgreSQL database, dropped at the end."""
    import psycopg

    name = f"factbook_cluster_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def main() -> int:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    with tempfile.TemporaryDirectory(prefix="factbook-cluster-") as folder:
        services = Services(Path(tempfile.mkdtemp(prefix="factbook-services-")), None, os.environ)
        try:
            postgres, nats = services.url("postgres"), services.url("nats")
            with (
                fresh_database(postgres) as store_url,
                Cluster(store_url, Path(folder), BUS_URL=f"{nats}?subject=factbook_cluster_{secrets.token_hex(4)}") as cluster,
            ):
                show(cluster, services, Path(folder))
                return watch(cluster, ended)
        finally:
            services.stop()


def show(cluster: Cluster, services: Services, folder: Path) -> None:
    for name, server in services.in_use().items():
        print(f"{SERVICES[name].title:12}{server.url}  ({server.origin})")
    for member in cluster.members:
        print(f"{member.name:12}{member.url or f'process {member.process_id}'}")
    print(f"Logs are in {folder}. Ctrl-C stops everything and drops the store.", flush=True)


def watch(cluster: Cluster, ended: threading.Event) -> int:
    """Wait for the end; return 1 if a member ends by itself."""
    seconds = float(os.environ.get("CLUSTER_SECONDS") or "inf")
    deadline = time.monotonic() + seconds
    while not ended.wait(min(0.5, max(0.0, deadline - time.monotonic()))) and time.monotonic() < deadline:
        for member in cluster.members:
            if member.exit_code is not None:
                print(f"{member.name} ended with {member.exit_code}:\n{member.last_words()}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
