"""A service that answers as a test tells it to, on a real socket."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], bytes]
PROBLEM = {"Content-Type": "application/problem+json"}


@dataclass
class Request:
    """What a client asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def lines(self) -> list[Any]:
        unpacked = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return [json.loads(line) for line in unpacked.splitlines()]


@dataclass
class Service:
    """Answers with ``replies`` one after another, and then stores everything (in nothing)."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply_to(self, request: Request) -> Reply:
        with self.lock:
            self.requests.append(request)
            if self.replies:
                return self.replies.pop(0)
        if request.method == "GET":
            return 200, {}, b'{"items":[],"next_after_offset":0}'
        return 200, {}, stored(len(request.lines))


def stored(count: int, *, rejected: Sequence[int] = ()) -> bytes:
    results = [
        {"index": index, "outcome": "rejected", "reason": "it breaks a rule", "field": "payload"}
        if index in rejected
        else {"index": index, "outcome": "stored", "offset": index + 1, "id": f"{index:032x}"}
        for index in range(count)
    ]
    return json.dumps({"counts": {}, "results": results}).encode()


def problem(status: int, code: str, **more: Any) -> Reply:
    headers = PROBLEM | ({"Retry-After": more.pop("retry_after")} if "retry_after" in more else {})
    return status, headers, json.dumps({"code": code, "detail": "It failed", "title": "", "status": status} | more).encode()


@contextmanager
def scripted(*replies: Reply) -> Iterator[Service]:
    """Run such a service."""
    service = Service(replies=list(replies))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, sent, answer = service.reply_to(Request(self.command, self.path, headers, body))
            self.send_response(status)
            for name, value in ({"Content-Type": "application/json"} | sent).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = handle_any

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
