"""A watcher of its own that is killed by ``test_killed.py``: ``child.py STORE_URL RULES_FILE LEASE_SECONDS``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.watch.conftest import open_store

from factbook.watch import Watcher
from factbook.watch.reading import load


def main(store_url: str, rules: str, lease_seconds: str) -> None:
    book = load(Path(rules), tenant="default")
    owner = f"child-{os.getpid()}"
    Watcher(open_store(store_url), book, owner=owner, tenant="default", lease_seconds=float(lease_seconds)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
