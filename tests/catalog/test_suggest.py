"""Unknown names are answered with the known ones that are near."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrcat.catalog.suggest import nearest, unknown

FINDINGS = ["effusion", "Pleural Thickening", "pneumonia", "pneumothorax", "no-finding", "mass"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("pneumotorax", "pneumothorax"),
        ("PNEUMONA", "pneumonia"),
        ("pleural-thickening", "Pleural Thickening"),
        ("pleural_thickning", "Pleural Thickening"),
        ("No Finding", "no-finding"),
        ("mas", "mass"),
    ],
)
def test_the_nearest_name_comes_first(word: str, found: str) -> None:
    assert nearest(word, FINDINGS)[0] == found


def test_three_names_at_most() -> None:
    assert len(nearest("subset", [f"subset-{number}" for number in range(9)])) == 3
    assert nearest("xyzzy", FINDINGS) == []
    assert nearest("", FINDINGS) == []


def test_the_line_names_near_or_known_names() -> None:
    assert unknown("finding", "efusion", FINDINGS) == (
        "unknown finding 'efusion'; did you mean effusion?"
    )
    assert unknown("finding", "pneumo", FINDINGS) == (
        "unknown finding 'pneumo'; did you mean pneumonia or pneumothorax?"
    )
    assert unknown("column", "xyzzy", ["b", "a", "a"]) == "unknown column 'xyzzy'; known: a, b"
    assert unknown("subset", "x", []) == "unknown subset 'x'; none is known"
    many = [f"name-{number:02}" for number in range(30)]
    assert unknown("subset", "xyzzy", many).endswith("name-04, name-05, … (30 in all)")


def test_a_long_word_is_cut() -> None:
    line = unknown("finding", "x" * 10_000, FINDINGS)
    assert len(line) < 250
    assert "xxx…'" in line


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.characters(codec=None), max_size=90),
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12)),
)
def test_any_word_is_answered_in_one_line_that_can_be_printed(word: str, known: list[str]) -> None:
    line = unknown("name", word, known)
    assert line.isprintable()
    assert set(nearest(word, known)) <= set(known)
