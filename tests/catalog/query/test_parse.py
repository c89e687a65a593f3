"""Reading a question: its forms, and that no text whatever does more than to be refused."""

from __future__ import annotations

import logging
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrcat.catalog.query import QueryError, normalise, parse, spell
from cxrcat.catalog.query.tree import (
    And,
    Boxed,
    Everything,
    FindingCount,
    FindingIs,
    InSubset,
    Labelled,
    Missing,
    Node,
    Not,
    OneOf,
    Or,
    Range,
)

from .memory import VOCABULARY

MASS = FindingIs("text", "mass", "present")
NODULE = FindingIs("text", "nodule", "present")
SPOTTED = {
    "present": FindingIs("panel", "nodule", "present"),
    "absent": FindingIs("panel", "nodule", "absent"),
    "uncertain": FindingIs("panel", "nodule", "uncertain"),
}

FORMS: list[tuple[str, Node]] = [
    ("mass", MASS),
    ("MASS", MASS),
    ('"mass"', MASS),
    ("text.mass", MASS),
    ("Text.Mass", MASS),
    ("present(mass)", MASS),
    ("panel.mass", FindingIs("panel", "mass", "present")),
    ("spot", NODULE),
    ('"Coin Lesion"', NODULE),
    ("absent(panel.mass)", FindingIs("panel", "mass", "absent")),
    ("UNCERTAIN(panel.spot)", FindingIs("panel", "nodule", "uncertain")),
    ("labelled(panel)", Labelled("panel")),
    ("boxed()", Boxed(None)),
    ("boxed(spot)", Boxed("nodule")),
    ("true", Everything()),
    ("FALSE", Not(Everything())),
    ("not mass", Not(MASS)),
    ("!mass", Not(MASS)),
    ("((mass))", MASS),
    ("mass and nodule and true", And((MASS, NODULE, Everything()))),
    ("mass and nodule or mass", Or((And((MASS, NODULE)), MASS))),
    ("mass and (nodule or mass)", And((MASS, Or((NODULE, MASS))))),
    ("not mass and nodule", And((Not(MASS), NODULE))),
    ("age = 18", OneOf("age", (18,))),
    ("18 = age", OneOf("age", (18,))),
    ("age = 1e1", OneOf("age", (10,))),
    ("age = - -1", OneOf("age", (1,))),
    ("age != 18", Not(OneOf("age", (18,)))),
    ("age <> 18", Not(OneOf("age", (18,)))),
    ("age in (3, 1, 3)", OneOf("age", (1, 3))),
    ("age not in (3)", Not(OneOf("age", (3,)))),
    ("age > 17", Range("age", 18, None)),
    ("17 < age", Range("age", 18, None)),
    ("age <= 17", Range("age", None, 17)),
    ("17 >= age", Range("age", None, 17)),
    ("age between 1 and 2", Range("age", 1, 2)),
    ("age not between 1 and 2", Not(Range("age", 1, 2))),
    ("age between 2 and 1", Range("age", 2, 1)),
    ("spacing_x > 0.143", Range("spacing_x", 0.143, None, low_open=True)),
    ("spacing_x < -0", Range("spacing_x", None, 0.0, high_open=True)),
    ("age is null", Missing("age")),
    ("age is not null", Not(Missing("age"))),
    ("view in ('PA', 'pa', 'ap')", OneOf("view", ("AP", "PA"))),
    ("name = 'it''s'", OneOf("name", ("it's",))),
    ("name = 'a\\b'", OneOf("name", ("a\\b",))),
    ("name = ''", OneOf("name", ("",))),
    ("findings = 2", FindingCount("text", 2, 2)),
    ("panel.findings > 2", FindingCount("panel", 3, None)),
    ("findings < 2", FindingCount("text", None, 1)),
    ("findings between 1 and 2", FindingCount("text", 1, 2)),
    ("findings in (1, 3)", Or((FindingCount("text", 1, 1), FindingCount("text", 3, 3)))),
    ("in_subset(holdout)", InSubset("holdout", 2)),
    ("in_subset('holdout@1')", InSubset("holdout", 1)),
    ("split = 'TEST'", OneOf("split", ("test",))),
    (
        "agree(mass, panel.spot)",
        Or(
            (
                And((MASS, SPOTTED["present"])),
                And((And((Labelled("text"), Not(MASS))), SPOTTED["absent"])),
            )
        ),
    ),
    (
        "disagree(panel.spot, mass)",
        Or(
            (
                And((SPOTTED["present"], And((Labelled("text"), Not(MASS))))),
                And((SPOTTED["absent"], MASS)),
                And((SPOTTED["uncertain"], MASS)),
                And((SPOTTED["uncertain"], And((Labelled("text"), Not(MASS))))),
            )
        ),
    ),
    ("in_subset('Pleural-Thickening')", InSubset("pleural-thickening", 1)),
    ("mass\n\tand\r\nnodule", And((MASS, NODULE))),
]


@pytest.mark.parametrize(("text", "tree"), FORMS)
def test_a_question_is_read(text: str, tree: Node) -> None:
    assert parse(text, VOCABULARY) == tree


WORDS = st.sampled_from(
    [
        *("mass", "nodule", "age", "view", "findings", "text", "panel", "split", "name"),
        *("and", "or", "not", "in", "is", "null", "between", "true", "select", "case", "when"),
        *("(", ")", ",", ".", ";", "'", '"', "=", "<", ">", "-", "--", "/*", "*/", "::", "@", "$"),
        *(
            "boxed(",
            "in_subset(",
            "absent(",
            "labelled(",
            "agree(",
            "1",
            "-1",
            "1e9",
            "0x1",
            "'PA'",
            "[",
            "{",
        ),
        *("\n", "\t", "\0", "\x1b[31m", "\ud800", "\u202e", "ﬁ", "İ", "ß", "é", "1" * 400, "\\"),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(codec=None, categories=None), max_size=60),
    st.text("()'\"-*/ \n;,.@$ma=<>!|&~^{}[]?:%#`\\0123456789eE", max_size=60),
    st.lists(WORDS, max_size=25).map(" ".join),
    st.lists(WORDS, max_size=25).map("".join),
    st.builds(str.__mul__, st.text(min_size=1, max_size=5), st.integers(1, 4001)),
)


@settings(max_examples=600, deadline=None)
@given(TEXTS)
def test_any_text_is_a_question_or_is_refused(text: str) -> None:
    before = time.monotonic()
    found: QueryError | None = None
    try:
        normal: Node | None = normalise(parse(text, VOCABULARY))
    except QueryError as error:
        normal, found = None, error
    assert found is None or str(found).isprintable()
    if found is not None:
        assert 0 <= found.position <= len(text)
        assert found.caret().count("\n") == 1
    if normal is not None:
        assert normalise(parse(spell(normal), VOCABULARY)) == normal
    assert time.monotonic() - before < 10


def test_what_sqlglot_says_of_unknown_syntax_is_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(QueryError):
        parse("grant all on image to everybody", VOCABULARY)
    assert caplog.records == []
    assert not logging.getLogger("sqlglot").disabled


@pytest.mark.parametrize("number", [2**53 + 1, 2**61 + 1, 2**62 - 1])
def test_large_numbers_are_read_as_they_are_written(number: int) -> None:
    for text in (f"age = {number}", f"age = {number}.0"):
        assert spell(normalise(parse(text, VOCABULARY))) == f"age = {number}"
