"""Load some orders, tell Factbook how many there were and how it ended, and compare with the load before.

    python examples/emit_from_a_pipeline.py http://localhost:8000 1200

The load works the same while the service is away: its facts wait in the folder ``spool``, and the next run sends them.
FACTBOOK_TOKEN is sent where it is set.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

from factbook_sdk import MetadataContext, MetadataTarget
from factbook_sdk.emitter import Emitter
from factbook_sdk.errors import ServiceUnavailable
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.ingestion_runtime import IngestionRuntime
from factbook_sdk.facts.kinds.ingestion_volume import IngestionVolume
from factbook_sdk.repository.remote import RemoteRepository

ORDERS = MetadataTarget("shop", "sales", "orders")
PRODUCER = "orders_pipeline.v1"


def load(rows: int) -> int:
    """Stand for the work of a real pipeline."""
    return sum(1 for _ in range(rows))


def rows_before(url: str, token: str | None) -> int | None:
    """Return how many rows the last known load had; ``None`` if there is none, or nobody to ask."""
    repository = RemoteRepository(url, token=token, patience_seconds=0)
    try:
        found = repository.latest(ORDERS, "ingestion_volume", producer_id=PRODUCER)
    except ServiceUnavailable as error:
        print(f"No comparison today: {error.what}", file=sys.stderr)
        return None
    finally:
        repository.close()
    return None if found is None or found.record.payload is None else found.record.payload["row_count"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", help="where the service listens")
    parser.add_argument("rows", type=int, help="how many orders there are to load")
    parser.add_argument("--spool", default="spool", help="folder for facts the service has not taken yet")
    arguments = parser.parse_args()
    token = os.environ.get("FACTBOOK_TOKEN")

    started_at = datetime.now(UTC)
    context = MetadataContext(job_id="orders", run_id=f"orders-{started_at:%Y%m%dT%H%M%S%f}")
    with Emitter(arguments.url, token=token, spool=arguments.spool) as emitter:
        before = rows_before(arguments.url, token)
        loaded = load(arguments.rows)
        for payload in (
            IngestionVolume(row_count=loaded, mode="full"),
            IngestionRuntime(started_at, (datetime.now(UTC) - started_at).total_seconds(), "succeeded", row_count=loaded),
        ):
            emitter.emit(record_of(payload, ORDERS, producer_id=PRODUCER, context=context))
    compared = "" if before is None else f", {loaded - before:+,} against the load before"
    print(f"Loaded {loaded:,} orders{compared}")


if __name__ == "__main__":
    main()
