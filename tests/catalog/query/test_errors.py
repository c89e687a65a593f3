"""What is wrong with a question is said in one line, and a caret points at the word."""

from __future__ import annotations

import pytest

from cxrcat.catalog.query import QueryError, parse
from cxrcat.schemas.errors import CxrcatError

from .memory import VOCABULARY

CANNOT = "join conditions with and, or, not and parentheses"

WRONG = [
    ("mass and nodul", "unknown finding 'nodul'; did you mean nodule?", "nodul"),
    ("mass and (nodule or spott)", "unknown finding 'spott'; did you mean spot?", "spott"),
    ("MASS AND NODUL", "unknown finding 'NODUL'; did you mean nodule?", "NODUL"),
    ("xyzzy", "unknown finding 'xyzzy'; known: coin lesion, mass, no finding", "xyzzy"),
    ("panle.mass", "unknown label set 'panle'; did you mean panel?", "panle.mass"),
    ("text.panel.mass", "write a finding, or LABELS.FINDING", "text.panel.mass"),
    ("uncertain(mass)", "the label set text says only present; for the rest write not", "mass"),
    ("mass and ag >= 1", "unknown column 'ag'; did you mean age?", "ag"),
    ("mass and age", "age is a column; compare it, as in age = …", "age"),
    ("findings", "findings is a column; compare it", "findings"),
    ("mass = 1", "mass is a finding; write the word alone, or not mass", "mass"),
    ("mass is not null", "mass is a finding; write the word alone, or not mass", "mass"),
    ("age = 'x'", "age is a number; 'x' is not", "'x'"),
    ("age in (1, 'x')", "age is a number; 'x' is not", "'x'"),
    ("age = 1.5", "age is a whole number; 1.5 is not", "1.5"),
    ("age = 1e400", "age is a number; 1e400 is not", "1e400"),
    ("age >= 9e99", "age is a number; 9e99 is not", "9e99"),
    ("age > nan", "age is a number; nan is not", "nan"),
    ("findings = 'two'", "findings is a number; 'two' is not", "'two'"),
    ("view = PA", "write the value in single quotes: view = 'PA'", "PA"),
    ('view = "PA"', "write the value in single quotes: view = 'PA'", '"PA"'),
    ("view = 'XX'", "unknown view 'XX'; known: AP, PA", "'XX'"),
    ("view > 'PA'", "view is text; compare it with = or in", "view"),
    ("name = 5", "name is text; write the value in single quotes", "5"),
    ("age = 1 = 2", "a comparison has a column on one side and a value on", "age = 1"),
    ("age + 1 = 2", "a comparison has a column on one side and a value on", "age + 1"),
    ("1 = 1", "a comparison has a column on one side and a value on", "1"),
    ("1", "a value alone is not a condition; compare a column with it", "1"),
    ("mass and 'x'", "a value alone is not a condition", "'x'"),
    ("expert.mass", "the expert labels are not here; add them first", "expert.mass"),
    ("mass and expert", "the expert labels are not here; add them first", "expert"),
    ("mass and absent(expert.mass)", "the expert labels are not here; add", "expert.mass"),
    ("labelled(expert)", "the expert labels are not here; add them first", "expert"),
    ("expert.findings > 1", "the expert labels are not here; add them first", "expert.findings"),
    ("agree(mass, expert.mass)", "the expert labels are not here; add", "expert.mass"),
    ("split = 'valid'", "unknown split 'valid'; known: test, train_val", "'valid'"),
    ("agree(mass)", "agree() takes two findings, as in agree(nih.mass, expert.mass)", None),
    ("disagree()", "disagree() takes two findings", None),
    ("agree(mass, mass, mass)", "agree() takes two findings", None),
    ("agree(mass, 'mass')", "agree() takes words without quotes", "'mass'"),
    ("agree(mass, panel.mas)", "unknown finding 'mas'; did you mean mass?", "panel.mas"),
    ("agree(mass, age)", "age is a column; compare it, as in age = …", "age"),
    ("mass and in_subset(holdot)", "unknown subset 'holdot'; did you mean holdout?", "holdot"),
    ("in_subset('holdout@9')", "unknown subset 'holdout'", "'holdout@9'"),
    (
        "pleural-thickening",
        "a word has no hyphen: 'pleural-thickening'; did you mean pleural_",
        None,
    ),
    ("mass and coin-lesion = 1", "a word has no hyphen: 'coin-lesion'", "coin-lesion"),
    ("foo(mass)", "unknown function 'foo'; known: absent, agree, boxed, disagree", None),
    ("count(mass)", "unknown function 'count'", None),
    ("boxe(mass)", "unknown function 'boxe'; did you mean boxed?", None),
    ("boxed(mass, nodule)", "boxed() takes one word", None),
    ("labelled()", "labelled() takes one word", None),
    ("labelled('text')", "labelled() takes a word without quotes", "'text'"),
    ("labelled(txt)", "unknown label set 'txt'; did you mean text?", "txt"),
    ("boxed(pleural_thickening)", "unknown finding with boxes 'pleural_thickening'", None),
    ("in_subset('holdout@x')", "'x' is not a version; write NAME or NAME@NUMBER", None),
    ("in_subset(pleural-thickening)", "write a subset in quotes", "pleural-thickening"),
    ("in_subset(5)", "write a subset in quotes", "5"),
    ("mass and", f"the question cannot be read at 'and'; {CANNOT}", "and"),
    ("mass)", f"the question cannot be read at ')'; {CANNOT}", ")"),
    ("mass or or nodule", f"the question cannot be read at 'or'; {CANNOT}", None),
    ("age => 1", f"the question cannot be read at '=>'; {CANNOT}", "=>"),
    ("mass, nodule", f"the question cannot be read at ','; {CANNOT}", ","),
    ("mass; nodule", "a question is one expression; leave out the ';'", None),
    ("mass\0", "the question holds a character that cannot be printed", "\0"),
    ("mass\u200b or nodule", "the question holds a character that cannot be printed", "\u200b"),
    ("mass or \udcff", "the question holds a character that cannot be printed", "\udcff"),
]


