"""What people and machines say is merged by precedence, with its origins; no scan overwrites it and no edit is lost."""

from __future__ import annotations

import threading

import pytest
from tests.knowledge.conftest import World, at

from factbook.errors import InvalidRequest, NotFound, PreconditionFailed
from factbook.knowledge import NoteChange, NoteFilter, NoteSet, place_of, seen_in
from factbook.knowledge.editing import NewNote, Removal
from factbook.knowledge.projection import NotesProjection
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Note, Rejection

ORDERS = place_of("shop", "main", "orders")
EMAIL = place_of("shop", "main", "orders", "email")
ANN, BOB = "person:ann", "person:bob"


def described(world: World, place=ORDERS, **options):
    return world.notes.reading.known(place, **options).description


def test_a_person_comes_before_an_agent_and_that_before_the_source(world: World) -> None:
    assert (described(world).value, described(world).origins[0].author_type) == ("All orders", "scanner")
    world.say("orders", Note("description", "by agent", confidence=0.6), author="agent:a", hours=2)
    assert (described(world).value, described(world).suggested) == ("by agent", True)
    world.say("orders", Note("description", "by a surer agent", confidence=0.7), author="agent:b", hours=1)
    assert described(world).value == "by a surer agent"
    world.say("orders", Note("description", "by rule"), author="rule:r", hours=0.5)
    assert (described(world).value, described(world).suggested) == ("by rule", False)
    world.say("orders", Note("description", "by Ann"), author=ANN, hours=0.1)
    assert [origin.value for origin in described(world).overruled] == ["by rule", "by a surer agent", "by agent", "All orders"]
    world.say("orders", Note("description", "by Bob"), author=BOB, hours=3)
    assert described(world).value == "by Bob"
    assert described(world, as_of=at(2.5)).value == "by Ann"


def test_a_scan_never_overwrites_a_person_and_what_the_source_says_is_never_hidden(world: World) -> None:
    world.say("orders", Note("description", "Ann's"), Note("description", "Ann's e-mail", "email"), hours=1)
    world.table("orders", "id", "email: the address", "total", comment="Orders, all", hours=2)
    for place, ours, then, now in (
        (ORDERS, "Ann's", "All orders", "Orders, all"),
        (EMAIL, "Ann's e-mail", "where the receipt goes", "the address"),
    ):
        found = described(world, place)
        assert (found.value, found.source_changed, found.source_then, found.source_now) == (ours, True, then, now)
        assert not described(world, place, as_of=at(1.5)).source_changed
        assert found.overruled[0].value == now


def test_a_comment_that_is_gone_or_new_has_changed_too(world: World) -> None:
    world.say("orders", Note("description", "Ann's"), hours=1)
    world.table("orders", "id", hours=2)
    assert (described(world).source_then, described(world).source_now) == ("All orders", None)
    assert described(world).source_changed
    world.table("orders", "id", comment="All orders", hours=3)
    assert not described(world).source_changed


def test_saying_more_does_not_make_what_was_said_before_newer(world: World) -> None:
    world.say("orders", Note("description", "Ann's"), hours=1)
    world.say("orders", Note("description", "Bob's"), author=BOB, hours=2)
    world.say("orders", Note("description", "Ann's"), Note("tag", "core"), hours=3)
    assert described(world).value == "Bob's"
    assert described(world).overruled[0].said_at == at(1)


def test_who_has_looked_again_says_so_with_a_reason(world: World) -> None:
    world.say("orders", Note("description", "Ann's"), hours=1)
    world.table("orders", "id", comment="Something else", hours=2)
    world.say("orders", Note("description", "Ann's"), Note("tag", "x"), hours=3)
    assert described(world).source_changed
    world.say("orders", Note("description", "Ann's", reason="Checked"), hours=4)
    assert (described(world).source_changed, described(world).origins[0].reason) == (False, "Checked")


