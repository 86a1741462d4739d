"""What the doctor found, a line each, with what to do."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from factbook.cli.terminal import out, printable, say
from factbook.health import Check
from factbook.housekeeping import Removed

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def show(checks: Sequence[Check], removed: Sequence[Removed]) -> None:
    """Print what was removed and what was found."""
    for item in removed:
        say(f"removed {item.path} ({item.size_bytes / 2**20:.1f} MiB)")
    width = max(len(check.name) for check in checks)
    for check in checks:
        text = Text(f"{check.verdict:4}", style=_STYLES[check.verdict])
        text.append(f"  {check.name:{width}}", style="bold")
        text.append(f"  {printable(check.found)}", style="not bold default")
        if check.fix and check.fix not in check.found:
            text.append(f"\n{'':{width + 8}}{printable(check.fix)}", style="not bold dim default")
        out().print(text)
