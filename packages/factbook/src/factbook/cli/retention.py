"""``factbook retention``: how long each kind of fact stays."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import Json, Quiet

app = typer.Typer(help="Say how long each kind of fact stays, and apply it.", no_args_is_help=True)


class Then(StrEnum):
    """What becomes of a record that is no longer kept."""

    ARCHIVE = "archive"
    DROP = "drop"


@app.command()
def show(as_json: Json = False) -> None:
    """List the policy in force for each kind."""
    from factbook.cli import history_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        policies = factbook.history.policies(factbook.settings.tenant)
    show_json(policies) if as_json else history_rows.show_policies(policies)


@app.command("set")
def set_policy(
    kind: Annotated[str, typer.Argument(metavar="KIND", show_default=False)],
    days: Annotated[int | None, typer.Option("--days", metavar="N", min=1, max=1_000_000, help="Keep a record so many days.")] = None,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", min=1, max=1_000_000, help="Keep so many of each stream, however old.")
    ] = None,
    then: Annotated[Then, typer.Option("--then", help="What becomes of the others.")] = Then.ARCHIVE,
    default: Annotated[bool, typer.Option("--default", help="Go back to the built-in policy.")] = False,
    as_json: Json = False,
) -> None:
    """Set the policy of a kind.

    With neither --days nor --count records stay for ever. A record stays while any of the two keeps it.
    """
    from factbook.cli import history_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        policy = None if default else history_rows.policy(days, count, then.value)
        found = factbook.history.set_policy(factbook.settings.tenant, kind, policy)
    show_json(found) if as_json else history_rows.show_policies([found])


@app.command()
def plan(as_json: Json = False) -> None:
    """Say what `apply` would archive and drop now."""
    from factbook.cli import history_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        found = factbook.history.plan(factbook.settings.tenant)
    show_json(found) if as_json else history_rows.show_plan(found)


@app.command()
def apply(quiet: Quiet = False, as_json: Json = False) -> None:
    """Drop and archive what is due by the policies of every tenant.

    The state in force at any moment that is still kept stays. The server does this each night (COMPACT_AT).
    """
    from factbook.cli import history_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        report = history_rows.run(factbook, "retention", quiet=quiet or as_json)
    show_json(report) if as_json else history_rows.show_report(report)