def test_what_is_no_longer_in_the_log_is_forgotten(small: World) -> None:
    small.table("orders", "id")
    small.say("orders", Note("tag", "old"))
    small.say("orders", Note("tag", "bob's"), author=BOB)
    with small.repository.database.writing() as connection:
        connection.exec_driver_sql('DELETE FROM records WHERE "offset" = 2')
        NotesProjection().forget(connection, "default", "annotation")
    found = small.notes.search.page(NoteFilter()).items
    assert [item.value for item in found] == ["bob's"]
    small.repository.rebuild()
    assert small.notes.search.page(NoteFilter()).items == found


def test_tags_are_united_with_everybody_who_says_them(world: World) -> None:
    world.say("orders", Note("tag", "core"), Note("owner", "Sales"))
    world.say("orders", Note("tag", "core"), Note("tag", "gold"), author=BOB)
    world.say("orders", Note("tag", "guess", confidence=0.5), author="agent:a")
    known = world.notes.reading.known(ORDERS)
    assert [(tag.value, [origin.author for origin in tag.origins], tag.suggested) for tag in known.tags] == [
        ("core", [ANN, BOB], False),
        ("gold", [BOB], False),
        ("guess", ["agent:a"], True),
    ]
    assert [owner.value for owner in known.owners] == ["Sales"]
    assert set(known.versions) == {ANN, BOB, "agent:a"}


def test_what_a_person_rejects_is_left_out_of_machines_only(world: World) -> None:
    world.say("orders", Note("tag", "junk", confidence=0.9), author="agent:a")
    world.say("orders", Note("tag", "junk", confidence=0.4), author="agent:b")
    world.say("orders", rejections=[Rejection("tag", "junk", author="agent:a")])
    assert [origin.author for tag in world.notes.reading.known(ORDERS).tags for origin in tag.origins] == ["agent:b"]
    world.say("orders", rejections=[Rejection("tag", "junk", reason="It is not")], hours=2)
    known = world.notes.reading.known(ORDERS)
    assert known.tags == []
    assert (known.rejected[0].by, known.rejected[0].reason) == (ANN, "It is not")
    assert world.notes.search.page(NoteFilter(tag="junk")).items == []
    world.say("orders", Note("tag", "junk"), author=BOB, hours=2)
    assert [tag.value for tag in world.notes.reading.known(ORDERS).tags] == ["junk"]


def test_an_author_changes_their_own_notes_and_nobody_elses(world: World) -> None:
    writing = world.notes.writing
    writing.change(ORDERS, ANN, NoteChange(set=[NewNote("description", "One")], add=[NewNote("tag", "a"), NewNote("tag", "b")]))
    writing.change(EMAIL, ANN, NoteChange(add=[NewNote("classification", "personal")]))
    writing.change(ORDERS, BOB, NoteChange(add=[NewNote("tag", "a")]))
    own = writing.change(ORDERS, ANN, NoteChange(set=[NewNote("description", "Two")], remove=[Removal("tag", "a")]))
    assert [(note.property, note.value) for note in own.notes] == [("description", "Two"), ("tag", "b")]
    assert [note.value for note in writing.own(EMAIL, ANN).notes] == ["personal"]
    assert [note.value for note in writing.own(ORDERS, BOB).notes] == ["a"]
    writing.replace(ORDERS, ANN, NoteSet([NewNote("certification", True)]))
    assert [note.property for note in writing.own(ORDERS, ANN).notes] == ["certification"]
    assert writing.withdraw(ORDERS, ANN).notes == []
    assert writing.withdraw(EMAIL, ANN).version == "none"
    latest = world.repository.latest(ORDERS.target, "annotation", producer_id=ANN, tenant=world.tenant)
    assert latest is not None
    assert latest.record.payload is None


