"""``factbook demo``: the main job on a real database, told as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from factbook.cli.dictionary import show_rows
from factbook.cli.output import say, verb
from factbook.cli.scan import show_result

if TYPE_CHECKING:
    from pathlib import Path

    from factbook.app import Factbook


def register(app: typer.Typer) -> None:
    app.command(name="demo")(demo)


@verb
def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the story instead of running the server.")] = False,
    port: Annotated[int | None, typer.Option(help="Port of the server.")] = None,
) -> None:
    """Scan a sample database, look at its dictionary, change it, and see the change; then run the server."""
    from factbook.app import Factbook
    from factbook.log import configure_logging
    from factbook.settings import load_settings

    configure_logging("WARNING")
    folder = load_settings().data_dir / "demo"
    store, source = folder / "metadb.sqlite", folder / "chinook.sqlite"
    settings = load_settings(
        data_dir=folder, meta_db_url=f"sqlite:///{store}", source_db_url=f"sqlite:///{source}", host="127.0.0.1", port=port
    )
    _clear(store)
    factbook = Factbook(settings)
    try:
        _tell(factbook, source)
        if not no_serve:
            _serve(factbook)
    finally:
        factbook.close()


def _clear(store: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        store.with_name(store.name + suffix).unlink(missing_ok=True)


def _tell(factbook: Factbook, source: Path) -> None:
    from factbook.demo import change, fresh_source
    from factbook.dictionary import DictionaryFilter

    fresh_source(source)
    say("1. A sample database: Chinook, a record shop with 11 tables (its licence is packaged beside it).")
    say(f"   {source}\n")
    say("2. The first scan learns it.")
    _scan(factbook)
    say("3. The dictionary, three tables of it:")
    for table in ("Album", "Artist", "Customer"):
        show_rows(factbook.dictionary.page(DictionaryFilter(table=table), limit=4).items)
    say("\n4. The second scan finds nothing new and stores nothing new.")
    _scan(factbook)
    say("5. Somebody changes the database:")
    for statement in change(source):
        say(f"   {statement}")
    say("\n6. The third scan shows exactly that.")
    _scan(factbook)
    show_rows(factbook.dictionary.page(DictionaryFilter(search="loyalty"), limit=10).items)


def _scan(factbook: Factbook) -> None:
    outcome = factbook.run_scan(trigger="demo")
    if outcome.result is not None:
        show_result(outcome.result)
    say("")


def _serve(factbook: Factbook) -> None:
    from factbook.api.server import serve

    address = f"http://127.0.0.1:{factbook.settings.port}"
    say("\n7. The server runs; Ctrl-C stops it.")
    for path, words in (
        ("/docs", "every call, to try out"),
        ("/dictionary?limit=20", "the dictionary"),
        ("/jobs", "the scans"),
        ("/health", "how it does"),
    ):
        say(f"   {address}{path:22} {words}")
    say(f"   curl -X POST {address}/scan/trigger\n")
    serve(factbook, log_level="WARNING")
