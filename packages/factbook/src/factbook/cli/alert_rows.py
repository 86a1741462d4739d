"""Alerts as people read them."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from factbook.cli.tables import show_facts, show_table
from factbook.cli.terminal import note, say

if TYPE_CHECKING:
    from factbook.watch import AlertPage
    from factbook.watch.channels import Notice


def show_page(page: AlertPage) -> None:
    """Print alerts as a table."""
    if not page.items:
        note("No alerts.")
        return
    rows = [(item.alert_id, item.severity, item.state, item.since, item.title, item.acknowledged_by) for item in page.items]
    show_table(("alert", "severity", "state", "since", "title", "looked after by"), rows, whole=("alert", "severity", "state", "since"))
    if page.next_cursor:
        note(f"There is more: --cursor {page.next_cursor}", style="dim")


def show_one(alert: Notice) -> None:
    """Print everything about one alert."""
    show_facts(
        (
            ("alert", alert.alert_id),
            ("title", alert.title),
            ("rule", alert.rule),
            ("severity", alert.severity),
            ("state", alert.state),
            ("since", alert.since),
            ("target", str(alert.target)),
            ("looked after by", alert.acknowledged_by),
            ("labels", ", ".join(f"{name}={value}" for name, value in alert.labels.items())),
            ("details", ", ".join(f"{name}={value}" for name, value in alert.details.items())),
            ("causes", ", ".join(alert.causes)),
        )
    )
    if alert.message:
        say(alert.message)


def show_acknowledged(alert: Notice) -> None:
    """Say who looks after it now."""
    say(f"{alert.alert_id} is looked after by {alert.acknowledged_by}: {alert.title}")


def logged_in() -> str:
    """Return the name of whoever runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return "somebody"
