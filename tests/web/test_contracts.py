"""Contracts as pages: taken in, changed, checked and ended by forms; what is broken is told with its reasons."""

import re
import shutil
from urllib.parse import quote

import pytest
from tests.web.conftest import CONTRACT, HOSTILE, opened
from tests.web.test_products import OWN, send, text_of

from factbook.contracts.reading import read_document

DRAFT = CONTRACT.replace("customers-daily", "orders-daily").replace("name: customer", "name: orders")


@pytest.fixture(scope="module")
def desk(folder, tmp_path_factory):
    """A copy of the store to work on."""
    place = tmp_path_factory.mktemp("contracts")
    shutil.copytree(folder, place, dirs_exist_ok=True)
    with opened(place) as client:
        client.house.connections.add("shop", f"sqlite:///{place}/shop.sqlite")
        yield client


def test_a_broken_contract_is_told_with_its_reasons(desk):
    found = desk.get("/ui/contract/customers-daily.json").json()["shown"]
    assert (found["standing"]["structure"], found["standing"]["broken"]) == ("broken", 1)
    page = desk.get("/ui/contract/customers-daily")
    told = text_of(page)
    assert "customer.<script> the column is not there" in told
    assert "<script>alert" not in page.text
    assert "3 promises about structure by the last scans: 2 kept, 1 broken." in told
    assert [one["product"] for one in found["parties"]] == ["customers"]
    assert 'href="/ui/table/shop/main/customer"' in page.text
    assert [item["entry"]["id"] for item in desk.get("/ui/contracts.json?state=broken").json()["items"]] == ["customers-daily"]
    assert "broken" in desk.get("/ui/contracts").text


def test_the_life_of_a_contract_by_forms(desk):
    assert send(desk, "/ui/new-contract", document=DRAFT).headers["location"] == "/ui/contract/orders-daily?done=saved"
    shown = desk.get("/ui/contract/orders-daily/edit.json").json()["shown"]
    changed = shown["document"].replace("Who buys", "What they buy")
    answer = send(desk, "/ui/contract/orders-daily/edit", document=changed, seen=shown["seen"])
    assert answer.status_code == 409
    assert "is there already and says otherwise" in text_of(answer)
    assert "What they buy" in text_of(answer)
    later = changed.replace("version: 1.0.0", "version: 1.1.0")
    assert send(desk, "/ui/contract/orders-daily/edit", document=later, seen=shown["seen"]).status_code == 303

    answer = send(desk, "/ui/contract/orders-daily/edit", document=later.replace("1.1.0", "1.2.0"), seen=shown["seen"])
    assert answer.status_code == 409
    assert "is not what you saw" in text_of(answer)
    fresh = re.search(r'name="seen" value="([^"]+)"', answer.text)[1]
    assert fresh != shown["seen"]
    answer = send(desk, "/ui/contract/orders-daily/edit", document=later.replace("orders-daily", "another"), seen=fresh)
    assert "A contract keeps its id" in answer.text

    states = desk.get("/ui/contract/orders-daily/history.json").json()["shown"]["states"]
    assert [state["version"] for state in states] == ["1.1.0", "1.0.0"]
    first, last = quote(states[1]["at"]), quote(states[0]["at"])
    compared = desk.get(f"/ui/contract/orders-daily/history.json?from={first}&to={last}").json()["shown"]["compared"]
    assert any("version is '1.1.0' and was '1.0.0'" in line for line in compared["lines"])
    past = desk.get(f"/ui/contract/orders-daily?as_of={first}")
    assert "This is how it was at" in past.text
    assert "Who buys" in past.text
    assert "/ui/contract/orders-daily/check" not in past.text

    assert send(desk, "/ui/contract/orders-daily/status", status="deprecated").status_code == 303
    assert desk.get("/ui/contract/orders-daily.json").json()["contract"]["contract"]["status"] == "deprecated"
    attached = desk.get("/ui/contract/orders-daily/document?format=yaml")
    assert attached.headers["content-disposition"] == "attachment; filename*=UTF-8''orders-daily.odcs.yaml"
    assert read_document(attached.text).root["status"] == "deprecated"

    where = desk.post("/ui/contract/orders-daily/end", headers=OWN).headers["location"]
    assert where == "/ui/contract/orders-daily/history?done=ended"
    gone = desk.get(where)
    assert "It is ended" in gone.text
    assert desk.get("/ui/contract/orders-daily").status_code == 404
    [ended] = desk.get("/ui/contracts.json?state=ended").json()["items"]
    assert (ended["entry"]["id"], ended["entry"]["version"], ended["entry"]["ended"]) == ("orders-daily", "1.1.0", True)
    assert "orders-daily" not in desk.get("/ui/contracts").text


