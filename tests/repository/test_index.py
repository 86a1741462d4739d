"""What is found by the index is what is found without it, on both engines; it is filled, emptied and rebuilt as declarations say."""

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from factbook.repository import candidates, indexing
from factbook.repository.indexing import IndexProjection, as_number, as_text
from factbook.repository.urls import open_repository
from factbook_sdk.facts import (
    Admission,
    Category,
    Kind,
    KindRegistry,
    MetadataContext,
    MetadataRecord,
    MetadataTarget,
    Origin,
    builtin_kinds,
)
from factbook_sdk.facts.codec import canonical_json, digest
from factbook_sdk.facts.kinds.kind_definition import KIND as DEFINITIONS
from factbook_sdk.facts.kinds.kind_definition import KindDefinition
from factbook_sdk.repository.contract import Within
from factbook_sdk.repository.filters import Condition, Operator
from factbook_sdk.repository.memory import MemoryRepository
from factbook_sdk.testing.records import at

PATHS = ("payload.a", "payload.b", "extras.c")
READING = Kind("reading", Category.EVENT, "Something was read off.", {1: {"type": "object"}}, indexed=PATHS)
PLAIN = Kind("plain", Category.EVENT, "The same, without an index.", {1: {"type": "object"}})
LATER = Kind("later", Category.EVENT, "Indexed from some moment on.", {1: {"type": "object"}})
ADMISSION = Admission(KindRegistry([READING, PLAIN, LATER, DEFINITIONS]))
TABLES = (indexing.paths, indexing.numbers, indexing.texts)


def fact(payload, number=0, *, kind="reading", tenant="default", source_id="lab", extras=None):
    target = MetadataTarget(source_id)
    return MetadataRecord(target, kind, payload, at(number), "lab.v1", MetadataContext(tenant=tenant), extras=extras or {})


def opened(url, *projections):
    return open_repository(url, admission=ADMISSION, projections=projections)


def contents(repository):
    with repository.reading() as connection:
        return [sorted(map(tuple, connection.execute(select(table)))) for table in TABLES]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    return f"sqlite:///{tmp_path}/store.sqlite" if request.param == "sqlite" else request.getfixturevalue("fresh_postgres_url")


@pytest.fixture
def fresh_postgres_url(postgres_url):
    from tests.repository.stores import open_empty

    repository = open_empty(postgres_url)
    with repository.database.writing() as connection:
        IndexProjection([]).drop(connection)
        connection.exec_driver_sql("DELETE FROM projections")
    repository.close()
    return postgres_url


@pytest.fixture
def pair(url):
    """Give a repository with the index and the one in memory, both empty."""
    repository = opened(url, IndexProjection([READING, PLAIN]))
    yield repository, MemoryRepository(ADMISSION)
    repository.close()


VALUES = st.one_of(
    st.sampled_from([0, 1, -1, 0.0, 1.5, 2**53, 2**53 + 1, -(2**70), 10**400, 1e308, 5e-324, True, False, None, "", [], {}, [1], {"x": 1}]),
    st.sampled_from(
        ["a", "ab", "a%", "A", "é", "z\x00", "z\x00b", "z", "￿", "\U0010ffff", "\U0010ffffa", "x" * 199 + "ab", "x" * 199 + "ac", "x" * 300]
    ),
    st.integers(-3, 3),
    st.text("ab_%", max_size=4),
)
CONDITIONS = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(PATHS),
        st.sampled_from([Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE]),
        VALUES,
    ),
    st.builds(Condition, st.sampled_from(PATHS), st.just(Operator.IN), st.lists(VALUES, max_size=4)),
    st.builds(
        Condition,
        st.sampled_from(PATHS),
        st.just(Operator.LIKE),
        st.one_of(st.text("ab_%xé", max_size=4), st.sampled_from(["x%", "\U0010ffff%", "z\x00%", "x" * 250 + "%"])),
    ),
    st.builds(Condition, st.sampled_from(PATHS), st.just(Operator.EXISTS)),
)
FACTS = st.builds(
    lambda a, b, c, number, source_id, tenant: fact(
        {name: value for name, value in (("a", a), ("b", b)) if value is not None},
        number,
        source_id=source_id,
        tenant=tenant,
        extras={"c": c},
    ),
    VALUES,
    VALUES,
    VALUES,
    st.integers(0, 4),
    st.sampled_from(["lab", "field"]),
    st.sampled_from(["default", "other"]),
)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    facts=st.lists(FACTS, min_size=1, max_size=12),
    where=st.lists(CONDITIONS, min_size=1, max_size=3),
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 5),
)
def test_with_the_index_without_it_and_in_memory_the_answers_are_the_same(facts, where, order, limit, engine_pair):
    indexed, plain, tenant = engine_pair()
    memory = MemoryRepository(ADMISSION)
    facts = [msgspec.structs.replace(item, context=MetadataContext(tenant=f"{tenant}-{item.context.tenant}")) for item in facts]
    indexed.bulk_store(facts)
    memory.bulk_store(facts)
    for targets in (None, Within("lab"), [MetadataTarget("field")]):
        options = {
            "tenant": f"{tenant}-default",
            "where": where,
            "order": order,
            "limit": limit,
            "targets": targets,
            "since": at(0),
            "until": at(4),
        }
        pages = [walk(repository, options) for repository in (indexed, plain, memory)]
        assert pages[0] == pages[1] == pages[2]