def test_the_same_again_changes_nothing(world: World) -> None:
    wanted = NoteChange(set=[NewNote("tag", "b"), NewNote("tag", "a")])
    first = world.notes.writing.change(ORDERS, ANN, wanted)
    again = world.notes.writing.change(ORDERS, ANN, NoteChange(set=[NewNote("tag", "a"), NewNote("tag", "b")]))
    assert (first.changed, again.changed, again.version) == (True, False, first.version)
    assert not world.notes.writing.withdraw(EMAIL, BOB).changed


def test_two_edits_of_one_author_at_once_are_both_kept(world: World) -> None:
    failures: list[BaseException] = []

    def add(start: int) -> None:
        try:
            for number in range(start, start + 10):
                world.notes.writing.change(ORDERS, ANN, NoteChange(add=[NewNote("tag", f"t{number}")]))
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=add, args=(start,)) for start in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {note.value for note in world.notes.writing.own(ORDERS, ANN).notes} == {f"t{number}" for number in range(40)}


def test_an_edit_of_what_was_changed_meanwhile_is_refused(world: World) -> None:
    writing = world.notes.writing
    read = writing.change(ORDERS, ANN, NoteChange(add=[NewNote("tag", "a")]), expected="none")
    writing.change(ORDERS, ANN, NoteChange(add=[NewNote("tag", "b")]), expected=read.version)
    with pytest.raises(PreconditionFailed):
        writing.change(ORDERS, ANN, NoteChange(add=[NewNote("tag", "c")]), expected=read.version)
    assert [note.value for note in writing.own(ORDERS, ANN).notes] == ["a", "b"]


@pytest.mark.parametrize(
    ("note", "author"),
    [
        (NewNote("tag", ""), ANN),
        (NewNote("tag", 3), ANN),
        (NewNote("tag", "a\x00"), ANN),
        (NewNote("description", "x" * 200_000), ANN),
        (NewNote("link", "javascript:alert(1)"), ANN),
        (NewNote("custom", 1), ANN),
        (NewNote("certification", 3), ANN),
        (NewNote("tag", "a", confidence=0.5), ANN),
        (NewNote("tag", "a"), "ann"),
        (NewNote("tag", "a"), "robot:ann"),
    ],
)
def test_what_no_reader_could_use_is_refused(note: NewNote, author: str, small: World) -> None:
    small.table("orders", "id")
    with pytest.raises(InvalidRequest):
        small.notes.writing.change(ORDERS, author, NoteChange(add=[note]))
    assert small.repository.latest(ORDERS.target, "annotation") is None


def test_two_descriptions_of_one_place_are_refused(small: World) -> None:
    small.table("orders", "id")
    with pytest.raises(InvalidRequest):
        small.notes.writing.change(ORDERS, ANN, NoteChange(set=[NewNote("description", "a"), NewNote("description", "b")]))
    small.notes.writing.change(ORDERS, ANN, NoteChange(add=[NewNote("custom", 1, "a"), NewNote("custom", 2, "b")]))


def test_nothing_is_said_of_what_is_not_there_but_taken_back_it_can_be(world: World) -> None:
    wanted = NoteChange(add=[NewNote("tag", "a")])
    for place in (
        place_of("shop", "main", "nothing"),
        place_of("shop", "main", "orders", "nothing"),
        place_of("nowhere"),
        place_of("shop", "x"),
    ):
        with pytest.raises(NotFound):
            world.notes.writing.change(place, ANN, wanted)
    world.notes.writing.change(EMAIL, ANN, wanted)
    world.table("orders", "id", hours=1)
    assert not world.notes.reading.known(EMAIL).found
    assert [item.place for item in world.notes.reading.page(ORDERS).items if not item.found] == ["shop/main/orders/email"]
    with pytest.raises(NotFound):
        world.notes.writing.change(EMAIL, ANN, NoteChange(add=[NewNote("tag", "b")]))
    assert world.notes.writing.withdraw(EMAIL, ANN).changed


