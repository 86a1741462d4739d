"""Each channel against a real place: the contract, and what is its own."""

from __future__ import annotations

import email
import hashlib
import hmac
import json
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.policy import default as modern
from email.utils import format_datetime
from io import StringIO
from typing import Any

import pytest
from tests.watch.places import Hook, Mailbox, mail_server

from factbook.errors import ChannelRefused, ChannelUnavailable, ConfigurationError, MissingExtra
from factbook.log import configure_logging
from factbook.watch.channels import open_channel
from factbook.watch.channels.chat import ChatChannel
from factbook.watch.channels.email import EmailChannel
from factbook.watch.channels.log import LogChannel
from factbook.watch.channels.webhook import WebhookChannel
from factbook.watch.rules import ChannelSpec
from factbook.watch.testing import SECRET, ChannelContract, KnownChannel, a_digest, a_notice

NOBODY = "127.0.0.1:9"


class TestLog(ChannelContract):
    @pytest.fixture
    def known(self, logging_as_it_was: None) -> KnownChannel:
        written = StringIO()
        configure_logging("INFO", written)
        return KnownChannel(LogChannel(), lambda: written.getvalue().splitlines())


class TestWebhook(ChannelContract):
    @pytest.fixture
    def known(self, hook: Hook) -> KnownChannel:
        unreachable = WebhookChannel(f"http://{NOBODY}/{SECRET}?k={SECRET}", {"secret": SECRET, "headers": {"X-Key": SECRET}})
        return KnownChannel(WebhookChannel(hook.url, {}), lambda: [body.decode() for body in hook.taken], unreachable)


class TestEmail(ChannelContract):
    @pytest.fixture
    def known(self, mailbox: tuple[Mailbox, int]) -> KnownChannel:
        box, port = mailbox
        unreachable = EmailChannel(f"smtp://{SECRET}:{SECRET}@{NOBODY}", ADDRESSES)
        return KnownChannel(EmailChannel(f"smtp://127.0.0.1:{port}", CLEAR), lambda: [text_of(mail) for mail in box.mails], unreachable)


class TestChat(ChannelContract):
    @pytest.fixture
    def known(self, hook: Hook) -> KnownChannel:
        channel = ChatChannel(hook.url.replace("http:", "json:"), {})
        texts = lambda: [f"{body['title']}\n{body['message']}" for body in hook.bodies]  # noqa: E731
        return KnownChannel(channel, texts, ChatChannel(f"json://{SECRET}:{SECRET}@{NOBODY}/{SECRET}", {}))


ADDRESSES: dict[str, Any] = {"from": "factbook@example.org", "to": ["data@example.org", "ops@example.org"]}
CLEAR = ADDRESSES | {"starttls": "never"}


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    with mail_server() as served:
        yield served


def text_of(mail: bytes) -> str:
    message = email.message_from_bytes(mail, policy=modern)
    body = message.get_body()
    assert body is not None
    return f"{message['Subject']}\n{body.get_content()}"


def test_a_webhook_is_a_cloud_event_with_a_signature(hook: Hook) -> None:
    channel = WebhookChannel(f"{hook.url}/in?key=1", {"secret": "shared", "headers": {"Authorization": "Bearer x"}})
    digest = a_digest(a_notice(1), a_notice(2))
    channel.send(digest)
    ((path, headers, body),) = hook.requests
    assert (path, headers["Authorization"], headers["Content-Type"]) == ("/in?key=1", "Bearer x", "application/cloudevents+json")
    assert headers["X-Factbook-Signature"] == "sha256=" + hmac.new(b"shared", body, hashlib.sha256).hexdigest()
    event = json.loads(body)
    assert (event["specversion"], event["type"], event["source"]) == ("1.0", "io.factbook.alerts.v1", "urn:factbook:suite")
    assert event["id"] == digest.id
    assert [alert["id"] for alert in event["data"]["alerts"]] == [f"{1:032x}", f"{2:032x}"]
    assert event["data"]["alerts"][0]["target"] == {"source_id": "shop", "schema": "sales", "table": "t1"}


def test_the_same_alerts_have_the_same_id_and_others_another() -> None:
    assert a_digest(a_notice(1)).id == a_digest(a_notice(1)).id != a_digest(a_notice(2)).id