def walk(repository, options):
    """Return the content ids of every page of a query."""
    ids, cursor = [], None
    while True:
        page = repository.query("reading", cursor=cursor, **options)
        ids.append([item.id for item in page.records])
        cursor = page.next_cursor
        if cursor is None:
            return ids


@pytest.fixture(params=["sqlite", "postgres"])
def engine_pair(request, tmp_path_factory, monkeypatch):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('index')}/store.sqlite"
    else:
        url = request.getfixturevalue("fresh_postgres_url")
    indexed, plain = opened(url, IndexProjection([READING, PLAIN])), opened(url)
    numbers = itertools.count()
    yield lambda: (indexed, plain, f"t{next(numbers)}")
    indexed.close()
    plain.close()


@given(st.lists(st.one_of(st.integers(), st.floats(allow_nan=False)), min_size=2, max_size=2))
def test_indexed_numbers_keep_their_order(pair):
    low, high = sorted(pair)
    assert as_number(low) <= as_number(high)


@given(st.text(st.sampled_from("\x00a￿\U0010ffff"), max_size=250), st.text(st.sampled_from("\x00a￿\U0010ffff"), max_size=250))
def test_indexed_texts_keep_their_order_and_beginnings(one, other):
    low, high = sorted((one, other))
    assert as_text(low) <= as_text(high)
    assert as_text(one + other).startswith(as_text(one))


def test_a_condition_on_an_indexed_path_uses_it_and_others_say_why_not(pair):
    repository, _ = pair
    repository.bulk_store(fact({"a": number, "d": number}, number) for number in range(50))
    by_index = repository.explain("reading", where=[Condition("payload.d", Operator.EQ, 1), Condition("payload.a", Operator.LT, 3)])
    assert (by_index.index, by_index.reason) == ("payload.a", "payload.a leaves 4 candidates")
    for where, reason in (
        ([], "there is no condition"),
        ([Condition("payload.d", Operator.EQ, 1)], "no condition can use an index: reading has extras.c, payload.a, payload.b indexed"),
        ([Condition("payload.a", Operator.NE, 1)], "no condition can use an index"),
        ([Condition("payload.a", Operator.LIKE, "%b")], "no condition can use an index"),
    ):
        plan = repository.explain("reading", where=where)
        assert plan.index is None
        assert reason in plan.reason
        assert plan.plan
    assert repository.explain("nothing").plan == []


def test_conditions_on_one_path_are_taken_together(pair):
    repository, _ = pair
    repository.bulk_store(fact({"a": number}, number) for number in range(50))
    between = [Condition("payload.a", Operator.GE, 10), Condition("payload.a", Operator.LT, 12)]
    assert repository.explain("reading", where=between).reason == "payload.a leaves 3 candidates"
    impossible = [Condition("payload.a", Operator.EQ, 10), Condition("payload.a", Operator.EQ, "x")]
    assert repository.explain("reading", where=impossible).reason == "payload.a leaves 0 candidates"
    assert repository.query("reading", where=impossible).records == []


def test_too_many_candidates_are_not_sorted_but_read_in_order(pair, monkeypatch):
    monkeypatch.setattr(candidates, "MANY", 10)
    repository, memory = pair
    for each in pair:
        each.bulk_store(fact({"a": number % 5}, number) for number in range(50))
    dense, rare = Condition("payload.a", Operator.GE, 1), Condition("payload.a", Operator.EQ, 1)
    assert "quicker" in repository.explain("reading", where=[dense]).reason
    assert repository.explain("reading", where=[dense, rare]).index == "payload.a"
    assert repository.query("reading", where=[dense], limit=7).records == memory.query("reading", where=[dense], limit=7).records


def test_an_index_behind_the_log_is_not_trusted_until_it_has_caught_up(url):
    seeing, blind = opened(url, IndexProjection([READING])), opened(url)
    where = [Condition("payload.a", Operator.EQ, 1)]
    seeing.store(fact({"a": 1}, 1))
    blind.store(fact({"a": 1}, 2))
    assert "behind" in seeing.explain("reading", where=where).reason
    assert len(seeing.query("reading", where=where).records) == 2
    seeing.store(fact({"a": 1}, 3))
    assert seeing.explain("reading", where=where).index == "payload.a"
    assert len(seeing.query("reading", where=where).records) == 3
    seeing.close()
    blind.close()


