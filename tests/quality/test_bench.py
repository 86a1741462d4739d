"""The bench measures what it says it does."""

from collections import Counter

from bench import quality

from factbook.app import Factbook
from factbook.quality.facts import Facts
from factbook.quality.rules import rules_of
from factbook.settings import load_settings
from factbook.sources.connectors import connector_for
from factbook_sdk.facts import MetadataContext


def test_one_by_one_asks_each_rule_of_the_run_once_and_no_other(tmp_path, postgres_url, monkeypatch):
    monkeypatch.setattr(quality, "POSTGRES", postgres_url)
    monkeypatch.setattr(quality, "REPEATS", 1)
    factbook = Factbook(load_settings({"DATA_DIR": str(tmp_path)}))
    with quality.database(10) as url, connector_for(url).open_session() as session:
        factbook.run_scan(url, source_id="bench")
        snapshot = Facts(factbook.repository, "bench", MetadataContext()).snapshots([quality.TABLE])[quality.TABLE]
        plans = quality.each_alone(session, snapshot)
        statements = quality.one_by_one(session, snapshot)[1]
    factbook.close()
    asked = Counter(rule for plan in plans for rule in plan.wanted)
    assert asked == Counter(rule.id for rule in rules_of(quality.rules(), "rules.yaml").rules)
    assert (len(plans), statements) == (40, 40)
