"""Terms, their relations, and what may not be: circles."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.knowledge.conftest import World

from factbook.errors import AlreadyThere, InvalidRequest, NotFound, PreconditionFailed
from factbook.knowledge import TermFilter
from factbook.knowledge.terms import Terms
from factbook_sdk.facts.kinds.annotation import Note
from factbook_sdk.facts.kinds.glossary_term import GlossaryTerm, Relation, term_target

ANN = "person:ann"


def term(name: str, *broader: str, **more) -> GlossaryTerm:
    return GlossaryTerm(name, relations=[Relation("broader", key) for key in broader], **more)


def test_a_term_is_kept_with_who_edited_it_and_its_past(world: World) -> None:
    made = world.glossary.add("customer", term("Customer", status="draft"), author=ANN)
    changed = world.glossary.put("customer", term("Customer", status="approved"), author="person:bob", expected=made.version)
    back = world.glossary.put("customer", term("Customer", status="draft"), author=ANN, expected=changed.version)
    assert (made.author, changed.author, back.author, back.term.status) == (ANN, "person:bob", ANN, "draft")
    assert len(world.repository.history(term_target("customer"), "glossary_term", tenant=world.tenant)) == 3
    assert world.glossary.get("customer", as_of=changed.changed_at).term.status == "approved"
    world.glossary.remove("customer", author=ANN, expected=back.version)
    with pytest.raises(NotFound):
        world.glossary.get("customer")
    with pytest.raises(NotFound):
        world.glossary.remove("customer", author=ANN)
    assert world.glossary.page(as_of=changed.changed_at).items[0].key == "customer"
    world.glossary.add("customer", term("Customer"), author=ANN)


def test_what_is_there_or_was_changed_meanwhile_is_a_conflict(small: World) -> None:
    made = small.glossary.add("a", term("A"), author=ANN)
    with pytest.raises(AlreadyThere):
        small.glossary.add("a", term("Other"), author=ANN)
    small.glossary.put("a", term("A2"), author=ANN)
    for edit in (
        lambda: small.glossary.put("a", term("A3"), author=ANN, expected=made.version),
        lambda: small.glossary.remove("a", author=ANN, expected="none"),
    ):
        with pytest.raises(PreconditionFailed):
            edit()
    assert small.glossary.get("a").term.name == "A2"


def test_the_surroundings_of_a_term(world: World) -> None:
    glossary = world.glossary
    glossary.add("party", term("Party"), author=ANN)
    glossary.add("person", term("Person", "party"), author=ANN)
    glossary.add("customer", term("Customer", "person", "gone", synonyms=["Client"], owners=["Sales"], domain="sales"), author=ANN)
    glossary.put("order", GlossaryTerm("Order", relations=[Relation("related", "customer"), Relation("narrower", "return")]), author=ANN)
    glossary.put("return", term("Return"), author=ANN)
    world.say("orders", Note("term", "customer", "email"))
    found = glossary.get("customer")
    assert (found.broader, found.narrower, found.named_by, found.dangling) == (["person", "party"], [], ["order"], ["gone"])
    assert [use.place for use in found.uses] == ["shop/main/orders/email"]
    assert glossary.get("return").broader == ["order"]
    assert [(item.key, item.depth) for item in glossary.tree().items] == [
        ("order", 0),
        ("return", 1),
        ("party", 0),
        ("person", 1),
        ("customer", 2),
    ]
    assert [item.key for item in glossary.tree("person").items] == ["person", "customer"]
    assert glossary.tree(limit=2).truncated
    for wanted in (TermFilter(text="client"), TermFilter(owner="Sales"), TermFilter(domain="sales")):
        assert [item.key for item in glossary.page(wanted).items] == ["customer"]
    assert glossary.page(TermFilter(status="approved")).items == []
    first = glossary.page(limit=3)
    assert [item.key for item in (*first.items, *glossary.page(limit=3, cursor=first.next_cursor).items)] == sorted(glossary.all_terms())


def test_a_circle_of_broader_terms_is_refused_and_named(small: World) -> None:
    small.glossary.add("a", term("A", "b"), author=ANN)
    small.glossary.add("b", term("B", "c"), author=ANN)
    with pytest.raises(InvalidRequest, match="a → b → c → a"):
        small.glossary.add("c", term("C", "a"), author=ANN)
    with pytest.raises(InvalidRequest, match="circle"):
        small.glossary.put("a", GlossaryTerm("A", relations=[Relation("broader", "b"), Relation("narrower", "b")]), author=ANN)
    assert sorted(small.glossary.all_terms()) == ["a", "b"]
    small.glossary.add("c", GlossaryTerm("C", relations=[Relation("related", "a")]), author=ANN)


@pytest.mark.parametrize("key", ["", "A", "a b", "tree", "-a", "a/b", "a" * 201])
def test_a_key_fits_an_address(key: str, small: World) -> None:
    with pytest.raises(InvalidRequest):
        small.glossary.add(key, term("A"), author=ANN)


@pytest.mark.parametrize("wrong", [term(" "), term("a\x00"), term("A", "a"), term("A", "b", "b"), term("A", definition="x\x00")])
def test_a_term_that_makes_no_sense_is_refused(wrong: GlossaryTerm, small: World) -> None:
    with pytest.raises(InvalidRequest):
        small.glossary.add("a", wrong, author=ANN)
    assert small.repository.latest(term_target("a"), "glossary_term") is None


@given(st.dictionaries(st.sampled_from("abcdefg"), st.sets(st.sampled_from("abcdefg"), max_size=3)))
def test_a_circle_is_found_exactly_if_there_is_one(above: dict[str, set[str]]) -> None:
    terms = Terms({key: term(key, *sorted(found - {key})) for key, found in above.items()})
    left = {key: set(found) for key, found in terms.broader.items()}
    while tops := [key for key, found in left.items() if not found]:
        left = {key: found - set(tops) for key, found in left.items() if key not in tops}
    circle = terms.circle()
    assert bool(circle) is bool(left)
    assert all(b in terms.broader[a] for a, b in pairwise(circle))
    assert not circle or circle[0] == circle[-1]


def test_a_term_tells_what_each_edition_changed(world: World) -> None:
    made = world.glossary.add("customer", term("Customer"), author=ANN)
    world.glossary.put("customer", term("Customer", status="approved", domain="Sales"), author="person:bob")
    world.glossary.remove("customer", author=ANN)
    world.glossary.add("customer", term("Client"), author=ANN)
    found = world.glossary.history("customer")
    assert [(item.author, item.term.name if item.term else None, item.changed) for item in found.items] == [
        (ANN, "Client", []),
        (ANN, None, []),
        ("person:bob", "Customer", ["status", "domain"]),
        (ANN, "Customer", []),
    ]
    assert (found.items[2].before, found.truncated) == (made.term, False)
    shorter = world.glossary.history("customer", limit=2)
    assert (shorter.items, shorter.truncated) == (found.items[:2], True)
    assert world.glossary.history("customer", as_of=made.changed_at).items == found.items[3:]


def test_terms_are_found_by_key_name_and_synonym(world: World) -> None:
    world.glossary.add("customer", term("Customer", synonyms=["Buyer"], domain="Sales"), author=ANN)
    world.glossary.add("buyer-of-music", term("Music buyer", domain="Sales"), author=ANN)
    assert [world.glossary.find(word) for word in ("customer", "CUSTOMER", "buyer", "music buyer", "nobody")] == [
        "customer",
        "customer",
        "customer",
        "buyer-of-music",
        None,
    ]
    assert world.glossary.names(["customer", "nobody"]) == {"customer": "Customer"}
    assert world.glossary.names([]) == {}
    assert world.glossary.domains() == {"Sales": 2}
