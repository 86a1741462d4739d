"""The time control: the whole interface at another moment, marked on every page, and clear words for moments that show nothing."""

from urllib.parse import quote

import pytest
from tests.web.conftest import HOSTILE
from tests.web.test_pages import read


def scans(client):
    return client.get("/ui/moments/shop.json").json()["scans"]


def written(moment):
    return quote(moment.replace("Z", "+00:00"))


def said(page):
    return " ".join("".join(page.text).split())


def test_the_scans_of_a_source_are_moments_to_choose(client):
    newest, oldest = scans(client)
    assert (newest["changes"], oldest["changes"]) == (3, 6)
    assert newest["href"] == f"/ui/source/shop?as_of={written(newest['at'])}"
    there = client.get("/ui/moments/shop.json", params={"to": "/ui/table/shop/main/customer?table=x&as_of=2020-01-01"}).json()
    assert there["scans"][0]["href"] == f"/ui/table/shop/main/customer?table=x&as_of={written(newest['at'])}"
    part = client.get("/ui/moments/shop", headers={"hx-request": "true"})
    assert "<html" not in part.text
    assert "tables changed" in part.text
    assert 'hx-get="/ui/moments/shop?to=%2Fui%2Fsource%2Fshop"' in client.get("/ui/source/shop").text


def test_nothing_but_our_own_pages_is_linked(client):
    for elsewhere in ("https://example.com", "//example.com", "javascript:alert(1)", "/docs"):
        assert client.get("/ui/moments/shop", params={"to": elsewhere}).status_code == 400


def test_the_moments_of_a_source_that_was_never_scanned_say_so(client):
    assert "No scan of" in client.get(f"/ui/moments/{quote(HOSTILE.replace('/', '~1'), safe='')}").text
    assert HOSTILE not in client.get(f"/ui/moments/{quote(HOSTILE.replace('/', '~1'), safe='')}").text


@pytest.mark.parametrize("path", ["/ui/jobs", "/ui/alerts", "/ui/kinds", "/ui/tokens"])
def test_a_page_without_a_past_says_that_it_shows_now_and_its_links_stay_there(client, path):
    page, _ = read(client, f"{path}?as_of=2026-01-31")
    assert "This page has no past: it shows now." in said(page)
    assert path in page.links
    inside = {link for link in page.links if link.startswith("/ui/") and "sign-in" not in link and link != path}
    assert {link for link in inside if "as_of=2026-01-31" not in link} == set()


def test_a_moment_before_all_others_names_the_first(client):
    first = scans(client)[-1]["at"]
    page, _ = read(client, "/ui?as_of=2000-01-01")
    assert "nothing was known yet" in said(page)
    assert f"/ui?as_of={written(first)}" in page.links
    answer = client.get("/ui/source/shop?as_of=2000-01-01")
    assert answer.status_code == 404
    assert "nothing was known yet of shop" in " ".join(answer.text.split())
    assert 'href="/ui/source/shop"' in answer.text


def test_a_moment_ahead_shows_what_is_known_so_far(client):
    page, _ = read(client, "/ui/source/shop?as_of=2999-01-01")
    assert "lies ahead: this is what is known so far" in said(page)
    assert "customer" in said(page)


@pytest.mark.parametrize("wrong", ["yesterday", "2026-02-31", "2026-01-31T25:00:00Z", HOSTILE, "x" * 5000])
def test_what_is_no_moment_costs_nothing_of_the_page(client, wrong):
    answer = client.get("/ui/source/shop", params={"as_of": wrong, "table": "cust*"})
    assert answer.status_code == 200
    assert "is no moment, so this is now" in answer.text
    assert "customer" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert HOSTILE not in answer.text
    assert len(answer.text) < 20_000
    assert client.get("/ui/source/shop.json", params={"as_of": wrong}).status_code == 400


def test_choosing_a_moment_keeps_what_else_was_asked(client):
    page, answer = read(client, "/ui/source/shop?table=cust*&cursor=&as_of=2999-01-01")
    assert answer.text.count('<input type="hidden" name="table" value="cust*">') == 3
    assert "/ui/source/shop?table=cust%2A" in page.links
    assert 'type="datetime-local"' in answer.text
    assert "start of today" in answer.text
