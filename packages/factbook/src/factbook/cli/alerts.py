"""``factbook alerts``: what fires, and who looks after it."""

from __future__ import annotations

from typing import Annotated

import typer

from factbook.cli.opened import opened
from factbook.cli.options import MAX_LIMIT, Cursor, Json

app = typer.Typer(help="See what fires, and say who looks after it.", no_args_is_help=True)

AlertId = Annotated[
    str,
    typer.Argument(metavar="ALERT", help="The alert's id, or the beginning of it, as `factbook alerts list` shows it.", show_default=False),
]


@app.command("list")
def list_alerts(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MAX_LIMIT, help="Most alerts to show.")] = 20,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="firing, acknowledged or resolved; repeatable. Default: the first two."),
    ] = None,
    source_id: Annotated[str | None, typer.Option("--source", metavar="ID", help="Only those of this source.")] = None,
    severity: Annotated[
        str | None, typer.Option("--severity", metavar="LEVEL", help="Only those of at least info, warning, error or critical.")
    ] = None,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """List alerts, newest first."""
    from factbook.cli import alert_rows
    from factbook.cli.documents import show_json
    from factbook.watch.alerts import OPEN

    with opened() as factbook:
        page = factbook.alerts.page(limit=limit, cursor=cursor, states=state or OPEN, source_id=source_id, severity=severity)
    show_json(page) if as_json else alert_rows.show_page(page)


@app.command()
def show(alert_id: AlertId, as_json: Json = False) -> None:
    """Show one alert with its message and causes."""
    from factbook.cli import alert_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        found = factbook.alerts.get(alert_id)
    show_json(found) if as_json else alert_rows.show_one(found)


@app.command()
def ack(
    alert_id: AlertId,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who looks after it; default: who is logged in.")] = None,
    as_json: Json = False,
) -> None:
    """Acknowledge an alert: somebody looks after it, and nothing more is told of it until it is over."""
    from factbook.cli import alert_rows
    from factbook.cli.documents import show_json

    with opened() as factbook:
        found = factbook.alerts.acknowledge(alert_id, by=by or alert_rows.logged_in())
    show_json(found) if as_json else alert_rows.show_acknowledged(found)
