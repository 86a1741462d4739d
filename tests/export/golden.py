"""Compare an export with the files people have looked at; FACTBOOK_UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def files(folder: Path) -> dict[str, str]:
    """Return the text of every file in a folder by its path."""
    return {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*")) if file.is_file()}


def assert_golden(name: str, exported: Path) -> None:
    """Compare a file, or every file of a folder."""
    kept = GOLDEN / name
    if os.environ.get("FACTBOOK_UPDATE_GOLDEN"):
        kept.parent.mkdir(exist_ok=True)
        if exported.is_dir():
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(exported, kept)
        else:
            shutil.copyfile(exported, kept)
    if exported.is_dir():
        assert files(exported) == files(kept), f"{name} differs; if that is meant, run again with FACTBOOK_UPDATE_GOLDEN=1 and look"
    else:
        assert exported.read_text(encoding="utf-8") == kept.read_text(encoding="utf-8"), f"{name} differs; see above"
