"""``factbook lineage``: where data comes from."""

from __future__ import annotations

import typer

from factbook.cli import lineage_sql

app = typer.Typer(help="Where data comes from.", no_args_is_help=True)
app.command()(lineage_sql.scan)
app.command()(lineage_sql.sql)
