"""What is said of a table is shown with who says it, and people say it on the page: beside others, never over what they have not seen."""

import html
import re
import shutil
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from tests.web.conftest import HOSTILE, opened

from factbook.access import Action, Grant
from factbook.knowledge import NoteChange, Place
from factbook.knowledge.editing import NewNote
from factbook_sdk.facts import MetadataRecord, MetadataTarget

OWN = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}
PART = {"hx-request": "true"}
TABLE = "/ui/table/shop/main/customer"
EDIT = "/ui/edit/shop/main/customer"
EMAIL = f"{EDIT}?column=email"


class Form(HTMLParser):
    """The form of a page that is filled in, as a browser would send it without a change."""

    def __init__(self, text):
        super().__init__()
        self.fields, self.area, self.inside = {}, None, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self.inside = "notes" in attributes.get("class", "").split()
        name = attributes.get("name")
        if not self.inside or name is None:
            return
        if tag == "input" and attributes.get("type") == "checkbox":
            self.fields.setdefault(name, []).append(attributes["value"])
        elif tag == "input":
            self.fields[name] = attributes.get("value", "")
        elif tag == "textarea":
            self.area = name
            self.fields[name] = ""

    def handle_endtag(self, tag):
        if tag == "textarea" and self.area is not None:
            # A browser leaves out the line break that a text area begins with.
            self.fields[self.area] = self.fields[self.area].removeprefix("\n")
            self.area = None
        if tag == "form":
            self.inside = False

    def handle_data(self, data):
        if self.area is not None:
            self.fields[self.area] += data