def test_sources_schemas_products_and_terms_are_places_too(world: World) -> None:
    world.store("data_product", MetadataTarget("data_products", table="orders 360"), {"name": "x", "domain": "y", "status": "active"})
    for place in (place_of("shop"), place_of("shop", "main"), place_of("data_products", "-", "orders 360")):
        world.notes.writing.change(place, ANN, NoteChange(add=[NewNote("owner", "Sales")]))
        assert [owner.value for owner in world.notes.reading.known(place).owners] == ["Sales"]
        assert world.notes.reading.known(place).found
    assert [item.place for item in world.notes.reading.page(place_of("data_products")).items] == [
        "data_products",
        "data_products/-/orders 360",
    ]


def test_a_page_shows_what_anything_is_said_of_and_pages_join(world: World) -> None:
    world.say("orders", Note("tag", "x", "total"), Note("tag", "y"))
    world.say(None, Note("description", "The shop"))
    whole = world.notes.reading.page(place_of("shop")).items
    assert [item.place for item in whole] == ["shop", "shop/main/orders", "shop/main/orders/email", "shop/main/orders/total"]
    joined, cursor = [], None
    while True:
        page = world.notes.reading.page(place_of("shop"), limit=1, cursor=cursor)
        joined += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert joined == whole
    with pytest.raises(NotFound):
        world.notes.reading.page(place_of("nowhere"))
    with pytest.raises(InvalidRequest):
        world.notes.reading.page(place_of("shop"), cursor="zz")