@pytest.mark.parametrize("status", [500, 502, 503, 408, 429])
def test_what_may_pass_is_tried_again(hook: Hook, status: int) -> None:
    hook.answer = lambda number, body: (status, {})
    with pytest.raises(ChannelUnavailable, match=f"it answered {status}"):
        WebhookChannel(hook.url, {}).send(a_digest())
    assert len(hook.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_what_will_not_pass_is_a_refusal(hook: Hook, status: int) -> None:
    hook.answer = lambda number, body: (status, {})
    with pytest.raises(ChannelRefused, match=f"it answered {status}"):
        WebhookChannel(hook.url, {}).send(a_digest())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(hook: Hook, status: int) -> None:
    hook.answer = lambda number, body: (status, {"Location": f"{hook.url}/elsewhere"})
    with pytest.raises(ChannelRefused, match="redirects are not followed"):
        WebhookChannel(hook.url, {}).send(a_digest())
    assert [path for path, _, _ in hook.requests] == ["/"]


def test_retry_after_is_heard_in_seconds_and_as_a_date(hook: Hook) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    for asked, least, most in (("7", 7, 7), (date, 60, 91), ("soon", None, None)):
        hook.answer = lambda number, body, asked=asked: (429, {"Retry-After": asked})  # type: ignore[misc]
        with pytest.raises(ChannelUnavailable) as caught:
            WebhookChannel(hook.url, {}).send(a_digest())
        found = caught.value.retry_after_seconds
        assert found is None if least is None else least <= (found or 0) <= (most or 0)


def test_a_webhook_that_is_slow_is_given_up(hook: Hook) -> None:
    def slowly(number: int, body: bytes) -> tuple[int, dict[str, str]]:
        time.sleep(0.6)
        return 200, {}

    hook.answer = slowly
    with pytest.raises(ChannelUnavailable, match="it took too long"):
        WebhookChannel(hook.url, {"timeout_seconds": 0.2}).send(a_digest())


def test_a_server_that_speaks_no_http_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        import threading

        def chat() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"220 hello s3cret\r\n")

        thread = threading.Thread(target=chat)
        thread.start()
        with pytest.raises(ChannelUnavailable) as caught:
            WebhookChannel(f"http://127.0.0.1:{server.getsockname()[1]}", {}).send(a_digest())
        thread.join()
    assert "s3cret" not in str(caught.value)


