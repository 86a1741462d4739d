"""``factbook compact``: bring the bodies of old records into the archive."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import Json, Quiet


def compact(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be archived, and change nothing.")] = False,
    vacuum: Annotated[
        bool, typer.Option("--vacuum", help="Give the room back to the disk afterwards; the store is rewritten and writers wait.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Archive old records as Parquet.

    Every read answers as before. Retention policies (`factbook retention`) say when a record is old; nothing is dropped.
    """
    from factbook.cli import history_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        if dry_run:
            plan = factbook.history.plan(factbook.settings.tenant, drop=False)
            show_json(plan) if as_json else history_rows.show_plan(plan)
            return
        report = history_rows.run(factbook, "compact", quiet=quiet or as_json)
        if vacuum:
            factbook.history.give_back()
    show_json(report) if as_json else history_rows.show_report(report)
