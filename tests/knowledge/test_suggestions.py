"""Labels follow lineage as suggestions; a person judges them, and nothing is applied by itself."""

from __future__ import annotations

import pytest
from tests.knowledge.conftest import World

from factbook.errors import InvalidRequest, NotFound
from factbook.knowledge import SuggestionFilter, place_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Note

ANN = "person:ann"


def flow(world: World) -> None:
    """orders.email is copied to clean.mail, that is counted in report.mails; clean.id decides which rows report has."""
    for name, columns in (("clean", ("mail", "id")), ("report", ("mails",))):
        world.table(name, *columns)
    world.edge("orders", "clean", ("email", "mail"), confidence=0.9)
    world.edge("clean", "report", ("mail", "mails"), type="aggregated", producer="sql:report")


def found(world: World, source_id: str = "shop", **options):
    page = world.suggestions.page(source_id, **options)
    return [(item.place.removeprefix("shop/main/"), item.property, item.value, item.confidence) for item in page.items]


def test_a_classification_follows_columns_with_its_path_and_confidence(world: World) -> None:
    flow(world)
    world.say("orders", Note("classification", "personal", "email"), Note("tag", "x", "total"), Note("owner", "Sales", "email"))
    assert found(world) == [("clean/mail", "classification", "personal", 0.9), ("report/mails", "classification", "personal", 0.45)]
    item = world.suggestions.page("shop").items[1]
    assert item.path == ["shop/main/orders/email", "shop/main/clean/mail", "shop/main/report/mails"]
    assert (item.suggested_by, item.reason) == ("rule:lineage", "person:ann says so of shop/main/orders/email, 2 steps upstream")
    assert world.notes.reading.known(place_of("shop", "main", "clean", "mail")).classifications == []
    assert found(world, origin="notes") == []
    with pytest.raises(NotFound):
        world.suggestions.page("elsewhere")


def test_what_is_accepted_is_the_persons_own_note_and_what_is_rejected_is_not_made_again(world: World) -> None:
    flow(world)
    world.say("orders", Note("classification", "personal", "email"))
    first, second = world.suggestions.page("shop").items
    world.suggestions.accept("shop", first.id, ANN, reason="It is the same")
    known = world.notes.reading.known(place_of("shop", "main", "clean", "mail"))
    origin = known.classifications[0].origins[0]
    assert (origin.author, origin.reason, origin.suggested_by, origin.evidence) == (ANN, "It is the same", "rule:lineage", first.evidence)
    world.suggestions.reject("shop", second.id, ANN, reason="A count tells nothing")
    assert found(world) == []
    with pytest.raises(NotFound):
        world.suggestions.accept("shop", first.id, ANN)
    assert world.notes.reading.known(place_of("shop", "main", "report", "mails")).rejected[0].reason == "A count tells nothing"


def test_an_agents_guess_waits_until_a_person_judges_it(world: World) -> None:
    guess = Note("description", "Where to write to", "email", confidence=0.7, reason="its name")
    world.say("orders", guess, Note("tag", "sure"), author="agent:a")
    assert found(world) == [("orders/email", "description", "Where to write to", 0.7)]
    (item,) = world.suggestions.page("shop").items
    with pytest.raises(InvalidRequest):
        world.suggestions.accept("shop", item.id, "agent:a")
    world.say("orders", Note("description", "Old", "email"), author=ANN)
    world.suggestions.accept("shop", item.id, ANN)
    assert [note.value for note in world.notes.writing.own(place_of("shop", "main", "orders", "email"), ANN).notes] == ["Where to write to"]
    assert found(world) == []


def test_accepting_takes_back_a_rejection(world: World) -> None:
    world.say("orders", Note("tag", "gold", confidence=0.7), author="agent:a")
    (item,) = world.suggestions.page("shop").items
    world.suggestions.reject("shop", item.id, ANN)
    world.notes.writing.withdraw(place_of("shop", "main", "orders"), ANN)
    world.suggestions.accept("shop", item.id, ANN)
    known = world.notes.reading.known(place_of("shop", "main", "orders"))
    assert (known.rejected, [origin.author for origin in known.tags[0].origins]) == ([], [ANN, "agent:a"])


