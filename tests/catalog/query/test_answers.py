"""A question's answer is what plain Python says of every row; its normal form answers the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cxrcat.catalog.query import conditions, evaluate, funnel, normalise, parse, spell

from .expressions import Expression, Row, expressions
from .memory import VOCABULARY, WORDS, MemoryIndex, matching, rows
from .spellings import written

ASKED = expressions(WORDS)


@settings(max_examples=300, deadline=None)
@given(asked=ASKED, images=rows(), data=st.data())
def test_an_answer_is_what_plain_python_says(
    asked: Expression, images: list[Row], data: Any
) -> None:
    text = data.draw(written(asked, WORDS))
    assert evaluate(parse(text, VOCABULARY), MemoryIndex(images)) == matching(asked, images, WORDS)


@settings(max_examples=300, deadline=None)
@given(asked=ASKED, images=rows(), data=st.data())
def test_the_normal_form_answers_the_same_and_is_stable(
    asked: Expression, images: list[Row], data: Any
) -> None:
    tree = parse(data.draw(written(asked, WORDS)), VOCABULARY)
    normal = normalise(tree)
    assert evaluate(normal, MemoryIndex(images)) == matching(asked, images, WORDS)
    assert normalise(normal) == normal
    assert spell(normalise(parse(spell(normal), VOCABULARY))) == spell(normal)


@settings(max_examples=300, deadline=None)
@given(asked=ASKED, data=st.data())
def test_two_spellings_of_one_question_have_one_normal_text(asked: Expression, data: Any) -> None:
    one, two = (data.draw(written(asked, WORDS)) for _ in range(2))
    assert spell(normalise(parse(one, VOCABULARY))) == spell(normalise(parse(two, VOCABULARY)))


@settings(max_examples=200, deadline=None)
@given(asked=ASKED, images=rows(), data=st.data())
def test_a_tree_is_spelled_as_the_same_question(
    asked: Expression, images: list[Row], data: Any
) -> None:
    tree = parse(data.draw(written(asked, WORDS)), VOCABULARY)
    again = parse(spell(tree), VOCABULARY)
    assert evaluate(again, MemoryIndex(images)) == matching(asked, images, WORDS)


@settings(max_examples=200, deadline=None)
@given(asked=ASKED, images=rows(), data=st.data())
def test_the_last_step_of_the_funnel_is_the_answer(
    asked: Expression, images: list[Row], data: Any
) -> None:
    tree = parse(data.draw(written(asked, WORDS)), VOCABULARY)
    index = MemoryIndex(images)
    steps = list(funnel(tree, index))
    assert [condition for condition, _ in steps] == [spell(each) for each in conditions(tree)]
    assert steps[-1][1] == evaluate(tree, index)
    left = index.universe()
    for _, members in steps:
        assert members <= left
        left = members


def test_a_funnel_names_the_conditions_in_the_order_written() -> None:
    tree = parse("view = 'pa' and (mass or spot) and age >= 18", VOCABULARY)
    found = [condition for condition, _ in funnel(tree, MemoryIndex([]))]
    assert found == ["view = 'PA'", "text.mass or text.nodule", "age >= 18"]
