"""Filters, order, pages and forms on every engine, on real databases."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.serving.conftest import HOSTILE, ROWS, Served

from factbook.errors import FactbookError, InvalidParameter
from factbook.serving.formats import write

FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [1, 2, 3, 4, 5]),
    ({"id": 3}, [3]),
    ({"id__in": "1,3,9"}, [1, 3]),
    ({"id__ne": 3}, [1, 2, 4, 5]),
    ({"id__gt": 1, "id__lte": 4}, [2, 3, 4]),
    ({"name": "Bob's; DROP TABLE orders"}, [2]),
    ({"name": "Éva 💎"}, [5]),
    ({"name__is_null": "true"}, [4]),
    ({"name__is_null": "false"}, [1, 2, 3, 5]),
    ({"name__like": "Bob%"}, [2]),
    ({"name__like": "100\\%\\_!%"}, [3]),
    ({"name__like": "A_a"}, [1]),
    ({"amount": "10.5"}, [1]),
    ({"amount__gte": "20"}, [2, 5]),
    ({"amount__lt": "0.1"}, [3]),
    ({"placed": "2023-07-02"}, [2]),
    ({"placed__gt": "2023-07-02"}, [3, 4]),
    ({"at": "2023-07-31T23:59:59Z"}, [2]),
    ({"at__lt": "2023-07-01T02:00:00+02:00"}, [5]),
    ({"at__gte": "2023-08-01"}, [3]),
    ({"active": "true"}, [1, 3, 5]),
    ({"active": "false"}, [2]),
    ({"active_only": "true"}, [1, 3, 5]),
    ({"active_only": "false"}, [1, 2, 3, 4, 5]),
    ({"start_date": "2023-07-01", "end_date": "2023-07-31"}, [1, 2, 3]),
    ({"start_date": "2023-07-31"}, [3, 4]),
    ({HOSTILE: "x"}, [1, 4]),
    ({f"{HOSTILE}__in": "y,z"}, [3, 5]),
    ({"order": "-id"}, [5, 4, 3, 2, 1]),
    ({"order": "amount"}, [3, 1, 2, 5, 4]),
    ({"order": "-amount"}, [5, 2, 1, 3, 4]),
    ({"order": f"{HOSTILE},-id"}, [4, 1, 5, 3, 2]),
    ({"order": "active,placed"}, [2, 1, 3, 5, 4]),
]


@pytest.mark.parametrize(("parameters", "ids"), FILTERS, ids=str)
def test_a_filter_finds_the_same_on_every_engine(served: Served, parameters: dict[str, Any], ids: list[int]) -> None:
    assert served.ids(**parameters) == ids


@pytest.mark.parametrize("order", [None, "-id", "amount", "-amount", "-placed,name", f"-{HOSTILE},at", "active"])
@pytest.mark.parametrize("limit", [1, 2])
def test_pages_by_key_are_the_whole_in_order(served: Served, order: str | None, limit: int) -> None:
    asked: dict[str, Any] = {} if order is None else {"order": order}
    whole = served.ids(**asked)
    pages: list[int] = []
    cursor = None
    while True:
        page = served.read(fields="id", limit=limit, **asked, **({} if cursor is None else {"cursor": cursor}))
        # SQLite's flags and floats aside, a key goes on by what the last row held.
        assert page.paging == ("offset" if order == "active" else "key")
        pages += [row[0] for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == whole == sorted(whole, key=whole.index)


def test_rows_have_their_types(served: Served) -> None:
    page = served.read()
    assert [field.name for field in page.fields] == ["id", "name", "amount", "placed", "at", "active", HOSTILE]
    first = dict(zip((field.name for field in page.fields), page.rows[0], strict=True))
    assert first["active"] is True
    assert Decimal(str(first["amount"])) == Decimal("10.5")
    if served.engine != "sqlite":
        assert (first["placed"], first["at"]) == (date(2023, 7, 1), datetime(2023, 7, 1))  # noqa: DTZ001 - the column has no zone


def test_a_sensitive_column_is_as_if_it_were_not_there(served: Served) -> None:
    assert "card" not in [field.name for field in served.read().fields]
    for parameters in ({"card": "4111"}, {"card__like": "4%"}, {"fields": "card"}, {"order": "card"}, {"card__is_null": "true"}):
        with pytest.raises(InvalidParameter) as caught:
            served.read(**parameters)
        assert "card" not in caught.value.why.partition("there are")[2]


def test_every_form_says_the_same(served: Served) -> None:
    page = served.read()
    items = json.loads(write(page, "json"))["items"]
    assert [json.loads(line) for line in write(page, "ndjson").splitlines()] == items
    assert [item["id"] for item in items] == [1, 2, 3, 4, 5]
    lines = write(page, "csv").decode().splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("id,name,amount,placed,at,active,")
    assert "card" not in lines[0]


def test_parquet_holds_the_rows(served: Served, tmp_path: Any) -> None:
    import duckdb

    file = tmp_path / "rows.parquet"
    file.write_bytes(write(served.read(), "parquet"))
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT id, name, amount, active FROM read_parquet(?) ORDER BY id", [str(file)]).fetchall()
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5]
    assert (rows[1][1], Decimal(str(rows[0][2])), rows[0][3], rows[3][2]) == ("Bob's; DROP TABLE orders", Decimal("10.5"), True, None)


def snapshot(served: Served) -> list[Any]:
    return served.read(order="id").rows


names = st.one_of(
    st.sampled_from([HOSTILE, "id", "name", "card", "1=1", 'id" OR 1=1 --', "id`", "id__gte", "%s", "id; DROP TABLE orders", "*", ""]),
    st.text(max_size=20),
)
values = st.one_of(
    st.sampled_from(
        ["' OR 1=1 --", "1; DROP TABLE orders", "%s", "%(a)s", "\\'", '"', "{0}", "\x00", "1e999", "NaN", "9" * 50, "?", "\ud7ff"]
    ),
    st.text(max_size=30),
)
suffixes = st.sampled_from(["", "__gte", "__lte", "__ne", "__in", "__like", "__is_null", "__eq", "__; --"])


@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(st.tuples(names, suffixes, values), max_size=3), values, values)
def test_hostile_names_and_values_do_nothing(served: Served, filters: list[tuple[str, str, str]], order: str, cursor: str) -> None:
    """They are refused as what they are, or compared as values; the table is as it was, and no row comes that was not asked for."""
    found = served.serving.dataset("sales", "orders")
    assert found is not None
    plain = [(name + suffix, value) for name, suffix, value in filters]
    for parameters in (plain, [*plain, ("order", order)], [*plain, ("fields", order)], [*plain, ("cursor", cursor)], [("limit", order)]):
        try:
            rows = served.serving.read(found, parameters).rows
        except FactbookError as error:
            assert isinstance(error, InvalidParameter), (parameters, error)  # noqa: PT017 - any other would be a statement that failed
        else:
            assert len(rows) <= len(ROWS)
    assert len(snapshot(served)) == len(ROWS)


@settings(max_examples=20, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.text(max_size=40).filter(lambda text: "\x00" not in text))
def test_a_value_is_only_ever_a_value(served: Served, text: str) -> None:
    found = served.read(fields="name", name=text).rows
    # MariaDB compares by collation: case, accents and blanks at the end may differ.
    assert all(name == text or served.engine == "mariadb" for (name,) in found)
    assert len(found) <= 1


@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60).map(bytes.hex),
        st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists, max_leaves=6).map(
            lambda value: json.dumps(value).encode().hex()
        ),
    )
)
def test_a_cursor_that_somebody_made_is_refused(served: Served, cursor: str) -> None:
    with pytest.raises(InvalidParameter):
        served.read(cursor=cursor)


def test_a_cursor_goes_on_only_with_its_own_question(served: Served) -> None:
    cursor = served.read(limit=2, id__gt=0).next_cursor
    assert served.ids(limit=2, id__gt=0, cursor=cursor) == [3, 4]
    assert served.ids(limit=3, id__gt=0, cursor=cursor) == [3, 4, 5]
    for other in ({"id__gt": 1}, {}, {"id__gt": 0, "order": "-id"}):
        with pytest.raises(InvalidParameter):
            served.read(cursor=cursor, **other)
