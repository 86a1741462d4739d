"""The command line. It parses, makes one call and shows the answer; it loads nothing heavy before it knows what is asked."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli import demo, dictionary, doctor, jobs, kinds, rebuild, records, scan, serve, sources

app = typer.Typer(
    name="factbook",
    help="Keeps every fact about your data: scan databases into a dictionary that remembers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"factbook {version('factbook')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")] = False,
) -> None:
    pass


for module in (demo, scan, dictionary, jobs, rebuild, serve, doctor):
    module.register(app)
for name, group in (("job", jobs.group), ("sources", sources.group), ("records", records.group), ("kinds", kinds.group)):
    app.add_typer(group, name=name)


def run() -> None:
    """The console script."""
    app(prog_name="factbook")
