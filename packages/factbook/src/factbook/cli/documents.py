"""Answers for programs: one JSON document, JSON lines, or CSV, and nothing else on stdout."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from typing import Any


def show_json(value: Any) -> None:
    """Print one JSON document; moments are ISO 8601 in UTC."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_lines(values: Iterable[Any]) -> None:
    """Print one JSON document per line, each out at once so that a reader can follow."""
    import msgspec

    for value in values:
        print(msgspec.json.encode(value).decode(), flush=True)


def show_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print CSV (RFC 4180 quoting, one header line)."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
