"""The text bars of a profile: narrow, true to the numbers, safe with any label."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cxrcat.catalog.formats import papers
from cxrcat.catalog.formats.bars import WIDTH, bars, pairs
from cxrcat.schemas.manifest import AgeGroup, FindingCount, Profile, Provenance

from .conftest import PROFILE

counts = st.one_of(st.integers(0, 3), st.integers(0, 9_999_999))
words = st.text(min_size=1, max_size=60).filter(str.strip)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    names = draw(st.lists(words, max_size=5, unique=True))
    sexes = draw(st.lists(words, min_size=1, max_size=5, unique=True))
    return Profile(
        labels="nih",
        findings=[FindingCount(name=name, label=name, images=draw(counts)) for name in names],
        together={
            name: {other: draw(counts) for other in names[place + 1 :]}
            for place, name in enumerate(names[:-1])
        },
        ages=[
            AgeGroup(years=years, sexes={sex: draw(counts) for sex in sexes})
            for years in ("0-9", "90+", "unknown")
        ],
        views={"PA": 1, **draw(st.dictionaries(words, counts, max_size=12))},
        patients={"1": draw(counts), "51+": draw(counts)},
    )


@pytest.mark.parametrize("blocks", [True, False])
@settings(max_examples=150, deadline=None)
@given(profile=profiles())
def test_any_profile_is_drawn_in_narrow_printable_lines(blocks: bool, profile: Profile) -> None:
    lines = bars(profile, blocks).split("\n")
    for line in lines:
        assert len(line) + sum(east_asian_width(letter) in "WF" for letter in line) <= WIDTH
        assert line.isprintable()
        assert line == line.rstrip()
    assert blocks or not set("".join(lines)) & set("█▏▎▍▌▋▊▉")


def test_bars_are_as_long_as_their_numbers() -> None:
    lines = dict(
        re.findall(r"^(\S.*?)  .*%(?:  (#+))?$", line)[0]
        for line in bars(PROFILE, blocks=False).split("\n")[1:6]
    )
    longest = len(lines["Pneumothorax"])
    assert {name: len(bar) for name, bar in lines.items()} == {
        "Pneumothorax": longest,
        "Effusion": round(longest * 996 / 5302),
        "Mass": round(longest * 431 / 5302),
        "Hernia": 1,
        "No Finding": 0,
    }


def test_findings_and_pairs_come_by_their_numbers() -> None:
    assert pairs(PROFILE) == [
        ("Effusion", "Pneumothorax", 996),
        ("Mass", "Pneumothorax", 431),
        ("Effusion", "Mass", 86),
        ("Hernia", "Pneumothorax", 9),
        ("Effusion", "Hernia", 1),
    ]
    firsts = [line.split("  ")[0] for line in bars(PROFILE).split("\n")[1:6]]
    assert firsts == ["Pneumothorax", "Effusion", "Mass", "Hernia", "No Finding"]


def test_unknown_ages_are_shown_where_there_are_some() -> None:
    assert "unknown" not in bars(PROFILE)
    ages = [*PROFILE.ages[:-1], AgeGroup(years="unknown", sexes={"F": 1, "M": 0})]
    assert "unknown" in bars(PROFILE.model_copy(update={"ages": ages}))


def test_a_subset_without_images_has_no_bars(nih: Provenance) -> None:
    nobody = PROFILE.model_copy(update={"views": {"AP": 0, "PA": 0}})
    assert bars(nobody) == ""
    for profile in (nobody, None):
        subset = nih.subset.model_copy(update={"profile": profile})
        readme = papers(nih.model_copy(update={"subset": subset}))["README.md"]
        assert "consists of" not in readme
        assert readme.count("```") == 2


@settings(max_examples=50, deadline=None)
@given(label=st.text("`~\n #|<", min_size=1, max_size=12).filter(str.strip))
def test_a_label_cannot_leave_its_block(nih: Provenance, label: str) -> None:
    finding = FindingCount(name="odd", label=label, images=1)
    profile = PROFILE.model_copy(update={"findings": [finding]})
    subset = nih.subset.model_copy(update={"profile": profile})
    readme = papers(nih.model_copy(update={"subset": subset}))["README.md"]
    fences = [each for each in MarkdownIt().parse(readme) if each.type == "fence"]
    assert [each.info for each in fences] == ["text", "sh"]
    assert fences[0].content == bars(profile) + "\n"
