"""A process that compacts over and over, until it is killed: ``compacting.py STORE_URL ARCHIVE_FOLDER``."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.history.archiving import opened, rules

from factbook.errors import StoreBusy
from factbook.repository.compaction import Compactor


def main(store_url: str, archive: str) -> None:
    repository = opened(store_url, Path(archive))
    while True:
        # What a killed compactor held is held until the server notices that it is gone.
        with suppress(StoreBusy):
            Compactor(repository, min_records=1, file_records=2_000).run(rules(repository))
        time.sleep(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