def test_a_certificate_that_nobody_trusts_is_not_taken(hook: Hook) -> None:
    with pytest.raises(ChannelUnavailable, match=r"TLS failed|connection was lost|not trusted"):
        WebhookChannel(hook.url.replace("http:", "https:"), {}).send(a_digest())
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("ftp://x", {}, "Its url is no web address"),
        ("http://", {}, "Its url is no web address"),
        ("http://h:99999/", {}, "Its url is no web address"),
        ("http://h/a b", {}, "Its url is no web address"),
        ("http://me:pw@h/", {}, "Its url holds a user"),
        ("http://h/", {"timeout_seconds": 60}, "timeout_seconds must be a number"),
        ("http://h/", {"timeout_seconds": True}, "timeout_seconds must be a number"),
        ("http://h/", {"headers": {"X": "a\r\nY: b"}}, "headers must be a mapping"),
        ("http://h/", {"headers": ["X"]}, "headers must be a mapping"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused_at_once(url: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        WebhookChannel(url, options)


def test_a_mail_goes_to_everybody_under_one_id(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    digest = a_digest(a_notice(1, severity="warning"), a_notice(2, severity="critical"), a_notice(3, state="resolved"))
    EmailChannel(f"smtp://127.0.0.1:{port}", CLEAR).send(digest)
    (mail,) = box.mails
    message = email.message_from_bytes(mail, policy=modern)
    assert message["Subject"] == "[critical] shop.sales.t2: breaking changes of structure: 1 (and 2 more)"
    assert (message["To"], message["Message-ID"]) == ("data@example.org, ops@example.org", f"<{digest.id}@factbook>")
    assert message["Auto-Submitted"] == "auto-generated"


def test_a_title_makes_no_header(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    EmailChannel(f"smtp://127.0.0.1:{port}", CLEAR).send(a_digest(a_notice(1, title="x\r\nBcc: thief@example.org\r\n\r\nhello")))
    message = email.message_from_bytes(box.mails[0], policy=modern)
    assert (message["Bcc"], message["Subject"]) == (None, "[error] x Bcc: thief@example.org hello")


def test_a_password_never_travels_in_the_clear(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    with pytest.raises(ConfigurationError, match="A password would travel in the clear"):
        EmailChannel(f"smtp://me:{SECRET}@127.0.0.1:{port}", CLEAR)
    with pytest.raises(ChannelRefused, match="it cannot do what is asked of it"):
        EmailChannel(f"smtp://me:{SECRET}@127.0.0.1:{port}", ADDRESSES).send(a_digest())
    assert box.mails == []


@pytest.mark.parametrize(
    ("answer", "family", "told"),
    [("550 no such user s3cret", ChannelRefused, "it answered 550"), ("451 later s3cret", ChannelUnavailable, "it answered 451")],
)
def test_a_mail_server_that_says_no_is_not_quoted(mailbox: tuple[Mailbox, int], answer: str, family: type[Exception], told: str) -> None:
    box, port = mailbox
    box.refuse = lambda address: answer
    with pytest.raises(family, match=told) as caught:
        EmailChannel(f"smtp://127.0.0.1:{port}", CLEAR).send(a_digest())
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("http://h", ADDRESSES, "Its url is no mail server"),
        ("smtp://", ADDRESSES, "Its url is no mail server"),
        ("smtp://h:x", ADDRESSES, "Its url is no mail server"),
        ("smtp://h", {"from": "a@b"}, "The option to holds no address"),
        ("smtp://h", {"from": "a@b\r\nX: y", "to": "a@b"}, "The option from holds no address"),
        ("smtp://h", ADDRESSES | {"starttls": "maybe"}, "starttls is neither"),
    ],
)
def test_a_mail_channel_that_cannot_be_is_refused_at_once(url: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        EmailChannel(url, options)


def test_a_chat_url_that_apprise_does_not_take_is_refused_without_being_quoted() -> None:
    with pytest.raises(ConfigurationError, match="none that Apprise takes") as caught:
        open_channel(ChannelSpec(name="chat", type="chat", url=f"nothing://{SECRET}"))
    assert SECRET not in str(caught.value)


def test_without_apprise_chat_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(MissingExtra, match=r"pip install 'factbook\[alerts\]'"):
        open_channel(ChannelSpec(name="chat", type="chat", url="json://h"))


def test_what_apprise_and_its_libraries_log_is_not_written(hook: Hook, logging_as_it_was: None) -> None:
    written = StringIO()
    configure_logging("DEBUG", written)
    hook.answer = lambda number, body: (500, {})
    channel = ChatChannel(f"{hook.url.replace('http:', 'json:')}/{SECRET}?+X={SECRET}", {})
    logging.getLogger("urllib3.connectionpool")
    try:
        with pytest.raises(ChannelUnavailable):
            channel.send(a_digest())
    finally:
        configure_logging("INFO", written)
    assert hook.requests
    assert SECRET not in written.getvalue()


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (ChannelSpec(name="a", type="pigeon"), "The channel a is of no type that is there: there are chat, email, log, webhook."),
        (ChannelSpec(name="a", type="webhook", url="${NO_SUCH_NAME}"), "The environment variable NO_SUCH_NAME is not set: the channel a"),
        (ChannelSpec(name="a", type="log", options={"colour": "red"}), "The channel a has an option that log does not take: 'colour'."),
        (ChannelSpec(name="a", type="webhook", url="s3cret"), "The channel a cannot be used: Its url is no web address."),
    ],
)
def test_a_channel_that_cannot_be_used_is_named(spec: ChannelSpec, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_channel(spec, {})
    assert str(caught.value).startswith(told), str(caught.value)


def test_names_of_the_environment_are_filled_in_everywhere(hook: Hook) -> None:
    options = {"headers": {"X-Key": "${KEY}"}, "secret": "${KEY}"}
    channel, veil = open_channel(ChannelSpec(name="a", type="webhook", url="${BASE}/x", options=options), {"BASE": hook.url, "KEY": SECRET})
    channel.send(a_digest())
    assert hook.requests[0][1]["X-Key"] == SECRET
    assert veil.over(f"failed at {hook.url}/x with {SECRET}") == "failed at *** with ***"
