"""Compare a source with itself at another moment, with another source or with a file; judge what it breaks and for whom."""

from factbook.diff.comparison import Comparison, Wanted
from factbook.diff.mapping import parse_mapping
from factbook.diff.model import Aspect
from factbook.diff.page import Chosen, DiffPage, page_of, place_of
from factbook.diff.service import Diffs
from factbook.diff.writing import Format, write

__all__ = ["Aspect", "Chosen", "Comparison", "DiffPage", "Diffs", "Format", "Wanted", "page_of", "parse_mapping", "place_of", "write"]
