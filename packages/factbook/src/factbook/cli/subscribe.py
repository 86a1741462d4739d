"""``factbook subscribe``: the subscribers that come with Factbook, and what they gave up on."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import Json
from factbook.cli.relay import BusOption, Once, until_interrupted
from factbook.cli.watch import RulesOption

app = typer.Typer(help="Follow the bus: keep its records, raise alerts, look at dead letters.", no_args_is_help=True)
dead = typer.Typer(help="Events that a subscriber gave up on.", no_args_is_help=True)
app.add_typer(dead, name="dead")

Name = Annotated[str, typer.Option("--name", metavar="NAME", help="What the bus remembers this subscriber's place by.")]


@app.command()
def persist(
    into: Annotated[str | None, typer.Option("--into", metavar="URL", help="The store; default: META_DB_URL.", show_default=False)] = None,
    url: BusOption = None,
    name: Name = "persist",
    once: Once = False,
    as_json: Json = False,
) -> None:
    """Keep a store that is fed from the bus alone, until interrupted."""
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say
    from factbook.settings import load_settings

    with opened(load_settings(bus_url=url, meta_db_url=into)) as factbook, until_interrupted():
        stored = factbook.persist(name, once=once)
        show_json({"stored": stored}) if as_json else say(f"{stored:,} stored.")


@app.command()
def alerts(
    url: BusOption = None,
    name: Name = "alerts",
    rules: RulesOption = None,
    once: Once = False,
    as_json: Json = False,
) -> None:
    """Turn facts into `alert` facts by the rules, until interrupted; nobody is told: that is `factbook watch`.

    Run it on the store that the relay reads. Without a bus (BUS_URL is memory://) it follows the log itself.
    """
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say
    from factbook.settings import load_settings

    with opened(load_settings(bus_url=url, watch_rules=rules)) as factbook, until_interrupted():
        raised = factbook.raise_alerts(name, once=once)
        show_json({"alerts": raised}) if as_json else say(f"{raised:,} alerts raised or resolved.")


@app.command()
def lag(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The subscriber's name, e.g. persist.", show_default=False)],
    url: BusOption = None,
    as_json: Json = False,
) -> None:
    """Show how many events a subscriber has not handled."""
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say
    from factbook.errors import NotFound
    from factbook.settings import load_settings

    with opened(load_settings(bus_url=url)) as factbook:
        found = factbook.bus.lag(name)
    if found is None:
        raise NotFound(f"The bus knows no subscriber {name}", fix="It is known once it ran", field="name")
    show_json({"name": name, "lag": found}) if as_json else say(f"{found:,} events wait for {name}.")


@dead.command("list")
def list_dead(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="Most letters to show.")] = 20,
    url: BusOption = None,
    as_json: Json = False,
) -> None:
    """List dead letters, oldest first."""
    from factbook.cli import letter_rows
    from factbook.cli.documents import show_json
    from factbook.settings import load_settings

    with opened(load_settings(bus_url=url)) as factbook:
        found = factbook.bus.dead_letters(limit)
    show_json(letter_rows.documents(found)) if as_json else letter_rows.show(found)


@dead.command("replay")
def replay_dead(url: BusOption = None, as_json: Json = False) -> None:
    """Publish dead letters again, once their cause is gone; every subscriber gets them."""
    from factbook.cli.documents import show_json
    from factbook.cli.terminal import say
    from factbook.settings import load_settings

    with opened(load_settings(bus_url=url)) as factbook:
        count = factbook.bus.replay_dead_letters()
    show_json({"replayed": count}) if as_json else say(f"{count:,} dead letters published again.")
