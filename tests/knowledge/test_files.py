"""Notes and the glossary as YAML: the same comes back, mistakes are named by line, importing twice changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.knowledge.conftest import World

from factbook.documents import format_document, parse
from factbook.errors import InvalidRequest, NotFound
from factbook.knowledge import NoteChange, place_of
from factbook.knowledge.editing import NewNote, settled
from factbook.knowledge.note_files import format_notes, read_notes
from factbook.knowledge.places import Place
from factbook.knowledge.term_files import bring_terms, format_terms, read_terms
from factbook_sdk.facts.kinds.annotation import Annotation, Note, Rejection
from factbook_sdk.facts.kinds.glossary_term import GlossaryTerm, Relation

ANN = "person:ann"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30).filter(
    lambda text: bool(text.strip())
)
NAME = TEXT
VALUE = st.recursive(
    TEXT | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(TEXT, inner, min_size=1, max_size=3),
    max_leaves=5,
)
COLUMN = st.none() | NAME
MORE: dict[str, Any] = {"column": COLUMN, "reason": st.none() | TEXT, "suggested_by": st.none() | NAME, "evidence": st.none() | NAME}
NOTES = st.lists(
    st.builds(Note, st.sampled_from(["owner", "steward", "tag", "classification", "term", "description"]), TEXT, **MORE)
    | st.builds(Note, st.sampled_from(["certification", "deprecation"]), TEXT | st.booleans(), **MORE)
    | st.builds(Note, st.just("custom"), VALUE, name=NAME, **MORE)
    | st.builds(Note, st.just("link"), TEXT.map(lambda text: f"https://{text}"), name=st.none() | NAME, **MORE),
    max_size=6,
    unique_by=lambda note: (note.property, note.column, note.name if note.property == "custom" else None),
)
REJECTIONS = st.lists(
    st.builds(Rejection, st.just("tag"), VALUE, column=COLUMN, author=st.none() | NAME, reason=st.none() | TEXT), max_size=2
)
PLACES = st.builds(Place, st.just("shop"), st.none() | NAME, st.none() | NAME)

FULL = """\
factbook_notes: 1
source: shop
author: person:ann
about:
  description: The shop
schemas:
- schema: main
  owners:
  - Sales
tables:
- schema: main
  table: orders
  description: |-
    One row per order,
    cancelled ones included
  tags:
  - core
  deprecation: use orders_v2
  links:
  - value: https://wiki.example/orders
    name: Runbook
  custom:
  - value: 42
    name: cost centre
  columns:
  - column: email
    classifications:
    - value: personal
      reason: it names somebody
    rejected:
    - property: tag
      value: junk
