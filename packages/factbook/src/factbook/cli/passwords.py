"""Passwords on the command line: asked for in the dark, never echoed, and a word of warning where one can be seen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from factbook.cli.terminal import note

if TYPE_CHECKING:
    from factbook.app import Factbook


def ask(about: str) -> str:
    """Return a password typed without echo, or the first line of stdin where that is no terminal."""
    from factbook.errors import InvalidRequest

    if sys.stdin.isatty():
        from getpass import getpass

        password = getpass(f"Password for {about}: ", stream=sys.stderr)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise InvalidRequest("No password was given", fix="Type it when asked, or send it as the first line of stdin")
    return password


def with_asked_password(factbook: Factbook, source: str) -> tuple[str, str | None]:
    """Return the URL of the source with a password asked for, and the id it is registered under if it was named by that."""
    from factbook.sources.urls import is_url, redact, with_password

    if is_url(source):
        return with_password(source, ask(redact(source))), None
    url = factbook.connections.resolve(source)
    return with_password(url, ask(source)), source


def hint_if_visible(url: str) -> None:
    """Warn that a password in an argument can be read by others on this machine."""
    from factbook.sources.urls import is_url, split_password

    if is_url(url) and split_password(url)[1] is not None:
        note(
            "hint: a password in a URL shows in the process list and the shell's history; "
            "--ask-password, FACTBOOK_SOURCE_PASSWORD or ${NAME} in the URL keep it out of both",
            style="yellow",
        )
