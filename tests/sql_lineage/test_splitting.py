"""Where statements end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factbook.lineage.sql.splitting import SqlStatement, split


def texts(text: str, dialect: str = "postgres") -> list[str]:
    return [item.text for item in split(text, dialect)]


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        ("postgres", "SELECT 'a;b'; SELECT 1", ["SELECT 'a;b'", "SELECT 1"]),
        ("postgres", "SELECT 'it''s;'; SELECT 1", ["SELECT 'it''s;'", "SELECT 1"]),
        ("postgres", r"SELECT E'it\';s'; SELECT 1", [r"SELECT E'it\';s'", "SELECT 1"]),
        ("postgres", r"SELECT 'back\'; SELECT 1", [r"SELECT 'back\'", "SELECT 1"]),
        ("mysql", r"SELECT 'it\';s'; SELECT 1", [r"SELECT 'it\';s'", "SELECT 1"]),
        ("postgres", "DO $$ a; b $$; SELECT $q$ ; $q$", ["DO $$ a; b $$", "SELECT $q$ ; $q$"]),
        ("postgres", 'SELECT ";" -- ; no\n; SELECT /* ; */ 1', ['SELECT ";" -- ; no', "SELECT /* ; */ 1"]),
        ("mysql", "SELECT 1 # ; no\n; SELECT 2", ["SELECT 1 # ; no", "SELECT 2"]),
        ("postgres", "COPY t FROM stdin;\n1;2\n\\.\nSELECT 1", ["COPY t FROM stdin", "SELECT 1"]),
        ("mysql", "DELIMITER $$\nCREATE PROCEDURE p() BEGIN a; b; END $$\nDELIMITER ;\nSELECT 1;", [
            "CREATE PROCEDURE p() BEGIN a; b; END", "SELECT 1"
        ]),
        ("postgres", ";;  ; \n", []),
        ("postgres", "SELECT 'never ended; SELECT 1", ["SELECT 'never ended; SELECT 1"]),
    ],
)  # fmt: skip
def test_semicolons_count_where_the_dialect_says(dialect: str, text: str, expected: list[str]) -> None:
    assert texts(text, dialect) == expected


def test_each_statement_knows_its_line() -> None:
    assert list(split("\n\nSELECT 1;\nSELECT\n2; SELECT 3", "sqlite")) == [
        SqlStatement("SELECT 1", 3),
        SqlStatement("SELECT\n2", 4),
        SqlStatement("SELECT 3", 5),
    ]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=6))
def test_what_is_quoted_never_ends_a_statement(values: list[str]) -> None:
    statements = ["SELECT '" + value.replace("'", "''") + "' AS c" for value in values]
    assert texts(";\n".join(statements), "sqlite") == statements


@given(st.text(max_size=200))
def test_any_text_is_cut_and_nothing_is_made_up(text: str) -> None:
    for dialect in ("postgres", "mysql"):
        assert all(item.text in text and item.line >= 1 for item in split(text, dialect))
