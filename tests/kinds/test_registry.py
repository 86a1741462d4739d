"""Kinds registered while the service runs: at once usable everywhere, judged one after the other, never another tenant's."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.kinds.houses import SCHEMA, proposal, reading, with_field

from factbook.errors import InvalidRecord, KindIncompatible, KindTaken, UnknownKind
from factbook.kinds import governed, registry
from factbook.repository.copying import copy_log
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, Category, Origin, builtin_kinds, record_id
from factbook_sdk.facts.kinds.kind_definition import KIND as DEFINITIONS
from factbook_sdk.repository.contract import Outcome
from factbook_sdk.repository.filters import Condition, Operator
from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.testing.records import at, state


def names(kinds, tenant=None):
    return {kind.name: kind.origin for kind in kinds.listed(tenant)}


def test_a_registered_kind_is_held_to_its_schema(house):
    with pytest.raises(UnknownKind, match="is unknown"):
        house.repository.store(reading())
    assert house.kinds.register(proposal()).outcome == "created"
    assert house.repository.store(reading()).outcome is Outcome.STORED
    assert house.repository.store(reading()).outcome is Outcome.DUPLICATE
    for wrong, field in ((reading("warm"), "payload.celsius"), (reading(1, version=2), "version"), (reading(None), "payload")):
        with pytest.raises(InvalidRecord) as caught:
            house.repository.store(wrong)
        assert caught.value.field == field
    report = house.repository.bulk_store([reading(1), reading("x"), reading(2)])
    assert [item.index for item in report.rejections] == [1]


def test_registering_the_same_again_stores_nothing(house):
    house.kinds.register(proposal())
    offset = house.repository.last_offset()
    assert house.kinds.register(proposal()).outcome == "unchanged"
    assert house.kinds.register(proposal(), only_new=True).outcome == "unchanged"
    assert house.repository.last_offset() == offset


def test_versions_are_added_if_they_are_compatible(house):
    house.kinds.register(proposal())
    added = house.kinds.add_version("weather", with_field("station"))
    assert (added.outcome, added.verdict.version) == ("version_added", 2)
    house.repository.store(reading(1, version=2, fields={"station": "north"}))
    with pytest.raises(KindIncompatible, match="Version 3 of weather is not backward compatible"):
        house.kinds.add_version("weather", SCHEMA | {"required": []} | {"properties": {}})
    assert sorted(house.kinds.get("weather").schemas) == [1, 2]
    with pytest.raises(KindTaken, match="there already"):
        house.kinds.register(proposal(schema=with_field("x")), only_new=True)


def test_built_in_kinds_are_the_same_for_everybody(house):
    with pytest.raises(KindTaken, match="built in"):
        house.kinds.register(proposal("job_run"))
    for change in (
        lambda: house.kinds.deprecate("job_run", reason="x"),
        lambda: house.kinds.describe("job_run", description="x"),
        lambda: house.kinds.add_version("job_run", SCHEMA),
        lambda: house.kinds.restore("job_run"),
    ):
        with pytest.raises(KindTaken, match="built in"):
            change()
    with pytest.raises(UnknownKind):
        house.kinds.deprecate("nothing", reason="x")


def test_a_definition_cannot_be_stored_past_the_rules(house):
    house.kinds.register(proposal())
    definition = house.repository.query(DEFINITIONS.name).records[0].record
    forged = msgspec.structs.replace(definition, payload=definition.payload | {"compatibility": "none"})
    with pytest.raises(InvalidRecord, match="not registered by storing"):
        house.repository.store(forged)


def test_what_one_process_registers_another_uses_at_once(make_house):
    here, there = make_house(), make_house()
    with pytest.raises(UnknownKind):
        there.repository.store(reading())
    here.kinds.register(proposal())
    assert there.repository.store(reading()).outcome is Outcome.STORED
    here.kinds.add_version("weather", with_field("station"))
    assert there.repository.store(reading(1, version=2, fields={"station": "x"})).outcome is Outcome.STORED


def test_what_one_process_retires_the_others_refuse_within_a_second(make_house):
    here, there = make_house(), make_house()
    here.kinds.register(proposal())
    there.repository.store(reading(1))
    here.kinds.deprecate("weather", reason="use climate", retires_at=datetime.now(UTC))
    with pytest.raises(InvalidRecord, match="retired"):
        here.repository.store(reading(2))
    deadline = time.monotonic() + governed.STALE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.1)
    with pytest.raises(InvalidRecord, match="retired"):
        there.repository.store(reading(3))


def test_kinds_outlast_a_restart(make_house):
    make_house().kinds.register(proposal(indexed=["payload.celsius"]))
    again = make_house()
    assert again.kinds.get("weather").indexed == ("payload.celsius",)
    assert again.repository.store(reading()).outcome is Outcome.STORED


def test_a_tenant_knows_its_own_kinds_alone(house):
    house.kinds.register(proposal())
    house.kinds.register(proposal(category=Category.STATE, schema={"type": "object"}), "other")
    assert house.repository.store(reading("warm", tenant="other")).outcome is Outcome.STORED
    with pytest.raises(InvalidRecord):
        house.repository.store(reading("warm"))
    with pytest.raises(UnknownKind):
        house.repository.store(reading(tenant="third"))
    assert names(house.kinds)["weather"] is Origin.REGISTERED
    assert "weather" not in names(house.kinds, "third")
    assert house.kinds.get("weather", "other").category is Category.STATE


def test_a_deprecated_version_is_taken_with_a_warning_and_a_retired_one_refused(house):
    house.kinds.register(proposal())
    house.kinds.add_version("weather", with_field("station"))
    assert house.kinds.warnings({("default", "weather", 1), ("default", "job_run", 1)}) == []
    house.kinds.deprecate("weather", version=1, reason="stations are told apart", successor="version 2")
    house.repository.store(reading(1))
    [warning] = house.kinds.warnings({("default", "weather", 1), ("default", "weather", 2)})
    assert "weather version 1 is deprecated since" in warning
    assert "stations are told apart; use version 2" in warning
    house.kinds.deprecate("weather", version=1, reason="gone", retires_at=datetime.now(UTC) - timedelta(days=1))
    with pytest.raises(InvalidRecord, match="version 1 is retired"):
        house.repository.store(reading(2))
    house.repository.store(reading(2, version=2))
    since = house.kinds.get("weather").deprecated_versions[1].since
    assert house.kinds.deprecate("weather", version=1, reason="still gone").deprecated_versions[1].since == since
    assert house.kinds.restore("weather", version=1).deprecated_versions == {}
    house.repository.store(reading(3))
    with pytest.raises(UnknownKind, match="no version 7"):
        house.kinds.deprecate("weather", version=7, reason="x")


def test_an_unknown_kind_is_taken_marked_where_the_tenant_may_and_refused_elsewhere(make_house):
    house = make_house(accepts=("free",))
    with pytest.raises(UnknownKind):
        house.repository.store(reading())
    stored = house.repository.store(reading(tenant="free"))
    [found] = house.repository.query("weather", tenant="free").records
    assert found.record.quality == {"unverified": True}
    assert found.id == stored.id == record_id(reading(tenant="free")) == record_id(found.record)
    assert house.kinds.warnings({("free", "weather", 1)}) == ["weather is unknown; its records are kept as unverified"]
    assert names(house.kinds, "free")["weather"] is house.kinds.get("weather", "free").origin is Origin.UNVERIFIED
    with pytest.raises(UnknownKind):
        house.repository.store(reading(tenant="free", kind="No Kind's Name"))


@pytest.mark.parametrize("category", list(Category))
def test_a_record_sent_again_after_its_kind_was_registered_is_a_duplicate(make_house, category):
    house = make_house(accepts=("free",))
    record = reading(tenant="free", quality={"score": 1})
    first = house.repository.store(record)
    marked = house.repository.query("weather", tenant="free").records[0].record
    assert marked.quality == {"score": 1, "unverified": True}
    house.kinds.register(proposal(category=category), "free")
    for again in (record, marked):
        answer = house.repository.store(again)
        assert (answer.outcome, answer.offset, answer.id) == (Outcome.DUPLICATE, first.offset, first.id)
    assert house.repository.store(msgspec.structs.replace(marked, produced_at=at(9), payload={"celsius": 1})).outcome is Outcome.STORED
    assert house.repository.query("weather", tenant="free").records[-1].record.quality == {"score": 1}
    assert house.repository.query("weather", tenant="free").records[0].record == marked


def test_what_was_unverified_counts_as_a_state_once_its_kind_is_one(make_house):
    house = make_house(accepts=("free",))
    house.repository.store(reading(20, tenant="free"))
    house.kinds.register(proposal(category=Category.STATE), "free")
    assert house.repository.store(reading(20, tenant="free", moment=at(5))).outcome is Outcome.UNCHANGED
    assert house.repository.store(reading(None, tenant="free", moment=at(6))).outcome is Outcome.STORED


def test_the_mark_is_ours_to_set(house):
    marked = state(1, quality={"unverified": True, "score": 1})
    stored = house.repository.store(marked)
    [found] = house.repository.query("table_observation").records
    assert found.record.quality == {"score": 1}
    assert stored.id == record_id(marked) == record_id(found.record)


def test_memory_marks_as_the_stores_do():
    kinds = governed.GovernedKinds(builtin_kinds(), accepts_unknown=lambda tenant: True)
    repository = MemoryRepository(Admission(kinds))
    stored = repository.store(reading())
    [found] = repository.query("weather").records
    assert (found.record.quality, found.id) == ({"unverified": True}, stored.id)
    assert repository.store(found.record).outcome is Outcome.DUPLICATE


def test_a_path_indexed_later_finds_what_was_stored_before_and_a_rebuild_finds_the_same(house):
    house.kinds.register(proposal())
    house.repository.bulk_store(reading(number) for number in range(20))
    where = [Condition("payload.celsius", Operator.LT, 3)]
    assert house.repository.explain("weather", where=where).index is None
    house.kinds.describe("weather", indexed=["payload.celsius"])
    before = house.repository.explain("weather", where=where), house.repository.query("weather", where=where)
    assert before[0].index == "payload.celsius"
    assert len(before[1].records) == 3
    house.repository.rebuild()
    assert (house.repository.explain("weather", where=where), house.repository.query("weather", where=where)) == before


def test_a_tenant_has_room_for_so_many_kinds(house, monkeypatch):
    monkeypatch.setattr(registry, "MAX_KINDS", 2)
    for name in ("a", "b"):
        house.kinds.register(proposal(name))
    with pytest.raises(registry.KindRefused, match="has 2 kinds"):
        house.kinds.register(proposal("c"))
    assert house.kinds.add_version("a", with_field("x")).outcome == "version_added"


def test_of_threads_that_register_one_kind_differently_the_first_wins(make_house):
    houses = [make_house() for _ in range(4)]

    def register(number):
        try:
            return houses[number].kinds.register(proposal(schema=with_field("x", const=number))).outcome
        except KindIncompatible:
            return "refused"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(register, range(4)))
    assert sorted(outcomes) == ["created", "refused", "refused", "refused"]
    assert sorted(houses[0].kinds.get("weather").schemas) == [1]


RACER = """
import sys
from tests.kinds.houses import open_house, proposal, with_field
from factbook.errors import KindIncompatible
house = open_house(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(15):
    try:
        schema = with_field("x", const=int(sys.argv[2]))
        print(house.kinds.register(proposal(f"kind-{number}", schema=schema)).outcome, flush=True)
    except KindIncompatible:
        print("refused", flush=True)
house.repository.close()
"""


def test_of_two_processes_that_register_fifteen_kinds_differently_one_wins_each(house, store_url):
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, store_url, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(2)
    ]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outcomes = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert [sorted(pair) for pair in zip(*outcomes, strict=True)] == [["created", "refused"]] * 15
    kinds = [house.kinds.get(f"kind-{number}") for number in range(15)]
    assert all(sorted(kind.schemas) == [1] for kind in kinds)
    winners = [kind.schemas[1]["properties"]["x"]["const"] for kind in kinds]
    assert [outcomes[winner][number] for number, winner in enumerate(winners)] == ["created"] * 15


def test_a_copy_knows_the_kinds_of_its_original_and_keeps_what_was_unverified(make_house, tmp_path):
    house = make_house(accepts=("default",))
    house.repository.store(reading("anything"))
    house.kinds.register(proposal(indexed=["payload.celsius"]))
    house.repository.bulk_store(reading(number) for number in range(5))
    house.kinds.deprecate("weather", reason="gone", retires_at=datetime.now(UTC))
    copying = governed.GovernedKinds(builtin_kinds(), is_copying=True)
    for url in (f"sqlite:///{tmp_path}/copy.sqlite", f"file://{tmp_path}/copy"):
        sink = open_repository(url, admission=Admission(copying))
        copying.attach(sink)
        report = copy_log(house.repository, sink, tenant="default")
        assert (report.counts["stored"], report.refused) == (8, [])
        copies = sink.tail().records
        sink.close()
        again = open_repository(url, admission=Admission(copying))
        assert again.tail().records == copies
        assert [(item.id, item.record) for item in copies] == [(item.id, item.record) for item in house.repository.tail().records]
        again.close()


def test_a_kind_of_another_tenant_is_not_taken_for_ones_own(make_house):
    """What one tenant had registered was given, schema and all, to another who had unverified records of that name."""
    house = make_house(accepts=("free",))
    house.kinds.register(proposal())
    house.repository.store(reading(tenant="free"))
    with pytest.raises(UnknownKind, match="not registered"):
        house.kinds.deprecate("weather", reason="x", tenant="free")
    with pytest.raises(UnknownKind, match="not registered"):
        house.kinds.describe("weather", description="x", tenant="free")
    assert house.kinds.get("weather", "free").origin is Origin.UNVERIFIED
