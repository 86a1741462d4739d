"""The command ``factbook``. Verbs are one module each; this one gathers them and turns what they raise into an exit code.

Nothing heavy may be imported before a verb runs: starting has to stay under 0.3 s.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from factbook.cli import (
    alerts,
    backfill,
    compact,
    contracts,
    dbt,
    demo,
    dictionary,
    diff,
    doctor,
    export,
    gate,
    glossary,
    jobs,
    kinds,
    lineage,
    lint,
    mcp,
    names,
    notes,
    openlineage,
    products,
    profile,
    quality,
    rebuild,
    records,
    relay,
    retention,
    scan,
    search,
    serve,
    sources,
    spool,
    subscribe,
    tokens,
    watch,
    worker,
)
from factbook.cli.exit_codes import ExitCode, exit_codes_text

app = typer.Typer(
    name="factbook",
    help="Keeps every fact about your data: scan databases into a dictionary that remembers.",
    epilog=f"\b\nExit codes:\n{exit_codes_text()}",
    no_args_is_help=True,
    # Rich help pages would double the time a command needs to begin.
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.command()(scan.scan)
app.command()(dictionary.dictionary)
app.command()(search.search)
app.add_typer(lineage.app, name="lineage")
app.command()(lint.lint)
app.add_typer(names.app, name="names")
app.command()(dbt.dbt)
app.add_typer(notes.app, name="notes")
app.add_typer(glossary.app, name="glossary")
app.command()(diff.diff)
app.command()(gate.gate)
app.add_typer(quality.app, name="quality")
app.add_typer(profile.app, name="profile")
app.add_typer(contracts.app, name="contracts")
app.add_typer(products.app, name="products")
app.command()(jobs.jobs)
app.add_typer(jobs.job, name="job")
app.add_typer(sources.app, name="sources")
records.app.add_typer(spool.app, name="spool")
app.add_typer(records.app, name="records")
app.add_typer(kinds.app, name="kinds")
app.command()(export.export)
app.add_typer(openlineage.app, name="openlineage")
app.command()(backfill.backfill)
app.add_typer(tokens.app, name="tokens")
app.add_typer(relay.app, name="relay")
app.add_typer(subscribe.app, name="subscribe")
app.add_typer(retention.app, name="retention")
app.command()(compact.compact)
app.command()(rebuild.rebuild)
app.add_typer(watch.app, name="watch")
app.add_typer(alerts.app, name="alerts")
app.command()(serve.serve)
app.command()(mcp.mcp)
app.command()(worker.worker)
app.command()(doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        from factbook.health import installed_version

        print(f"factbook {installed_version()}")
        raise typer.Exit


@app.callback()
def _before_the_verb(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")] = False,
) -> None:
    pass


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; every error has been shown by then."""
    try:
        code = get_command(app).main(list(arguments), prog_name="factbook", standalone_mode=False)
        sys.stdout.flush()
        if code == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
    except BaseException as error:  # noqa: BLE001 - the last place there is: whatever it was, it is shown in the one shape
        from factbook.cli.failures import settle

        return settle(error, as_json="--json" in arguments)
    return int(code or ExitCode.OK)


def run() -> None:
    """Start from the console script.

    Scanning makes millions of short-lived objects and no cycles. Looking for cycles every 700 objects, as Python does by itself, takes a
    fifth of a scan's time; a process of its own may look less often.
    """
    gc.set_threshold(100_000, 20, 20)
    sys.exit(main(sys.argv[1:]))
