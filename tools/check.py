"""Run every static check of the house, each under its name; end with 1 if one fails.

`make check` runs this, and `tests/house/test_checks.py` holds the house to the same list.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BIN = Path(sys.executable).parent

STEPS: dict[str, list[str]] = {
    "format": [str(_BIN / "ruff"), "format", "--check", "--quiet", "--diff", "."],
    "lint": [str(_BIN / "ruff"), "check", "--quiet", "."],
    "types": [str(_BIN / "mypy"), "--no-error-summary"],
    "import contracts": [str(_BIN / "lint-imports"), "--no-logo"],
    "docs freshness": [sys.executable, "tools/generate_docs.py", "--check"],
    "bench tables freshness": [sys.executable, "tools/bench_table.py", "--check"],
}


def run(step: str) -> tuple[bool, str]:
    """Run one step; return whether it passed, and what it said."""
    done = subprocess.run(STEPS[step], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode == 0, done.stdout


def main() -> int:
    failed = []
    for step in STEPS:
        started = time.monotonic()
        passed, output = run(step)
        print(f"{step:24}{'ok' if passed else 'FAILED'}  {time.monotonic() - started:.1f} s", flush=True)
        if not passed:
            failed.append(step)
            print(output)
    if failed:
        print(f"{len(failed)} of {len(STEPS)} checks failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
