"""A real browser before a real server.

The store is made once a worker; tests that change something work on a copy of it. A browser lives as long as a module's tests: while one is
open, Playwright's event loop is the thread's, and no other test of the same worker could run its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tests.browser.shelf import Shelf, fill, served

from factbook.log import configure_logging

WIDE = {"width": 1280, "height": 850}
NARROW = {"width": 360, "height": 740}
ELSEWHERE = "factbook.example"
"""A name that the browser takes for this machine's address: who asks by it is not local, and has to sign in."""
PATIENCE = 20_000
"""Milliseconds that a page may take on a machine that is busy with other tests."""
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"]


class Watched:
    """A page that keeps what no page may do: errors, dialogs, scripts that the policy refuses, and requests to other hosts."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.base = base
        self.troubles: list[str] = []
        self.page = context.new_page()
        self.page.on("console", lambda said: self._note(f"console {said.type}: {said.text}", said.type in ("error", "warning")))
        self.page.on("pageerror", lambda error: self._note(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self._note(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self._note(f"asks {request.url}", not request.url.startswith((base, "data:"))))
        self.page.on("response", lambda answer: self._note(f"{answer.status} of {answer.url}", answer.status >= 500))

    def open(self, path: str, *, status: int = 200) -> Page:
        """Open a page of the server, which answers with this status."""
        answer = self.page.goto(self.base + path)
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"
        return self.page

    def path(self) -> str:
        """Return the path of the page that is open."""
        return urlsplit(self.page.url).path

    def _note(self, trouble: str, is_one: bool = True) -> None:
        # Chromium tells in its console of every refusal that a test asks for on purpose.
        if is_one and "the server responded with a status of 4" not in trouble:
            self.troubles.append(trouble)


Visit = Callable[..., Watched]


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The store that nobody changes."""
    configure_logging("CRITICAL")
    return fill(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="session")
def base(shelf: Shelf) -> Iterator[str]:
    """The address of a server over the store that nobody changes, for whoever is on this machine."""
    with served(shelf.folder, watch=False) as address:
        yield address


@pytest.fixture
def serve(tmp_path: Path, shelf: Shelf) -> Iterator[Callable[..., str]]:
    """Return a function that serves a copy of the store, or an empty one, and gives its address."""
    with ExitStack() as stack:

        def start(*, empty: bool = False, **settings: Any) -> str:
            if not empty:
                shutil.copytree(shelf.folder, tmp_path, dirs_exist_ok=True)
            return stack.enter_context(served(tmp_path, **settings))

        yield start


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """The browser."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> dict[str, BrowserContext]:
    """Contexts by what they were opened with: tests share them and with them the cache, as the visits of one reader do; no cookies."""
    return {}


@pytest.fixture
def visit(browser: Browser, base: str, contexts: dict[str, BrowserContext]) -> Iterator[Visit]:
    """Return a function that opens an empty page of a visitor; the test fails if anything went wrong on it that a page may not do."""
    opened: list[Watched] = []

    def begin(address: str | None = None, **options: Any) -> Watched:
        chosen = {"viewport": WIDE, "locale": "en-GB", "timezone_id": "Europe/Berlin", **options}
        if str(chosen) not in contexts:
            contexts[str(chosen)] = browser.new_context(**chosen)
            contexts[str(chosen)].set_default_timeout(PATIENCE)
        watched = Watched(contexts[str(chosen)], address or base)
        opened.append(watched)
        return watched

    yield begin
    for watched in opened:
        watched.page.close()
        watched.page.context.clear_cookies()
    assert [trouble for watched in opened for trouble in watched.troubles] == []
