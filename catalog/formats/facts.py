"""The facts of a cited work that every paper of an export must state alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from ...schemas.terms import Citation

_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_INITIALS = 4  # given names in capitals, and no longer than this, are initials
_TOKEN_MARKS = frozenset("-./_?#=&%~")


@dataclass(frozen=True, slots=True)
class Facts:
    """What identifies a work; `authors` are pairs of family and given names, in order."""

    title: str
    authors: tuple[tuple[str, str], ...]
    year: int
    pages: str | None
    doi: str


def facts_of(citation: Citation) -> Facts:
    """Return the facts of a citation in the spelling that every format writes and reads back."""
    return Facts(
        title=clean(citation.title),
        authors=tuple((_name(each.family), spelled(each.given)) for each in citation.author),
        year=citation.issued.year,
        pages=citation.page,
        doi=clean(citation.doi),
    )


def clean(text: str) -> str:
    """Return the text on one line: runs of white space are one space, control characters go."""
    shown = (each for each in text if each.isspace() or unicodedata.category(each) != "Cc")
    return " ".join("".join(shown).split())


def spelled(given: str) -> str:
    """Return given names with initials spelled apart: ``DF`` is ``D. F.``, ``Le`` stays.

    Programs that format citations make one initial of ``DF``, so it is never written that way.
    """
    given = _name(given)
    if given.isalpha() and given.isupper() and len(given) <= _INITIALS:
        return " ".join(f"{initial}." for initial in given)
    return given


def doi_url(doi: str) -> str:
    """Return the address under which a DOI resolves."""
    return "https://doi.org/" + quote(clean(doi), safe="/:;()-._~")


def flat(text: str) -> str:
    """Return the text as facts are looked for in it: white space and dashes are alike."""
    return " ".join(text.split()).translate(_DASHES)


def lacks(text: str, facts: Facts) -> Iterator[str]:
    """Yield the name of each fact except the DOI that the (flat) text does not state."""
    wanted = {
        "title": [facts.title],
        "authors": [f"{given} {family}" for family, given in facts.authors],
        "year": [str(facts.year)],
        "pages": [facts.pages] if facts.pages else [],
    }
    for field, values in wanted.items():
        if not all(holds(text, value) for value in values):
            yield field


def holds(text: str, value: str) -> bool:
    """Tell whether the (flat) text states the value, and not just as a part of a longer one."""
    return copies(text, value) > 0


def copies(text: str, value: str) -> int:
    """Return how often the (flat) text states the value, parts of longer ones left out."""
    value = flat(value)
    found = 0
    start = text.find(value)
    while start >= 0:
        end = start + len(value)
        before, after = text[max(start - 1, 0) : start], text[end : end + 2]
        if not (_joins(before, value[:1]) or _joins(after[:1], value[-1:]) or _goes_on(after)):
            found += 1
        start = text.find(value, start + 1)
    return found


def _joins(one: str, other: str) -> bool:
    return one.isalnum() and other.isalnum()


def _goes_on(after: str) -> bool:
    return len(after) > 1 and after[0] in _TOKEN_MARKS and after[1].isalnum()


def _name(text: str) -> str:
    # A comma divides the parts of a name in BibTeX and RIS, so no part may have one.
    return clean(re.sub(r",\s*", " ", text))
