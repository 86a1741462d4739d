"""``factbook records spool``: what emitters keep on disk until the service has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from factbook.cli.exit_codes import ExitCode
from factbook.cli.opened import opened
from factbook.cli.options import Json

if TYPE_CHECKING:
    from factbook_sdk.emitter import Delivered

app = typer.Typer(help="See and send what emitters keep on disk until the service has it.", no_args_is_help=True)

Folder = Annotated[
    str | None, typer.Argument(metavar="FOLDER", help="The folder the emitter was given; default: SPOOL_DIR.", show_default=False)
]


@app.command()
def status(folder: Folder = None, as_json: Json = False) -> None:
    """Show how much waits in a spool, since when, and what the service refused."""
    from factbook.cli.documents import show_json
    from factbook.cli.tables import show_facts
    from factbook_sdk.emitter import spool

    with opened() as factbook:
        found = spool.existing(folder or factbook.settings.spool_dir).status()
    if as_json:
        show_json(found)
        return
    show_facts(
        (
            ("folder", found.folder),
            ("records", str(found.records)),
            ("size", f"{found.size_bytes:,} bytes in {found.segments:,} segments, {found.writing:,} of them in use by a process"),
            ("oldest", found.oldest_at),
            ("torn lines", found.torn or None),
            ("broken lines", found.broken or None),
            ("rejected", f"{found.rejected:,}, in {spool.REJECTED} with the reasons" if found.rejected else None),
        )
    )


@app.command()
def flush(
    folder: Folder = None,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="Where to; default: SERVICE_URL.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Send a spool now. What a running emitter is busy with is left to it; the token is read from SERVICE_TOKEN."""
    from factbook.cli.documents import show_json
    from factbook.errors import ConfigurationError
    from factbook_sdk.emitter.delivery import send_spool

    with opened() as factbook:
        settings = factbook.settings
        if not (url or settings.service_url):
            raise ConfigurationError("No service is named", fix="Add --url http://HOST:PORT, or set SERVICE_URL")
        sent = send_spool(folder or settings.spool_dir, url or settings.service_url, token=settings.service_token or None)
    show_json(sent) if as_json else _show(sent)
    if sent.rejected:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _show(sent: Delivered) -> None:
    from factbook.cli.terminal import say

    say(f"{sent.stored:,} stored, {sent.duplicate:,} duplicate, {sent.unchanged:,} unchanged, {sent.rejected:,} rejected")
