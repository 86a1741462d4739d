"""SQL in colours: a statement as pieces, each with the class that the style sheet gives a colour to. Nothing here writes HTML."""

from __future__ import annotations

from functools import cache

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Token

MAX_CHARACTERS = 50_000
"""Longer texts are shown in one piece: they are read with the eyes of a program."""

_LEXERS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_CLASSES = (
    (Token.Comment, "com"),
    (Token.Literal.String.Name, ""),
    (Token.Literal.String.Symbol, ""),
    (Token.Literal.String, "str"),
    (Token.Literal.Number, "num"),
    (Token.Keyword.Type, "typ"),
    (Token.Name.Builtin, "typ"),
    (Token.Keyword, "key"),
    (Token.Name.Function, "fun"),
)


def sql_pieces(text: str, engine: str | None = None) -> list[tuple[str, str]]:
    """Return (class, text) of each piece of a statement; put together they are the text, and a piece without colour has no class."""
    if len(text) > MAX_CHARACTERS:
        return [("", text)]
    pieces: list[tuple[str, str]] = []
    for kind, piece in _lexer(_LEXERS.get(engine or "", "sql")).get_tokens(text):
        name = next((name for token, name in _CLASSES if kind in token), "")
        if pieces and (pieces[-1][0] == name or not piece.strip()):
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + piece)
        else:
            pieces.append((name, piece))
    return pieces


@cache
def _lexer(name: str) -> Lexer:
    return get_lexer_by_name(name, stripnl=False, ensurenl=False)
