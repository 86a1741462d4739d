"""What was tried against the pages and once worked: each stays refused."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import unquote

import pytest
from tests.web.conftest import CONTRACT, KEY, opened

from factbook.access import Action, Grant
from factbook.watch.judgement import NAME as JUDGING
from factbook.web import door
from factbook.web.rendering import path, unescaped

OWN = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}
ENDS = ["0001-01-01", "0001-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59"]


@pytest.fixture(scope="module")
def desk(folder, tmp_path_factory):
    place = tmp_path_factory.mktemp("attacked")
    shutil.copytree(folder, place, dirs_exist_ok=True)
    with opened(place, job_workers=0) as client:
        yield client


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    "path", ["/ui", "/ui/products", "/ui/domain/sales", "/ui/notes/shop", "/ui/product/customers", "/ui/term/customer"]
)
def test_the_ends_of_the_calendar_break_no_page(client, path, end):
    assert client.get(path, params={"as_of": end}).status_code == 200


@pytest.mark.parametrize("path", ["/products", "/products/customers/history", "/glossary/customer"])
def test_the_last_moment_breaks_no_answer(client, path):
    answer = client.get(path, params={"as_of": "9999-12-31T23:59:59.999999Z"}, headers={"accept": "application/json"})
    assert answer.status_code < 500


def test_who_may_see_alerts_alone_is_shown_them_at_home(keyed, signed_in):
    page = keyed.get("/ui", headers=signed_in("read", "default", ("alert", "ingestion_volume")))
    assert page.status_code == 200
    assert "Orders are late" in page.text


def test_a_new_contract_takes_no_others_place_unawares(desk):
    other = CONTRACT.replace("1.0.0", "2.0.0").replace("Sales", "Somebody else")
    answer = desk.post("/ui/new-contract", data={"document": other}, headers=OWN)
    assert answer.status_code == 409
    assert "There is a contract customers-daily" in answer.text
    assert desk.get("/ui/contract/customers-daily.json").json()["contract"]["contract"]["version"] == "1.0.0"
    assert desk.post("/ui/new-contract", data={"document": other, "replace": "yes"}, headers=OWN).status_code == 303


def test_a_document_registers_no_product_that_is_there(desk):
    before = desk.get("/ui/product/customers.json").json()["product"]
    standard = "apiVersion: v1.0.0\nkind: DataProduct\nid: x\nname: customers\nversion: 9.0.0\nstatus: active\n"
    answer = desk.post("/ui/new-product/document", data={"document": standard}, headers=OWN)
    assert answer.status_code == 409
    assert "There is a product customers" in answer.text
    assert desk.get("/ui/product/customers.json").json()["product"] == before


def test_a_session_that_is_over_is_over_for_whoever_kept_its_cookie(keyed, monkeypatch):
    keyed.cookies.clear()
    answer = keyed.post("/ui/sign-in", data={"credential": KEY, "to": "/ui"}, headers={"host": "factbook.example"})
    keyed.cookies.clear()
    headers = {"host": "factbook.example", "cookie": answer.headers["set-cookie"].split(";")[0]}
    assert keyed.get("/ui", headers=headers).status_code == 200
    now = time.time()
    monkeypatch.setattr(door.time, "time", lambda: now + door.SESSION_SECONDS + 1)
    assert keyed.get("/ui", headers=headers).status_code == 303


def test_what_keeps_the_server_from_judging_is_told_to_those_who_run_it(tmp_path):
    with opened(tmp_path, api_key=KEY) as client:
        subscriptions = client.house.subscriptions
        subscriptions.enter(JUDGING, at_end=True)
        subscriptions.note_failure(JUDGING, "a fact of another tenant broke it")
        token = client.house.tokens.create("ada", [Grant(Action.READ, "default")], created_by="test").value

        def told(credential: str) -> list[bool]:
            headers = {"host": "factbook.example", "authorization": f"Bearer {credential}"}
            pages = [client.get(path, headers=headers) for path in ("/ui/rules", "/ui/rules.json")]
            assert [page.status_code for page in pages] == [200, 200]
            return ["another tenant" in page.text for page in pages]

        assert told(KEY) == [True, True]
        assert told(token) == [False, False]


def test_a_rule_is_paged_past_its_first_result(desk):
    asked = "/ui/quality/shop/rule?rule=row_count&schema=main&table=customer&cursor=2020-01-01T00:00:00%2B00:00~5"
    assert desk.get(asked).status_code == 200
    assert "It said nothing before." in desk.get(asked).text


@pytest.mark.parametrize("name", [".", "..", "...", "a/..", "~2", "a.json"])
def test_a_link_reaches_what_a_browser_would_take_for_a_step_up(name):
    written = path("table", "shop", "main", name)
    assert unescaped(unquote(written.rpartition("/")[2])) == name
    assert written.rpartition("/")[2] not in (".", "..")


def test_of_contracts_edited_at_once_one_is_taken_and_the_others_are_told(desk):
    shown = desk.get("/ui/contract/customers-daily/edit.json").json()["shown"]
    together = Barrier(4)

    def save(number: int) -> int:
        document = CONTRACT.replace("1.0.0", "3.0.0").replace("Sales", f"Team {number}")
        together.wait()
        answer = desk.post("/ui/contract/customers-daily/edit", data={"document": document, "seen": shown["seen"]}, headers=OWN)
        return answer.status_code

    with ThreadPoolExecutor(4) as people:
        assert sorted(people.map(save, range(4))) == [303, 409, 409, 409]
