"""What the next version of a kind may change, and how each change is explained."""

import msgspec
import pytest

from factbook.errors import KindIncompatible, KindRefused, KindTaken
from factbook.kinds.rules import Proposal, check_proposal, judge, refuse_breaking
from factbook_sdk.facts import Category, Deprecation
from factbook_sdk.facts.compatibility import Compatibility
from factbook_sdk.testing.records import at

SCHEMA = {
    "type": "object",
    "properties": {"celsius": {"type": "number"}, "place": {"$ref": "#/$defs/place"}},
    "required": ["celsius"],
    "additionalProperties": False,
    "$defs": {"place": {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False}},
}
PROPOSAL = Proposal("weather", Category.EVENT, "How warm it was.", SCHEMA)


def changed(**changes):
    return msgspec.structs.replace(PROPOSAL, **changes)


def with_fields(required=("celsius",), **fields):
    return changed(schema=SCHEMA | {"properties": SCHEMA["properties"] | fields, "required": list(required)})


def registered(proposal=PROPOSAL, current=None):
    return judge(current, proposal)[0]


def test_a_first_version_is_new_and_the_same_again_is_the_same():
    kind, verdict = judge(None, PROPOSAL)
    assert (verdict.verdict, verdict.version, list(kind.schemas)) == ("new", 1, [1])
    again, verdict = judge(kind, PROPOSAL)
    assert (verdict.verdict, again) == ("same", kind)
    assert judge(kind, changed(version=1))[1].verdict == "same"


@pytest.mark.parametrize("compatibility", list(Compatibility))
def test_compatibility_decides_which_changes_pass(compatibility):
    kind = registered(changed(compatibility=compatibility))
    more, less = with_fields(station={"type": "string"}), with_fields(required=("celsius", "place"))
    verdicts = [judge(kind, proposal)[1].verdict for proposal in (more, less)]
    expected = {
        "backward": ["compatible", "breaking"],
        "forward": ["breaking", "compatible"],
        "full": ["breaking"] * 2,
        "none": ["compatible"] * 2,
    }
    assert verdicts == expected[compatibility.value]


def test_a_breaking_change_is_explained_with_path_old_new_and_whom_it_breaks():
    kind = registered()
    _, verdict = judge(kind, with_fields(required=("celsius", "station"), station={"type": "string"}, celsius={"type": "integer"}))
    refused = {note.path: note for note in verdict.changes if note.refused}
    assert (refused["payload.celsius"].old, refused["payload.celsius"].new) == ("number", "integer")
    assert refused["payload.celsius"].breaks == "readers of the new version, by records of the old one"
    with pytest.raises(KindIncompatible) as caught:
        refuse_breaking(verdict)
    assert "payload.station: it is required now (breaks readers of the new version" in caught.value.why


def test_changes_behind_a_reference_are_found_where_they_are():
    kind = registered()
    place = {"type": "object", "properties": {"name": {"type": "string", "minLength": 1}}, "additionalProperties": False}
    _, verdict = judge(kind, changed(schema=SCHEMA | {"$defs": {"place": place}}))
    assert [(note.path, note.refused) for note in verdict.changes] == [("payload.place.name", True)]
    moved = SCHEMA | {"properties": SCHEMA["properties"] | {"place": SCHEMA["$defs"]["place"]}}
    assert judge(kind, changed(schema=moved))[1].changes == []


def test_true_is_not_one():
    kind = registered(with_fields(flag={"const": 1}))
    assert [note.path for note in judge(kind, with_fields(flag={"const": True}))[1].changes] == ["payload.flag"]


def test_versions_never_change_and_follow_one_another():
    kind = registered(with_fields(station={}), registered())
    assert sorted(kind.schemas) == [1, 2]
    assert judge(kind, changed(version=1))[1].verdict == "same"
    with pytest.raises(KindTaken, match="has a version 2 already"):
        judge(kind, changed(version=2))
    with pytest.raises(KindRefused, match="cannot get version 5"):
        judge(kind, changed(version=5))
    with pytest.raises(KindRefused, match="would begin with version 3"):
        judge(None, changed(version=3))
    with pytest.raises(KindTaken, match="is there already"):
        judge(kind, changed(category=Category.STATE))


def test_a_new_version_keeps_what_is_deprecated():
    kind = msgspec.structs.replace(registered(), deprecated_versions={1: Deprecation(at(0), "old")})
    assert registered(with_fields(station={}), kind).deprecated_versions == kind.deprecated_versions


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(({"name": name}, "name") for name in ("", "Weather", "a b", "../x", "a..b", "9a", "a_", "é", "a" * 129, "a\x00", "a\n")),
        ({"description": ""}, "description"),
        ({"description": "x\x00"}, "description"),
        ({"indexed": ["celsius"]}, "indexed"),
        ({"indexed": ["payload.x", "payload.x"]}, "indexed"),
        ({"indexed": [f"payload.x{number}" for number in range(17)]}, "indexed"),
        ({"indexed": ["payload.\x00"]}, "indexed"),
    ],
)
def test_what_no_kind_may_be_is_refused_at_its_field(changes, field):
    with pytest.raises(KindRefused) as caught:
        check_proposal(changed(**changes))
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["weather", "a", "weather.v2", "air-quality_pm10"])
def test_names_of_small_letters_are_taken(name):
    check_proposal(changed(name=name))
