"""``factbook doctor``: is everything in place, and what to do where it is not."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import Json


def doctor(
    sources: Annotated[
        bool,
        typer.Option(
            "--sources/--no-sources", show_default=False, help="Connect to every registered source (default), or only count them."
        ),
    ] = True,
    clean: Annotated[bool, typer.Option("--clean", help="First remove folders of past demos and files left half-written.")] = False,
    as_json: Json = False,
) -> None:
    """Check the installation and its sources.

    Python, libraries, data folder, disk, secret key, store, jobs and sources: each with what to do about it.
    """
    from factbook import health, housekeeping
    from factbook.cli import findings
    from factbook.cli.documents import show_json

    with opened() as factbook:
        removed = housekeeping.clean(factbook.settings.data_dir) if clean else []
        checks = health.examine(factbook, test_sources=sources)
    if as_json:
        show_json({"checks": checks, "removed": removed})
    else:
        findings.show(checks, removed)
    if any(check.verdict == "fail" for check in checks):
        raise typer.Exit(ExitCode.CONFIGURATION)