@pytest.fixture
def desk(folder, tmp_path):
    """A copy of the store to work on, as somebody on this machine who may do everything."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with opened(tmp_path) as client:
        yield client


def form(client, path, **headers):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text[:400]
    return Form(answer.text).fields


def own(desk, column=None, author="person:local"):
    place = Place("shop", "main", "customer", column)
    return [(note.property, note.value) for note in desk.house.notes.writing.own(place, author).notes]


def text_of(answer):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def test_a_person_comes_before_a_machine_and_each_word_names_whose_it_is(client):
    page = client.get(TABLE)
    told = text_of(page)
    assert "Who buys" in told
    assert re.search(r"Who buys .* ada,", told)
    assert re.search(r"Where receipts go .* suggested agent:sorter, .* 80 % sure", told)
    assert 'class="tag sensitive suggested"' in page.text
    assert "2 suggestions wait" in told
    notes = client.get(f"{TABLE}.json").json()["head"]["notes"]
    assert notes["own"]["description"]["origins"][0]["author"] == "person:ada"
    assert notes["columns"]["email"]["classifications"][0]["suggested"] is True
    assert 'href="/ui/term/customer"' in page.text


def test_what_a_person_classifies_looks_other_than_what_a_machine_guesses(desk):
    sent = form(desk, EMAIL) | {"classification": "pii"}
    assert desk.post(EMAIL, data=sent, headers=OWN).status_code == 303
    page = desk.get(TABLE)
    assert 'class="tag sensitive"' in page.text
    assert 'class="tag sensitive suggested"' not in page.text
    assert "1 suggestion waits" in text_of(page)


def test_a_comment_that_changes_underneath_is_told_and_looked_at_again(desk):
    target = MetadataTarget("shop", "main", "customer")

    def scanned(comment, moment):
        snapshot = {"object_type": "table", "columns": [{"name": "town", "position": 1, "data_type": "TEXT", "comment": comment}]}
        desk.house.repository.store(MetadataRecord(target, "schema_snapshot", snapshot, moment, "scan.v1"))

    town = f"{EDIT}?column=town"
    scanned("for receipts", datetime.now(UTC))
    sent = form(desk, town)
    assert sent["description"] == "for receipts"
    assert desk.post(town, data=sent | {"description": "Where we write to"}, headers=OWN).status_code == 303
    scanned("for nothing any more", datetime.now(UTC) + timedelta(seconds=1))
    told = text_of(desk.get(TABLE))
    assert re.search(r"The source changed underneath\. Then it said for receipts\s?, now for nothing any more", told)
    assert "1 other voice" in told
    assert "The description still holds" in desk.get(town).text
    assert desk.post(town, data=form(desk, town) | {"do": "confirm", "reason": "Asked the team"}, headers=OWN).status_code == 303
    known = desk.house.notes.reading.known(Place("shop", "main", "customer", "town")).description
    assert (known.value, known.origins[0].reason) == ("Where we write to", "Asked the team")


def test_everything_is_edited_and_what_is_left_alone_stays(desk):
    sent = form(desk, EDIT) | {
        "description": "Whoever bought\r\nanything",
        "owner": "Sales\nDoe, Jane\n\nSales",
        "tag": "core",
        "classification": "internal",
        "term": "client",
        "certification": "YES",
        "deprecation": "use buyers",
        "link": "https://wiki.example/x The wiki",
        "custom": "cost centre = 42 = x",
        "steward": "Data team",
    }
    answer = desk.post(EDIT, data=sent, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{TABLE}?done=saved")
    assert dict(own(desk))["description"] == "Whoever bought\nanything"
    assert sorted(value for name, value in own(desk) if name == "owner") == ["Doe, Jane", "Sales"]
    assert {("term", "customer"), ("certification", True), ("deprecation", "use buyers"), ("custom", "42 = x")} <= set(own(desk))
    assert "Saved." in desk.get(answer.headers["location"]).text
    page = desk.get(TABLE)
    assert '<a href="https://wiki.example/x" rel="noreferrer">The wiki</a>' in page.text
    before = desk.house.notes.writing.own(Place("shop", "main", "customer"), "person:local").version
    assert desk.post(EDIT, data=form(desk, EDIT), headers=OWN).status_code == 303
    assert desk.house.notes.writing.own(Place("shop", "main", "customer"), "person:local").version == before
    less = form(desk, EDIT) | {"owner": "", "terms[]": [], "certification": "", "custom": "", "link": ""}
    assert desk.post(EDIT, data=less, headers=OWN).status_code == 303
    assert {name for name, _ in own(desk)} == {"description", "steward", "tag", "classification", "deprecation"}


def test_a_word_is_taken_back_and_the_next_voice_shows(desk):
    assert desk.post(EDIT, data=form(desk, EDIT) | {"description": "Mine"}, headers=OWN).status_code == 303
    assert "Mine" in desk.get(TABLE).text
    assert desk.post(EDIT, data=form(desk, EDIT) | {"do": "withdraw"}, headers=OWN).status_code == 303
    page = desk.get(TABLE)
    assert "Mine" not in page.text
    assert "Who buys" in page.text
    told = desk.get("/ui/notes/shop/main/customer")
    assert "Mine" in told.text
    assert "took it all back" in told.text


def test_an_emptied_description_is_taken_back_alone(desk):
    desk.post(EDIT, data=form(desk, EDIT) | {"description": "Mine", "tag": "core"}, headers=OWN)
    desk.post(EDIT, data=form(desk, EDIT) | {"description": " "}, headers=OWN)
    assert own(desk) == [("tag", "core")]


def test_to_save_a_form_accepts_no_suggestion(desk):
    sent = form(desk, EMAIL)
    assert sent["description"] == ""
    desk.post(EMAIL, data=sent | {"tag": "contact"}, headers=OWN)
    assert own(desk, "email") == [("tag", "contact")]


def test_who_saves_over_an_unseen_change_is_told_and_sees_both(desk):
    sent = form(desk, EDIT) | {"description": "What I typed"}
    change = NoteChange(set=[NewNote("description", f"What Ben says {HOSTILE}")])
    desk.house.notes.writing.change(Place("shop", "main", "customer"), "person:ben", change)
    answer = desk.post(EDIT, data=sent, headers=OWN)
    assert answer.status_code == 409
    told = text_of(answer)
    assert "Somebody changed this meanwhile" in told
    assert "What Ben says" in told
    assert HOSTILE not in answer.text
    again = Form(answer.text).fields
    assert again["description"] == "What I typed"
    assert own(desk) == []
    assert desk.post(EDIT, data=again, headers=OWN).status_code == 303
    assert own(desk) == [("description", "What I typed")]
    assert "1 other voice" in text_of(desk.get(TABLE)) or "2 other voices" in text_of(desk.get(TABLE))


def test_a_change_of_another_column_is_no_conflict(desk):
    sent = form(desk, EMAIL) | {"description": "What I typed"}
    change = NoteChange(set=[NewNote("description", "Elsewhere")])
    desk.house.notes.writing.change(Place("shop", "main", "customer", "town"), "person:local", change)
    assert desk.post(EMAIL, data=sent, headers=OWN).status_code == 303


@pytest.mark.parametrize(
    ("typed", "beside"),
    [
        ({"description": "x" * 10_001}, "10,001 characters are too many"),
        ({"reason": "x" * 1_001}, "1,001 characters are too many"),
        ({"tag": "x" * 501}, "501 characters are too many"),
        ({"owner": "\n".join(map(str, range(101)))}, "101 lines are too many"),
        ({"link": "javascript:alert(1) Click"}, "a link begins with"),
        ({"custom": "no equals sign"}, "is no NAME = VALUE"),
        ({"term": f"nowhere {HOSTILE}"}, "The glossary has no term"),
        ({"description": "with \x00"}, "it holds a NUL"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field_and_what_was_typed_is_kept(desk, typed, beside):
    answer = desk.post(EDIT, data=form(desk, EDIT) | {"steward": "Keep me"} | typed, headers=OWN)
    assert answer.status_code == 422
    ((name, text),) = typed.items()
    assert f'id="{name}-wrong-' in answer.text
    assert beside in text_of(answer)
    kept = Form(answer.text).fields
    assert kept["steward"] == "Keep me"
    assert kept[name] == text
    assert own(desk) == []
    assert HOSTILE not in answer.text


def test_a_script_gets_the_part_and_puts_it_in_its_place(desk):
    part = desk.get(EMAIL, headers=PART)
    assert "<html" not in part.text
    assert part.text.lstrip().startswith("<form")
    saved = desk.post(EMAIL, data=Form(part.text).fields | {"description": "In place"}, headers=OWN | PART)
    assert saved.status_code == 200
    assert saved.text.lstrip().startswith('<div class="said">')
    assert "In place" in saved.text
    assert "<html" not in desk.post(EMAIL, data={"description": "x"}, headers=OWN | PART).text


def test_sources_and_schemas_are_described_on_their_pages(desk):
    for path, at in (("/ui/edit/shop", "/ui/source/shop"), ("/ui/edit/shop/main", "/ui/source/shop/main")):
        assert f'href="{path}"' in desk.get(at).text
        answer = desk.post(path, data=form(desk, path) | {"description": f"About {at} {HOSTILE}"}, headers=OWN)
        assert answer.headers["location"] == f"{at}?done=saved"
        page = desk.get(at)
        assert f"About {at}" in page.text
        assert HOSTILE not in page.text


def test_the_past_shows_its_own_words_and_offers_no_editing(desk):
    before = datetime.now(UTC)
    desk.post(EDIT, data=form(desk, EDIT) | {"description": "Only now"}, headers=OWN)
    past = quote(before.isoformat())
    page = desk.get(f"{TABLE}?as_of={past}")
    assert "Who buys" in page.text
    assert "Only now" not in page.text
    assert "/ui/edit/" not in page.text
    assert "/ui/suggestions" not in page.text
    notes = desk.get(f"/ui/notes/shop/main/customer?as_of={past}")
    assert "Only now" not in notes.text
    assert "/ui/edit/" not in notes.text
    refused = desk.get(f"{EDIT}?as_of={past}")
    assert refused.status_code == 400
    assert "The past is not edited" in refused.text


def test_who_may_only_read_is_offered_no_editing_and_refused(keyed, signed_in):
    headers = signed_in("read")
    for path in (TABLE, "/ui/source/shop", "/ui/notes/shop/main/customer", "/ui/glossary", "/ui/term/customer", "/ui/suggestions"):
        page = keyed.get(path, headers=headers)
        assert page.status_code == 200
        assert "/ui/edit/" not in page.text
        assert re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', page.text) == ["/ui/sign-out"]
    for path in (EDIT, "/ui/new-term", "/ui/term/customer/edit"):
        assert keyed.get(path, headers=headers).status_code == 403
        assert keyed.post(path, data={"name": "x"}, headers=headers).status_code == 403


def test_who_may_not_read_the_glossary_sees_keys_without_links(keyed, signed_in):
    kinds = ("annotation", "catalog_scan", "statistics_snapshot", "table_observation", "data_contract", "data_product", "lineage")
    headers = signed_in("read", "default", (*kinds, "lineage_run", "name_binding", "schema_snapshot"))
    page = keyed.get(TABLE, headers=headers)
    assert page.status_code == 200
    assert "term</b> customer" in page.text
    assert "/ui/term/" not in page.text


def test_who_signed_in_is_the_author(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with opened(tmp_path, api_key="a-key-of-some-length") as client:
        grants = [Grant(Action.READ, "default"), Grant(Action.WRITE, "default", "*", ("annotation",))]
        token = client.house.tokens.create("carla", grants, created_by="test").value
        headers = {"authorization": f"Bearer {token}", "host": "factbook.example"}
        sent = Form(client.get(EDIT, headers=headers).text).fields
        assert client.post(EDIT, data=sent | {"tag": "hers"}, headers=headers).status_code == 303
        assert own(client, author="person:carla") == [("tag", "hers")]


def test_hostile_places_and_values_are_text(desk):
    name = quote(HOSTILE.replace("/", "~1"))
    path = f"/ui/edit/shop/main/{name}?column={quote(HOSTILE)}"
    answer = desk.post(path, data=form(desk, path) | {"description": HOSTILE, "tag": HOSTILE, "custom": f"a = {HOSTILE}"}, headers=OWN)
    assert answer.status_code == 303
    for at in (answer.headers["location"], path, f"/ui/table/shop/main/{name}"):
        page = desk.get(at)
        assert page.status_code == 200
        assert HOSTILE in html.unescape(page.text)
        assert HOSTILE not in page.text


def test_a_link_that_would_run_is_no_link(desk):
    note = {"author_type": "agent", "notes": [{"property": "link", "value": "javascript:alert(1)"}]}
    desk.house.repository.store(
        MetadataRecord(MetadataTarget("shop", "main", "customer"), "annotation", note, datetime.now(UTC), "agent:x")
    )
    page = desk.get(TABLE)
    assert "javascript:alert(1)" in page.text
    assert 'href="javascript:' not in page.text


def test_a_column_that_is_gone_keeps_its_words_and_gives_them_back(desk):
    note = {"author_type": "person", "notes": [{"property": "tag", "value": "old", "column": "city"}]}
    target = MetadataTarget("shop", "main", "customer")
    desk.house.repository.store(MetadataRecord(target, "annotation", note, datetime.now(UTC), "person:local"))
    assert "/ui/notes/shop/main/customer?column=city" in desk.get(TABLE).text
    path = f"{EDIT}?column=city"
    assert "It is not there any more" in desk.get("/ui/notes/shop/main/customer?column=city").text
    assert desk.post(path, data=form(desk, path) | {"do": "withdraw"}, headers=OWN).status_code == 303
    assert own(desk, "city") == []


def test_nothing_is_edited_that_nobody_knows(desk):
    assert desk.get("/ui/edit/shop/main/nowhere").status_code == 404
    assert desk.post("/ui/edit/shop/main/nowhere", data={"description": "x"}, headers=OWN).status_code == 404
    assert desk.get("/ui/notes/nowhere").status_code == 404
    assert desk.post(EDIT, data={"surprise": "x"}, headers=OWN).status_code == 400
