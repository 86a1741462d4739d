"""What a change asks of the version."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factbook.errors import VersionTooLow
from factbook.products.versioning import Need, needed, parse, settle
from factbook_sdk.facts.kinds.data_product import DataProduct, Owner, Port
from factbook_sdk.facts.parts import TableRef

TABLE = TableRef("shop", "orders", "main")


def product(**fields: Any) -> DataProduct:
    return DataProduct(**({"name": "orders", "domain": "sales", "status": "active"} | fields))


CASES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"schema": {"a": "integer"}}, {"schema": {}}, "major"),
    ({"schema": {"a": "bigint"}}, {"schema": {"a": "integer"}}, "major"),
    ({"schema": {"a": "varchar(20)"}}, {"schema": {"a": "varchar(10)"}}, "major"),
    ({"schema": {"a": "integer"}}, {"schema": {"a": "string"}}, "major"),
    ({"schema": {"a": {"type": "integer", "nullable": False}}}, {"schema": {"a": "integer"}}, "major"),
    ({"domain": "sales"}, {"domain": "ops"}, "major"),
    ({"outputs": [Port("o", TABLE)]}, {"outputs": []}, "major"),
    ({"outputs": [Port("o", TABLE, schema={"a": "text"})]}, {"outputs": [Port("o", TABLE)]}, "major"),
    ({"schema": {}}, {"schema": {"a": "integer"}}, "minor"),
    ({"schema": {"a": "integer"}}, {"schema": {"a": "bigint"}}, "minor"),
    ({"schema": {"a": "integer"}}, {"schema": {"a": "number"}}, "minor"),
    ({"outputs": []}, {"outputs": [Port("o", TABLE)]}, "minor"),
    ({"outputs": [Port("o", TABLE)]}, {"outputs": [Port("o", TableRef("lake", "orders"))]}, "minor"),
    ({"schema": {"a": "integer"}}, {"schema": {"a": {"type": "integer", "description": "x"}}}, "patch"),
    ({"schema": {"a": "datetime"}}, {"schema": {"a": "timestamp"}}, "patch"),
    ({"description": "a"}, {"description": "b"}, "patch"),
    ({"tags": ["a"]}, {"tags": []}, "patch"),
    ({"owners": []}, {"owners": [Owner("ada")]}, "patch"),
    ({"status": "active"}, {"status": "deprecated"}, "patch"),
]


@pytest.mark.parametrize(("before", "after", "level"), CASES)
def test_a_change_asks_for_its_part(before: dict[str, Any], after: dict[str, Any], level: str) -> None:
    need = needed(product(**before), product(**after))
    assert need.level == level
    assert need.reasons


def test_the_greatest_part_wins_and_gives_the_reasons() -> None:
    need = needed(product(schema={"a": "text"}, description="x"), product(schema={"b": "text"}))
    assert need == Need("major", ["the field a is removed"])


def test_nothing_changed_needs_nothing() -> None:
    assert needed(product(schema={"a": "text"}), product(schema={"a": "text"})).reasons == []


NEEDS = {level: Need(level, ["because"]) for level in ("major", "minor", "patch")}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("previous", "level", "version"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        (None, "minor", "1.1.0"),
        ("no version", "patch", "1.0.1"),
        ("2.0.0-rc.1", "major", "2.0.0"),
        ("2.0.0-rc.1", "patch", "2.0.0"),
        ("2.1.0-rc.1", "major", "3.0.0"),
        ("0.1.0", "major", "1.0.0"),
    ],
)
def test_without_a_version_the_next_one_is_taken(previous: str | None, level: str, version: str) -> None:
    assert settle(previous, None, NEEDS[level]) == version


@pytest.mark.parametrize(
    ("previous", "level", "wanted", "is_enough"),
    [
        ("1.2.3", "major", "2.0.0", True),
        ("1.2.3", "major", "2.0.0-beta.1", True),
        ("1.2.3", "major", "1.9.0", False),
        ("1.2.3", "minor", "1.2.4", False),
        ("1.2.3", "patch", "1.2.3", False),
        ("1.2.3", "patch", "1.2.3-rc.1", False),
        ("1.2.3", "patch", "9.0.0", True),
        ("2.0.0-rc.2", "patch", "2.0.0-rc.1", False),
        ("2.0.0-rc.2", "patch", "2.0.0-rc.11", True),
        ("1.0.0", "patch", "next", False),
        ("1.0.0", "patch", "1.0", False),
        ("1.0.0", "patch", "9" * 30 + ".0.0", False),
    ],
)
def test_a_version_that_is_named_must_be_high_enough(previous: str, level: str, wanted: str, is_enough: bool) -> None:
    if is_enough:
        assert settle(previous, wanted, NEEDS[level]) == wanted
    else:
        with pytest.raises(VersionTooLow):
            settle(previous, wanted, NEEDS[level])


numbers = st.integers(0, 10**6)


@given(st.tuples(numbers, numbers, numbers), st.sampled_from(["major", "minor", "patch"]))
def test_versions_only_grow(parts: tuple[int, int, int], level: str) -> None:
    previous = ".".join(map(str, parts))
    after = parse(settle(previous, None, NEEDS[level]))
    assert after is not None
    assert after[:3] > parts
    assert settle(previous, settle(previous, None, NEEDS[level]), NEEDS[level])


@pytest.mark.parametrize("version", ["01.0.0", "1.00.0", "1.0.0-01", "1.0.0-a..b", "1.0.0+a..b", "1.0.0-", "1.0"])
def test_a_version_that_the_specification_does_not_know_is_none(version: str) -> None:
    assert parse(version) is None


@pytest.mark.parametrize("version", ["0.0.0", "1.0.0-0", "1.0.0-alpha.0", "1.0.0-0a", "1.0.0--", "1.0.0+001", "1.0.0-rc.1+b.02"])
def test_a_version_that_it_knows_is_one(version: str) -> None:
    assert parse(version) is not None