def definition(number, indexed, *, kind=LATER, tenant="default"):
    declared = msgspec.structs.replace(kind, indexed=tuple(indexed), origin=Origin.REGISTERED)
    payload = msgspec.to_builtins(KindDefinition.of(declared))
    return MetadataRecord(
        MetadataTarget("factbook", None, kind.name), DEFINITIONS.name, payload, at(number), "kinds.v1", MetadataContext(tenant=tenant)
    )


def test_a_path_declared_later_is_filled_from_the_log_for_its_tenant_and_one_given_up_is_emptied(pair, monkeypatch):
    monkeypatch.setattr(indexing, "REPLAY_RECORDS", 3)
    repository, _ = pair
    before = [fact({"a": number}, number // 4, kind="later") for number in range(10)]
    repository.bulk_store([*before, fact({"a": 1}, kind="later", tenant="other")])
    assert contents(repository) == [[], [], []]
    repository.bulk_store([definition(20, ["payload.a"]), *(fact({"a": number}, number, kind="later") for number in range(30, 33))])
    assert sorted(row[1] for row in contents(repository)[1]) == [*range(10), *range(30, 33)]
    where = [Condition("payload.a", Operator.EQ, 1)]
    assert repository.explain("later", where=where).index == "payload.a"
    assert repository.explain("later", where=where, tenant="other").index is None
    assert len(repository.query("later", where=where).records) == 1
    repository.store(definition(40, ["payload.b"]))
    assert repository.explain("later", where=where).index is None
    assert [len(rows) for rows in contents(repository)] == [1, 0, 0]
    assert len(repository.query("later", where=where).records) == 1


STEPS = st.lists(
    st.one_of(
        st.builds(lambda indexed: ("define", indexed), st.lists(st.sampled_from(PATHS), unique=True)),
        st.builds(
            lambda a, kind: ("store", a, kind),
            VALUES.filter(lambda value: value is not None),
            st.sampled_from(["later", "reading", "plain"]),
        ),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_rebuilding_gives_identical_values(tmp_path_factory, steps):
    repository = opened(f"sqlite:///{tmp_path_factory.mktemp('index')}/store.sqlite", IndexProjection([READING, PLAIN]))
    for number, step in enumerate(steps):
        repository.store(definition(number, step[1]) if step[0] == "define" else fact({"a": step[1]}, number, kind=step[2]))
    before = contents(repository)
    repository.rebuild()
    assert contents(repository) == before
    repository.close()


def test_the_paths_of_built_in_kinds_are_those_of_this_version_of_the_index():
    """A store whose index was filled for other paths would not be filled again: change them together with ``IndexProjection.version``."""
    declared = {kind.name: kind.indexed for kind in builtin_kinds() if kind.indexed}
    assert IndexProjection.version == 3
    assert digest(canonical_json(declared)).hex() == "0f64bbcde77899b20b0b1ab36581f41d"
    assert {kind for kind, paths in declared.items() if len(paths) > indexing.MAX_PATHS} == set()
    assert not declared.keys() & {"schema_snapshot", "table_observation", "catalog_scan", "job_run"}


def test_a_selective_filter_on_two_hundred_thousand_records_uses_the_index(url):
    repository = opened(url, IndexProjection([READING, PLAIN]))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    target, context = MetadataTarget("lab"), MetadataContext()
    facts = (
        MetadataRecord(target, "reading", {"a": number, "b": f"run-{number}"}, start + timedelta(seconds=number), "lab.v1", context)
        for number in range(200_000)
    )
    repository.bulk_store(facts)
    for condition, table in (
        (Condition("payload.a", Operator.LT, 100), "index_numbers"),
        (Condition("payload.b", Operator.LIKE, "run-1234%"), "index_texts"),
        (Condition("payload.b", Operator.IN, ["run-7", "run-70000"]), "index_texts"),
    ):
        plan = repository.explain("reading", where=[condition])
        assert plan.index == condition.path
        steps = "\n".join(plan.plan)
        used = f"SEARCH {table} USING PRIMARY KEY (path_no=?" if plan.engine == "sqlite" else f"using {table}_pkey on {table}"
        assert used in steps or f"on {table}_pkey" in steps, steps
        assert "SCAN records" not in steps
        assert "Seq Scan on records" not in steps
    assert len(repository.query("reading", where=[Condition("payload.a", Operator.LT, 100)]).records) == 100
    repository.close()
