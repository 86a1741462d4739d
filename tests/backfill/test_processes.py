"""Real processes: killed in the middle and run again, and into a service over HTTP."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.api.serving import uvicorn
from tests.backfill.workshop import ADMISSION, BY_RUN, VOLUME, Workshop, lines, slice_done
from tests.cli.running import command, environment, run_program

from factbook.repository.urls import open_repository
from factbook_sdk.repository.remote import RemoteRepository

RUNS = 9_000
"""More than are stored at once, so that a kill can come in between."""


def mapping_of(shop: Workshop, runs: int) -> Path:
    """Write a log of so many runs, every fourth of which has two slices, and return its mapping."""
    rows = (
        slice_done(f"r{number:05}", part, number, ts=f"2024-01-{number % 28 + 1:02}T{number % 24:02}:{number % 60:02}:{part:02}Z")
        for number in range(runs)
        for part in (1, 2)[: 1 + (number % 4 == 0)]
    )
    shop.write("a.jsonl", lines(rows))
    return shop.mapping(VOLUME | {"merge": BY_RUN})


def ids_in(data_dir: Path) -> list[str]:
    url = f"sqlite:///{data_dir}/metadb.sqlite"
    with closing(open_repository(url, admission=ADMISSION)) as repository:
        return [item.id for item in _all(repository)]


def _all(repository: object) -> Iterator[object]:
    after = 0
    while (page := repository.tail(after, limit=10_000)).records:
        yield from page.records
        after = page.next_offset


def test_killed_in_the_middle_and_run_again_it_ends_in_the_same_state(shop: Workshop, tmp_path: Path) -> None:
    mapping = mapping_of(shop, RUNS)
    assert run_program(["backfill", str(mapping), "--quiet"], tmp_path / "whole").code == 0
    expected = ids_in(tmp_path / "whole")
    assert len(expected) == RUNS
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    killed = next(folder for turn in range(8) if _is_partly_filled(folder := tmp_path / f"killed-{turn}", mapping, scratch))
    assert list(scratch.iterdir()) == []
    again = run_program(["backfill", str(mapping), "--json"], killed)
    assert (again.code, again.json["revised_count"]) == (0, 0)
    assert again.json["stored"]["duplicate"] > 0
    assert again.json["stored"]["stored"] > 0
    assert ids_in(killed) == expected


def _is_partly_filled(data_dir: Path, mapping: Path, scratch: Path) -> bool:
    """Backfill into a new store, kill that soon after it began to write, and return whether some records are there and some are not."""
    process = subprocess.Popen(
        command(["backfill", str(mapping)]),
        env=environment(data_dir, TMPDIR=str(scratch), SQLITE_TMPDIR=str(scratch)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = data_dir / "metadb.sqlite-wal"
    while process.poll() is None and not (log.exists() and log.stat().st_size > 1_000_000):
        time.sleep(0.002)
    time.sleep(random.Random(data_dir.name).random() * 0.06)
    process.kill()
    process.wait()
    return 0 < len(ids_in(data_dir)) < RUNS


def test_a_service_takes_history_and_is_asked_twice_without_harm(shop: Workshop, tmp_path: Path) -> None:
    mapping = mapping_of(shop, 1_000)
    with uvicorn(tmp_path, API_KEY="k3y-of-the-service", AUDIT_WRITES="off") as server:
        url = str(server.client.base_url).rstrip("/")
        arguments = ["backfill", str(mapping), "--into", url, "--json"]
        refused = run_program(arguments, tmp_path / "data")
        assert (refused.code, "k3y" in refused.all) == (3, False)
        for name in ("stored", "duplicate"):
            answer = run_program(arguments, tmp_path / "data", SERVICE_TOKEN="k3y-of-the-service")
            assert answer.code == 0, answer.all
            assert answer.json["stored"] == {"stored": 0, "duplicate": 0, "unchanged": 0, "rejected": 0} | {name: 1_000}
            assert answer.json["into"] == url
        assert "k3y" not in answer.all
        with closing(RemoteRepository(url, token="k3y-of-the-service")) as remote:
            remote_ids = [item.id for item in _all(remote)]
    assert run_program(["backfill", str(mapping)], tmp_path / "local").code == 0
    assert remote_ids == ids_in(tmp_path / "local")


def test_a_disk_without_room_for_the_rows_is_told_of_as_such(shop: Workshop, tmp_path: Path) -> None:
    shop.write("a.jsonl", lines(slice_done("r1", number % 60, note=str(number) * 500_000) for number in range(10, 60)))
    mapping = shop.mapping(VOLUME | {"merge": BY_RUN, "extras": {"note": "$.note"}})
    limited = ["bash", "-c", 'ulimit -f 2000; exec "$@"', "-", *command(["backfill", str(mapping), "--dry-run", "--json"])]
    ended = subprocess.run(limited, env=environment(tmp_path / "data"), capture_output=True, text=True, timeout=120, check=False)
    error = json.loads(ended.stderr)["error"]
    assert (ended.returncode, error["what"]) == (3, "Rows cannot be kept until their run is complete")
