"""The cases on which two independent parsers and PostgreSQL's own catalogue agree."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sql_lineage.asking import read

from factbook.lineage.sql.model import DIRECT

_OF_THE_COLUMN = {*DIRECT, "CONDITIONAL", "WINDOW"}
"""What parsers call the sources of a column: what is in its expression, a condition of CASE among it, but no filter and no join."""


def test_every_column_on_which_all_agree_is_right(test_data: Path) -> None:
    document = json.loads((test_data / "lineage" / "column_lineage_cases.json").read_text())
    judged, wrong = 0, []
    for case in document["cases"]:
        tables = {name.rpartition(".")[2]: columns for name, columns in document["schemas"][case["schema"]].items()}
        parsed, traced = read(case["sql"], case["dialect"], tables)
        assert not traced.unknown
        found = {
            output.name: {f"{parsed.mentions[edge.mention][-1]}.{edge.column}" for edge in output.edges if edge.subtype in _OF_THE_COLUMN}
            for output in traced.outputs
        }
        for name, truth in case["columns"].items():
            if truth["agreement"] == "3of3":
                judged += 1
                if found.get(name) != set(truth["sources"]):
                    wrong.append((case["id"], name, truth["sources"], found.get(name)))
    assert wrong == []
    assert (len(document["cases"]), judged) == (37, 153)
