"""Lists by their introductions, and sections by all their headings."""

from __future__ import annotations

import pytest

from cxrcat.catalog.audit.sentences import lead_of, outline, sections_of


@pytest.mark.parametrize(
    ("words", "lead"),
    [
        ("We use these:\n\n- one\n- HERE", "We use these:"),
        ("A start. We use these:\n1. one\n   more of it\n2. HERE", " We use these:"),
        ("We use these:\n\n| set |\n| --- |\n| HERE |", "We use these:"),
        ("We use these:\n- one\n  - HERE", "We use these:"),
        ("\\begin{itemize}\n\\item HERE", ""),
        ("We use these:\nHERE", ""),
        ("We use these.\n- HERE", ""),
        ("# These:\n- HERE", ""),
        ("- HERE", ""),
        ("HERE", ""),
    ],
)
def test_the_sentence_that_introduces_a_list(words: str, lead: str) -> None:
    assert lead_of(words, words, words.index("HERE")) == lead


def test_sections_are_those_of_every_heading_above() -> None:
    words = (
        "# Title\n## One\n### Part\n## Two\n```sh\n# no heading\n```\n### Inner #\nHERE\n## Three\n"
    )
    found = list(sections_of(outline(words), words.index("HERE")))
    assert found == [(3, "Inner"), (2, "Two"), (1, "Title")]
    tex = "\\section{Related work}\n\\subsection*{Nets}\nHERE"
    found = list(sections_of(outline(tex), tex.index("HERE")))
    assert found == [(3, "Nets"), (2, "Related work")]
    assert list(sections_of(outline("HERE"), 0)) == []
