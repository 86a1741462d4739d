"""``python -m bench``: run every benchmark, one after the other, and print the tables they wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.bench_table import render

from bench.report import tables_of

HERE = Path(__file__).parent
NOT_BENCHES = {
    "__init__",
    "__main__",
    "browsing",
    "generate",
    "generate_records",
    "generate_said",
    "generate_store",
    "load",
    "memory",
    "profile_engines",
    "report",
    "timing",
}


def main() -> int:
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_BENCHES and not path.stem.startswith("floor_"))
    failed = [name for name in names if subprocess.run([sys.executable, "-m", f"bench.{name}"], cwd=HERE.parent, check=False).returncode]
    for name in names:
        for table in tables_of(name) if name not in failed else ():
            print(f"\n{table}\n{render(table)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
