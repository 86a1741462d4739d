"""The shapes that text has: what each says yes and no to, and that DuckDB and Python say the same."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.profile.shapes import patterns_of

from factbook.profile.patterns import PATTERNS, counted, counting

YES = {
    "email": ["ann@example.com", "a.b+c@sub.example.co.uk", "o'brien@example.org", "x@xn--bcher-kva.example", "jiří@example.cz"],
    "uuid": ["123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000", "123E4567-E89B-12D3-A456-426614174000"],
    "phone": ["+4930901820", "+55 (12) 3923-5555", "0049 30 901820", "030-0074321", "(206) 555-9857", "1-800-555-0199", "0621 / 08460 12",
              "+44 20 7946 0958 x12"],
    "date": ["2024-02-29", "31.12.1999", "1.1.2020", "12/31/2020", "31/12/2020", "5 Mar 2021", "March 5, 2021", "2020/1/5"],
    "timestamp": ["2024-02-29T23:59:59Z", "2024-02-29 23:59", "2024-02-29 23:59:59.123456+02:00", "31.12.1999 08:00", "12/31/2020 8:15 PM"],
    "integer": ["0", "-17", "+4", "007", "123456789012345678901234567890"],
    "decimal": ["1.5", "-.5", "3.", "1e9", "-2.5E-3"],
    "json": ["{}", "[]", ' {"a": [1, 2.5, null]}', '[{"b": "\\u00e9"}]'],
    "url": ["https://example.com/a?b#c", "ftp://example.com", "s3://bucket/key", "postgresql://host:5432/db"],
    "ipv4": ["127.0.0.1", "255.255.255.255", "0.0.0.0"],
    "ipv6": ["::1", "::", "2001:db8::8a2e:370:7334", "fe80:0:0:0:0:0:0:1", "::ffff:192.0.2.1", "1:2:3:4:5:6:7::"],
    "iban": ["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "NO9386011117947", "FR1420041010050500013M02606"],
    "credit_card": ["4111111111111111", "5500 0000 0000 0004", "3782 822463 10005", "6011-1111-1111-1117", "378282246310005"],
    "hex": ["d41d8cd98f00b204e9800998ecf8427e", "0xff", "0X1", "DEADBEEF1"],
    "boolean": ["true", "False", "YES", "n", "nein", "Oui"],
}  # fmt: skip
NO = {
    "email": ["ann@example", "@example.com", "ann@.com", "ann @example.com", "ann@example.c", "ann@@example.com", "a..b@example.com",
              "ann@example.com\n"],
    "uuid": ["123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400", "123e4567-e89b-12d3-a456-42661417400g"],
    "phone": ["14033335568", "2024-02-29", "01.02.2020", "12345", "0000000000", "1.5", "+49", "127.0.0.1", "192.168.100.200",
    "0.123456789012x"],
    "date": ["2024-13-01", "2024-02-32", "20240229", "2024-2", "32.1.2020", "1.1.20", "2024-02-29 10:00"],
    "timestamp": ["2024-02-29", "23:59", "2024-02-29T24:01", "2024-02-29 23:60", "2024-02-29X23:59"],
    "integer": ["", "1.0", "1 000", "--1", "²", "٣", "1\n"],
    "decimal": ["1", ".", "1.5.2", "1,5", "e5", "NaN"],
    "json": ["", "1", '"a"', "{", "{'a': 1}", "null", "[1"],
    "url": ["example.com", "http://", "http:///x", "mailto:ann@example.com", "http://a b"],
    "ipv4": ["256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4"],
    "ipv6": [":", "1::2::3", "12345::", "1:2:3:4:5:6:7", "::g", "12:30:59"],
    "iban": ["DE89370400440532013001", "DE8937040044", "de89370400440532013000", "89370400440532013000"],
    "credit_card": ["4111111111111112", "411111111111", "1111111111111117", "4111 1111 1111 111", "9999999999999995"],
    "hex": ["deadbeef", "12345678", "0x", "d41d8c", "d41d8cd98f00b204e9800998ecf8427g"],
    "boolean": ["1", "0", "maybe", "tru", ""],
}  # fmt: skip


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        yield connection


def by_duckdb(connection, text):
    row = connection.execute(
        "SELECT " + ", ".join(pattern.expression.replace("{}", "v") for pattern in PATTERNS) + " FROM (SELECT ?::VARCHAR AS v)", [text]
    ).fetchone()
    return {pattern.name for pattern, said in zip(PATTERNS, row, strict=True) if said}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in YES.items() for text in texts])
def test_a_text_of_the_shape_is_recognised(connection, name, text):
    assert name in patterns_of(text)
    assert by_duckdb(connection, text) == patterns_of(text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in NO.items() for text in texts])
def test_a_text_that_is_nearly_of_the_shape_is_not(connection, name, text):
    assert name not in patterns_of(text)
    assert by_duckdb(connection, text) == patterns_of(text)


def test_every_shape_has_examples():
    assert set(YES) == set(NO) == {pattern.name for pattern in PATTERNS}


@settings(max_examples=300)
@given(
    st.one_of(
        st.text(alphabet='0123456789abcdefABCDEFxT:.-+ ()/@{}[]"eZ,\\\n\té√²', max_size=40),
        st.sampled_from([text for texts in [*YES.values(), *NO.values()] for text in texts]).flatmap(
            lambda text: st.tuples(st.integers(0, len(text)), st.sampled_from("0a. :-\n\u0660")).map(
                lambda edit: text[: edit[0]] + edit[1] + text[edit[0] :]
            )
        ),
    )
)
def test_duckdb_and_python_say_the_same_but_for_lenient_json(connection, text):
    said = by_duckdb(connection, text)
    assert said - {"json"} == patterns_of(text) - {"json"}
    assert "json" in said or "json" not in patterns_of(text)


@pytest.mark.parametrize("text", ["[1,]", '{"a": NaN}'])
def test_json_is_read_as_leniently_as_the_rule_says(connection, text):
    assert "json" in by_duckdb(connection, text)


def test_counts_weigh_values_by_their_rows_and_leave_nulls_and_empty_texts_out(connection):
    connection.execute(
        "CREATE OR REPLACE TABLE \"a t\" AS SELECT * FROM (VALUES ('x@y.de', '1'), ('x@y.de', ''), (NULL, '2.5')) AS v(\"m\", \"n\")"
    )
    columns = ['"m"', '"n"']
    answer = connection.execute(counting('"a t"', columns, rows=3)).fetchall()
    mail, number = counted(["m", "n"], answer, rows=3)
    assert (mail.checked, mail.counts, mail.is_sample) == (2, {"email": 2}, False)
    assert (number.checked, number.counts, number.shares()) == (2, {"integer": 1, "decimal": 1}, {"integer": 0.5, "decimal": 0.5})


def test_a_large_column_is_sampled_and_says_so_and_draws_the_same_again(connection):
    connection.execute(
        "CREATE OR REPLACE TABLE big AS SELECT CASE WHEN i % 4 = 0 THEN 'u' || i || '@x.de' ELSE 'none' END AS m FROM range(20000) t(i)"
    )
    statement = counting("big", ["m"], rows=20_000, checked_rows=2_000)
    first, second = (counted(["m"], connection.execute(statement).fetchall(), rows=20_000, checked_rows=2_000)[0] for _ in range(2))
    assert first == second
    assert first.is_sample
    assert first.checked == 2_000
    assert abs(first.shares()["email"] - 0.25) < 0.05
