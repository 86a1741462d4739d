"""Peak memory in benches is that of the process itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_CHILD = "from bench.memory import peak_mib; print(peak_mib())"
_PARENT = f"""
import json, subprocess, sys
held = bytearray(300 << 20)
held[::4096] = b"1" * len(held[::4096])
run = lambda text: float(subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout)
print(json.dumps(run({_CHILD!r})))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux lets a child begin at its parent's peak")
def test_a_child_of_a_large_process_says_what_it_held_itself():
    done = subprocess.run([sys.executable, "-c", _PARENT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 1 < json.loads(done.stdout) < 150


def test_no_bench_asks_for_the_inherited_figure():
    asking = [file.name for file in (ROOT / "bench").glob("*.py") if "ru_maxrss" in file.read_text(encoding="utf-8")]
    assert asking == ["memory.py"]
