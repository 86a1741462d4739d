"""The data dictionary: one row per column per object, kept in place while scans come and go."""

from factbook.dictionary.model import DictionaryFilter, DictionaryPage, DictionaryRow, ObjectState, SchemaRow, TablePage, TableRow
from factbook.dictionary.reading import Dictionary

__all__ = ["Dictionary", "DictionaryFilter", "DictionaryPage", "DictionaryRow", "ObjectState", "SchemaRow", "TablePage", "TableRow"]
