"""The ways to people: log, webhook, e-mail and chat, and those that others bring by the entry point ``factbook.channels``."""

from factbook.watch.channels.contract import Channel, Digest, Notice
from factbook.watch.channels.opening import open_channel

__all__ = ["Channel", "Digest", "Notice", "open_channel"]
