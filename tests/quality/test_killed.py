"""A process that is killed in the middle of a run leaves whole tables, and another one goes on from there."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from houses import house

CHILD = """
import os, sys
from factbook.app import Factbook
from factbook.quality.job import Rulebook
from factbook.settings import load_settings
factbook = Factbook(load_settings({"DATA_DIR": sys.argv[1], "JOB_LEASE_SECONDS": "2"}))
def die(seen):
    if seen.done == 2:
        os.kill(os.getpid(), 9)
job = factbook.own.submit_quality("shop", rules=Rulebook("rules.yaml", sys.argv[2]))
lease = factbook.jobs.claim("child")
factbook.jobs.perform(lease, on_progress=die)
"""
RULES = "tables:\n  - table: main.*\n    checks:\n      - not_null: [id, name]\n"


def test_another_process_takes_over_where_a_killed_one_was(tmp_path):
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        for number in range(4):
            connection.execute(f"CREATE TABLE t{number} (id integer, name text)")
    with house(tmp_path / "data", f"sqlite:///{path}", JOB_LEASE_SECONDS="2") as factbook:
        child = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path / "data"), RULES], check=False)
        assert child.returncode == -9
        assert len(factbook.repository.query("quality_result").records) == 2 * 2
        lease = None
        while lease is None:
            lease = factbook.jobs.claim("another")
        assert factbook.jobs.perform(lease) is None
        job = factbook.jobs.get(lease.run.job_id)
        assert (job.state.value, job.result["resumed_tables"], job.result["outcomes"]["passed"]) == ("succeeded", 2, 8)
        assert len(factbook.repository.query("quality_result").records) == 4 * 2