def test_labels_of_whole_tables_follow_tables_and_circles_end(world: World) -> None:
    flow(world)
    world.edge("report", "orders", ("mails", "email"), producer="sql:back")
    world.say("orders", Note("tag", "gdpr"))
    assert found(world) == [("clean", "tag", "gdpr", 0.9), ("report", "tag", "gdpr", 0.45)]
    world.say("clean", Note("classification", "secret"))
    world.say("report", Note("classification", "secret"), author="person:bob")
    assert ("report", "classification", "secret", 0.5) not in found(world)


def test_the_most_confident_path_counts_and_doubtful_ones_end(world: World) -> None:
    for name in ("a", "b", "c"):
        world.table(name, "x")
    world.edge("orders", "c", ("email", "x"), confidence=0.2)
    world.edge("orders", "a", ("email", "x"), confidence=0.9)
    world.edge("a", "c", ("x", "x"), confidence=0.9, producer="sql:a")
    world.edge("orders", "b", ("email", "x"), edge="indirect", confidence=0.3)
    world.say("orders", Note("tag", "t", "email", confidence=0.9), author="agent:a")
    assert found(world, origin="lineage") == [("a/x", "tag", "t", 0.81), ("c/x", "tag", "t", 0.729)]


def test_lineage_that_is_over_leads_nowhere(world: World) -> None:
    flow(world)
    world.say("orders", Note("tag", "t", "email"))
    world.store("lineage", MetadataTarget("shop", "main", "clean"), None, 3, "sql:load")
    assert found(world) == []


def test_pages_join_and_a_foreign_cursor_is_refused(world: World) -> None:
    flow(world)
    world.say("orders", Note("tag", "a", "email"), Note("tag", "b", "email"))
    whole = world.suggestions.page("shop").items
    assert len(whole) == 4
    joined, cursor = [], None
    while True:
        page = world.suggestions.page("shop", limit=1, cursor=cursor)
        joined += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert joined == whole
    with pytest.raises(InvalidRequest):
        world.suggestions.page("shop", cursor="00")


def test_suggestions_are_found_everywhere_by_table_and_author(world: World) -> None:
    flow(world)
    world.say("orders", Note("tag", "x", "total", confidence=0.4), author="agent:a")
    world.say("people", Note("tag", "y", confidence=0.6), author="agent:b")

    def told(**options):
        return [item.value for item in world.suggestions.find(SuggestionFilter(**options)).items]

    assert told() == ["y", "x"]
    assert told(author="agent:a") == told(source_id="shop", schema="main", table="orders") == ["x"]
    first = world.suggestions.find(SuggestionFilter(), limit=1)
    assert (first.by_source, first.by_author) == ({"shop": 2}, {"agent:a": 1, "agent:b": 1})
    assert [item.value for item in world.suggestions.find(SuggestionFilter(), limit=1, cursor=first.next_cursor).items] == ["x"]


def test_who_accepts_in_other_words_rejects_what_was_suggested(world: World) -> None:
    world.say("orders", Note("description", "Mails", "email", confidence=0.4), author="agent:a")
    [item] = world.suggestions.page("shop").items
    said = world.suggestions.accept("shop", item.id, ANN, value="Where receipts go")
    assert [(note.value, note.suggested_by) for note in said.notes] == [("Where receipts go", "agent:a")]
    assert [entry.value for entry in said.rejections] == ["Mails"]
    assert world.suggestions.page("shop").items == []
    same = Note("description", "Where people live", "name", confidence=0.4)
    world.say("people", same, author="agent:a")
    [item] = world.suggestions.page("shop").items
    assert world.suggestions.accept("shop", item.id, ANN, value=" Where people live ").rejections == []
