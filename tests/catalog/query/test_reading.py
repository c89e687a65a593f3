"""What a question reads, so that the duties follow."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cxrcat.catalog.query import Read, normalise, parse, reads

from .expressions import (
    Among,
    Belongs,
    Compares,
    Counts,
    Expression,
    HasBox,
    Joined,
    Lacks,
    Nay,
    Says,
    Speaks,
    expressions,
)
from .memory import VOCABULARY, WORDS
from .spellings import written


def read(text: str) -> list[tuple[str, str, str]]:
    return [(each.kind, each.name, each.word) for each in reads(parse(text, VOCABULARY))]


def test_every_word_reports_what_it_read_in_the_order_written() -> None:
    text = (
        "spot and not (absent(panel.mass) or labelled(panel)) and findings > 1 "
        "and boxed(spot) and boxed() and in_subset(holdout) and age > 3 and view = 'PA' and spot"
    )
    assert read(text) == [
        ("labels", "text", "text.nodule"),
        ("labels", "panel", "absent(panel.mass)"),
        ("labels", "panel", "labelled(panel)"),
        ("labels", "text", "text.findings >= 2"),
        ("boxes", "nodule", "boxed(nodule)"),
        ("boxes", "", "boxed()"),
        ("subset", "holdout@2", "in_subset('holdout@2')"),
    ]


def test_columns_and_true_read_nothing() -> None:
    assert read("age > 3 and view is null") == []
    assert read("true") == []


def test_what_the_normal_form_folds_away_was_read_all_the_same() -> None:
    tree = parse("mass or true", VOCABULARY)
    assert reads(tree) == (Read("labels", "text", "text.mass"),)
    assert reads(normalise(tree)) == ()


@settings(max_examples=150, deadline=None)
@given(asked=expressions(WORDS), data=st.data())
def test_no_word_is_forgotten(asked: Expression, data: Any) -> None:
    tree = parse(data.draw(written(asked, WORDS)), VOCABULARY)
    assert {(each.kind, each.name) for each in reads(tree)} == set(_expected(asked))


def _expected(asked: Expression) -> list[tuple[str, str]]:
    match asked:
        case Nay(child):
            return _expected(child)
        case Joined(_, children):
            return [found for child in children for found in _expected(child)]
        case Says(labels=labels) | Speaks(labels=labels) | Counts(labels=labels):
            return [("labels", labels)]
        case HasBox(finding):
            return [("boxes", finding or "")]
        case Belongs(name, version):
            return [("subset", f"{name}@{version}")]
        case Compares(one, other):
            return [("labels", one[0]), ("labels", other[0])]
        case Among(column="split") | Lacks(column="split"):
            return [("split", "split")]
        case _:
            return []
