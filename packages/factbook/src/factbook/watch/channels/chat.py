"""The channel ``chat``: Slack, Teams, Telegram and some hundred other services, by the URLs of Apprise (extra ``alerts``).

Apprise says only whether it worked, so that every failure counts as one that may pass.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

from factbook.errors import ChannelUnavailable, ConfigurationError, MissingExtra
from factbook.watch.channels.contract import Channel, Digest

_SPEAK_OF_URLS = ("apprise", "urllib3", "requests", "urllib3.connectionpool")


class ChatChannel(Channel):
    """Sends by Apprise. It takes no options: what a service needs stands in its URL."""

    takes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        super().__init__(url, options)
        _silence()
        with warnings.catch_warnings():
            # It loads each service's module, some of which load what Python has deprecated.
            warnings.simplefilter("ignore")
            try:
                import apprise
            except ImportError as error:
                raise MissingExtra("Chat needs Apprise", "alerts") from error
            self._apprise = apprise.Apprise()
            is_taken = self._apprise.add(url)
        if not is_taken:
            raise ConfigurationError("Its url is none that Apprise takes", fix="https://github.com/caronc/apprise/wiki lists what it takes")
        self._types = {"error": apprise.NotifyType.FAILURE, "critical": apprise.NotifyType.FAILURE, "warning": apprise.NotifyType.WARNING}
        self._info = apprise.NotifyType.INFO

    def send(self, digest: Digest) -> None:
        firing = [notice.severity for notice in digest.alerts if notice.state == "firing"]
        kind = next((self._types[severity] for severity in ("critical", "error", "warning") if severity in firing), self._info)
        try:
            is_taken = self._apprise.notify(title=digest.subject, body=digest.text, notify_type=kind)
        except Exception as error:  # noqa: BLE001 - Apprise is a hundred libraries; what they say may quote what they were given
            raise ChannelUnavailable("The chat service did not take it", why=type(error).__name__) from None
        if not is_taken:
            raise ChannelUnavailable("The chat service did not take it", why="Apprise does not say why")


def _silence() -> None:
    """Let nothing be logged by Apprise and what it sends with: their lines quote hosts, paths and tokens, each in a way of its own."""
    for name in [*_SPEAK_OF_URLS, *logging.root.manager.loggerDict]:
        if name.partition(".")[0] in _SPEAK_OF_URLS:
            logging.getLogger(name).disabled = True
