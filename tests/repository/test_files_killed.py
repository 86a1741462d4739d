"""Writers killed with SIGKILL at random instants, two at a time on one folder."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.repository.stores import ADMISSION

from factbook.repository.urls import open_files

ROOT = Path(__file__).parents[2]
ROUNDS = 5


def start(folder, first):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    command = [sys.executable, "-m", "tests.repository.files_child", str(folder), str(first)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)


def whole_lines(content):
    return content[: content.rfind(b"\n") + 1].decode().splitlines()


def test_every_acknowledged_record_is_there_once_after_any_kill(tmp_path):
    chance = random.Random(20260102)
    acknowledged = set()
    for number in range(ROUNDS):
        writers = [start(tmp_path / "facts", 1_000_000 * (2 * number + place)) for place in (0, 1)]
        first = [writer.stdout.readline() for writer in writers]
        time.sleep(chance.uniform(0.0, 0.25))
        for writer in writers:
            writer.kill()
            time.sleep(chance.choice([0.0, 0.05]))
        for writer, line in zip(writers, first, strict=True):
            acknowledged.update(whole_lines(line + writer.stdout.read()))
            writer.stdout.close()
            assert writer.wait() == -9
    repository = open_files(f"file://{tmp_path}/facts", admission=ADMISSION)
    found = []
    while page := repository.tail(len(found), limit=10_000).records:
        found += page
    repository.close()
    assert [item.offset for item in found] == list(range(1, len(found) + 1))
    assert len({item.id for item in found}) == len(found)
    assert acknowledged <= {f"{item.offset} {item.id}" for item in found}
    assert len(acknowledged) > 10 * ROUNDS
    files = list((tmp_path / "facts" / "records" / "job_run" / "@shop").glob("[0-9]*.json"))
    assert len(files) == len(found)
