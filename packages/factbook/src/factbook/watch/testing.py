"""The contract of :class:`~factbook.watch.channels.contract.Channel`.

Bind it: subclass :class:`ChannelContract` and give it a fixture ``known`` that returns a :class:`KnownChannel`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from factbook.errors import ChannelUnavailable
from factbook.watch.channels.contract import Channel, Digest, Notice
from factbook_sdk.facts import MetadataTarget

SECRET = "s3cretT0ken"  # noqa: S105 - must never appear anywhere


class KnownChannel(msgspec.Struct, frozen=True):
    """A channel to a place that is known: ``taken`` returns the messages that came there, as texts in which titles can be found.

    ``unreachable`` is a channel to where nobody listens, made from :data:`SECRET`, if the channel goes anywhere.
    """

    channel: Channel
    taken: Callable[[], list[str]]
    unreachable: Channel | None = None


def a_notice(number: int = 1, **changes: Any) -> Notice:
    """Return a notice that fires; ``changes`` replace its fields."""
    notice = Notice(
        id=f"{number:032x}",
        alert_id=f"{number:016x}",
        rule="catalog_diff.breaking",
        state="firing",
        severity="error",
        title=f"shop.sales.t{number}: breaking changes of structure: 1",
        target=MetadataTarget("shop", "sales", f"t{number}"),
        since=datetime(2026, 1, 31, 12, tzinfo=UTC),
        message=f"breaking: removed sales.t{number} columns.price",
        causes=[f"{number:032x}"],
    )
    return msgspec.structs.replace(notice, **changes)


def a_digest(*notices: Notice) -> Digest:
    """Return the message of some notices."""
    return Digest(channel="suite", tenant="default", source="urn:factbook:suite", alerts=notices or [a_notice()])


class ChannelContract:
    """Subclass me with a ``known`` fixture."""

    def test_a_message_arrives_and_names_the_alert(self, known: KnownChannel) -> None:
        known.channel.send(a_digest(a_notice(7)))
        assert any("shop.sales.t7: breaking changes of structure: 1" in text for text in known.taken())

    def test_many_alerts_arrive_together(self, known: KnownChannel) -> None:
        known.channel.send(a_digest(*(a_notice(number) for number in range(1, 10))))
        together = "".join(known.taken())
        assert all(f"shop.sales.t{number}:" in together for number in range(1, 10))

    def test_an_alert_that_is_over_arrives_too(self, known: KnownChannel) -> None:
        known.channel.send(a_digest(a_notice(3, state="resolved", severity="info", title="all is well again")))
        assert any("all is well again" in text for text in known.taken())

    @pytest.mark.parametrize(
        "title",
        [
            "two\r\nlines: yes",
            "Bcc: everybody\nSubject: other",
            "\x1b[31mred",
            "<b>bold</b> & more",
            "ä漢🎉",
            "x" * 5000,
            "{target} %s ${HOME}",
        ],
        ids=["lines", "headers", "terminal", "markup", "letters", "long", "templates"],
    )
    def test_whatever_a_name_holds_is_taken(self, known: KnownChannel, title: str) -> None:
        known.channel.send(a_digest(a_notice(1, title=title, message=title)))
        assert known.taken()

    def test_where_nobody_listens_it_may_be_tried_again_and_no_secret_is_told(self, known: KnownChannel) -> None:
        if known.unreachable is None:
            return
        with pytest.raises(ChannelUnavailable) as caught:
            known.unreachable.send(a_digest())
        assert SECRET not in f"{caught.value!s}{caught.value!r}{caught.value.__cause__!r}"

    def test_closing_twice_is_harmless(self, known: KnownChannel) -> None:
        known.channel.close()
        known.channel.close()