def test_what_is_wrong_in_a_document_is_named_with_line_and_place(desk):
    for document, told in (
        ("apiVersion: [", "line 1"),
        (DRAFT.replace("logicalType: integer", "logicalType: whole"), "schema[0].properties[0]"),
        (DRAFT + "\nid: again\n", "id stands here twice"),
        (DRAFT.replace("name: Sales", f"name: Sales, more: '{HOSTILE}'"), "line"),
        ("apiVersion: v1.0.0\nkind: DataProduct\nid: p\nstatus: draft\nversion: 1.0.0\n", "a DataContract is taken here"),
    ):
        answer = send(desk, "/ui/new-contract", document=document)
        assert answer.status_code == 422, document
        assert told in text_of(answer), text_of(answer)
        assert HOSTILE not in answer.text
    answer = send(desk, "/ui/new-contract", document=DRAFT, bind="orders=shop.main.nothing")
    assert "There is no table shop.main.nothing" in text_of(answer)
    assert send(desk, "/ui/new-contract", document=DRAFT, bind="nonsense").status_code == 422
    assert desk.get("/ui/contract/nowhere/edit").status_code == 404


def test_a_table_gives_the_draft_of_a_contract(desk):
    page = desk.get("/ui/new-contract?table=shop.main.invoice")
    document = desk.get("/ui/new-contract.json?table=shop.main.invoice").json()["document"]
    assert read_document(document).root["schema"][0]["name"] == "invoice"
    assert "Draft" in page.text
    answer = desk.get("/ui/new-contract?table=shop.main.nothing")
    assert answer.status_code == 422
    assert "There is no table shop.main.nothing" in text_of(answer)


def test_it_is_checked_now_and_its_data_by_a_job(desk):
    rows = "    quality: [{type: library, metric: rowCount, mustBeGreaterThan: 5}]\n"
    send(desk, "/ui/new-contract", document=DRAFT.replace("orders-daily", "many-orders") + rows)
    send(desk, "/ui/contract/many-orders/check", what="structure")
    kept = desk.house.repository.query("quality_result", producer_id="contracts.v1").records
    assert any(stored.record.payload["ruleset"] == "many-orders" for stored in kept)
    where = send(desk, "/ui/contract/many-orders/check", what="data").headers["location"]
    assert where.startswith("/ui/job/")
    # What the job does is done here, so that nothing waits for a worker.
    desk.house.of("default").check_contract("many-orders")
    found = desk.get("/ui/contract/many-orders.json").json()["shown"]["found"]
    assert [(one["result"]["check"], one["result"]["outcome"]) for one in found] == [("row_count", "failed")]
    assert "expected more than 5 rows" in text_of(desk.get("/ui/contract/many-orders"))


def test_what_may_not_be_done_or_seen_is_not_offered(keyed, signed_in):
    headers = signed_in("read", kinds=("data_contract",))
    page = keyed.get("/ui/contract/customers-daily", headers=headers)
    told = text_of(page)
    for closed in (
        "Whether its structure is kept is closed",
        "What was found of its data is closed",
        "Products are closed",
        "Lineage is closed",
    ):
        assert closed in told
    for deed in ("check", "status", "end", "edit"):
        assert f"/ui/contract/customers-daily/{deed}" not in page.text
        assert keyed.post(f"/ui/contract/customers-daily/{deed}", headers=headers).status_code == 403
    told = text_of(keyed.get("/ui/contracts", headers=headers))
    assert "Whether they are kept is closed to your token" in told
    assert "broken" not in told
    assert keyed.get("/ui/contracts", headers=signed_in("read", kinds=("anomaly",))).status_code == 403


def test_lists_are_narrowed_and_paged(desk):
    rooms = desk.house.of("default")
    for number in range(30):
        text = (
            CONTRACT.replace("customers-daily", f"z-{number:02}")
            .replace("status: active", "status: draft")
            .replace("name: customer", "name: big")
        )
        rooms.contracts.import_document(read_document(text))
    first = desk.get("/ui/contracts.json?state=draft&text=z-").json()
    assert (len(first["items"]), first["next_cursor"]) == (25, "z-24")
    assert len(desk.get("/ui/contracts.json?state=draft&text=z-&cursor=z-24").json()["items"]) == 5
    assert "No contract is so." in desk.get("/ui/contracts?text=nothing-of-the-sort").text
    assert "No contract was agreed by then" in desk.get("/ui/contracts?as_of=2020-01-01").text


def test_an_empty_store_says_what_a_contract_is(tmp_path):
    with opened(tmp_path) as client:
        assert "No contract was agreed yet" in client.get("/ui/contracts").text
        assert "No contract in force is broken" in client.get("/ui/contracts?state=broken").text
