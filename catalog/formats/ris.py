"""RIS: citations/references.ris."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...schemas.terms import Citation
from .facts import Facts, clean, doi_url, facts_of

_TYPES = {
    "paper-conference": "CONF",
    "article-journal": "JOUR",
    "article": "GEN",
    "dataset": "DATA",
    "report": "RPRT",
}
_LINE = re.compile(r"^([A-Z][A-Z0-9])  - ?(.*)$", re.MULTILINE)


def write(citations: Sequence[Citation]) -> str:
    """Return the works as RIS, a record each; a value never has a line break."""
    return "\n".join(_record(citation) for citation in citations)


def read(text: str) -> list[Facts]:
    """Return the facts of what `write` wrote; raise `ValueError` or `KeyError` on other text."""
    works = []
    values: dict[str, list[str]] = {}
    for tag, value in _LINE.findall(text):
        if tag == "TY":
            values = {}
        values.setdefault(tag, []).append(value)
        if tag == "ER":
            people = [person.partition(", ") for person in values["AU"]]
            works.append(
                Facts(
                    title=values["TI"][0],
                    authors=tuple((family, given) for family, _, given in people),
                    year=int(values["PY"][0]),
                    pages="-".join([*values.get("SP", []), *values.get("EP", [])]) or None,
                    doi=values["DO"][0],
                )
            )
    return works


def _record(citation: Citation) -> str:
    facts = facts_of(citation)
    start, _, end = (facts.pages or "").partition("-")
    fields = [
        ("TY", _TYPES[citation.type]),
        ("ID", citation.id),
        *(("AU", f"{family}, {given}") for family, given in facts.authors),
        ("TI", facts.title),
        ("T2", citation.container_title),
        ("VL", citation.volume),
        ("IS", citation.issue),
        ("SP", start),
        ("EP", end),
        ("PB", citation.publisher),
        ("PY", str(facts.year)),
        ("DO", facts.doi),
        ("UR", doi_url(facts.doi)),
        ("N1", f"arXiv:{citation.arxiv}" if citation.arxiv else None),
    ]
    lines = [f"{tag}  - {clean(value)}" for tag, value in fields if value]
    return "\n".join([*lines, "ER  - ", ""])
