"""SQL in colours loses and adds no character, whatever it says."""

import re

import pytest

from factbook.web.assets import FOLDER
from factbook.web.highlighting import MAX_CHARACTERS, sql_pieces

TEXTS = [
    "",
    "SELECT 1",
    "  \n\nSELECT \"a\", 'it''s' FROM t -- end\n\n",
    "SELECT '<script>alert(1)</script>' AS \"<b>\" /* &amp; */",
    "not ;; sql \\ at $$ all $$ 'unclosed",
    "\u202eSELECT 'ü😀'",
]


@pytest.mark.parametrize("engine", [None, "postgresql", "mysql", "sqlite", "unheard of"])
@pytest.mark.parametrize("text", TEXTS)
def test_pieces_make_the_text_again(text, engine):
    assert "".join(piece for _, piece in sql_pieces(text, engine)) == text


def test_words_strings_numbers_and_comments_are_told_apart():
    found = {piece.strip(): kind for kind, piece in sql_pieces("SELECT x, 'a', 12 FROM t -- why\n", "postgresql") if kind}
    assert found == {"SELECT": "key", "'a'": "str", "12": "num", "FROM": "key", "-- why": "com"}


def test_a_very_long_text_is_one_piece():
    text = "SELECT 1;" * MAX_CHARACTERS
    assert sql_pieces(text) == [("", text)]


def test_every_class_has_a_colour_of_the_palette():
    css = (FOLDER / "factbook.css").read_text()
    for kind in ("key", "str", "num", "typ", "fun", "com"):
        assert re.search(rf"\.sql \.{kind}\b[^{{]*\{{[^}}]*color: var\(--", css), kind
