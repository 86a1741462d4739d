"""Annotations for GitHub Actions.

How commands are escaped: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
"""

from __future__ import annotations

from factbook.cli.terminal import printable


def command(level: str, title: str, message: str) -> str:
    """Return a workflow command, of which no name can make two; what would steer a terminal is written out."""
    shown = printable(title, keep_lines=True), printable(message, keep_lines=True)
    return f"::{level} title={_property(shown[0])}::{_data(shown[1])}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
