"""The programs in `examples` do what they say, and lose nothing when the service is away."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.api.serving import free_port, running, uvicorn

from factbook_sdk.emitter import Spool
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import Within
from factbook_sdk.repository.filters import parse_condition
from factbook_sdk.repository.remote import RemoteRepository

FACTBOOK = [sys.executable, "-m", "factbook"]
EXAMPLES = Path(__file__).parents[2] / "examples"


def run(example: str, folder: Path, *arguments: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / example), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, done.stderr


def test_a_pipeline_emits_compares_and_outlasts_an_outage(tmp_path: Path) -> None:
    example = "emit_from_a_pipeline.py"
    with uvicorn(tmp_path) as server:
        url = str(server.client.base_url)
        assert run(example, tmp_path, url, "1200")[0] == "Loaded 1,200 orders\n"
        assert run(example, tmp_path, url, "1180")[0] == "Loaded 1,180 orders, -20 against the load before\n"
    printed, noted = run(example, tmp_path, f"http://127.0.0.1:{free_port()}", "1190")
    assert printed == "Loaded 1,190 orders\n"
    assert "No comparison today" in noted
    assert Spool(tmp_path / "spool").status().records == 2
    with uvicorn(tmp_path) as server:
        url = str(server.client.base_url)
        run(example, tmp_path, url, "1195")
        with closing(RemoteRepository(url)) as repository:
            found = repository.history(MetadataTarget("shop", "sales", "orders"), "ingestion_volume")
    assert [item.record.payload["row_count"] for item in found if item.record.payload] == [1200, 1180, 1190, 1195]


def test_a_follower_hears_of_each_load_once_whoever_is_killed_meanwhile(tmp_path: Path) -> None:
    port = free_port()
    url, heard = f"http://127.0.0.1:{port}", tmp_path / "heard"
    arguments = ["-m", "uvicorn", "factbook.api.app:app", "--port", str(port)]
    command = [sys.executable, "-W", "error", str(EXAMPLES / "follow_the_log.py"), url]
    expected = 0
    with heard.open("w") as output:
        for life in range(2):
            with running(tmp_path, arguments, port) as server:
                follower = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=subprocess.DEVNULL)
                try:
                    run("emit_from_a_pipeline.py", tmp_path, url, str(1200 + life))
                    expected += 1
                    wait_for_lines(heard, expected)
                    # The follower outlasts a server; the next life begins with a new follower.
                    server.stop(signal.SIGKILL)
                    with running(tmp_path, arguments, port):
                        run("emit_from_a_pipeline.py", tmp_path, url, str(1300 + life))
                        expected += 1
                        wait_for_lines(heard, expected)
                        last = int(heard.read_text().splitlines()[-1].partition(":")[0])
                        wait_until(lambda last=last: int((tmp_path / "reached").read_text()) >= last)
                finally:
                    follower.kill()
                    follower.wait()
    told = heard.read_text().splitlines()
    assert [int(line.rpartition(": ")[2].split()[0]) for line in told] == [1200, 1300, 1201, 1301]


def test_a_load_asks_whether_its_columns_fit(tmp_path: Path) -> None:
    source = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("CREATE TABLE orders (id integer PRIMARY KEY, total real NOT NULL)")
    with uvicorn(tmp_path) as server:
        url = str(server.client.base_url)
        outcomes = [check(url, ["id"], tmp_path)]
        environment = {**os.environ, "FACTBOOK_DATA_DIR": str(tmp_path / ".metadb")}
        scan = [*FACTBOOK, "scan", f"sqlite:///{source}", "--quiet"]
        subprocess.run(scan, env=environment, capture_output=True, timeout=60, check=True)
        outcomes += [check(url, asked, tmp_path) for asked in (["id=int64", "total"], ["id"], ["id", "total=float64", "note"])]
    assert [code for code, _ in outcomes] == [2, 0, 1, 1]
    assert "'total' must be given" in outcomes[2][1]
    assert "no column 'note'" in outcomes[3][1]


def check(url: str, columns: list[str], folder: Path) -> tuple[int, str]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / "check_before_a_load.py"), url, "shop.main.orders", *columns]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def wait_for_lines(file: Path, count: int) -> None:
    wait_until(lambda: len(file.read_text().splitlines()) >= count)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_old_logs_become_history_in_a_service_and_in_a_store(tmp_path: Path) -> None:
    mapping = str(EXAMPLES / "backfill" / "mapping.toml")
    with uvicorn(tmp_path) as server:
        url = str(server.client.base_url)
        for more in ([], ["--into", url], ["--into", url]):
            environment = {**os.environ, "FACTBOOK_DATA_DIR": str(tmp_path / "local")}
            done = subprocess.run(
                [*FACTBOOK, "backfill", mapping, "--json", *more], env=environment, capture_output=True, text=True, timeout=60, check=True
            )
            report = json.loads(done.stdout)
            assert report["rows"] == {"read": 55, "merged": 41, "records": 27, "skipped": 14, "repeats": 0, "rejected": 0}
            assert [each["agrees"] for each in report["expectations"]] == [True]
        assert report["stored"] == {"stored": 0, "duplicate": 27, "unchanged": 0, "rejected": 0}
        with closing(RemoteRepository(url)) as repository:
            loads = repository.history(MetadataTarget("warehouse", "sales", "orders"), "ingestion_volume")
            checks = repository.query("recon_result", targets=Within("shop"), where=[parse_condition("payload.outcome=failed")])
    first = loads[0].record
    assert (len(loads), first.context.run_id, first.context.job_id) == (14, "orders-20240101", "orders")
    assert first.extras["original_source"]["files"] == [{"file": "progress/2024-01-a.jsonl", "lines": "2-3"}]
    assert [item.record.target.table for item in checks.records] == ["orders"]
