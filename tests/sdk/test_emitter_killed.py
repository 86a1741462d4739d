"""Real processes, ended in the middle of their work: whatever was acknowledged or spooled arrives, and nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.api.test_server import free_port, running
from tests.sdk.scripted import problem, scripted
from tests.sdk.test_emitter import NOBODY, sent, until

from factbook_sdk.emitter import Emitter, EmitterOptions, Spool
from factbook_sdk.repository.remote import RemoteRepository
from factbook_sdk.testing.records import event

PATIENT = EmitterOptions(batch_records=100, batch_seconds=0.02, max_pause_seconds=0.2, timeout_seconds=5)


def server_at(port: int, folder: Path) -> object:
    return running(folder, ["-m", "uvicorn", "factbook.api.app:app", "--port", str(port)], port, LOG_LEVEL="WARNING")


def numbers_at(url: str) -> list[int]:
    """Return what the service holds, in log order."""
    found: list[int] = []
    with closing(RemoteRepository(url)) as repository:
        after = 0
        while (page := repository.tail(after, kinds=["job_run"], limit=10_000)).records:
            found += [int(item.record.payload["attempt"]) for item in page.records if item.record.payload]
            after = page.next_offset
    return found


@contextmanager
def pipeline(url: str, spool: Path, first: int, count: int, pause_seconds: float = 0.002) -> Iterator[subprocess.Popen[str]]:
    arguments = [url, str(spool), str(first), str(count), str(pause_seconds)]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.sdk.emitting", *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def kill_once_safe(process: subprocess.Popen[str], count: int) -> int:
    """Kill a pipeline once so many records outlive it; return how many did when it last said so."""
    assert process.stdout is not None
    safe = 0
    while safe < count:
        line = process.stdout.readline()
        assert line, "the pipeline ended too early"
        safe = int(line)
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().splitlines()
    # A last line that the kill tore is not counted.
    return int(rest[-2]) if len(rest) > 1 else safe


def test_a_server_killed_in_mid_stream_gets_the_rest_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    with Emitter(f"http://127.0.0.1:{port}", spool=tmp_path / "spool", options=PATIENT) as emitter:
        for life in range(3):
            with server_at(port, tmp_path) as server:
                until(lambda life=life: emitter.counters().delivered.records >= life * 1_000)
                for number in range(life * 1_000, (life + 1) * 1_000):
                    emitter.emit(event(number))
                    if number % 100 == 50:
                        time.sleep(0.02)
                # In the middle of whatever it does.
                server.stop(signal.SIGKILL)
        with server_at(port, tmp_path):
            assert emitter.flush(60)
            assert sorted(numbers_at(f"http://127.0.0.1:{port}")) == list(range(3_000))
        assert emitter.counters().delivered.rejected == 0


def test_a_pipeline_killed_while_the_service_is_away_has_lost_nothing_it_spooled(tmp_path: Path) -> None:
    with pipeline(NOBODY, tmp_path / "spool", 0, 100_000) as process:
        safe = kill_once_safe(process, 2_000)
    left = Spool(tmp_path / "spool").status()
    assert left.records >= safe
    assert left.writing == 0
    with scripted() as service, Emitter(service.url, spool=tmp_path / "spool") as emitter:
        until(lambda: emitter.counters().delivered.records == left.records)
        assert sent(service) == list(range(left.records))


def test_pipelines_killed_again_and_again_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    chance = random.Random(20260131)
    safe_numbers: set[int] = set()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with server_at(port, tmp_path):
        for life in range(5):
            first = life * 100_000
            with pipeline(url, tmp_path / "spool", first, 50_000) as process:
                safe_numbers |= set(range(first, first + kill_once_safe(process, chance.randrange(100, 3_000))))
        with Emitter(url, spool=tmp_path / "spool"):
            until(lambda: Spool(tmp_path / "spool").status().segments == 0)
        arrived = numbers_at(url)
    assert len(arrived) == len(set(arrived))
    assert safe_numbers <= set(arrived)


def test_processes_that_share_a_spool_send_each_record_once(tmp_path: Path) -> None:
    replies = [problem(503, "store_busy", retry_after="0")] * 8
    with scripted(*replies) as service:
        with (
            pipeline(service.url, tmp_path, 0, 3_000) as one,
            pipeline(service.url, tmp_path, 10_000, 3_000) as two,
            pipeline(service.url, tmp_path, 20_000, 3_000) as three,
        ):
            for process in (one, two, three):
                assert process.wait(60) == 0
        accepted = [line["payload"]["attempt"] for request in service.requests[8:] for line in request.lines]
        assert sorted(accepted) == [first + number for first in (0, 10_000, 20_000) for number in range(3_000)]
        assert Spool(tmp_path).status().segments == 0


def test_after_a_fork_both_sides_emit_and_neither_sends_the_others(tmp_path: Path) -> None:
    program = """
import os, sys
from factbook_sdk.emitter import Emitter, EmitterOptions
from factbook_sdk.testing.records import event
emitter = Emitter(sys.argv[1], spool=sys.argv[2], options=EmitterOptions(spool_seconds=0.2))
emitter.emit(event(1))
child = os.fork()
emitter.emit(event(2 if child else 3))
emitter.close()
if child:
    assert os.waitpid(child, 0)[1] == 0
    assert emitter.counters().taken == 2
else:
    assert emitter.counters().taken == 1
"""
    with scripted() as service:
        subprocess.run([sys.executable, "-c", program, service.url, str(tmp_path)], check=True, timeout=60)
        assert sorted(sent(service)) == [1, 2, 3]


def test_a_program_that_ends_without_closing_delivers_all_the_same(tmp_path: Path) -> None:
    program = """
import sys
from factbook_sdk.emitter import Emitter
from factbook_sdk.testing.records import event
emitter = Emitter(sys.argv[1])
for number in range(10):
    emitter.emit(event(number))
"""
    with scripted() as service:
        subprocess.run([sys.executable, "-W", "error", "-c", program, service.url], check=True, timeout=60, env={**os.environ})
        assert sent(service) == list(range(10))
