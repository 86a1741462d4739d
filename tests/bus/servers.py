"""NATS servers of a test's own, to be killed."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.services import _free_port, _program

from factbook.errors import BusUnavailable
from factbook.events.urls import open_bus


class NatsServer:
    """A server that keeps its port and its data while it is killed and started again."""

    def __init__(self, folder: Path, *, name: str = "one", port: int | None = None, options: tuple[str, ...] = ()) -> None:
        self.port = port or _free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._command = [_program("nats-server"), "-js", "-a", "127.0.0.1", "-p", str(self.port), "-n", name, "-sd", str(folder / name)]
        self._command += options
        self._log = (folder / f"{name}.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "the server did not come up"
                time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.kill()
        self._log.close()


@contextmanager
def nats_server(folder: Path) -> Iterator[NatsServer]:
    """Give a running server."""
    server = NatsServer(folder)
    with closing(server):
        server.start()
        yield server


@contextmanager
def nats_cluster(folder: Path) -> Iterator[dict[str, NatsServer]]:
    """Give three servers that keep streams together, by their names, once they agreed on a leader."""
    routes = {name: _free_port() for name in ("one", "two", "three")}
    known = ",".join(f"nats://127.0.0.1:{port}" for port in routes.values())
    servers = {
        name: NatsServer(folder, name=name, options=("--cluster_name", "test", "--cluster", f"nats://127.0.0.1:{port}", "--routes", known))
        for name, port in routes.items()
    }
    try:
        for server in servers.values():
            server.start()
        _wait_for_a_leader(servers)
        yield servers
    finally:
        for server in servers.values():
            server.close()


def _wait_for_a_leader(servers: dict[str, NatsServer]) -> None:
    deadline = time.monotonic() + 60
    with closing(open_bus(cluster_url(servers))) as bus:
        while True:
            try:
                assert bus.dead_count() == 0
                return
            except BusUnavailable:
                assert time.monotonic() < deadline, "the cluster did not come up"
                time.sleep(0.2)


def cluster_url(servers: dict[str, NatsServer]) -> str:
    """Return the URL of a bus on all the servers."""
    return f"nats://{','.join(f'127.0.0.1:{server.port}' for server in servers.values())}/?replicas=3&max_bytes=67108864"
