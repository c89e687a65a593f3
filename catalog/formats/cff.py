"""CITATION.cff, in the Citation File Format 1.2.0: how the slice itself is cited."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ...schemas.manifest import Provenance
from ...schemas.terms import Citation
from .facts import Facts, clean, doi_url, facts_of
from .wording import acknowledgement_sentences, link_sentences, links, size

_TYPES = {
    "paper-conference": "conference-paper",
    "article-journal": "article",
    "article": "article",
    "dataset": "data",
    "report": "report",
}
# The only DOIs that the format's schema takes; another one is stated by its address alone.
_DOI = re.compile(r"10\.\d{4,9}(\.\d+)?/[A-Za-z0-9:/_;\-.()\[\]\\]+")
_RESOLVER = "https://doi.org/"


@dataclass(frozen=True, slots=True)
class CffFacts:
    """What a CITATION.cff says: the slice, the works, and the data with its provider."""

    title: str
    message: str
    url: str
    licence_url: str
    authors: tuple[tuple[str, str], ...]
    preferred: Facts | None
    works: tuple[Facts, ...]
    data: tuple[tuple[str, str, str], ...]  # title, provider, url


def write(manifest: Provenance) -> str:
    """Return the CITATION.cff of the slice; it has no date, so two runs write the same."""
    import yaml

    dataset, subset = manifest.dataset, manifest.subset
    works = manifest.citations
    keywords = (dataset.short_title, dataset.slug, subset.name, dataset.provider.name)
    file = {
        "cff-version": "1.2.0",
        "type": "dataset",
        "title": title(manifest),
        "message": _message(manifest),
        "abstract": abstract(manifest),
        "authors": _people(works[0]) if works else [_provider(manifest)],
        "version": version(manifest),
        "url": links(manifest)[0],
        "license-url": dataset.terms.url,
        "keywords": list(dict.fromkeys(clean(word) for word in keywords)),
        "identifiers": [
            {
                "type": "other",
                "value": subset.names,
                "description": "XXH3-128 of the names of the images, one a line",
            }
        ],
        **({"preferred-citation": reference(works[0])} if works else {}),
        "references": [*(reference(citation) for citation in works), _data(manifest)],
    }
    return yaml.safe_dump(file, sort_keys=False, allow_unicode=True, width=96)


def title(manifest: Provenance) -> str:
    """Return the title under which the slice is cited."""
    dataset, subset = manifest.dataset, manifest.subset
    return f"{clean(dataset.short_title)}, subset {clean(subset.name)} ({size(manifest)})"


def version(manifest: Provenance) -> str:
    """Return the version of the slice: that of the dataset, and that of the subset."""
    return f"{clean(manifest.dataset.version)}, subset version {manifest.subset.version}"


def abstract(manifest: Provenance) -> str:
    """Return what the slice is, in a sentence."""
    dataset = manifest.dataset
    return (
        f"The {size(manifest)} of {clean(dataset.title)}, release {dataset.version}, that "
        f"answer the question: {clean(manifest.subset.query)}"
    )


def read(text: str) -> CffFacts:
    """Return what a CITATION.cff by `write` says.

    Raises `ValueError`, `KeyError`, `TypeError` or `yaml.YAMLError` on other text.
    """
    from ...schemas.yaml_reader import load

    file = load(text)
    references = file["references"]
    data = [each for each in references if "name" in each["authors"][0]]
    preferred = file.get("preferred-citation")
    return CffFacts(
        title=file["title"],
        message=file["message"],
        url=file["url"],
        licence_url=file["license-url"],
        authors=_authors(file),
        preferred=_facts(preferred) if preferred else None,
        works=tuple(_facts(each) for each in references if each not in data),
        data=tuple((each["title"], each["authors"][0]["name"], each["url"]) for each in data),
    )


def _message(manifest: Provenance) -> str:
    duties = [*link_sentences(manifest), *acknowledgement_sentences(manifest)]
    cite = "cite the works listed under references, and " if manifest.citations else ""
    return f"If you use this slice, {cite}state: {' '.join(duties)}"


def _people(citation: Citation) -> list[dict[str, str]]:
    return [
        {"family-names": family, "given-names": given}
        for family, given in facts_of(citation).authors
    ]


def _provider(manifest: Provenance) -> dict[str, str]:
    provider = manifest.dataset.provider
    return {"name": clean(provider.name), **({"website": provider.url} if provider.url else {})}


def _data(manifest: Provenance) -> dict[str, Any]:
    dataset = manifest.dataset
    return {
        "type": "data",
        "title": clean(dataset.title),
        "authors": [_provider(manifest)],
        "version": dataset.version,
        "url": links(manifest)[0],
        "license-url": dataset.terms.url,
        "notes": f"Data provider: {clean(dataset.provider.name)}.",
    }


def reference(citation: Citation) -> dict[str, Any]:
    """Return a work as CFF writes a reference."""
    facts = facts_of(citation)
    container = clean(citation.container_title or "")
    place: dict[str, Any] = {}
    if container and citation.type == "paper-conference":
        place = {"collection-title": container, "conference": {"name": container}}
    elif container:
        place = {"journal": container}
    pages = _pages(facts.pages)
    optional = {
        "volume": clean(citation.volume or ""),
        "issue": clean(citation.issue or ""),
        "publisher": {"name": clean(citation.publisher)} if citation.publisher else None,
        "doi": facts.doi if _DOI.fullmatch(facts.doi) else None,
        "url": doi_url(facts.doi),
        "identifiers": (
            [{"type": "other", "value": f"arXiv:{citation.arxiv}"}] if citation.arxiv else None
        ),
    }
    return {
        "type": _TYPES[citation.type],
        "title": facts.title,
        "authors": _people(citation),
        **place,
        "year": facts.year,
        **pages,
        **{key: value for key, value in optional.items() if value},
    }


def _pages(pages: str | None) -> dict[str, int | str]:
    if pages is None:
        return {}
    # A number keeps its leading zeros only as a text.
    numbers: Sequence[int | str] = [
        each if each.startswith("0") else int(each) for each in pages.split("-")
    ]
    return dict(zip(("start", "end"), numbers, strict=False))


def _authors(work: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    people = [each for each in work["authors"] if "name" not in each]
    return tuple((each["family-names"], each["given-names"]) for each in people)


def _facts(work: dict[str, Any]) -> Facts:
    pages = [str(work[key]) for key in ("start", "end") if key in work]
    return Facts(
        title=work["title"],
        authors=_authors(work),
        year=work["year"],
        pages="-".join(pages) or None,
        doi=work.get("doi") or unquote(work["url"].removeprefix(_RESOLVER)),
    )
