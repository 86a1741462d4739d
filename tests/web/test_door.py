"""Signing in and out, what other sites may not do, and errors as pages."""

import re
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient
from tests.web.conftest import KEY

from factbook.access.doorkeeper import Doorkeeper
from factbook.web import app as pages

ELSEWHERE = {"host": "factbook.example"}


@pytest.fixture(autouse=True)
def no_cookies(keyed):
    keyed.cookies.clear()


def test_one_signs_in_and_out(keyed):
    turned = keyed.get("/ui/source/shop?table=c*", headers=ELSEWHERE)
    assert turned.status_code == 303
    assert unquote(unquote(turned.headers["location"])) == "/ui/sign-in?to=/ui/source/shop?table=c*"
    assert keyed.get("/ui/source/shop.json", headers=ELSEWHERE).status_code == 401
    assert "Token or API key" in keyed.get(turned.headers["location"], headers=ELSEWHERE).text
    form = {"credential": "wrong", "to": "/ui/source/shop"}
    assert keyed.post("/ui/sign-in", data=form, headers=ELSEWHERE).status_code == 401
    answer = keyed.post("/ui/sign-in", data=form | {"credential": KEY}, headers=ELSEWHERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/source/shop")
    cookie = answer.headers["set-cookie"]
    assert re.search("HttpOnly", cookie, re.I)
    assert re.search("samesite=strict", cookie, re.I)
    assert "Path=/ui" in cookie
    assert KEY not in cookie
    value = cookie.split(";")[0]
    keyed.cookies.clear()
    page = keyed.get("/ui/source/shop", headers=ELSEWHERE | {"cookie": value})
    assert page.status_code == 200
    assert "Sign out" in page.text
    assert keyed.get("/ui/source/shop", headers=ELSEWHERE | {"cookie": value[:-9] + "AAAAAAAA="}).status_code == 303
    assert keyed.get("/records/tail", headers=ELSEWHERE | {"cookie": value}).status_code == 401
    out = keyed.post("/ui/sign-out", headers=ELSEWHERE | {"cookie": value})
    assert out.headers["location"] == "/ui/sign-in"
    assert "Max-Age=0" in out.headers["set-cookie"]


def test_a_revoked_token_leads_back_to_the_door(keyed, signed_in):
    headers = signed_in("read", "default", ("alert",))
    assert keyed.get("/ui/alerts", headers=headers).status_code == 200
    [token] = [token for token in keyed.house.tokens.list("default") if token.grants[0].kinds == ("alert",)]
    keyed.house.tokens.revoke(token.token_id, "default")
    keyed.house.doorkeeper = Doorkeeper(keyed.house.tokens)  # one that believes nothing from before
    assert keyed.get("/ui/alerts", headers=headers).status_code == 303
    part = keyed.get("/ui/search?search=x", headers=headers | {"hx-request": "true"})
    assert part.status_code == 401
    assert "<html" not in part.text
    assert 'href="/ui/sign-in"' in part.text


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example/ui", "/ui//evil.example", "/ui\\evil", "javascript:alert(1)", "/tokens", "/uix"]
)
def test_signing_in_leads_nowhere_else(keyed, to):
    answer = keyed.post("/ui/sign-in", data={"credential": KEY, "to": to})
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui")


def test_another_site_cannot_sign_somebody_in(keyed):
    form = {"credential": KEY, "to": "/ui"}
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}):
        answer = keyed.post("/ui/sign-in", data=form, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_a_proxy_that_speaks_https_to_browsers_does_not_turn_forms_away(keyed):
    origin = {"origin": "https://factbook.example", "sec-fetch-site": "same-origin"}
    assert keyed.post("/ui/sign-in", data={"credential": KEY, "to": "/ui"}, headers=ELSEWHERE | origin).status_code == 303


def test_what_the_guard_refuses_is_a_page_that_says_why_and_what_to_do(client):
    page = client.get("/ui", headers=ELSEWHERE)
    assert page.status_code == 403
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "only requests from this machine are served" in page.text
    assert "Send a token as Authorization" in page.text
    assert "'self'" in page.headers["content-security-policy"]
    twin = client.get("/ui/home.json", headers=ELSEWHERE)
    assert (twin.status_code, twin.headers["content-type"], twin.json()["code"]) == (403, "application/problem+json", "not_allowed")


def test_what_is_not_there_is_a_page_that_says_what_to_do(client):
    answer = client.get("/ui/source/nowhere")
    assert answer.status_code == 404
    assert "factbook scan nowhere" in answer.text
    assert client.get("/ui/source/nowhere.json").json()["code"] == "not_found"
    wrong = client.get("/ui/source/shop?limit=none&cursor=nobody's")
    assert wrong.status_code == 400
    assert "ursor" in wrong.text
    nothing = client.get("/ui/no/such/page")
    assert nothing.status_code == 404
    assert "<h1>" in nothing.text
    request_id = nothing.headers["x-request-id"]
    assert request_id in nothing.text


def test_a_form_that_is_too_long_is_refused_with_a_page(client):
    answer = client.post("/ui/tokens", data={"name": "x" * 200_000})
    assert answer.status_code == 413
    assert "The form is too long" in answer.text


def test_the_root_leads_to_the_pages(client):
    assert client.get("/").headers["location"] == "/ui"


def test_processes_find_the_pages_by_the_environment(folder, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(folder / "data"))
    monkeypatch.setattr("factbook.log.configure_logging", lambda *_: None)
    with TestClient(pages.app, base_url="http://localhost", client=("127.0.0.1", 5)) as found:
        assert found.get("/ui/source/shop").status_code == 200
        assert found.get("/health").status_code == 200
    monkeypatch.delitem(vars(pages), "app")


def test_parts_are_told_from_pages_by_whoever_keeps_them(client):
    for headers in ({}, {"hx-request": "true"}):
        answer = client.get("/ui/search?search=ema", headers=headers)
        assert "hx-request" in answer.headers["vary"].lower()
        assert answer.headers["cache-control"] == "no-store"


def test_fields_left_empty_ask_for_nothing(client):
    assert client.get("/ui/jobs?state=").status_code == 200
    assert client.get("/ui/diff/shop?from=&to=&with=&table=").status_code == 200
    assert client.get("/ui?as_of=").status_code == 200


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2126-01-31", "2126-01-31T00:00:00Z"),
        ("2126-01-31 12:00", "2126-01-31T12:00:00Z"),
        ("2126-01-31 12:00:30 UTC", "2126-01-31T12:00:30Z"),
        ("2126-01-31T12:00", "2126-01-31T12:00:00Z"),
        (" 2126-01-31T14:00+02:00 ", "2126-01-31T12:00:00Z"),
    ],
)
def test_a_moment_may_be_written_as_people_do(client, written, meant):
    answer = client.get("/ui/home.json", params={"as_of": written})
    assert answer.json()["as_of"] == meant


def test_an_impossible_day_is_refused_with_an_example(client):
    answer = client.get("/ui/home.json", params={"as_of": "2026-02-31 12:00"})
    assert answer.status_code == 400
    assert "2026-01-31T12:00:00Z" in answer.text
