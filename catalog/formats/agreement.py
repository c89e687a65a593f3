"""Check that the papers of an export agree with one another: the last look before it is published.

The structured papers are read back; in those for people each fact is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import NamedTuple, TypeAlias

from ...schemas.errors import CheckFailedError
from ...schemas.manifest import Provenance
from ...schemas.terms import Citation
from . import bibtex, cff, croissant, csl, ris, rocrate
from .facts import Facts, clean, copies, doi_url, facts_of, flat, holds, lacks
from .markdown import unescaped
from .wording import acknowledgement_sentences, links, paragraph, parties, references, size

PAPERS = (
    "README.md",
    "ATTRIBUTION.md",
    "CITATION.cff",
    "citations/references.bib",
    "citations/references.ris",
    "citations/references.csl.json",
    "citations/citation.txt",
    croissant.PATH,
)
DATED = (rocrate.PATH,)
"""The papers that say when and by whom, and whose facts are checked."""

_READERS: dict[str, Callable[[str], Sequence[Facts]]] = {
    "citations/references.bib": bibtex.read,
    "citations/references.ris": ris.read,
    "citations/references.csl.json": csl.read,
}

_Linked: TypeAlias = croissant.CroissantFacts | rocrate.CrateFacts

_STYLED = 3  # citation.txt has each work in three styles beside its wording
_UNPUBLISHED = "nothing was published; please report this with the dataset's descriptor"


class _Difference(NamedTuple):
    subject: str
    field: str
    found: object
    expected: object


def check_papers(
    papers: Mapping[str, str], manifest: Provenance, wanted: Sequence[str] = PAPERS
) -> None:
    """Check that every paper states the facts of the manifest, all of them the same.

    `wanted` are those papers that must be there. The facts are the title, authors, year, pages and
    DOI of each work, the link, the provider and the acknowledgements. Raises `CheckFailedError`
    that names the paper, the work and the field of the first fact that is absent or another.
    """
    for path in wanted:
        if path not in papers:
            raise CheckFailedError(f"{path}: this paper is missing; {_UNPUBLISHED}")
        text = papers[path]
        try:
            difference = next(_differences(path, text, manifest), None)
        except Exception as error:
            # Whatever a reader stumbles over, the paper cannot be read back.
            reason = clean(repr(error))
            raise CheckFailedError(
                f"{path}: cannot be read back ({reason}); {_UNPUBLISHED}"
            ) from error
        if difference is not None:
            subject, field, found, expected = difference
            raise CheckFailedError(
                f"{path}: {subject}: {field}: expected {_shown(expected)}, found {_shown(found)}; "
                f"{_UNPUBLISHED}"
            )


def _differences(path: str, text: str, manifest: Provenance) -> Iterator[_Difference]:
    if path in _READERS:
        return _works(_READERS[path](text), manifest.citations)
    if path == "CITATION.cff":
        return _cff(cff.read(text), manifest)
    if path == croissant.PATH:
        return _linked(croissant.read(text), croissant.expected(manifest), manifest)
    if path == rocrate.PATH:
        return _linked(rocrate.read(text), rocrate.expected(manifest), manifest)
    return _prose(path, text, manifest)


def _works(found: Sequence[Facts], citations: Sequence[Citation]) -> Iterator[_Difference]:
    for citation, facts in zip(citations, found, strict=False):
        yield from _work(facts, citation)
    for citation in citations[len(found) :]:
        yield _Difference(citation.id, "work", None, citation.doi)
    for facts in found[len(citations) :]:
        yield _Difference(facts.doi, "work", facts.title, None)


def _work(found: Facts, citation: Citation) -> Iterator[_Difference]:
    expected = facts_of(citation)
    if found == expected:
        return
    for field in fields(Facts):
        pair = getattr(found, field.name), getattr(expected, field.name)
        if pair[0] != pair[1]:
            yield _Difference(citation.id, field.name, *pair)


def _cff(found: cff.CffFacts, manifest: Provenance) -> Iterator[_Difference]:
    dataset, citations = manifest.dataset, manifest.citations
    yield from _works(found.works, citations)
    yield from _works([found.preferred] if found.preferred else [], citations[:1])
    authors = facts_of(citations[0]).authors if citations else ()
    link = links(manifest)[0]
    data = (clean(dataset.title), clean(dataset.provider.name), link)
    pairs = [
        ("title", found.title, cff.title(manifest)),
        ("authors", found.authors, authors),
        ("link", found.url, link),
        ("terms", found.licence_url, dataset.terms.url),
        ("provider", found.data, (data,)),
    ]
    for field, is_there, expected in pairs:
        if is_there != expected:
            yield _Difference(dataset.slug, field, is_there, expected)
    yield from _sayings([flat(found.message)], manifest)


def _linked(found: _Linked, expected: _Linked, manifest: Provenance) -> Iterator[_Difference]:
    yield from _works(found.works, manifest.citations)
    for field in fields(found):
        pair = getattr(found, field.name), getattr(expected, field.name)
        if pair[0] != pair[1]:
            yield _Difference(manifest.dataset.slug, field.name, *pair)


def _prose(path: str, text: str, manifest: Provenance) -> Iterator[_Difference]:
    dataset, subset = manifest.dataset, manifest.subset
    # A fact may stand in escaped Markdown or, as it is, in code and addresses.
    texts = [flat(unescaped(text)), flat(text)]
    if path == "ATTRIBUTION.md":
        ready = flat(paragraph(manifest))
        if ready not in texts[1]:
            yield _Difference(subset.name, "paragraph", None, paragraph(manifest))
        rest = texts[1].replace(ready, " ")  # which must hold by itself
        texts = [unescaped(rest), rest]
        yield from _terms(texts, manifest)
    for citation in manifest.citations:
        yield from _cited(texts, citation, _STYLED if path == "citations/citation.txt" else 0)
    provider = clean(dataset.provider.name)
    if not _any_holds(texts, f"data provider: {provider}", f"Data provider: {provider}"):
        yield _Difference(dataset.slug, "provider", None, provider)
    if not _any_holds(texts, size(manifest)):
        yield _Difference(subset.name, "size", None, size(manifest))
    yield from _sayings(texts, manifest)


def _terms(texts: Sequence[str], manifest: Provenance) -> Iterator[_Difference]:
    terms = manifest.dataset.terms
    if not _any_holds(texts, clean(terms.words)):
        yield _Difference(manifest.dataset.slug, "terms", None, clean(terms.words))
    # The terms may be at the address of a link; then it stands there once more.
    least = 1 + links(manifest).count(terms.url)
    if _most_copies(texts, terms.url) < least:
        yield _Difference(manifest.dataset.slug, "link", None, terms.url)


def _cited(texts: Sequence[str], citation: Citation, styled: int) -> Iterator[_Difference]:
    """Look for a work in each of its wordings, and `styled` times in a style."""
    facts, worded = facts_of(citation), references(citation)
    for field in lacks(texts[0], facts):
        if field in lacks(texts[1], facts):
            yield _Difference(citation.id, field, None, getattr(facts, field))
    address = doi_url(facts.doi)
    titles = sum(copies(flat(wording), facts.title) for wording in worded)
    dois = len(worded) * (2 if address.endswith(facts.doi) else 1)
    for field, value, least in [
        ("title", facts.title, titles + styled),
        ("doi", facts.doi, dois + styled),
        ("doi", address, 1),
        *(("wording", f"{each} DOI {facts.doi}", 1) for each in worded),
    ]:
        if _most_copies(texts, value) < least:
            yield _Difference(citation.id, field, None, value)


def _sayings(texts: Sequence[str], manifest: Provenance) -> Iterator[_Difference]:
    wanted = [
        *(("link", link) for link in links(manifest)),
        *(("provider", clean(party)) for party in parties(manifest)),
        *(("acknowledgement", each) for each in acknowledgement_sentences(manifest)),
    ]
    for field, value in wanted:
        if not _any_holds(texts, value):
            yield _Difference(manifest.dataset.slug, field, None, value)


def _most_copies(texts: Sequence[str], value: str) -> int:
    return max(copies(text, value) for text in texts)


def _any_holds(texts: Sequence[str], *values: str) -> bool:
    return any(holds(text, value) for text in texts for value in values)


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)
