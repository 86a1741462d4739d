"""Find the examples in a page and run them as a reader would, in one folder, from top to bottom.

A ``python`` block runs in the page's namespace. In a ``console`` block each line with ``$`` is a command and the lines below it are what it
prints; ``…`` stands for anything, over several lines where it is alone in its line. A command may end with ``# exit code N``. A block under
``<!-- not run: REASON -->`` is only shown. A block of any language under ``<!-- file: NAME -->`` becomes that file.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"(?P<excuse><!-- not run: [^>]+ -->\n)?^```(?P<language>console|python)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"<!-- file: (?P<name>[^ >]+) -->\n^```\w+\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_EXPECTED_CODE = re.compile(r"\s+# exit code (?P<code>\d+)$")
_TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Block:
    """One example. ``line`` is where it begins in its page."""

    language: str
    body: str
    line: int


@dataclass(frozen=True)
class Command:
    """One command of a console block, with what it should print and how it should end."""

    text: str
    expected: str
    exit_code: int


def blocks(page: str) -> Iterator[Block]:
    """Yield the examples that are to be run."""
    for match in _BLOCK.finditer(page):
        if not match["excuse"]:
            yield Block(match["language"], match["body"], page.count("\n", 0, match.start()) + 1)


def write_files(page: str, folder: Path) -> None:
    """Write the files that a page shows, before anything is run."""
    for match in _FILE.finditer(page):
        path = folder / match["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(match["body"])


def commands(body: str) -> Iterator[Command]:
    """Yield the commands of a console block."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        line, _, expected = part.partition("\n")
        code = _EXPECTED_CODE.search(line)
        yield Command(_EXPECTED_CODE.sub("", line), expected.strip("\n"), int(code["code"]) if code else 0)


def run_page(page: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Run every example of the page in the folder; the first that does not do what the page says fails."""
    namespace: dict[str, object] = {"__name__": "__page__"}
    write_files(page, folder)
    for block in blocks(page):
        if block.language == "python":
            exec(compile(block.body, f"example at line {block.line}", "exec"), namespace)
        else:
            for command in commands(block.body):
                run_command(command, folder, environment)


def run_command(command: Command, folder: Path, environment: Mapping[str, str]) -> None:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    done = subprocess.run(
        command.text,
        shell=True,
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), "COLUMNS": "120", "LANG": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    printed = "\n".join(line.rstrip() for line in (done.stdout + done.stderr).strip("\n").splitlines())
    assert done.returncode == command.exit_code, f"{shlex.quote(command.text)} ended with {done.returncode}:\n{printed}"
    if command.expected:
        assert pattern(command.expected).fullmatch(printed), f"{command.text} printed:\n{printed}\n\nThe page says:\n{command.expected}"


def pattern(expected: str) -> re.Pattern[str]:
    """Compile what a page shows; how wide a column is does not matter."""
    lines = []
    for line in expected.splitlines():
        if line.strip() == "…":
            lines.append(r"(?:.*\n)*?.*")
        else:
            lines.append("".join(_piece_pattern(piece) for piece in re.split(r"(…|\s+|─+)", line.rstrip())))
    return re.compile("\n".join(lines))


def _piece_pattern(piece: str) -> str:
    if piece == "…":
        return ".*"
    if piece.startswith("─"):
        return "─+"
    return r"[^\S\n]+" if piece.isspace() else re.escape(piece)
