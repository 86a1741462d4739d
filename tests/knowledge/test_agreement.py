"""Whoever shows what is said shows the same: the notes themselves, the lint and the exports."""

from __future__ import annotations

from tests.knowledge.conftest import World

from factbook.export.catalog import Catalog
from factbook.knowledge import place_of
from factbook.lint import Lint
from factbook_sdk.facts.kinds.annotation import Note, Rejection

EMAIL = place_of("shop", "main", "orders", "email")


def test_one_description_holds_everywhere(world: World) -> None:
    world.say("orders", Note("description", "by Zoe", "email"), author="person:zoe", hours=2)
    world.say("orders", Note("description", "by Ann", "email"), author="person:ann", hours=1)
    world.say("orders", Note("description", "surely", "email", confidence=1.0), author="agent:a", hours=3)
    (entry, _) = Catalog(world.repository, tenant=world.tenant).tables("shop")
    known = world.notes.reading.known(EMAIL).description
    assert known is not None
    assert known.value == entry.description("email") == "by Zoe"
    assert world.notes.reading.summaries([EMAIL])[EMAIL].description == "by Zoe"


def test_what_is_rejected_describes_and_counts_nowhere_but_hides_values_still(world: World) -> None:
    def documented() -> int:
        return Lint(world.repository, tenant=world.tenant).report("shop").coverage[0].columns.documented

    assert documented() == 1
    world.say(
        "orders", Note("description", "an id", "id", confidence=0.9), Note("classification", "pii", "id", confidence=0.9), author="agent:a"
    )
    assert documented() == 2
    world.say("orders", rejections=[Rejection("description", "an id", "id"), Rejection("classification", "pii", "id")])
    assert documented() == 1
    (entry, _) = Catalog(world.repository, tenant=world.tenant).tables("shop")
    assert (entry.notes, entry.description("id"), entry.sensitive.covers("id")) == ([], None, True)
    assert world.notes.reading.known(place_of("shop", "main", "orders", "id")).description is None
