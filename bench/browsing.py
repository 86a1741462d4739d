"""What a browser makes of the pages: bytes loaded on the first visit and on the next one, and when a page can be used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from bench.web import Objects

COLUMNS = ["store", "page", "first, kB", "again, kB", "first usable, ms", "again usable, ms", "search answers a key, ms"]
VISITS = 7


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a browser: the one that ``CHROMIUM`` names, the system's, or Playwright's."""
    from playwright.sync_api import sync_playwright

    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


def browse(name: str, port: int, of: Objects) -> Iterator[list[Any]]:
    """Yield a row for each page of one store."""
    with chromium() as browser:
        for label, target in (("home", "/ui"), ("table", of.table()), ("table: relations", of.table("relations"))):
            visits = [_visit(browser, f"http://127.0.0.1:{port}{target}") for _ in range(VISITS)]
            row = [
                name,
                label,
                *(round(median(part), digits) for part, digits in zip(zip(*visits, strict=True), (1, 1, 0, 0, 0), strict=True)),
            ]
            print(*row, sep="\t", flush=True)
            yield row


def _visit(browser: Browser, address: str) -> tuple[float, float, float, float, float]:
    """Visit a page twice with a cache of its own; return kB and milliseconds of both visits, and of a search from its key on."""
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    loaded: list[float] = []
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    times: list[float] = []
    weights: list[float] = []
    for _ in range(2):
        loaded.clear()
        page.goto(address, wait_until="networkidle")
        weights.append(sum(loaded) / 1000)
        times.append(_usable(page))
    answered = _search(page)
    context.close()
    return weights[0], weights[1], times[0], times[1], answered


def _usable(page: Page) -> float:
    """Return when the page was parsed and its scripts had run, in milliseconds from the start; ``/`` leads into the search then."""
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    at: float = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    return at


def _search(page: Page) -> float:
    """Type a word and return how many milliseconds after its last key something is shown."""
    page.evaluate(
        """() => {
            const hits = document.getElementById("hits"), search = document.getElementById("search");
            search.value = "";
            search.addEventListener("input", () => { window.typedAt = performance.now(); });
            window.answered = new Promise((resolve) => new MutationObserver(() => {
                if (hits.querySelector("a")) resolve(performance.now() - window.typedAt);
            }).observe(hits, { childList: true, subtree: true }));
        }"""
    )
    page.keyboard.type("customer")
    took: float = page.evaluate("window.answered")
    return took