"""


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        VALUE | st.none() | st.just("") | st.text(st.characters(exclude_categories=["Cs"]), max_size=9), lambda inner: st.lists(inner)
    )
)
def test_any_value_comes_back_from_a_document(value: Any) -> None:
    found = parse(format_document({"value": value}))
    assert (found.root, found.mistakes) == ({"value": value}, [])


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(PLACES, st.tuples(NOTES, REJECTIONS), max_size=4))
def test_any_notes_come_back_from_their_file(said: dict[Place, tuple[list[Note], list[Rejection]]]) -> None:
    annotations = {
        place: Annotation("person", settled(notes if place.table else [note for note in notes if note.column is None], "person"), [])
        for place, (notes, _) in said.items()
    }
    annotations = {
        place: Annotation("person", kept.notes, [item for item in said[place][1] if place.table or item.column is None])
        for place, kept in annotations.items()
    }
    text = format_notes("shop", ANN, annotations)
    found = read_notes(text, "notes.yaml", author="person:other")
    assert (found.source_id, found.author) == ("shop", ANN)
    assert {place: (kept.notes, sorted(kept.rejections, key=repr)) for place, kept in found.annotations.items()} == {
        place: (kept.notes, sorted(kept.rejections, key=repr)) for place, kept in annotations.items()
    }
    assert format_notes("shop", ANN, found.annotations) == format_notes("shop", ANN, read_notes(text, "x", author=ANN).annotations)


def test_a_file_goes_in_and_comes_out_the_same_and_once_is_enough(world: World) -> None:
    files = world.notes.files
    planned = files.bring(FULL, "notes.yaml", author="person:other", dry_run=True)
    assert (planned.author, planned.counts) == (ANN, {"add": 9, "change": 0, "remove": 0})
    assert world.repository.latest(place_of("shop").target, "annotation", tenant=world.tenant) is None
    assert files.bring(FULL, "notes.yaml", author="person:other").changes == planned.changes
    assert files.export("shop", ANN) == FULL
    end = world.repository.last_offset()
    assert files.bring(FULL, "notes.yaml", author=ANN).changes == []
    assert world.repository.last_offset() == end


def test_a_file_changes_the_places_it_names_and_others_only_when_told(world: World) -> None:
    people = place_of("shop", "main", "people")
    world.notes.writing.change(people, ANN, NoteChange(add=[NewNote("tag", "kept")]))
    world.notes.writing.change(people, "person:bob", NoteChange(add=[NewNote("tag", "bob's")]))
    world.notes.files.bring(FULL, "notes.yaml", author=ANN)
    less = FULL.replace("  deprecation: use orders_v2\n", "").replace("The shop", "A shop")
    report = world.notes.files.bring(less, "notes.yaml", author=ANN)
    assert [(change.action, change.place, change.before, change.after) for change in report.changes] == [
        ("change", "shop", "The shop", "A shop"),
        ("remove", "shop/main/orders", "use orders_v2", None),
    ]
    assert [note.value for note in world.notes.writing.own(people, ANN).notes] == ["kept"]
    pruned = world.notes.files.bring(less, "notes.yaml", author=ANN, prune=True)
    assert [(change.action, change.place) for change in pruned.changes] == [("remove", "shop/main/people")]
    assert world.notes.writing.own(people, ANN).notes == []
    assert [note.value for note in world.notes.writing.own(people, "person:bob").notes] == ["bob's"]


def test_every_mistake_is_named_by_its_line_and_nothing_is_changed(world: World) -> None:
    wrong = (
        "factbook_notes: 1\nsource: shop\nauthor: person:ann\ntables:\n- schema: main\n  table: orders\n  description: a\n"
        "  description: b\n  tag: x\n  tags: [1, '']\n  columns:\n  - column: email\n    owners: [{valeu: x}]\n  - column: email\n"
        "  - name: id\n- schema: main\n  table: orders\n"
    )
    with pytest.raises(InvalidRequest) as failure:
        world.notes.files.bring(wrong, "notes.yaml", author=ANN)
    for said in (
        "line 8, ",
        "stands here twice",
        "line 9, ",
        "'tag' is not known",
        "line 10, ",
        "line 13, ",
        "line 14, ",
        "line 15, ",
        "line 16, ",
    ):
        assert said in failure.value.why
    assert world.repository.latest(place_of("shop", "main", "orders").target, "annotation", tenant=world.tenant) is None


def test_unknown_tables_and_columns_are_named_by_their_line(world: World) -> None:
    with pytest.raises(InvalidRequest) as failure:
        world.notes.files.bring(
            FULL.replace("column: email", "column: mail").replace("schema: main\n  owners", "schema: man\n  owners")
            + "- schema: main\n  table: order\n  tags: [a]\n",
            "notes.yaml",
            author=ANN,
        )
    for said in ("line 7, shop/man: ", "line 26, shop/main/orders/mail: ", "line 33, shop/main/order: "):
        assert said in failure.value.why


@pytest.mark.parametrize(
    "text", ["", "a: [", "- 1", "factbook_notes: 2", "factbook_notes: 1", "factbook_notes: 1\nsource: shop\nauthor: ann\n"]
)
def test_what_is_no_file_of_notes_is_refused(text: str, small: World) -> None:
    with pytest.raises(InvalidRequest):
        small.notes.files.bring(text, "notes.yaml", author=ANN)


def test_who_says_nothing_is_told_who_does(world: World) -> None:
    world.notes.files.bring(FULL, "notes.yaml", author=ANN)
    with pytest.raises(NotFound, match="person:ann"):
        world.notes.files.export("shop", "person:bob")


def test_a_glossary_goes_out_and_in_the_same(small: World) -> None:
    terms = {
        "party": GlossaryTerm("Party", "Anybody\nwe deal with", "approved"),
        "customer": GlossaryTerm(
            "Customer", relations=[Relation("broader", "party")], synonyms=["client"], owners=["Sales"], domain="sales"
        ),
    }
    text = format_terms(terms)
    assert read_terms(text, "glossary.yaml") == terms
    assert [change.action for change in bring_terms(small.glossary, text, "g", author=ANN, dry_run=True).changes] == ["add", "add"]
    assert small.glossary.all_terms() == {}
    bring_terms(small.glossary, text, "g", author=ANN)
    assert format_terms(small.glossary.all_terms()) == text
    assert bring_terms(small.glossary, text, "g", author=ANN).changes == []
    small.glossary.add("other", GlossaryTerm("Other"), author=ANN)
    assert bring_terms(small.glossary, text, "g", author=ANN).changes == []
    (change,) = bring_terms(small.glossary, text.replace("Sales", "Shop"), "g", author=ANN).changes
    assert (change.action, change.key, change.fields) == ("change", "customer", ["owners"])
    assert [change.key for change in bring_terms(small.glossary, text, "g", author=ANN, prune=True).changes] == ["customer", "other"]
    assert sorted(small.glossary.all_terms()) == ["customer", "party"]


def test_a_glossary_with_mistakes_or_a_circle_changes_nothing(small: World) -> None:
    small.glossary.add("party", GlossaryTerm("Party", relations=[Relation("broader", "customer")]), author=ANN)
    circle = format_terms({"customer": GlossaryTerm("Customer", relations=[Relation("broader", "party")])})
    for dry_run in (True, False):
        with pytest.raises(InvalidRequest, match="circle"):
            bring_terms(small.glossary, circle, "g", author=ANN, dry_run=dry_run)
    wrong = (
        "factbook_glossary: 1\nterms:\n- key: a\n  name: A\n  nmae: B\n- key: A b\n  name: x\n- key: a\n  name: A\n"
        "- key: c\n  name: C\n  status: done\n"
    )
    with pytest.raises(InvalidRequest) as failure:
        bring_terms(small.glossary, wrong, "g", author=ANN)
    for said in ("line 5, ", "line 6, ", "line 8, ", "line 10, "):
        assert said in failure.value.why
    assert sorted(small.glossary.all_terms()) == ["party"]
