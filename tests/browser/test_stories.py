"""What people come for, told in a real browser from the first click to the last."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import ELSEWHERE
from tests.browser.shelf import opened

from factbook.access import Action, Grant

KEY = "a-key-of-some-length"
WHERE = "/ui/table/chinook/main/Customer"


@pytest.fixture
def rows(tmp_path):
    """A small database that nobody registered yet."""
    file = tmp_path / "orders.sqlite"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, amount NUMERIC(10,2))")
    return file


def sign_in(page, token):
    """Sign in on the page that is open."""
    page.get_by_label("Token or API key").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_who_comes_first_is_told_how_to_begin(visit, serve):
    watched = visit(serve(empty=True))
    page = watched.open("/ui")
    expect(page.get_by_role("heading", name="Nothing is known yet")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Register a source").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Register a source")
    expect(page.get_by_role("button", name="Only test the connection")).to_be_visible()
    watched.open("/ui")
    page.get_by_role("button", name="Scan the sample database").click()
    page.wait_for_url("**/ui/job/**")
    # Nobody loads the page again: it follows the job by itself.
    page.get_by_role("main").get_by_role("link", name="Its tables").click()
    expect(page.get_by_role("link", name="Customer", exact=True)).to_be_visible()
    watched.open("/ui")
    expect(page.get_by_role("heading", name="Nothing is known yet")).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text("was scanned for the first time")


def test_a_column_is_found_by_keyboard(visit):
    watched = visit()
    page = watched.open("/ui")
    page.keyboard.press("/")
    page.keyboard.type("loyal")
    expect(page.locator("#hits a").first).to_contain_text("LoyaltyPoints")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/table/**")
    assert watched.path() in (WHERE, "/ui/table/chinook/main/BestCustomers")
    expect(page.get_by_role("main")).to_contain_text("LoyaltyPoints")


def test_two_scans_are_compared_and_the_verdict_stands_beside_each_change(visit):
    page = visit().open("/ui/source/chinook")
    page.get_by_role("main").get_by_role("link", name="Changes", exact=True).click()
    page.wait_for_url("**/ui/diff/chinook**")
    gone = page.get_by_role("row").filter(has_text="removed column Fax")
    expect(gone).to_contain_text("breaking")
    expect(page.get_by_role("row").filter(has_text="added column LoyaltyPoints").first).to_contain_text("compatible")


def test_who_changed_a_column_and_since_when_it_is_so(visit):
    watched = visit()
    page = watched.open(WHERE)
    main = page.get_by_role("main")
    page.get_by_role("navigation", name="Parts of this page").get_by_role("link", name="History").click()
    expect(main.get_by_role("listitem").filter(has_text="columns.LoyaltyPoints").first).to_contain_text("compatible")
    page.get_by_role("navigation", name="Parts of this page").get_by_role("link", name="Columns").click()
    main.get_by_role("link", name="History of LoyaltyPoints").click()
    expect(page.get_by_role("heading", name="What became of LoyaltyPoints")).to_be_visible()
    expect(main).to_contain_text("Came")
    main.get_by_role("link", name="the run that saw it").click()
    page.wait_for_url("**/ui/job/**")
    expect(main).to_contain_text("asked by")
    main.get_by_role("link", name="What changed").click()
    expect(page.get_by_role("row").filter(has_text="added column LoyaltyPoints").first).to_contain_text("compatible")


def test_lineage_is_followed_from_a_table_to_a_product(visit):
    watched = visit()
    page = watched.open(WHERE)
    main = page.get_by_role("main")
    page.get_by_role("navigation", name="Parts of this page").get_by_role("link", name="Lineage").click()
    steps = page.get_by_role("region", name="The same as a list")
    expect(steps).to_contain_text("BestCustomers")
    expect(steps.get_by_role("link", name="Best customers", exact=True)).to_have_count(0)
    page.evaluate("window.isTheSamePage = true")
    steps.get_by_role("listitem").filter(has_text="BestCustomers").get_by_role("link", name=re.compile("^Expand")).click()
    expect(steps.get_by_role("link", name="Best customers", exact=True)).to_be_visible()
    assert "expand=" in page.url
    assert page.evaluate("window.isTheSamePage"), "one step further is no new page"
    main.get_by_role("link", name="What breaks if it goes").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Impact of")
    expect(page.get_by_role("row").filter(has_text="BestCustomers").first).to_contain_text("definition of a view")
    page.get_by_role("region", name="Products and contracts").get_by_role("link", name="Best customers").click()
    page.wait_for_url("**/ui/product/Best%20customers**")
    expect(main).to_contain_text("chinook.main.BestCustomers")


def test_a_description_is_edited_in_its_place_outlives_a_scan_and_two_do_not_overwrite_each_other(visit, serve, tmp_path):
    address = serve(api_key=KEY).replace("127.0.0.1", ELSEWHERE)
    grants = [Grant(Action.READ, "default"), Grant(Action.WRITE, "default", "*", ("annotation",))]
    with opened(tmp_path) as house:
        tokens = {name: house.tokens.create(name, grants, created_by="test").value for name in ("carla", "dora")}
    carla, dora = visit(address), visit(address, viewport={"width": 1024, "height": 800})
    for watched, name in ((carla, "carla"), (dora, "dora")):
        sign_in(watched.open(WHERE), tokens[name])
        watched.page.wait_for_url(f"**{WHERE}")
        watched.page.get_by_role("link", name="Edit Customer", exact=True).click()
        expect(watched.page.get_by_text(f"You speak as {name}.")).to_be_visible()
    lead = carla.page.locator(".lead").first
    carla.page.get_by_label("Description").fill("Who bought something, newest first.")
    carla.page.get_by_role("button", name="Save").click()
    expect(lead).to_contain_text("Who bought something, newest first.")
    expect(lead.locator("cite").first).to_contain_text("carla")
    assert carla.path() == WHERE, "it was edited in its place"

    with closing(sqlite3.connect(tmp_path / "chinook.sqlite")) as connection, connection:
        connection.execute("ALTER TABLE Customer ADD COLUMN Nickname TEXT")
    with opened(tmp_path) as house:
        house.connections.change("chinook", f"sqlite:///{tmp_path}/chinook.sqlite")
        house.run_scan("chinook")
    carla.page.reload()
    expect(carla.page.get_by_role("main")).to_contain_text("Nickname")
    expect(lead).to_contain_text("Who bought something, newest first.")

    dora.page.get_by_label("Description").fill("Buyers.")
    dora.page.get_by_role("button", name="Save").click()
    clash = dora.page.get_by_role("alert")
    expect(clash).to_contain_text("Somebody changed this meanwhile.")
    expect(clash).to_contain_text("Who bought something, newest first.")
    expect(dora.page.get_by_label("Description")).to_have_value("Buyers.")
    dora.page.get_by_role("button", name="Save").click()
    expect(dora.page.locator(".lead").first).to_contain_text("Buyers.")
    expect(dora.page.get_by_role("link", name="Who says so of Customer")).to_be_visible()


def test_one_travels_in_time_stays_there_and_comes_back(visit, shelf):
    watched = visit()
    page = watched.open(WHERE)
    main = page.get_by_role("main")
    expect(main).to_contain_text("LoyaltyPoints")
    page.get_by_label("As of").first.fill(shelf.between.strftime("%Y-%m-%d %H:%M:%S.%f"))
    page.keyboard.press("Enter")
    page.wait_for_url("**as_of=**")
    expect(page.locator(".past")).to_be_visible()
    expect(main).to_contain_text("Fax")
    expect(main).not_to_contain_text("LoyaltyPoints")
    page.locator("nav.crumbs").get_by_role("link", name="chinook").click()
    expect(page.locator(".past")).to_be_visible()
    expect(main).not_to_contain_text("BestCustomers")
    page.get_by_role("link", name="Back to now").click()
    expect(page.locator(".past")).to_have_count(0)
    expect(main).to_contain_text("BestCustomers")


def test_a_source_is_tested_registered_and_scanned_before_ones_eyes(visit, serve, rows):
    page = visit(serve(empty=True)).open("/ui/new-source")
    page.get_by_label("Short name").fill("orders")
    page.get_by_label("Address", exact=True).fill(f"sqlite:///{rows}.not-there")
    page.get_by_role("button", name="test").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Address", exact=True).fill(f"sqlite:///{rows}")
    page.get_by_role("button", name="test").click()
    expect(page.get_by_role("status").filter(has_text="It answers")).to_be_visible()
    page.get_by_role("button", name="Register", exact=True).click()
    page.get_by_role("button", name="Scan now").click()
    page.wait_for_url("**/ui/job/**")
    # Nobody loads the page again: it follows the job by itself.
    expect(page.get_by_role("main")).to_contain_text("succeeded")
    page.goto(page.url.partition("/ui/")[0] + "/ui/source/orders")
    expect(page.get_by_role("row").filter(has_text="orders")).to_be_visible()


def test_a_failed_job_says_why_and_is_tried_again(visit, serve, tmp_path, rows):
    address = serve(empty=True)
    with opened(tmp_path) as house:
        house.connections.add("orders", f"sqlite:///{rows}.moved")
        failed = house.submit_scan("orders").job_id
    watched = visit(address)
    page = watched.open(f"/ui/job/{failed}")
    main = page.get_by_role("main")
    expect(main).to_contain_text("failed")
    rows.rename(f"{rows}.moved")
    page.get_by_role("button", name=re.compile("again|retry", re.IGNORECASE)).click()
    expect(main).to_contain_text("succeeded")
    assert watched.path() != f"/ui/job/{failed}"


def test_a_token_opens_what_it_allows_and_no_more(visit, serve, tmp_path):
    address = serve(api_key=KEY).replace("127.0.0.1", ELSEWHERE)
    with opened(tmp_path) as house:
        kinds = ("schema_snapshot", "catalog_scan", "table_observation", "annotation", "statistics_snapshot")
        token = house.tokens.create("reader", [Grant(Action.READ, "default", "*", kinds)], created_by="test").value
    watched = visit(address)
    page = watched.open(WHERE)
    assert watched.path() == "/ui/sign-in"
    sign_in(page, "not-a-token")
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, token)
    page.wait_for_url(f"**{WHERE}")
    places = page.get_by_role("navigation", name="Places")
    expect(places.get_by_role("link", name="Tokens")).to_have_count(0)
    expect(places.get_by_role("link", name="Jobs")).to_have_count(0)
    expect(places.get_by_role("link", name="Home")).to_have_count(1)
    watched.open("/ui/source/chinook")
    expect(page.get_by_role("button", name="Scan now")).to_have_count(0)
    watched.open("/ui/tokens", status=403)
    page.get_by_role("button", name="Sign out").click()
    watched.open("/ui")
    assert watched.path() == "/ui/sign-in"
