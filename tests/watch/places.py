"""Places where alerts arrive: a web server and a mail server of the test's own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

Answer = tuple[int, dict[str, str]]


class Hook:
    """A web server that keeps what is posted to it. ``answer`` decides what each request gets, by its number (1, 2 …) and its body."""

    def __init__(self) -> None:
        self.answer: Callable[[int, bytes], Answer] = lambda number, body: (200, {})
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.taken: list[bytes] = []
        self.url = ""
        self._lock = threading.Lock()

    @property
    def bodies(self) -> list[Any]:
        """Return the bodies that were taken, as JSON."""
        return [json.loads(body) for body in self.taken]

    @property
    def alerts(self) -> list[Any]:
        """Return the alerts that were taken, over all messages."""
        return [alert for body in self.bodies for alert in body["data"]["alerts"]]

    def handle(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        with self._lock:
            self.requests.append((path, headers, body))
            number = len(self.requests)
        status, more = self.answer(number, body)
        if 200 <= status < 300:
            with self._lock:
                self.taken.append(body)
        return status, more


@contextmanager
def web_server(port: int = 0) -> Iterator[Hook]:
    """Serve a hook for as long as the block runs."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers = hook.handle(self.path, dict(self.headers), body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing of clients that went away."""

    server = Server(("127.0.0.1", port), Handler)
    hook.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Mailbox:
    """Keeps mails as they came; ``refuse`` gives the SMTP answer for a recipient, or ``None`` to take it."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refuse: Callable[[str], str | None] = lambda address: None

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:
        refusal = self.refuse(address)
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.mails.append(envelope.content)
        return "250 taken"


@contextmanager
def mail_server(**options: Any) -> Iterator[tuple[Mailbox, int]]:
    """Serve a mailbox for as long as the block runs; return it with its port."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield mailbox, port
    finally:
        controller.stop()