def test_a_search_finds_by_text_value_author_and_moment(world: World) -> None:
    world.say("orders", Note("description", "Every Order, 100% of them"), Note("tag", "core"), Note("owner", "Sales"), hours=1)
    world.say("people", Note("tag", "core"), Note("term", "customer", "name"), author=BOB, hours=2)
    world.say("people", Note("tag", "core", confidence=0.5), author="agent:a", hours=2)

    def places(**wanted):
        as_of = wanted.pop("as_of", None)
        return [
            (item.place.removeprefix("shop/main/"), item.author)
            for item in world.notes.search.page(NoteFilter(**wanted), as_of=as_of).items
        ]

    assert places(text="every order") == [("orders", ANN)]
    assert places(text="0% o") == [("orders", ANN)]
    assert places(text="0_ o") == []
    assert places(tag="core") == [("orders", ANN), ("people", "agent:a"), ("people", BOB)]
    assert places(tag="core", as_of=at(1.5)) == [("orders", ANN)]
    assert places(tag="core", suggested=True) == [("people", "agent:a")]
    assert places(tag="core", suggested=False, author=BOB) == [("people", BOB)]
    assert places(term="customer") == [("people/name", BOB)]
    assert {place for place, _ in places(owner="Sales", tag="core")} == {"orders"}
    assert places(source_id="elsewhere") == []
    found, cursor = [], None
    while True:
        page = world.notes.search.page(NoteFilter(), limit=2, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == world.notes.search.page(NoteFilter()).items
    assert len(found) == 6


def test_history_shows_every_edition(world: World) -> None:
    world.say("orders", Note("tag", "a"), hours=1)
    world.say("orders", Note("tag", "b"), author=BOB, hours=2)
    world.notes.writing.withdraw(ORDERS, ANN)
    found = world.notes.reading.history(ORDERS, limit=2)
    rest = world.notes.reading.history(ORDERS, limit=2, after_offset=found.next_after_offset)
    assert [(item.author, [note.value for note in item.notes]) for item in (*found.items, *rest.items)] == [
        (ANN, ["a"]),
        (BOB, ["b"]),
        (ANN, []),
    ]
    assert rest.next_after_offset is None


def test_tenants_are_apart(world: World) -> None:
    other = World(world.repository, "other")
    world.say("orders", Note("tag", "ours"))
    other.table("orders", "id")
    assert other.notes.search.page(NoteFilter()).items == []
    assert [item.place for item in other.notes.reading.page(place_of("shop")).items] == ["shop"]


def test_the_view_is_the_same_when_it_is_rebuilt(world: World) -> None:
    world.say("orders", Note("tag", "late"), hours=5)
    world.say("orders", Note("tag", "early"), hours=1)
    world.say("orders", Note("tag", "gone"), author=BOB)
    world.notes.writing.withdraw(ORDERS, BOB)
    world.say("people", Note("description", "a\x00b"), Note("tag", "x", "c\x00"), rejections=[Rejection("tag", "y")], author=BOB)
    before = world.notes.search.page(NoteFilter()).items
    assert [item.value for item in before if item.property == "tag"] == ["late", "x"]
    world.repository.rebuild()
    assert world.notes.search.page(NoteFilter()).items == before


def test_a_table_is_told_with_some_of_its_columns_and_those_that_are_gone(world: World) -> None:
    world.say("orders", Note("description", "Orders", None), Note("tag", "x", "email"), Note("tag", "old", "fax"), author=ANN)
    world.say("orders", Note("tag", "x", "email", confidence=0.5), Note("tag", "y", "email", confidence=0.5), author="agent:a")
    world.say("orders", Note("tag", "y", "email", confidence=0.7), Note("tag", "z", confidence=0.7), author="agent:b")
    world.say("orders", rejections=[Rejection("tag", "z")], author="person:bob")
    place = place_of("shop", "main", "orders")
    found = world.notes.reading.of_table(place, columns=["email", "id"])
    assert found.own == world.notes.reading.known(place)
    assert found.columns == {"email": world.notes.reading.known(place_of("shop", "main", "orders", "email"))}
    assert found.gone == ["fax"]
    assert found.suggestions == 1  # y, whoever makes it: x is said by a person, and z rejected
    assert world.notes.reading.of_table(place, as_of=at(0.5)).own.tags == []
    many = world.notes.reading.known_many([place, place_of("shop", "main", "orders", "email"), place_of("shop", "main", "people")])
    assert list(many.values())[:2] == [found.own, found.columns["email"]]
    assert list(many.values())[2].found


def test_who_says_something_has_seen_what_everybody_says_of_that_place(small: World) -> None:
    small.table("orders", "id", "email")
    place, other = place_of("shop", "main", "orders", "email"), place_of("shop", "main", "orders", "id")
    seen = seen_in(small.notes.reading.known(place))
    small.notes.writing.change(other, ANN, NoteChange(add=[NewNote("tag", "elsewhere")]))
    small.notes.say(place, ANN, NoteChange(add=[NewNote("tag", "mine")]), seen=seen)
    seen = seen_in(small.notes.reading.known(place))
    small.notes.writing.change(place, "person:bob", NoteChange(add=[NewNote("tag", "his")]))
    with pytest.raises(PreconditionFailed):
        small.notes.say(place, ANN, NoteChange(remove=[Removal("tag")]), seen=seen)
    assert [held.value for held in small.notes.reading.known(place).tags] == ["his", "mine"]


def test_changes_are_the_editions_that_changed_this_place_newest_first(small: World) -> None:
    small.table("orders", "id", "email")
    small.say("orders", Note("tag", "a", "email"), hours=1)
    small.say("orders", Note("tag", "a", "email"), Note("tag", "t"), hours=2)
    small.say("orders", Note("tag", "b", "email"), Note("tag", "t"), hours=3)
    small.say("orders", Note("tag", "t"), hours=4)
    email, table = place_of("shop", "main", "orders", "email"), place_of("shop", "main", "orders")

    def told(place, **options):
        found, more = small.notes.reading.changes(place, **options)
        return [(edition.produced_at, [note.value for note in edition.notes]) for edition in found], more

    assert told(email) == ([(at(4), []), (at(3), ["b"]), (at(1), ["a"])], False)
    assert told(email, limit=1) == ([(at(4), [])], True)
    assert told(email, as_of=at(3)) == ([(at(3), ["b"]), (at(1), ["a"])], False)
    assert told(table) == ([(at(2), ["t"])], False)
