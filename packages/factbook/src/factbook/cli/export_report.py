"""What an export has to say: what was written where, and what the format could not carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from factbook.cli.documents import show_json
from factbook.cli.tables import show_table
from factbook.cli.terminal import count, note, say, seconds

if TYPE_CHECKING:
    from factbook.export.contract import ExportReport
    from factbook.export.service import FormatList

STDOUT = "-"


def wanted(format_name: str | None, output: str | None, *, as_json: bool) -> tuple[str, str]:
    """Return the format and where it goes; both must be said, and stdout holds either the export or the report."""
    if format_name is None:
        raise typer.BadParameter("name a FORMAT; `factbook export --list` shows what there is")
    if output is None:
        raise typer.BadParameter("say where to: -o PATH, -o URL, or -o - for stdout")
    if output == STDOUT and as_json:
        raise typer.BadParameter("with -o - the export itself goes to stdout, so --json cannot put its report there, too")
    return format_name, output


def warn_of_visible_password(where: str) -> None:
    """Warn that a password in an argument can be read by others on this machine."""
    from factbook.sources.urls import split_password

    if "://" in where and not where.startswith(("s3://", "file://")) and split_password(where)[1] is not None:
        note(
            "hint: a password in a URL shows in the process list and the shell's history; ${NAME} in the URL, PGPASSWORD or a password "
            "file keep it out of both",
            style="yellow",
        )


def show(report: ExportReport, where: str, *, quiet: bool, as_json: bool) -> None:
    """Print the report; beside an export on stdout, people's words go to stderr."""
    if as_json:
        show_json(report)
        return
    tell = note if where == STDOUT else say
    if not (quiet and where == STDOUT):
        tell(_headline(report), style="bold")
    for loss in report.warnings if not quiet else ():
        note(f"not carried: {loss.what} ({loss.count:,})", style="yellow")


def _headline(report: ExportReport) -> str:
    counted = ", ".join(count(number, thing.removesuffix("s"), thing) for thing, number in report.counts.items()) or "nothing"
    size = "" if report.size_bytes is None else f" ({report.size_bytes:,} bytes)"
    return f"Exported {counted} to {report.destination}{size} in {seconds(report.duration_seconds)}."


def show_formats(formats: FormatList, *, as_json: bool) -> None:
    """Print the formats and their options."""
    if as_json:
        show_json(formats)
        return
    show_table(
        ("format", "writes", "what", "description"),
        [(each.name, each.writes, ", ".join(each.carries), each.description) for each in formats.items],
        whole=("format", "writes"),
    )
    rows = [(each.name, option.name, option.default, option.help) for each in formats.items for option in each.options]
    if rows:
        say("")
        show_table(("format", "option", "default", "meaning"), rows, whole=("format", "option"))
