"""Run the command line and look at what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"
# Read once: the tests hide the variables of whoever runs them.
_UPDATES = bool(os.environ.get("FACTBOOK_UPDATE_GOLDEN"))
_VARIES = (
    (re.compile(r"\b(scan|profile|quality)-\d{8}T\d{6}Z-[0-9a-f]{6}\b"), r"\1-JOB"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "MOMENT"),
    (re.compile(r"\b\d+\.\d\d s\b"), "SECONDS"),
    (re.compile(r"\bsqlite \d+\.\d+\.\d+"), "sqlite VERSION"),
)


@dataclass(frozen=True)
class Answer:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = json.loads(self.err)["error"]
        return error

    @property
    def all(self) -> str:
        return self.out + self.err


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """Return an environment in which nothing of the person who runs the tests shows through."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")}
    return {**kept, "FACTBOOK_DATA_DIR": str(data_dir), "COLUMNS": "80", **more}


def command(arguments: Sequence[str]) -> list[str]:
    """Return the command line of ``factbook`` with these arguments."""
    return [sys.executable, "-m", "factbook", *arguments]


def run_program(arguments: Sequence[str], data_dir: Path, *, stdin: str = "", cwd: Path | None = None, **more: str) -> Answer:
    """Run ``factbook`` as a process of its own."""
    ended = subprocess.run(
        command(arguments),
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(data_dir, **more),
        cwd=cwd,
        timeout=120,
        check=False,
    )
    return Answer(ended.returncode, ended.stdout, ended.stderr)


def settled(text: str, folder: Path) -> str:
    """Return the text with what differs from run to run replaced."""
    text = text.replace(str(folder), "FOLDER")
    for pattern, name in _VARIES:
        text = pattern.sub(name, text)
    return text


def assert_golden(name: str, text: str) -> None:
    """Compare with the file people have looked at; FACTBOOK_UPDATE_GOLDEN=1 writes it anew."""
    file = GOLDEN / name
    if _UPDATES:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"{name} differs; if that is meant, run again with FACTBOOK_UPDATE_GOLDEN=1 and look"
