"""``factbook lint``: how well a source is documented, and what is missing."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, AsOf, Cursor, Json, parse_moment


class Level(StrEnum):
    """What a check can be told to fail on."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Form(StrEnum):
    """How findings are written."""

    TABLE = "table"
    GITHUB = "github"


def lint(
    source_id: Annotated[str, typer.Argument(metavar="SOURCE_ID", help="The source to judge.")],
    rules: Annotated[Path | None, typer.Option("--rules", metavar="FILE", help="Severities, names and exceptions, in YAML.")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="RULE", help="Only this rule; may be given again.")] = None,
    fail_under: Annotated[
        float | None, typer.Option("--fail-under", metavar="PERCENT", min=0, max=100, help="Do not pass with less documented.")
    ] = None,
    fail_on: Annotated[Level | None, typer.Option("--fail-on", help="Do not pass with a finding as bad as this.")] = None,
    as_of: AsOf = None,
    since: Annotated[
        datetime | None, typer.Option("--since", parser=parse_moment, metavar="MOMENT", help="Compare with what was documented then.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="A table, or annotations for GitHub Actions.")] = Form.TABLE,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most findings to show.")] = 100,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """Judge the documentation of a source: descriptions, owners, keys, names. Reads the log alone."""
    from factbook.cli import lint_rows
    from factbook.cli.exit_codes import ExitCode
    from factbook.lint import LintRules, load_rules

    wanted = (LintRules() if rules is None else load_rules(rules)).only(only or [])
    with opened() as factbook:
        page = factbook.lint.page(source_id, wanted, limit=limit, cursor=cursor, as_of=as_of, since=since)
    failures = page.failures(None if fail_under is None else fail_under / 100, None if fail_on is None else fail_on.value)
    lint_rows.show(page, failures, form=form.value, as_json=as_json)
    if failures:
        raise typer.Exit(ExitCode.NOT_PASSED)
