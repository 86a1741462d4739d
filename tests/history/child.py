"""A process of its own that compacts, started and killed by ``test_crashes.py``: ``child.py STORE_URL ARCHIVE STEP``.

At the STEP-th step it takes (0: never) it kills itself, as hard as can be. It says when it begins.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.history.archiving import opened, rules

from factbook.repository.compaction import Compactor


def main(url: str, archive: str, last: str) -> None:
    taken = 0

    def on_step(_step: str) -> None:
        nonlocal taken
        taken += 1
        if taken == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    repository = opened(url, Path(archive))
    print("begun", flush=True)
    Compactor(repository, min_records=1, file_records=400, on_step=on_step).run(rules(repository))
    repository.close()
    print(taken, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
