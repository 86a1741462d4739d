"""``factbook relay``: bring the log to the bus."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import Json

app = typer.Typer(help="Bring the log to the bus, and see how far it is.", no_args_is_help=True)

Once = Annotated[bool, typer.Option("--once", help="End when everything the log holds by now is done.")]
BusOption = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="The bus: nats://… or kafka://…; default: BUS_URL.", show_default=False)
]


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Let Ctrl-C, and what ends containers and services, end the work in good order: leases are given back."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


@app.command()
def run(once: Once = False, url: BusOption = None, as_json: Json = False) -> None:
    """Publish the log to the bus until interrupted.

    A server with BUS_URL does the same by itself. Of several processes one relays at a time.
    """
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say
    from factbook.settings import load_settings

    with opened(load_settings(bus_url=url)) as factbook:
        relay = factbook.relay
        with until_interrupted():
            relay.run_to_the_end() if once else relay.run()
        found = factbook.subscriptions.status(relay.name)
    if as_json:
        show_json({"published": relay.counters.published, "position": found.position, "lag": found.lag})
    else:
        say(f"{relay.counters.published:,} published to {relay.name}, up to offset {found.position:,}.")


@app.command()
def status(as_json: Json = False) -> None:
    """Show how far each bus has been served."""
    from factbook.cli.documents import show_json
    from factbook.cli.tables import show_facts

    with opened() as factbook:
        found = [item for item in factbook.subscriptions.all() if not item.is_watching]
    if as_json:
        show_json(found)
    for item in () if as_json else found:
        show_facts(
            (
                ("bus", item.name),
                ("position", f"{item.position:,}"),
                ("lag", f"{item.lag:,}"),
                ("replays", item.replays or None),
                ("moved", item.moved_at),
                ("served by", item.served_by),
                ("last error", item.last_error),
            )
        )


@app.command()
def replay(
    offset: Annotated[int, typer.Option("--from", metavar="OFFSET", min=1, help="The first offset to publish again.")],
    url: BusOption = None,
    as_json: Json = False,
) -> None:
    """Publish the log again, from an offset on. The relay does it, wherever it runs; records that are there are known by their ids."""
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say
    from factbook.settings import load_settings

    with opened(load_settings(bus_url=url)) as factbook:
        found = factbook.subscriptions.replay(factbook.relay.name, after_offset=offset - 1)
    show_json(found) if as_json else say(f"{found.name} will be sent {found.lag:,} records again, from offset {offset:,} on.")
