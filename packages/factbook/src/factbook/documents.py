"""Documents that people write and keep in git: YAML 1.2 read strictly, as plain values that know their lines.

Timestamps stay text, so that nobody's date becomes something else. A key that stands twice is a mistake, never the later one.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import msgspec

Path = tuple[str | int, ...]
MAX_NODES = 200_000
"""Values in a document. A few aliases of aliases make more than any machine can hold."""
MAX_DEPTH = 64
_DEEP = re.compile(rf"(?:[\[{{]\s*){{{MAX_DEPTH + 1}}}")
"""What can only be nested too deep: looking for the end of so many brackets costs the parser seconds."""


class Mistake(msgspec.Struct, frozen=True, order=True):
    """What is wrong in a document: on which line, where, and what is allowed there."""

    line: int
    place: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.place}: {self.text}" if self.place else f"line {self.line}: {self.text}"


class Unreadable(Exception):
    """The text is no YAML; ``mistake`` says where."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


class Document(msgspec.Struct, frozen=True):
    """The ``root`` as dicts, lists and scalars, and the line of each place in it."""

    root: Any
    lines: dict[Path, int]
    mistakes: list[Mistake]

    def line(self, path: Path) -> int:
        """Return the line of a place, or of the nearest place around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def mistake(self, path: Path, text: str) -> Mistake:
        return Mistake(self.line(path), place(path), text)


def place(path: Path) -> str:
    """Return a path as people read it: ``tables[0].checks[2].range``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def parse(text: str, *, max_nodes: int = MAX_NODES) -> Document:
    """Parse YAML (or JSON, which is YAML); raises :class:`Unreadable`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    deep = _DEEP.search(text)
    if deep is not None:
        raise Unreadable(Mistake(text.count("\n", 0, deep.start()) + 1, "", "it is nested too deep"))
    yaml = YAML(typ="safe", pure=True)
    # An anchor that stands twice is legal, and a warning for each would fill a server's log.
    yaml.composer.warn_double_anchors = False
    try:
        root = yaml.compose(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(Mistake(mark.line + 1 if mark else 1, "", f"this is no YAML: {error.problem or error.context}")) from error
    except (YAMLError, ValueError) as error:
        raise Unreadable(Mistake(1, "", f"this is no YAML: {str(error).splitlines()[0]}")) from error
    except RecursionError as error:
        raise Unreadable(Mistake(1, "", "it is nested too deep")) from error
    reader = _Reader(max_nodes)
    value = reader.value(root, ()) if root is not None else None
    return Document(value, reader.lines, reader.mistakes)


def format_document(value: Any) -> str:
    """Return plain values as YAML that :func:`parse` reads back the same; keys in their order, texts of several lines as blocks."""
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import SafeRepresenter

    class Representer(SafeRepresenter):
        """Writes texts of several lines as people write them."""

    def represent_text(representer: Any, text: str) -> Any:
        style = "|" if "\n" in text and not _needs_quotes(text) else '"' if not text.replace("\n", "").isprintable() else None
        return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Representer.add_representer(str, represent_text)
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.Representer = Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.allow_unicode = True
    yaml.width = 4096
    stream = StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def _needs_quotes(text: str) -> bool:
    """Return whether a block would lose something of a text: what is no plain line, or white space where blocks have none."""
    lines = text.split("\n")
    return not all(line.isprintable() and line == line.rstrip() for line in lines) or text[0].isspace() or text != text.rstrip("\n")


class _Reader:
    def __init__(self, max_nodes: int) -> None:
        self.lines: dict[Path, int] = {}
        self.mistakes: list[Mistake] = []
        self._nodes = 0
        self._max_nodes = max_nodes

    def value(self, node: Any, path: Path) -> Any:
        from ruamel.yaml.nodes import MappingNode, SequenceNode

        line = node.start_mark.line + 1
        self._nodes += 1
        if self._nodes > self._max_nodes or len(path) > MAX_DEPTH:
            raise Unreadable(Mistake(line, place(path[:4]), "the document is too large or nested too deep"))
        self.lines[path] = line
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in found:
                self.mistakes.append(Mistake(line, place((*path, key)), f"{key} stands here twice"))
            value = self.value(value_node, (*path, key))
            # A block's own line is the one after its key, where nobody looks first.
            self.lines[(*path, key)] = line
            found[key] = value
        return found

    def _scalar(self, node: Any, path: Path) -> Any:
        kind = str(node.tag).rpartition(":")[2]
        text = str(node.value)
        try:
            if kind == "null":
                return None
            if kind == "bool":
                return text.lower() == "true"
            if kind == "int":
                return int(text.replace("_", ""), 0) if re.fullmatch(r"[-+]?0[xob].*", text) else int(text.replace("_", ""))
            if kind == "float":
                return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            self.mistakes.append(Mistake(node.start_mark.line + 1, place(path), f"{text!r} is no number"))
        return text
