"""Put measured numbers where people read them: between `<!-- bench:NAME -->` and `<!-- /bench -->` stands what
`bench/results/NAME.json` holds, as a table.

A result file holds `columns` (the heads), `rows` (cells in the same order; numbers get thousands separators) and `note` (when, on what
machine, by which command). `--check` writes nothing and ends with 1 when a table is stale or its result file is missing.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"(<!-- bench:(?P<name>[\w-]+) -->\n).*?(<!-- /bench -->)", re.DOTALL)


def pages() -> Iterator[Path]:
    """Yield every page that may hold a table."""
    readme = ROOT / "README.md"
    if readme.exists():
        yield readme
    yield from sorted((ROOT / "docs").rglob("*.md"))


def filled(text: str) -> str:
    """Return the page with every table replaced by what its result file says now; raises KeyError for a missing file."""
    return _BLOCK.sub(lambda block: f"{block[1]}{render(block['name'])}\n{block[3]}", text)


def render(name: str) -> str:
    path = ROOT / "bench" / "results" / f"{name}.json"
    if not path.exists():
        raise KeyError(name)
    result = json.loads(path.read_text())
    lines = [result["columns"], ["---"] * len(result["columns"]), *result["rows"]]
    table = "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines)
    return f"{table}\n\n{result['note']}"


def cell(value: object) -> str:
    """Show a number as people read it: thousands apart, three digits where it is small."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Fill the tables of measured numbers from bench/results.")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 when a table is stale")
    checking = parser.parse_args().check
    stale = 0
    for page in pages():
        text = page.read_text()
        try:
            fresh = filled(text)
        except KeyError as error:
            print(f"{page.relative_to(ROOT)} shows bench:{error.args[0]}, which has no result file: run `make bench`")
            stale += 1
            continue
        if fresh == text:
            continue
        if checking:
            print(f"{page.relative_to(ROOT)} shows old numbers: run `make docs` and commit the result")
            stale += 1
        else:
            page.write_text(fresh)
            print(f"wrote {page.relative_to(ROOT)}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
