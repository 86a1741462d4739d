"""The glossary is kept on its pages, and what machines suggest is judged there."""

import re
import shutil
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from tests.web.conftest import HOSTILE, opened
from tests.web.test_notes_pages import OWN, PART, Form, text_of

from factbook.knowledge import Place
from factbook_sdk.facts.kinds.glossary_term import GlossaryTerm, Relation

TERM = "/ui/term/customer"


@pytest.fixture
def desk(folder, tmp_path):
    """A copy of the store to work on, as somebody on this machine who may do everything."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with opened(tmp_path) as client:
        yield client


def form(client, path):
    return Form(client.get(path).text).fields


def test_terms_are_listed_searched_and_stand_under_broader_ones(client):
    told = text_of(client.get("/ui/glossary"))
    assert "Customer client" in told
    assert [item["key"] for item in client.get("/ui/glossary.json?search=CLIENT").json()["items"]] == ["customer"]
    assert [item["key"] for item in client.get("/ui/glossary.json?status=approved").json()["items"]] == ["party"]
    assert "No term is like that" in client.get("/ui/glossary?search=nowhere").text
    tree = client.get("/ui/glossary?view=tree").text
    assert re.search(
        r'<ul><li><a href="/ui/term/party">Party</a><ul><li><a href="/ui/term/customer">Customer</a></li></ul></li></ul>', tree
    )


def test_a_tree_of_many_depths_is_well_formed(desk):
    for key, above in (("a", ()), ("b", ("a",)), ("c", ("b", "party")), ("d", ()), ("e", ("d",))):
        desk.house.glossary.add(key, GlossaryTerm(key, relations=[Relation("broader", one) for one in above]), author="person:ada")
    tree = desk.get("/ui/glossary?view=tree").text
    tree = tree[tree.index('<div class="tree">') : tree.index('<p class="closed apart">')]
    assert tree.count("<ul>") == tree.count("</ul>")
    assert tree.count("<li>") == tree.count("</li>") == 8
    assert "shown above" in tree


def test_a_term_tells_its_surroundings_and_where_it_is_used(client):
    page = client.get(TERM)
    told = text_of(page)
    assert re.search(r"Under Party", told)
    assert "Where it is used customer shop.main agent:sorter" in told
    assert HOSTILE not in page.text
    assert "Detach" not in told  # an agent says so, and nobody speaks for it


def test_an_empty_glossary_says_how_to_begin(tmp_path):
    with opened(tmp_path) as client:
        page = client.get("/ui/glossary")
        assert "There is no term yet" in page.text
        assert client.get("/ui/glossary?view=tree").status_code == 200
        assert "Nothing waits to be judged" in client.get("/ui/suggestions").text


def test_a_term_is_made_with_a_key_of_its_name(desk):
    sent = form(desk, "/ui/new-term") | {
        "name": "Active Customer!",
        "definition": f"Bought {HOSTILE}",
        "broader": "Customer\nnot-yet-there",
    }
    answer = desk.post("/ui/new-term", data=sent, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/term/active-customer?done=saved")
    page = desk.get("/ui/term/active-customer")
    assert HOSTILE not in page.text
    assert "not-yet-there (not there)" in page.text
    assert desk.house.glossary.get("active-customer").broader == ["customer", "party"]
    again = desk.post("/ui/new-term", data=sent, headers=OWN)
    assert again.status_code == 409
    assert "is there already" in again.text
    assert Form(again.text).fields["name"] == "Active Customer!"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"definition": "x" * 10_001}, "definition"),
        ({"synonyms": "ok\n" + "x" * 201}, "synonyms"),
        ({"related": "No such term"}, "related"),
        ({"broader": "customer"}, "broader"),
        ({"narrower": "party"}, "broader"),
    ],
)
def test_what_is_wrong_with_a_term_is_told_beside_its_field(desk, typed, field):
    answer = desk.post(f"{TERM}/edit", data=form(desk, f"{TERM}/edit") | {"domain": "Keep me"} | typed, headers=OWN)
    assert answer.status_code == 422
    assert f'id="{field}-wrong"' in answer.text
    kept = Form(answer.text).fields
    assert kept["domain"] == "Keep me"
    assert desk.house.glossary.get("customer").term.domain is None


def test_who_saves_over_an_unseen_term_is_told_and_sees_both(desk):
    sent = form(desk, f"{TERM}/edit") | {"definition": "What I typed"}
    now = desk.house.glossary.get("customer")
    desk.house.glossary.put("customer", GlossaryTerm("Customer", "What Ben says"), author="person:ben", expected=now.version)
    answer = desk.post(f"{TERM}/edit", data=sent, headers=OWN)
    assert answer.status_code == 409
    assert "What Ben says" in answer.text
    assert desk.post(f"{TERM}/edit", data={"status": "draft"} | Form(answer.text).fields, headers=OWN).status_code == 303
    assert desk.house.glossary.get("customer").term.definition == "What I typed"
    history = text_of(desk.get(TERM))
    assert re.search(r"local definition What Ben says → What I typed", history)
    assert re.search(r"ben definition Who buys .* synonyms client → none", history)


def test_a_term_is_deprecated_and_removed_by_who_has_seen_it(desk):
    version = re.search(r'name="expected" value="([^"]+)"', desk.get(TERM).text)[1]
    assert desk.post(f"{TERM}/status", data={"status": "deprecated", "expected": version}, headers=OWN).status_code == 303
    assert "not to be used any more" in desk.get(TERM).text
    late = desk.post(f"{TERM}/status", data={"status": "approved", "expected": version}, headers=OWN)
    assert late.status_code == 409
    assert "was changed meanwhile" in late.text
    assert desk.post(f"{TERM}/remove", data={"expected": version}, headers=OWN).status_code == 409
    version = re.search(r'name="expected" value="([^"]+)"', desk.get(TERM).text)[1]
    assert desk.post(f"{TERM}/remove", data={"expected": version}, headers=OWN).headers["location"] == "/ui/glossary?done=removed"
    assert desk.get(TERM).status_code == 404
    assert "customer" in desk.get("/ui/table/shop/main/customer").text


def test_a_term_is_attached_and_detached_from_its_own_page(desk):
    place = "shop/main/orders/customer_id"
    assert desk.post(f"{TERM}/attach", data={"place": place}, headers=OWN).status_code == 303
    assert "/ui/term/customer" in desk.get("/ui/table/shop/main/orders").text
    assert f'aria-label="Detach from {place}"' in desk.get(TERM).text
    assert desk.post(f"{TERM}/detach", data={"place": place}, headers=OWN).status_code == 303
    assert desk.house.notes.writing.own(Place("shop", "main", "orders", "customer_id"), "person:local").notes == []
    wrong = desk.post(f"{TERM}/attach", data={"place": f"shop/main/{quote(HOSTILE, safe='')}0"}, headers=OWN)
    assert wrong.status_code == 422
    assert "no scan has found it" in wrong.text
    assert HOSTILE not in wrong.text
    assert desk.post("/ui/term/nowhere/attach", data={"place": place}, headers=OWN).status_code == 404


def test_the_past_shows_the_old_glossary_and_offers_no_editing(desk):
    past = quote(datetime.now(UTC).isoformat())
    desk.house.glossary.put("customer", GlossaryTerm("Customer", "Only now"), author="person:ada")
    for path in (TERM, "/ui/glossary"):
        page = desk.get(f"{path}?as_of={past}")
        assert "Only now" not in page.text
        assert "/edit" not in page.text
        assert "/ui/new-term" not in page.text
        assert 'method="post"' not in page.text.replace('method="post" action="/ui/sign-out"', "")
    assert desk.get(f"{TERM}/edit?as_of={past}").status_code == 400
    assert "is not kept" in desk.get(f"/ui/suggestions?as_of={past}").text


def waiting(desk, **params):
    return desk.get("/ui/suggestions.json", params=params).json()["items"]


def test_suggestions_stand_beside_what_is_said_and_are_filtered(client):
    items = waiting(client)
    assert [(item["suggestion"]["property"], item["suggestion"]["confidence"]) for item in items] == [
        ("classification", 0.9),
        ("description", 0.8),
    ]
    assert client.get("/ui/suggestions.json").json()["authors"] == {"agent:sorter": 2}
    assert len(waiting(client, source_id="shop", author="agent:sorter", table="customer")) == 2
    assert waiting(client, author="agent:nobody") == waiting(client, table="orders") == waiting(client, origin="lineage") == []
    assert client.get("/ui/suggestions?source_id=nowhere").status_code == 404
    page = client.get("/ui/suggestions")
    assert HOSTILE not in page.text
    assert "no description" in page.text


def test_a_suggestion_is_accepted_in_other_words(desk):
    item = next(item["suggestion"] for item in waiting(desk) if item["suggestion"]["property"] == "description")
    where = f"/ui/suggestion/shop/{item['id']}"
    assert f'action="{where}"' in desk.get("/ui/suggestions").text
    sent = {"do": "accept", "value": "Where we\r\nsend receipts", "back_author": "agent:sorter"}
    answer = desk.post(where, data=sent, headers=OWN)
    assert answer.headers["location"] == "/ui/suggestions?author=agent%3Asorter&done=accepted"
    assert "Accepted." in desk.get(answer.headers["location"]).text
    known = desk.house.notes.reading.known(Place("shop", "main", "customer", "email"))
    assert known.description.value == "Where we\nsend receipts"
    assert known.description.origins[0].suggested_by == "agent:sorter"
    assert known.description.overruled == []
    assert [item["suggestion"]["property"] for item in waiting(desk)] == ["classification"]
    assert desk.post(where, data=sent, headers=OWN).status_code == 404


def test_a_suggestion_is_accepted_as_it_is_or_rejected_in_its_place(desk):
    first, second = (f"/ui/suggestion/shop/{item['suggestion']['id']}" for item in waiting(desk))
    accepted = desk.post(first, data={"do": "accept"}, headers=OWN | PART)
    assert (accepted.status_code, text_of(accepted)) == (200, "Accepted.")
    rejected = desk.post(second, data={"do": "reject", "reason": "It is wrong"}, headers=OWN | PART)
    assert (rejected.status_code, text_of(rejected)) == (200, "Rejected.")
    assert waiting(desk) == []
    notes = text_of(desk.get("/ui/notes/shop/main/customer?column=email"))
    assert "local suggested by agent:sorter" in notes
    assert "It is wrong" in notes


def test_a_text_that_is_too_long_accepts_nothing(desk):
    where = f"/ui/suggestion/shop/{waiting(desk)[1]['suggestion']['id']}"
    assert desk.post(where, data={"value": "x" * 10_001}, headers=OWN).status_code == 400
    assert len(waiting(desk)) == 2


def test_a_reader_judges_nothing(keyed, signed_in):
    item = keyed.get("/ui/suggestions.json", headers=signed_in("read")).json()["items"][0]["suggestion"]
    for path, data in (
        (f"/ui/suggestion/shop/{item['id']}", {"do": "accept"}),
        (f"{TERM}/status", {"status": "approved", "expected": "x"}),
        (f"{TERM}/remove", {"expected": "x"}),
        (f"{TERM}/attach", {"place": "shop/main/orders"}),
        (f"{TERM}/detach", {"place": "shop/main/orders"}),
    ):
        assert keyed.post(path, data=data, headers=signed_in("read")).status_code == 403


@pytest.mark.parametrize("path", ["/ui/edit/shop", "/ui/new-term", f"{TERM}/edit", f"{TERM}/attach", "/ui/suggestion/shop/x"])
def test_another_site_changes_nothing(desk, path):
    answer = desk.post(path, data={"name": "x", "description": "x"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert "Another site sent this" in answer.text
