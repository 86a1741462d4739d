"""``factbook demo``: the story a newcomer sees first."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.running import assert_golden, command, environment, run_program, settled


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


def story(out: str, folder: Path) -> str:
    return re.sub(r"Everything lies in .*", "Everything lies in FOLDER", settled(out, folder))


def test_the_demo_tells_its_story_and_ends(data_dir: Path, tmp_path: Path) -> None:
    answer = run_program(["demo", "--no-serve"], data_dir)
    assert (answer.code, answer.err) == (0, "")
    assert_golden("demo.txt", story(answer.out, tmp_path))


def test_the_demo_works_again_and_leaves_the_own_store_alone(data_dir: Path, tmp_path: Path) -> None:
    run_program(["scan"], data_dir)
    before = run_program(["dictionary", "--json"], data_dir).json
    first, second = (run_program(["demo", "--no-serve"], data_dir) for _ in range(2))
    assert (first.code, second.code) == (0, 0)
    assert story(first.out, data_dir / "demo" / "1") == story(second.out, data_dir / "demo" / "2")
    assert run_program(["dictionary", "--json"], data_dir).json == before
    assert len(run_program(["jobs", "--json"], data_dir).json["items"]) == 1


def test_the_command_it_ends_with_works(data_dir: Path) -> None:
    out = run_program(["demo", "--no-serve"], data_dir, META_DB_URL=f"sqlite:///{data_dir / 'mine.sqlite'}").out
    [line] = [line for line in out.splitlines() if line.startswith("FACTBOOK_DATA_DIR=")]
    *assignments, _, verb, option, word = line.split()
    variables = dict(item.split("=", 1) for item in assignments)
    folder = Path(variables.pop("FACTBOOK_DATA_DIR"))
    assert "InvoiceId" in run_program([verb, option, word], folder, META_DB_URL=f"sqlite:///{data_dir / 'mine.sqlite'}", **variables).out


class Demo:
    """A demo whose server runs."""

    def __init__(self, process: subprocess.Popen[str], address: str, paths: list[str]) -> None:
        self.process = process
        self.address = address
        self.paths = paths

    def get(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        request = urllib.request.Request(self.address + path, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()


def start(arguments: list[str], data_dir: Path, **more: str) -> Demo:
    process = subprocess.Popen(
        command(["demo", *arguments]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(data_dir, **more)
    )
    assert process.stdout is not None
    address, paths = "", []
    for line in process.stdout:
        if found := re.match(r"(http://127\.0\.0\.1:\d+)(/\S*)", line):
            address = found[1]
            paths.append(found[2])
        if line.startswith("curl -X POST"):
            break
    _wait_until_it_listens(process, address)
    return Demo(process, address, paths)


def _wait_until_it_listens(process: subprocess.Popen[str], address: str) -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    while process.poll() is None:
        with closing(socket.socket()) as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return


@pytest.fixture
def served(data_dir: Path, free_port: int) -> Iterator[Demo]:
    running = start(["--port", str(free_port)], data_dir)
    yield running
    running.process.kill()
    running.process.communicate(timeout=30)


def test_every_link_it_shows_answers(served: Demo) -> None:
    assert served.paths == ["/ui", "/docs", "/dictionary?limit=20", "/jobs?limit=10", "/health"]
    assert [served.get(path)[0] for path in served.paths] == [200] * 5
    assert len(json.loads(served.get("/jobs?limit=10")[1])["items"]) == 3
    assert served.get("/scan/trigger", "POST")[0] == 202


def test_an_interrupt_stops_the_server_and_is_no_failure(served: Demo) -> None:
    served.get("/health")
    served.process.send_signal(signal.SIGINT)
    out, err = served.process.communicate(timeout=60)
    assert (served.process.returncode, err) == (0, "")
    assert "Look around" in out


def test_a_taken_port_is_no_reason_to_give_up(data_dir: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        running = start([], data_dir, PORT=str(port))
        try:
            assert running.address != f"http://127.0.0.1:{port}"
            assert running.get("/health")[0] == 200
        finally:
            os.kill(running.process.pid, signal.SIGINT)
            _, err = running.process.communicate(timeout=60)
    assert f"Port {port} is taken" in err
