"""A scan learns what is there, keeps what it could not read, and removes only what is gone for certain."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from connectors import Script, names, table

from factbook.errors import Cancelled, InternalError, RemovalsHeld, SourceUnavailable
from factbook.scan import ScanRequest, scan
from factbook.scan.removal import exceeds_share, removals
from factbook.sources.contract import CatalogEnd, ScanScope, SchemaReading, TableName
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import Within
from factbook_sdk.repository.memory import MemoryRepository

A, B, C, D, E = names("s.a", "s.b", "s.c", "s.d", "s.e")
FIVE = {name: table("id") for name in (A, B, C, D, E)}


def run(repository, connector, **options):
    return scan(connector, repository, ScanRequest("src", **options))


def live(repository):
    found = repository.latest_many(Within("src"), "schema_snapshot")
    return sorted(target.table for target, item in found.items() if item.record.payload is not None)


def facts(repository):
    return [(item.record.kind, str(item.record.target), item.record.payload) for item in repository.tail(limit=1000).records]


@pytest.fixture
def repository():
    return MemoryRepository()


def test_a_first_scan_learns_everything_and_a_second_changes_nothing(repository):
    first = run(repository, Script(FIVE))
    assert (first.counts.added, first.counts.unchanged, live(repository)) == (5, 0, ["a", "b", "c", "d", "e"])
    before = facts(repository)
    second = run(repository, Script(FIVE))
    assert second.is_unchanged
    assert second.counts.unchanged == 5
    added = facts(repository)[len(before) :]
    assert [kind for kind, _, _ in added] == ["catalog_scan"]


def test_a_changed_table_is_the_only_one_stored(repository):
    run(repository, Script(FIVE))
    result = run(repository, Script(FIVE | {B: table("id", "name")}))
    assert (result.changed, result.counts.unchanged) == (["s.b"], 4)
    history = repository.history(MetadataTarget("src", "s", "b"), "schema_snapshot")
    assert [len(item.record.payload["columns"]) for item in history] == [1, 2]


def test_rows_that_come_and_go_do_not_change_a_table(repository):
    run(repository, Script(FIVE, rows={A: 10}))
    result = run(repository, Script(FIVE, rows={A: 99}))
    assert result.is_unchanged
    seen = repository.history(MetadataTarget("src", "s", "a"), "table_observation")
    assert [item.record.payload["row_estimate"] for item in seen] == [10, 99]


def test_a_table_that_is_gone_is_closed_and_can_come_back(repository):
    run(repository, Script(FIVE))
    rest = {name: snapshot for name, snapshot in FIVE.items() if name != C}
    result = run(repository, Script(rest))
    assert (result.removed, live(repository)) == (["s.c"], ["a", "b", "d", "e"])
    assert run(repository, Script(rest)).is_unchanged
    assert run(repository, Script(FIVE)).added == ["s.c"]


def test_a_reading_that_breaks_off_removes_nothing_and_says_that_it_was_incomplete(repository):
    run(repository, Script(FIVE))
    with pytest.raises(SourceUnavailable):
        run(repository, Script(FIVE | {A: table("id", "x")}, fail_after=2))
    assert live(repository) == ["a", "b", "c", "d", "e"]
    last = repository.query("catalog_scan", order="desc", limit=1).records[0].record.payload
    assert last["schemas"]["s"] == {"complete": False, "reason": "script://here does not answer: the connection broke off"}
    result = run(repository, Script(FIVE | {A: table("id", "x")}))
    assert result.counts.changed + result.counts.unchanged == 5


def test_a_reading_without_its_end_removes_nothing(repository):
    run(repository, Script(FIVE))
    with pytest.raises(InternalError, match="without saying that it was done"):
        run(repository, Script({A: FIVE[A]}, end=False))
    assert len(live(repository)) == 5


def test_an_incomplete_schema_keeps_what_was_not_seen(repository):
    run(repository, Script(FIVE))
    result = run(repository, Script({A: FIVE[A]}, schemas={"s": SchemaReading(False, "no privilege")}))
    assert (result.counts.removed, len(live(repository))) == (0, 5)


def test_a_schema_that_vanished_is_removed_only_if_the_list_of_schemas_is_complete(repository):
    run(repository, Script(FIVE | {TableName("old", "x"): table("id")}))
    without = dict(FIVE)
    kept = run(repository, Script(without, schemas_complete=False))
    assert kept.counts.removed == 0
    gone = run(repository, Script(without))
    assert gone.removed == ["old.x"]


def test_a_scope_leaves_everything_outside_it_alone(repository):
    run(repository, Script(FIVE))
    result = run(repository, Script({A: FIVE[A]}), scope=ScanScope(include=["s.a", "s.b"]), accept_removals=True)
    assert result.removed == ["s.b"]
    assert live(repository) == ["a", "c", "d", "e"]


def test_a_failed_table_keeps_its_last_state_and_the_rest_goes_on(repository):
    run(repository, Script(FIVE))
    result = run(repository, Script(FIVE | {B: table("id", "new")}, failing={A}))
    assert [(note.table, note.reason) for note in result.failures] == [("a", "permission denied")]
    assert (result.changed, result.counts.removed, len(live(repository))) == (["s.b"], 0, 5)


def test_the_revision_of_the_last_scan_is_handed_on_only_if_that_scan_read_everything_this_one_will(repository):
    def handed(connector, **options):
        run(repository, connector, **options)
        return connector.known.revision

    assert handed(Script(FIVE, revision="r1")) is None
    assert handed(Script(FIVE, revision="r2")) == "r1"
    assert handed(Script(FIVE, revision="r3"), scope=ScanScope(exclude=["s.a"])) is None
    assert handed(Script(FIVE, revision="r3")) is None
    assert handed(Script(FIVE, revision="r3", failing={A})) == "r3"
    assert handed(Script(FIVE, revision="r3")) is None
    with pytest.raises(SourceUnavailable):
        run(repository, Script(FIVE, revision="r3", fail_after=2))
    assert handed(Script(FIVE, revision="r3")) is None
    assert handed(Script(FIVE)) == "r3"
    assert handed(Script(FIVE)) is None


def test_too_many_removals_are_held_until_somebody_agrees(repository):
    run(repository, Script(FIVE))
    fewer = {A: FIVE[A], B: table("id", "more"), C: FIVE[C]}
    with pytest.raises(RemovalsHeld, match="2 of 5 known objects of src are gone"):
        run(repository, Script(fewer))
    assert len(live(repository)) == 5
    assert repository.query("catalog_scan", order="desc", limit=1).records[0].record.payload["removals_held"] == 2
    assert len(repository.history(MetadataTarget("src", "s", "b"), "schema_snapshot")) == 2
    result = run(repository, Script(fewer), accept_removals=True)
    assert result.removed == ["s.d", "s.e"]


def test_an_emptied_source_never_removes_everything_unasked(repository):
    run(repository, Script(FIVE))
    with pytest.raises(RemovalsHeld):
        run(repository, Script({}, schemas={"s": SchemaReading(True)}))
    assert len(live(repository)) == 5


def test_a_table_shown_twice_is_stored_once_and_reported(repository):
    result = run(repository, Script(FIVE, twice={A}))
    assert (result.counts.added, result.counts.failed) == (5, 1)
    assert "twice" in result.failures[0].reason
    assert len(repository.history(MetadataTarget("src", "s", "a"), "schema_snapshot")) == 1


@pytest.mark.parametrize("name", ['a"b', "a.b", "<script>", "ä 漢", " ", "'; drop table x; --", "%", "x" * 512])
def test_odd_names_are_kept_as_they_are(repository, name):
    odd = {TableName(name, name): table(name)}
    assert run(repository, Script(odd)).counts.added == 1
    assert run(repository, Script(odd)).is_unchanged


def test_a_name_that_no_record_can_carry_fails_its_table_alone(repository):
    result = run(repository, Script(FIVE | {TableName("s", "y" * 600): table("id")}))
    assert (result.counts.added, result.counts.failed) == (5, 1)
    assert "600 characters" in result.failures[0].reason


def test_cancelling_keeps_what_was_stored_and_the_next_scan_completes_it(repository):
    many = {TableName("s", f"t{number:04}"): table("id") for number in range(1200)}
    checks = iter([None, Cancelled("stop")])

    def check():
        answer = next(checks)
        if answer is not None:
            raise answer

    with pytest.raises(Cancelled):
        scan(Script(many), repository, ScanRequest("src"), check_cancelled=check)
    stored = len(live(repository))
    assert 0 < stored < 1200
    result = run(repository, Script(many))
    assert result.counts.added + result.counts.unchanged == 1200
    assert len(live(repository)) == 1200
    assert repository.bulk_store([]).results == []


def test_dying_between_structure_and_observation_loses_and_doubles_nothing(repository):
    """The order of writes is what makes this harmless: the observation with its fingerprint comes last."""

    class Dying(MemoryRepository):
        def bulk_store(self, records, *, atomic=False):
            records = list(records)
            if records and records[0].kind == "table_observation":
                raise ConnectionResetError("killed here")
            return super().bulk_store(records, atomic=atomic)

    dying = Dying()
    with pytest.raises(ConnectionResetError):
        run(dying, Script(FIVE))
    for item in dying.tail(limit=1000).records:
        repository.store(item.record)
    result = run(repository, Script(FIVE))
    assert result.counts.tables == 5
    for name in FIVE:
        assert len(repository.history(MetadataTarget("src", name.schema, name.table), "schema_snapshot")) == 1
    assert run(repository, Script(FIVE)).is_unchanged


def test_removals_are_decided_by_completeness_and_scope_alone():
    known = names("s.a", "s.b", "t.a", "u.a")
    end = CatalogEnd("e", "1", {"s": SchemaReading(True), "t": SchemaReading(False)}, schemas_complete=True)
    assert removals(known, names("s.a"), ScanScope(), end) == names("s.b", "u.a")
    assert removals(known, [], ScanScope(exclude=["s"]), end) == names("u.a")


@pytest.mark.parametrize(
    ("gone", "known", "share", "asks"),
    [(0, 0, 0.2, False), (1, 5, 0.2, False), (2, 5, 0.2, True), (1, 1, 0.2, True), (5, 5, 1.0, False), (1, 100, 0, True)],
)
def test_the_share_of_removals_that_needs_consent(gone, known, share, asks):
    assert exceeds_share(gone, known, share) is asks
