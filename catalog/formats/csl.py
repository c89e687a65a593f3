"""CSL-JSON: citations/references.csl.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...schemas.terms import Citation
from .facts import Facts, clean, doi_url, facts_of


def write(citations: Sequence[Citation]) -> str:
    """Return the works as one CSL-JSON list."""
    works = [
        {
            **record(citation),
            "URL": doi_url(citation.doi),
            **({"note": f"arXiv:{citation.arxiv}"} if citation.arxiv else {}),
        }
        for citation in citations
    ]
    return json.dumps(works, indent=2, ensure_ascii=False) + "\n"


def record(citation: Citation) -> dict[str, Any]:
    """Return the work as a CSL record: initials spelled apart, no control characters."""
    facts = facts_of(citation)
    plain = {
        key: clean(value) if isinstance(value, str) else value
        for key, value in citation.csl().items()
    }
    people = [{"family": family, "given": given} for family, given in facts.authors]
    return {**plain, "title": facts.title, "author": people}


def read(text: str) -> list[Facts]:
    """Return the facts of what `write` wrote.

    Raises `ValueError`, `KeyError` or `TypeError` on other text.
    """
    return [
        Facts(
            title=work["title"],
            authors=tuple((person["family"], person["given"]) for person in work["author"]),
            year=work["issued"]["date-parts"][0][0],
            pages=work.get("page"),
            doi=work["DOI"],
        )
        for work in json.loads(text)
    ]
