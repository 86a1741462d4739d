"""What people know: notes on sources, tables, columns, products and terms, the glossary, and what machines suggest."""

from factbook.knowledge.editing import NoteChange, NoteSet
from factbook.knowledge.glossary import Glossary, TermFilter, TermHistory, TermPage, TermTree, TermView
from factbook.knowledge.model import EditionPage, FoundPage, KnownPage, OwnNotes
from factbook.knowledge.notes import Notes, seen_in
from factbook.knowledge.places import Place, parse_place, place_of
from factbook.knowledge.searching import NoteFilter
from factbook.knowledge.suggestions import SuggestionFilter, SuggestionPage, Suggestions

__all__ = [
    "EditionPage",
    "FoundPage",
    "Glossary",
    "KnownPage",
    "NoteChange",
    "NoteFilter",
    "NoteSet",
    "Notes",
    "OwnNotes",
    "Place",
    "SuggestionFilter",
    "SuggestionPage",
    "Suggestions",
    "TermFilter",
    "TermHistory",
    "TermPage",
    "TermTree",
    "TermView",
    "parse_place",
    "place_of",
    "seen_in",
]
