"""Ask before a load whether its columns fit the table, as the last scan saw it.

    python examples/check_before_a_load.py http://localhost:8000 shop.public.orders id=int64 total=float64

Ends with 0 if they fit, with 1 and every reason if they do not, and with 2 if that cannot be told. FACTBOOK_TOKEN is sent where it is set.
"""

from __future__ import annotations

import argparse
import os
import sys

from factbook_sdk import MetadataTarget
from factbook_sdk.checks import check_before_load
from factbook_sdk.errors import FactbookError, SchemaMismatch
from factbook_sdk.repository.remote import RemoteRepository


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", help="where the service listens")
    parser.add_argument("table", help="SOURCE.SCHEMA.TABLE that is about to be written")
    parser.add_argument("columns", nargs="+", metavar="NAME=TYPE", help="columns of the load; =TYPE may be left out")
    parser.add_argument("--max-age-seconds", type=float, help="do not judge by an older scan")
    arguments = parser.parse_args()
    target = MetadataTarget(*arguments.table.split(".", 2))
    columns = {name: data_type or None for name, _, data_type in (item.partition("=") for item in arguments.columns)}
    repository = RemoteRepository(arguments.url, token=os.environ.get("FACTBOOK_TOKEN"), patience_seconds=0)
    try:
        check = check_before_load(repository, target, columns, max_age_seconds=arguments.max_age_seconds)
    except SchemaMismatch as error:
        print(error.what, *error.reasons, sep="\n  ", file=sys.stderr)
        return 1
    except FactbookError as error:
        print(f"Cannot tell: {error}", file=sys.stderr)
        return 2
    finally:
        repository.close()
    print(f"{target} takes {', '.join(columns)}; last looked at {check.scanned_at:%Y-%m-%d %H:%M} UTC")
    return 0


if __name__ == "__main__":
    sys.exit(main())