@pytest.mark.parametrize(("text", "message", "word"), WRONG)
def test_an_error_says_what_is_wrong_and_where(text: str, message: str, word: str | None) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text, VOCABULARY)
    error = caught.value
    assert message in str(error)
    assert str(error).isprintable()
    assert error.query == text
    assert error.exit_code == 2
    if word is not None:
        assert text[error.position : error.position + error.length].strip('"') == word.strip('"')
    shown, mark = error.caret().split("\n")
    assert shown.isprintable()
    assert set(mark.lstrip(" ")) <= {"^", "~"}
    assert mark.count("^") == 1


NOT_OF_THE_LANGUAGE = [
    "select 1",
    "drop table image",
    "mass; drop table image",
    "exists(select 1)",
    "age in (select age from image)",
    "age in ()",
    "view like 'P%'",
    "view = 'P' || 'A'",
    "mass || nodule",
    "mass as x",
    "mass nodule",
    "mass is true",
    "age between symmetric 1 and 2",
    "age is not distinct from 1",
    "age <=> 1",
    "age = null",
    "age = any(1)",
    "case when mass then nodule end",
    "mass::int",
    "mass[0]",
    "*",
    "text.*",
    "?",
    ":x",
    "@x",
    "$1",
    "~mass",
    "mass limit 1",
    "mass order by age",
    "mass collate x",
    "interval 1 day",
    "if(mass, nodule, mass)",
    "'mass",
    '"mass',
    "(mass",
    "age between 1 and",
    "not",
    "name = 'a' 'b'",
    "name = x'41'",
]


