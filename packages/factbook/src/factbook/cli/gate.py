"""``factbook gate``: end with 0, 1 or 2, so that a pipeline goes on only where nothing it relies on broke."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import AskPassword, Json

Patterns = Annotated[
    list[str] | None, typer.Option("--table", metavar="PATTERN", help="Only these: `table` or `schema.table`, with * and ?.")
]
Reads = Annotated[
    list[str] | None, typer.Option("--reads", metavar="NAME", help="Only what breaks readers of schema.table or of its .column.")
]
Writes = Annotated[
    list[str] | None, typer.Option("--writes", metavar="NAME", help="Only what breaks writers of schema.table or of its .column.")
]


def gate(
    source: Annotated[str, typer.Argument(metavar="SOURCE_ID", help="The source to judge.")],
    before: Annotated[
        str | None, typer.Option("--from", metavar="RUN|TIME", help="Since when: a run, a time, `previous`, -1d. Default: the last change.")
    ] = None,
    after: Annotated[
        str | None, typer.Option("--to", metavar="RUN|TIME", help="Until when: a run, a time, `latest`. Default: the last scan.")
    ] = None,
    other: Annotated[
        str | None, typer.Option("--with", metavar="SOURCE_ID", help="Compare with another source, as production with staging.")
    ] = None,
    fail_on: Annotated[
        str, typer.Option("--fail-on", metavar="SEVERITY", help="The mildest that fails: breaking, risky, compatible or cosmetic.")
    ] = "breaking",
    breaks: Annotated[str, typer.Option("--breaks", metavar="WHOM", help="Only what breaks readers, writers or any.")] = "any",
    table: Patterns = None,
    reads: Reads = None,
    writes: Writes = None,
    accept: Annotated[list[str] | None, typer.Option("--accept", metavar="ID", help="Let this change, or this rename, pass.")] = None,
    scan: Annotated[bool, typer.Option("--scan", help="Scan first, so that what is judged is so now.")] = False,
    accept_removals: Annotated[
        bool, typer.Option("--accept-removals", help="With --scan: record removals even if they are a large share of what is known.")
    ] = False,
    ask_password: AskPassword = False,
    max_age: Annotated[
        str | None, typer.Option("--max-age", metavar="TIME", help="Do not judge by an older scan: 90s, 30m, 1h or 2d.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="Severities of your own; default: VERDICT_RULES.", show_default=False)
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report, too.")] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text, github (annotations) or json.")] = "text",
    as_json: Json = False,
) -> None:
    """Let a pipeline go on, or not.

    Ends with 0 if it may, with 1 if it may not, and with 2 if that cannot be told, whatever the reason: the request is wrong, the source
    was never scanned, or not completely, or too long ago, the store is away. Without --from the last change that a scan found is judged,
    so name the moment that the pipeline last relied on. With GITHUB_STEP_SUMMARY set, a summary is added there.
    """
    from factbook.cli import gate_asking, gate_report

    form = "json" if as_json else form
    with gate_asking.two_if_it_cannot_tell(as_json=form == "json", junit=junit, source=source):
        request = gate_asking.request(
            source_id=source,
            before=before,
            after=after,
            other=other,
            fail_on=fail_on,
            breaks=breaks,
            tables=table or [],
            reads=reads or [],
            writes=writes or [],
            accept=accept or [],
            max_age=max_age,
        )
        gate_asking.check_form(form)
        with opened(gate_asking.settings(rules)) as factbook:
            if scan:
                gate_asking.scan(factbook, source, accept_removals=accept_removals, ask_password=ask_password, quiet=form != "text")
            result = factbook.check_gate(request)
        gate_report.write(result, junit=junit)
        gate_report.show(result, form=form)
    if not result.passed:
        raise typer.Exit(ExitCode.NOT_PASSED)
