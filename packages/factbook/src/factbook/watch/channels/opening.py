"""From a channel's lines in the rules file to the channel: its class by type, ``${NAME}`` filled in, and a veil over its secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any
from urllib.parse import unquote

from factbook.errors import ConfigurationError, FactbookError, MissingExtra
from factbook.log import HIDDEN, redact_text
from factbook.watch.channels.contract import Channel
from factbook.watch.rules import ChannelSpec

GROUP = "factbook.channels"

_OURS = {
    "log": "factbook.watch.channels.log:LogChannel",
    "webhook": "factbook.watch.channels.webhook:WebhookChannel",
    "email": "factbook.watch.channels.email:EmailChannel",
    "chat": "factbook.watch.channels.chat:ChatChannel",
}
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PIECES = re.compile(r"[/?&=:@#;,]+")
_SHORTEST_SECRET = 4


def channel_types() -> list[str]:
    """Return the types there are."""
    return sorted({*_OURS, *(point.name for point in entry_points(group=GROUP))})


def open_channel(spec: ChannelSpec, environment: Mapping[str, str] | None = None) -> tuple[Channel, Veil]:
    """Return the channel of a spec and what hides its secrets.

    Raises :class:`ConfigurationError` for a type that is not there, a variable that is not set, and for what the channel cannot use.
    """
    values = os.environ if environment is None else environment
    kind = _class_of(spec)
    url, options = _filled(spec.url, values, spec.name), _filled(spec.options, values, spec.name)
    if unknown := sorted(set(options) - kind.takes):
        raise ConfigurationError(
            f"The channel {spec.name} has an option that {spec.type} does not take",
            why=", ".join(repr(name) for name in unknown),
            fix=f"It takes {', '.join(sorted(kind.takes)) or 'none'}",
        )
    veil = Veil([url, *_texts(options)])
    try:
        return kind(url, options), veil
    except MissingExtra:
        raise
    except FactbookError as error:
        raise ConfigurationError(f"The channel {spec.name} cannot be used", why=veil.over(error.what), fix=veil.over(error.fix)) from None
    except Exception as error:  # noqa: BLE001 - foreign code; what it says may quote what it was given
        raise ConfigurationError(
            f"The channel {spec.name} cannot be used", why=type(error).__name__, fix="Correct its url and options"
        ) from None


class Veil:
    """Hides what a channel was made from, in whole and in pieces, in texts about it."""

    def __init__(self, secrets: list[str]) -> None:
        pieces = {
            piece for secret in secrets for piece in (secret, unquote(secret), *_PIECES.split(secret), *_PIECES.split(unquote(secret)))
        }
        self._pieces = sorted((piece for piece in pieces if len(piece) >= _SHORTEST_SECRET), key=len, reverse=True)

    def over(self, text: str) -> str:
        """Return the text without them."""
        for piece in self._pieces:
            text = text.replace(piece, HIDDEN)
        return redact_text(text)


def _class_of(spec: ChannelSpec) -> type[Channel]:
    found = [EntryPoint(spec.type, _OURS[spec.type], GROUP)] if spec.type in _OURS else []
    point = next(iter([*found, *(point for point in entry_points(group=GROUP) if point.name == spec.type)]), None)
    if point is None:
        raise ConfigurationError(
            f"The channel {spec.name} is of no type that is there", why=f"there are {', '.join(channel_types())}", fix="Correct its type"
        )
    try:
        loaded: type[Channel] = point.load()
    except ImportError as error:
        raise ConfigurationError(
            f"The channel {spec.name} cannot be loaded", why=str(error), fix=f"Mend or remove the package that brings {point.value}"
        ) from error
    return loaded


def _filled(value: Any, values: Mapping[str, str], channel: str) -> Any:
    """Return texts with their ``${NAME}`` references replaced, in lists and mappings as well."""
    if isinstance(value, Mapping):
        return {str(name): _filled(item, values, channel) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values, channel) for item in value]
    if not isinstance(value, str):
        return value

    def filled(match: re.Match[str]) -> str:
        if not values.get(match[1]):
            raise ConfigurationError(
                f"The environment variable {match[1]} is not set", why=f"the channel {channel} refers to it", fix=f"export {match[1]}=…"
            )
        return values[match[1]]

    return _REFERENCE.sub(filled, value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
