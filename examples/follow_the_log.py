"""Print every load that Factbook hears of, each once and in order, however often this program or the service stops and begins again.

    python examples/follow_the_log.py http://localhost:8000

The file ``reached`` holds how far the log was followed. FACTBOOK_TOKEN is sent where it is set.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from factbook_sdk.repository.contract import StoredRecord
from factbook_sdk.repository.following import follow
from factbook_sdk.repository.remote import RemoteRepository


def tell(item: StoredRecord) -> None:
    """Stand for whatever should happen: a message, a row in another store, the start of another job."""
    payload = item.record.payload or {}
    print(f"{item.offset}: {item.record.target} {item.record.context.run_id}: {payload.get('row_count')} rows", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", help="where the service listens")
    parser.add_argument("--reached", type=Path, default=Path("reached"), help="file that holds how far the log was followed")
    arguments = parser.parse_args()

    repository = RemoteRepository(arguments.url, token=os.environ.get("FACTBOOK_TOKEN"), patience_seconds=0)
    after_offset = int(arguments.reached.read_text()) if arguments.reached.exists() else 0
    for page in follow(repository, after_offset, kinds=["ingestion_volume"]):
        for item in page.records:
            tell(item)
        # Written in one step, so that a kill leaves the old number or the new one.
        following = arguments.reached.with_suffix(".new")
        following.write_text(str(page.next_offset))
        following.replace(arguments.reached)


if __name__ == "__main__":
    main()
