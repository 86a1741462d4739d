"""``factbook watch``: raise alerts from facts, and bring them to people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import Json
from factbook.cli.relay import Once, until_interrupted

app = typer.Typer(help="Raise alerts from facts, and bring them to people.", invoke_without_command=True)

RulesOption = Annotated[
    str | None, typer.Option("--rules", metavar="FILE", help="The rules file; default: WATCH_RULES.", show_default=False)
]
ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel's name in the rules file.", show_default=False)]


@app.callback()
def watch(context: typer.Context, once: Once = False, rules: RulesOption = None, as_json: Json = False) -> None:
    """Follow the log until interrupted: raise alerts, and bring them to every channel.

    A server with WATCH_RULES does the same by itself. Of several processes one works at a time.
    """
    if context.invoked_subcommand is not None:
        return
    from factbook.cli import watch_rows
    from factbook.log import configure_logging
    from factbook.settings import load_settings

    with opened(load_settings(watch_rules=rules)) as factbook:
        configure_logging(factbook.settings.log_level)
        with until_interrupted():
            if not once:
                factbook.watcher.run()
            else:
                watch_rows.show_report(factbook.watcher.run_once(), as_json=as_json)


@app.command()
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="The rules file.", show_default=False)], as_json: Json = False) -> None:
    """Read a rules file and say what is in it. It is an error if a channel cannot be used."""
    from factbook.cli import watch_rows
    from factbook.settings import load_settings
    from factbook.watch.channels import open_channel
    from factbook.watch.reading import load

    book = load(file, tenant=load_settings().tenant)
    for spec in book.channels:
        open_channel(spec)
    watch_rows.show_book(book, as_json=as_json)


@app.command("test")
def try_out(channel: ChannelName, rules: RulesOption = None, as_json: Json = False) -> None:
    """Send a test message to a channel, now and once."""
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say
    from factbook.log import configure_logging
    from factbook.settings import load_settings

    with opened(load_settings(watch_rules=rules)) as factbook:
        configure_logging(factbook.settings.log_level)
        factbook.watcher.try_out(channel)
    show_json({"sent": channel}) if as_json else say(f"{channel} took a test message.")


@app.command()
def status(as_json: Json = False) -> None:
    """Show how far the log was judged, and how far each channel was told."""
    from factbook.cli import watch_rows

    with opened() as factbook:
        found = [item for item in factbook.subscriptions.all() if item.is_watching]
    watch_rows.show_status(found, as_json=as_json)


@app.command()
def replay(
    channel: ChannelName,
    offset: Annotated[int, typer.Option("--from", metavar="OFFSET", min=1, help="The first offset of alerts to tell again.")],
    as_json: Json = False,
) -> None:
    """Tell a channel its alerts again, from an offset on, however old they are. Whoever watches does it."""
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say
    from factbook.watch.delivery import follower_name

    with opened() as factbook:
        factbook.subscriptions.status(follower_name(channel))
        found = factbook.subscriptions.replay(follower_name(channel), after_offset=offset - 1)
    show_json(found) if as_json else say(f"{channel} will be told again what was raised from offset {offset:,} on.")
