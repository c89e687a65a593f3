"""The profile of a subset as bars of text, for a page in Markdown and for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence

from ...schemas.manifest import Profile
from .facts import clean

WIDTH = 78  # columns that no line is longer than
_LABEL = 26  # columns that a label may take
_PAIR = 40  # columns that two labels may take
_PAIRS = 10  # pairs of findings that are shown
BLOCK, _EIGHTHS = "█", " ▏▎▍▌▋▊▉"

_Bar = Callable[[int, int, int], str]


def bars(profile: Profile, blocks: bool = True) -> str:
    """Return the profile as lines of at most `WIDTH` columns; empty for a subset without images.

    `blocks` draws with the block characters of Unicode, which some terminals lack.
    """
    total = sum(profile.views.values())  # every image has one, were it "unknown"
    if not total:
        return ""
    bar = _blocks if blocks else _signs
    findings = sorted(profile.findings, key=lambda finding: -finding.images)
    patients = [(f"{name} image{'s'[name == '1' :]}", n) for name, n in profile.patients.items()]
    sections = [
        _section(
            f"images by finding (labels {profile.labels}; an image can have several)",
            [(_short(finding.label, _LABEL), finding.images) for finding in findings],
            bar,
            total,
        ),
        _section("images with two findings, the most frequent", _pairs(profile), bar, total),
        _ages(profile, bar),
        _section("images by view", _labelled(profile.views), bar, total),
        _section("patients by their number of images here", patients, bar),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def pairs(profile: Profile) -> list[tuple[str, str, int]]:
    """Return the labels of two findings and the images with both, the most frequent first."""
    labels = {finding.name: finding.label for finding in profile.findings}
    found = [
        (labels.get(one, one), labels.get(other, other), number)
        for one, others in profile.together.items()
        for other, number in others.items()
    ]
    return sorted(found, key=lambda pair: -pair[2])


def _pairs(profile: Profile) -> list[tuple[str, int]]:
    half = (_PAIR - 3) // 2
    return [
        (f"{_short(one, half)} + {_short(other, half)}", number)
        for one, other, number in pairs(profile)[:_PAIRS]
    ]


def _labelled(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(_short(name, _LABEL), number) for name, number in counts.items()]


def _section(
    title: str, rows: Sequence[tuple[str, int]], bar: _Bar, total: int | None = None
) -> list[str]:
    """Return a title and a line a number, with its share of the total where that has a meaning."""
    if not rows:
        return []
    label = max(_columns(name) for name, _ in rows)
    texts = [f"{number:,}" + (f" {number / total:7.1%}" if total else "") for _, number in rows]
    number_width = max(map(len, texts))
    most = max(number for _, number in rows)
    width = WIDTH - label - number_width - 4
    lines = (
        f"{_padded(name, label)}  {text:>{number_width}}  {bar(number, most, width)}"
        for (name, number), text in zip(rows, texts, strict=True)
    )
    return [_short(title, WIDTH), *map(str.rstrip, lines)]


def _ages(profile: Profile, bar: _Bar) -> list[str]:
    """Return a line a decade of age and a column a sex, all on one scale."""
    groups = [
        group for group in profile.ages if group.years != "unknown" or any(group.sexes.values())
    ]
    sexes = list(groups[0].sexes) if groups else []
    if not sexes:
        return []
    most = max(max(group.sexes.values()) for group in groups)
    label = max(len(group.years) for group in groups)
    number_width = len(f"{most:,}")
    column = (WIDTH - label) // len(sexes)
    width = column - number_width - 4
    head = "".join(
        "  " + _padded(" " * (number_width + 2) + _short(sex, width), column - 2) for sex in sexes
    )
    lines = [
        group.years.ljust(label)
        + "".join(
            f"  {number:>{number_width},}  {_padded(bar(number, most, width), width)}"
            for number in group.sexes.values()
        )
        for group in groups
    ]
    return ["images by age in years, and sex", *map(str.rstrip, [" " * label + head, *lines])]


def _blocks(number: int, most: int, width: int) -> str:
    """Return a bar in eighths of a column; what is there at all can be seen."""
    eighths = max(1, round(8 * width * number / most)) if number else 0
    return BLOCK * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _signs(number: int, most: int, width: int) -> str:
    return "#" * (max(1, round(width * number / most)) if number else 0)


def _short(text: str, columns: int) -> str:
    """Return a text that nobody vouches for on one line, cut off where it is too wide."""
    letters = unicodedata.normalize("NFC", clean(text))
    text = "".join(letter for letter in letters if letter.isprintable())
    if _columns(text) <= columns:
        return text
    while text and _columns(text) >= columns:
        text = text[:-1]
    return f"{text}…"


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - _columns(text))


def _columns(text: str) -> int:
    """Return how many columns a text takes at most; a wide letter takes two."""
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
