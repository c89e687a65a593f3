"""The normal form by example: what is one question, and what is not."""

from __future__ import annotations

import pytest

from cxrcat.catalog.query import normalise, parse, spell

from .memory import VOCABULARY


def normal(text: str) -> str:
    return spell(normalise(parse(text, VOCABULARY)))


SAME = [
    ("nodule and mass", "text.mass and text.nodule"),
    ("mass and (nodule and mass)", "text.mass and text.nodule"),
    ("not (mass or not nodule)", "not text.mass and text.nodule"),
    ("not not mass", "text.mass"),
    ("mass and not mass", "false"),
    ("mass or not mass", "true"),
    ("mass and true", "text.mass"),
    ("mass or true", "true"),
    ("mass and (mass or nodule)", "text.mass"),
    ("mass or mass and nodule", "text.mass"),
    ("age > 17 and age <= 65", "age between 18 and 65"),
    ("age >= 18 and mass and age < 66", "age between 18 and 65 and text.mass"),
    ("age >= 18 and age <= 18", "age = 18"),
    ("age between 18 and 18 and age >= 3", "age = 18"),
    ("age = 18 and age >= 3", "age = 18"),
    ("age between 2 and 1", "false"),
    ("age = 1 and age = 2", "false"),
    ("spacing_x > 1 and spacing_x <= 1", "false"),
    ("not (age between 2 and 1)", "true"),
    ("age = 2 or age = 1 or age in (2, 3)", "age in (1, 2, 3)"),
    ("age != 1 and age != 2", "not (age in (1, 2))"),
    ("not (age >= 1 and age <= 2)", "not (age between 1 and 2)"),
    ("not age >= 1 or not age <= 2", "not (age between 1 and 2)"),
    ("findings > 1 and findings < 4", "text.findings between 2 and 3"),
    ("findings >= 2 and findings <= 2", "text.findings = 2"),
    ("findings > 2 and findings < 2", "false"),
    ("spacing_x > 0.1 and spacing_x > 0.2", "spacing_x > 0.2"),
    ("spacing_x >= 0.2 and spacing_x > 0.2", "spacing_x > 0.2"),
    ("name = 'it''s'", "name = 'it''s'"),
    ("view = 'pa' or VIEW = 'ap'", "view in ('AP', 'PA')"),
    ('"Coin Lesion" or "No Finding"', "text.no_finding or text.nodule"),
    ("in_subset(holdout)", "in_subset('holdout@2')"),
    (
        "mass and (spacing_x > 1 and spacing_x < 2 or nodule)",
        "((spacing_x > 1.0 and spacing_x < 2.0) or text.nodule) and text.mass",
    ),
]


@pytest.mark.parametrize(("text", "expected"), SAME)
def test_a_question_has_one_normal_text(text: str, expected: str) -> None:
    assert normal(text) == expected
    assert normal(expected) == expected


DIFFERENT = [
    ("not age >= 18", "age < 18"),  # where the age is missing, only the first holds
    ("mass", "panel.mass"),
    ("not mass", "absent(panel.mass)"),
    ("in_subset('holdout@1')", "in_subset(holdout)"),
    ("spacing_x > 1", "spacing_x >= 1"),
    ("boxed()", "boxed(mass)"),
    ("age = 1 or spacing_x = 1", "age = 1 and spacing_x = 1"),
    ("name = 'A'", "name = 'a'"),
]


@pytest.mark.parametrize(("one", "two"), DIFFERENT)
def test_what_differs_for_some_image_keeps_a_text_of_its_own(one: str, two: str) -> None:
    assert normal(one) != normal(two)
