"""What a source's URL must be where it comes from a tenant that the server does not belong to.

Whoever names a URL makes this server connect. With the server's own files, environment or password files behind it, that would lend one
team what belongs to another: such a URL leads to a host, and brings its own password.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from factbook.errors import InvalidRequest
from factbook.sources.urls import redact, split_url

_HARMLESS_OPTIONS = frozenset({"application_name", "charset", "connect_timeout", "ssl_mode", "sslmode"})


def check_brings_its_own(url: str, *, has_password: bool) -> None:
    """Refuse a URL that would use something of this server's; raises :class:`InvalidRequest`."""
    why = _what_it_would_use(url, has_password)
    if why is not None:
        raise InvalidRequest(
            f"{redact(url)} cannot be a source of this tenant",
            why=why,
            fix="Write scheme://USER:PASSWORD@HOST/DATABASE, or register it in the server's own tenant",
            field="url",
        )


def _what_it_would_use(url: str, has_password: bool) -> str | None:
    if "${" in url:
        return "it would read the server's environment"
    parts = split_url(url)
    if parts.is_file or not parts.host:
        return "it would read a file, or connect without an address, on the server"
    options = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - _HARMLESS_OPTIONS
    if options:
        return f"its option {min(options)} could name something on the server"
    if not has_password:
        return "without a password, the server's own would be tried"
    return None
