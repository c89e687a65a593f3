"""The corpus of trees is read as people would read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ...audit_corpus import score

FOLDERS = {name: sorted((score.HERE / name).glob("*.yaml")) for name in ("trees", "held_out")}
BAR = 0.98


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_rule_is_right_and_complete(folder: str) -> None:
    scores = score.score(FOLDERS[folder])
    low = {
        rule: (each.extra, each.missed)
        for rule, each in scores.items()
        if each.precision < BAR or each.recall < BAR
    }
    assert not low
    assert scores["met nih-citation"].right >= 10  # the score counts, and not nothing
    assert scores["uses"].right >= 25


def test_each_rule_finds_what_breaks_it_and_nothing_else(tmp_path: Path) -> None:
    scores = score.score_rules(tmp_path)
    low = {
        rule: (each.extra, each.missed)
        for rule, each in scores.items()
        if each.precision < BAR or each.recall < BAR
    }
    assert not low
    assert {rule: each.right for rule, each in scores.items() if each.right < 10} == {}
    assert {rule: each.quiet for rule, each in scores.items() if each.quiet < 100} == {}


def test_the_corpus_is_large_and_half_of_it_lacks_a_duty() -> None:
    trees = list(score.trees(FOLDERS["trees"]))
    owed = {("met", duty) for duty in ("nih-link", "nih-citation", "nih-acknowledgement")}
    using = [tree for tree in trees if ("uses", "nih-chest-xray") in tree.truth]
    assert len(trees) >= 60
    assert sum(not owed <= tree.truth for tree in using) > len(using) / 2
    assert sum(not tree.truth for tree in trees) >= 10


def test_a_tree_that_says_nothing_scores_as_missed(tmp_path: Path) -> None:
    claims = tmp_path / "claims.yaml"
    claims.write_text(
        "- name: empty\n  uses: [nih-chest-xray]\n  met: [nih-link]\n  files: {a.md: Nothing.}\n"
        "- name: full\n  met: []\n  files: {a.md: 'https://nihcc.app.box.com/v/ChestXray-NIHCC'}\n"
    )
    scores = score.score([claims])
    assert scores["met nih-link"].extra == ["full"]
    assert scores["met nih-link"].missed == ["empty"]
    assert scores["uses"].recall == 0