@pytest.mark.parametrize("text", NOT_OF_THE_LANGUAGE)
def test_what_is_not_of_the_language_is_refused(text: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text, VOCABULARY)
    assert str(caught.value).isprintable()
    assert 0 <= caught.value.position <= len(text)
    assert caught.value.caret()


@pytest.mark.parametrize("text", ["", "  ", " \n\t"])
def test_an_empty_question_is_answered_with_an_example(text: str) -> None:
    with pytest.raises(QueryError, match="the question is empty; write a finding, such as"):
        parse(text, VOCABULARY)


def test_a_question_has_20000_characters_at_most() -> None:
    longest = "mass" + " or mass" * 2499
    assert len(longest) == 19_996
    parse(longest + "    ", VOCABULARY)
    with pytest.raises(QueryError, match="the question has 20,001 characters; 20,000 are read"):
        parse(longest + "     ", VOCABULARY)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 9_000 + "mass" + ")" * 9_000,
        "not " * 4_500 + "mass",
        "not (" * 3_000 + "mass" + ")" * 3_000,
        "(" * 19_000,
        "boxed(" * 3_000,
        "(mass or " * 1_500 + "mass" + ")" * 1_500,
        "age = " + "-" * 19_000 + "1",
        "age = " + "- " * 9_000 + "1",
        "mass" + ".mass" * 3_000,
        "age in (" + "1," * 9_000 + "1",
    ],
    ids=lambda text: text[:12],
)
def test_deep_nesting_is_an_error_or_an_answer(text: str) -> None:
    found: QueryError | None = None
    try:
        parse(text, VOCABULARY)
    except QueryError as error:
        found = error
    assert found is None or (str(found).isprintable() and found.caret())


def test_the_caret_stands_under_the_word() -> None:
    error = QueryError("wrong", "mass and nodul or x", 9, 5)
    assert error.caret() == "mass and nodul or x\n         ^~~~~"
    assert isinstance(error, CxrcatError)


def test_the_caret_of_a_long_question_shows_the_part_around_the_word() -> None:
    text = "mass or " * 50 + "nodul" + " or mass" * 50
    shown, mark = QueryError("wrong", text, text.index("nodul "), 5).caret().split("\n")
    assert len(shown) <= 80
    assert shown[mark.index("^") : mark.index("^") + 5] == "nodul"
    assert mark.strip() == "^~~~~"
    assert shown.startswith("…")
    assert shown.endswith("…")


def test_the_caret_counts_the_columns_of_a_terminal() -> None:
    shown, mark = QueryError("wrong", "name = '肺' or x", 14, 1).caret().split("\n")
    assert shown == "name = '肺' or x"
    assert mark.index("^") == 15
    assert QueryError("wrong", "a\tb\0c", 4, 1).caret() == "a b�c\n    ^"


@pytest.mark.parametrize(("position", "length"), [(-5, 0), (4, 1), (99, 99), (0, 99)])
def test_a_place_outside_of_the_question_is_brought_inside(position: int, length: int) -> None:
    error = QueryError("wrong", "mass", position, length)
    assert 0 <= error.position <= 4
    shown, mark = error.caret().split("\n")
    assert shown == "mass"
    assert len(mark) <= 5


@pytest.mark.parametrize(
    "before", ["mass and " * 30, "mass and\n" * 30, "mass and name = '\n' or\r\n"]
)
def test_the_place_is_right_far_into_a_question(before: str) -> None:
    with pytest.raises(QueryError, match="cannot be read at 'xor'") as caught:
        parse(f"{before} mass xor", VOCABULARY)
    place = caught.value.position
    assert caught.value.query[place : place + caught.value.length] == "xor"


@pytest.mark.parametrize("text", ["mass -- and nodule", "mass /* or */ and nodule", "-- all\nmass"])
def test_a_comment_never_drops_a_condition(text: str) -> None:
    with pytest.raises(QueryError, match="no comments"):
        parse(text, VOCABULARY)
