"""A strict reader of the part of DBML that we write, from the language's documentation, so that the tests need no other."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<name>"(?:[^"\\\n]|\\.)*")|(?P<string>'(?:[^'\\\n]|\\.)*')|(?P<expression>`[^`\n]*`)
    |(?P<word>-?\w+(?:\.\d+)?(?:\(\d+(?:,[ ]?\d+)?\))?)|(?P<mark>[{}\[\]():,.<>-])|(?P<blank>\s+)""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n"}


@dataclass
class Table:
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    checks: list[str] = field(default_factory=list)
    indexes: list[tuple[tuple[str, ...], dict[str, str]]] = field(default_factory=list)
    note: str = ""


@dataclass
class Document:
    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    enums: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    references: list[tuple[tuple[str, ...], str, tuple[str, ...], dict[str, str]]] = field(default_factory=list)


class Reader:
    """Read a document; whatever does not fit raises :class:`AssertionError` with where."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            assert found, f"nothing known begins at {text[place : place + 40]!r}"
            if found.lastgroup != "blank":
                self.tokens.append((str(found.lastgroup), found.group()))
            place = found.end()
        self.at = 0

    def document(self) -> Document:
        read = Document()
        while self.at < len(self.tokens):
            {"Project": self.project, "Table": self.table, "Enum": self.enum, "Ref": self.reference}[self.take("word")](read)
        for child, _, parent, _ in read.references:
            for ends in (child, parent):
                assert set(ends[2:]) <= read.tables[ends[0], ends[1]].columns.keys(), f"{ends} is not there"
        ends = [frozenset((child, parent)) for child, _, parent, _ in read.references]
        assert len(ends) == len(set(ends)), "two references between the same ends"
        return read

    def project(self, read: Document) -> None:
        self.take("name")
        self.expect("{")
        while not self.met("}"):
            self.take("word")
            self.expect(":")
            self.take("string")

    def table(self, read: Document) -> None:
        place, table = self.qualified(), Table()
        assert place not in read.tables, f"{place} is there twice"
        read.tables[place] = table
        self.expect("{")
        while not self.met("}"):
            if self.peek()[0] == "name":
                name = self.take("name")
                assert name not in table.columns, f"{place} has {name} twice"
                table.types[name] = self.type_name()
                table.columns[name] = self.settings()
            else:
                getattr(self, f"_{self.take('word').lower()}")(table)
        assert table.columns, f"{place} has no columns"

    def type_name(self) -> str:
        name = self.take("word") if self.peek()[0] == "word" else self.take("name")
        return f"{name}.{self.take('name')}" if self.met(".") else name

    def _note(self, table: Table) -> None:
        self.expect(":")
        table.note = self.take("string")

    def _checks(self, table: Table) -> None:
        self.expect("{")
        while not self.met("}"):
            table.checks.append(self.take("expression"))
            assert self.settings().keys() <= {"name"}

    def _indexes(self, table: Table) -> None:
        self.expect("{")
        while not self.met("}"):
            self.expect("(")
            parts = [self.part(table)]
            while self.met(","):
                parts.append(self.part(table))
            self.expect(")")
            settings = self.settings()
            assert settings.keys() <= {"pk", "unique", "name", "type", "note"}
            table.indexes.append((tuple(parts), settings))

    def part(self, table: Table) -> str:
        if self.peek()[0] == "expression":
            return self.take("expression")
        name = self.take("name")
        assert name in table.columns, f"an index on {name}, which is not there"
        return name

    def enum(self, read: Document) -> None:
        values = read.enums.setdefault(self.qualified(), [])
        assert not values, "an enum twice"
        self.expect("{")
        while not self.met("}"):
            values.append(self.take("name"))
        assert len(values) == len(set(values)) > 0
        assert "" not in values

    def reference(self, read: Document) -> None:
        if self.peek()[0] == "name":
            self.take("name")
        self.expect(":")
        left = self.endpoint()
        sort = self.take("mark")
        assert sort in "<>-"
        right = self.endpoint()
        assert len(left) == len(right)
        assert left != right
        settings = self.settings()
        assert settings.keys() <= {"delete", "update"}
        read.references.append((left, sort, right, settings))

    def endpoint(self) -> tuple[str, ...]:
        place = self.qualified()
        self.expect(".")
        if not self.met("("):
            return *place, self.take("name")
        names = [self.take("name")]
        while self.met(","):
            names.append(self.take("name"))
        self.expect(")")
        return *place, *names

    def qualified(self) -> tuple[str, str]:
        schema = self.take("name")
        self.expect(".")
        return schema, self.take("name")

    def settings(self) -> dict[str, str]:
        read: dict[str, str] = {}
        if not self.met("["):
            return read
        while True:
            words = [self.take("word")]
            while self.peek()[0] == "word":
                words.append(self.take("word"))
            value = ""
            if self.met(":"):
                value = self.take(self.peek()[0])
                while self.peek()[0] == "word":
                    value += f" {self.take('word')}"
            read[" ".join(words)] = value
            if self.met("]"):
                return read
            self.expect(",")

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, sort: str) -> str:
        found, text = self.peek()
        assert found == sort, f"{sort} expected, {text!r} found after {self.tokens[max(0, self.at - 8) : self.at]}"
        self.at += 1
        if sort in ("name", "string"):
            return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])
        return text[1:-1] if sort == "expression" else text

    def met(self, mark: str) -> bool:
        if self.peek() != ("mark", mark):
            return False
        self.at += 1
        return True

    def expect(self, mark: str) -> None:
        assert self.met(mark), f"{mark} expected, {self.peek()} found after {self.tokens[max(0, self.at - 8) : self.at]}"
