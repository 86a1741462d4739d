"""A rule held against the facts there are."""

from tests.watch.conftest import ORDERS, check, fact

from factbook.watch.judging import Standing
from factbook.watch.reading import read
from factbook.watch.trial import try_rule
from factbook_sdk.facts import MetadataTarget


def test_a_rule_says_which_of_the_newest_facts_are_bad_and_raises_nothing(repository):
    book = read(
        "defaults: false\nrules:\n  - {name: r, kind: recon_result, table: orders, when: [payload.outcome = failed],"
        " where: ['payload.outcome != skipped']}",
        tenant="default",
    )
    for seconds, outcome in enumerate(("passed", "failed", "skipped")):
        repository.store(check(outcome, seconds))
    repository.store(check("failed", 9, target=MetadataTarget("shop", "sales", "items")))
    repository.store(fact("ingestion_volume", {"row_count": 1}))
    trial = try_rule(repository, book.rules[0], tenant="default")
    assert [item.standing for item in trial.facts] == [Standing.SILENT, Standing.BAD, Standing.GOOD]
    assert {item.target for item in trial.facts} == {ORDERS}
    assert (trial.bad, trial.good, trial.others, trial.is_all) == (1, 1, 1, True)
    cut = try_rule(repository, book.rules[0], tenant="default", limit=2)
    assert (len(cut.facts), cut.is_all) == (1, False)
    assert try_rule(repository, book.rules[0], tenant="other").facts == []
    assert repository.query("alert").records == []
