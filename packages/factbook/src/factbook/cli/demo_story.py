"""The demo's story: nine short steps on a copy of a real database."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from factbook import demo
from factbook.app import Factbook
from factbook.cli import diff_rows, gate_report, scan_summary
from factbook.cli.dictionary_rows import show_rows
from factbook.cli.opened import opened
from factbook.cli.running_scan import run_scan
from factbook.cli.terminal import command, err, out, say
from factbook.dictionary import DictionaryFilter
from factbook.diff.gate_model import GateRequest
from factbook.settings import Settings, load_settings

_SOURCE_ID = "chinook"
_MOST_CHANGES = 20
_TRIGGER = "scan once more, in the background"
_LINKS = (
    ("/ui", "what the service knows, to look at"),
    ("/docs", "every call of the API, to try out"),
    ("/dictionary?limit=20", "the dictionary"),
    ("/jobs?limit=10", "the three scans"),
    ("/health", "how the server is"),
)


@contextmanager
def opened_demo(*, port: int | None, serve: bool) -> Iterator[Factbook]:
    """Give a Factbook of its own: a new folder, a new store, a fresh copy of the sample database."""
    folder = demo.fresh_folder(load_settings().data_dir / "demo")
    settings = load_settings(
        data_dir=folder,
        meta_db_url=f"sqlite:///{folder / 'metadb.sqlite'}",
        source_db_url=f"sqlite:///{folder / 'chinook.sqlite'}",
        host="127.0.0.1",
        port=_port(port) if serve else port,
    )
    with opened(settings) as factbook:
        yield factbook


def tell(factbook: Factbook) -> None:
    """Tell everything up to the server."""
    source = Path(factbook.settings.source_db_url.removeprefix("sqlite:///"))
    _step(1, "A sample database", demo.LICENCE)
    say(f"{demo.ensure_source(source)} ({source.stat().st_size / 1024:.0f} KiB)")

    _step(2, "The first scan learns it", f"$ factbook scan {factbook.settings.source_db_url}")
    _scan(factbook)

    _step(3, "The dictionary has one row per column", f"$ factbook dictionary {_SOURCE_ID} --table Track")
    show_rows(factbook.dictionary.page(DictionaryFilter(source_id=_SOURCE_ID, table="Track")).items)

    _step(4, "The same scan again finds nothing new, and stores nothing new", f"$ factbook scan {_SOURCE_ID}")
    _scan(factbook)

    before = datetime.now(UTC)
    _step(5, "Somebody changes the database")
    for statement in demo.change(source):
        say(statement)

    _step(6, "The third scan sees it", f"$ factbook scan {_SOURCE_ID}")
    _scan(factbook)

    _step(7, "What changed, and whom does it break?", f"$ factbook diff {_SOURCE_ID}")
    diff_rows.show(factbook.diffs.compare(_SOURCE_ID), stored=None, limit=_MOST_CHANGES, as_json=False)

    _step(8, "A pipeline asks before it loads, and is told to stop", f"$ factbook gate {_SOURCE_ID} --fail-on breaking")
    gate_report.show(factbook.check_gate(GateRequest(source_id=_SOURCE_ID)), form="text")

    _step(9, "What was so is still known", f"$ factbook dictionary {_SOURCE_ID} --table Customer --as-of {before:%Y-%m-%dT%H:%M:%S.%fZ}")
    _compare_then_and_now(factbook, before)


def serve(factbook: Factbook) -> None:
    """Run the server until somebody stops it."""
    from factbook.web.server import serve as run_server

    address = f"http://127.0.0.1:{factbook.settings.port}"
    _step(10, "Now the server runs; Ctrl-C stops it")
    for link, words in (*((address + path, words) for path, words in _LINKS), (f"curl -X POST {address}/scan/trigger", _TRIGGER)):
        say(f"{link:54} {words}")
    with suppress(KeyboardInterrupt):
        run_server(factbook, log_level="WARNING")
    say_how_to_go_on(factbook.settings)


def say_how_to_go_on(settings: Settings) -> None:
    """Say where everything lies and how to look at it."""
    environment = f"FACTBOOK_DATA_DIR={settings.data_dir}"
    if any(os.environ.get(name) for name in ("FACTBOOK_META_DB_URL", "META_DB_URL")):
        environment += f" FACTBOOK_META_DB_URL={settings.meta_db_url}"
    say("")
    say(f"Everything lies in {settings.data_dir}. Look around:", style="bold")
    say(f"{environment} {command()} dictionary --search invoice")
    say(f"Your own database: {command()} scan postgresql://USER@HOST/DATABASE --ask-password")


def _step(number: int, title: str, detail: str = "") -> None:
    from rich.text import Text

    text = Text(f"\n{number}. {title}\n", style="bold cyan")
    text.append(f"   {detail}\n" if detail else "", style="not bold dim default")
    out().print(text, end="")


def _scan(factbook: Factbook) -> None:
    known = [connection.source_id for connection in factbook.connections.list()]
    outcome = run_scan(factbook, _SOURCE_ID if _SOURCE_ID in known else factbook.settings.source_db_url)
    scan_summary.show(outcome, quiet=True)


def _compare_then_and_now(factbook: Factbook, then: datetime) -> None:
    wanted = DictionaryFilter(source_id=_SOURCE_ID, table="Customer")
    then_there = {row.column for row in factbook.dictionary.page(wanted, as_of=then).items}
    there_now = {row.column for row in factbook.dictionary.page(wanted).items}
    say(f"Customer had the column {', '.join(sorted(then_there - there_now))} then; {', '.join(sorted(there_now - then_there))} came.")


def _port(wanted: int | None) -> int | None:
    """Return a port for the server: the one asked for, else the configured one, else any free one where that is taken."""
    if wanted is not None:
        return wanted
    configured = load_settings().port
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", configured))
        except OSError:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            err().print(f"Port {configured} is taken; the server will use {port}.", style="dim")
            return port
    return configured
