"""A server in a process of its own, as users run it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

SETTINGS = ("META_DB_URL", "SOURCE_DB_URL", "LOG_LEVEL", "HOST", "PORT", "API_KEY", "DATA_DIR", "SECRET_KEY", "TENANT")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    def __init__(self, process: subprocess.Popen[str], url: str, errors: Path) -> None:
        self.process = process
        self.client = httpx2.Client(base_url=url, timeout=30)
        self._errors = errors

    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._errors.read_text().splitlines()]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=30)

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self._errors.read_text()
            try:
                self.client.get("/health")
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"not up after 60 s: {self._errors.read_text()}")


@contextmanager
def running(tmp_path: Path, arguments: list[str], port: int, **environment: str) -> Iterator[Server]:
    inherited = {name: value for name, value in os.environ.items() if name.removeprefix("FACTBOOK_") not in SETTINGS}
    errors = tmp_path / "stderr"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", *arguments],
            cwd=tmp_path,
            env=inherited | environment,
            stdout=stderr,
            stderr=stderr,
            text=True,
        )
    server = Server(process, f"http://127.0.0.1:{port}", errors)
    try:
        server.wait_until_up()
        yield server
    finally:
        server.client.close()
        process.kill()
        process.wait()


@contextmanager
def uvicorn(tmp_path: Path, **environment: str) -> Iterator[Server]:
    port = free_port()
    with running(tmp_path, ["-m", "uvicorn", "factbook.api.app:app", "--port", str(port)], port, **environment) as server:
        yield server
