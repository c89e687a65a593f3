"""The words that several papers of an export share: what is owed, and how it is said."""

from __future__ import annotations

from ...schemas.manifest import OwedDuty, Provenance
from ...schemas.terms import Citation, DutyKind
from .facts import clean, doi_url, facts_of, flat, lacks

_ENDS = (".", "?", "!")


def count(number: int, noun: str) -> str:
    """Return ``1 image`` or ``5,302 images``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(manifest: Provenance) -> str:
    """Return how large the slice is: ``5,302 images of 1,487 patients``."""
    subset = manifest.subset
    return f"{count(subset.images, 'image')} of {count(subset.patients, 'patient')}"


def links(manifest: Provenance) -> tuple[str, ...]:
    """Return the addresses that the duties ask for; the dataset's own where none does."""
    owed = (duty.url for duty in duties_of(manifest, DutyKind.LINK) if duty.url)
    return tuple(dict.fromkeys(owed)) or (manifest.dataset.homepage,)


def parties(manifest: Provenance) -> tuple[str, ...]:
    """Return the provider of the data, then whoever else must be acknowledged."""
    owed = (duty.party for duty in duties_of(manifest, DutyKind.ACKNOWLEDGEMENT) if duty.party)
    return tuple(dict.fromkeys((manifest.dataset.provider.name, *owed)))


def duties_of(manifest: Provenance, kind: DutyKind) -> list[OwedDuty]:
    """Return the duties of one kind, in the manifest's order."""
    return [duty for duty in manifest.duties if duty.kind is kind]


def link_sentences(manifest: Provenance) -> list[str]:
    """Return a sentence for each link that is owed."""
    owed = duties_of(manifest, DutyKind.LINK)
    sentences = [f"{clean(duty.text).rstrip('.')} ({duty.url})." for duty in owed]
    return sentences or [f"The data is described at {manifest.dataset.homepage} (its home page)."]


def acknowledgement_sentences(manifest: Provenance) -> list[str]:
    """Return a sentence for each acknowledgement; the provider is named where none is owed."""
    owed = [clean(duty.text) for duty in duties_of(manifest, DutyKind.ACKNOWLEDGEMENT)]
    provider = manifest.dataset.provider.name
    if not any(provider in sentence for sentence in owed):
        owed.append(f"Data provider: {clean(provider)}.")
    return owed


def in_full(citation: Citation) -> str:
    """Return a reference that states every author and every fact except the DOI."""
    facts = facts_of(citation)
    people = ", ".join(f"{given} {family}" for family, given in facts.authors)
    place = clean(citation.container_title or citation.publisher or "")
    if citation.volume:
        place += f" {citation.volume}" + (f"({citation.issue})" if citation.issue else "")
    pages = f"{'pp.' if '-' in facts.pages else 'p.'} {facts.pages}" if facts.pages else ""
    parts = (people, facts.title, place.strip(), pages, str(facts.year))
    text = ""
    for part in filter(None, parts):
        text += f"{' ' if text.endswith(_ENDS) else ', '}{part}" if text else part
    return text + "."


def references(citation: Citation) -> list[str]:
    """Return the owners' wording of a work, and ours where theirs is absent or not complete."""
    if citation.as_worded is None:
        return [in_full(citation)]
    worded = clean(citation.as_worded)
    incomplete = any(lacks(flat(worded), facts_of(citation)))
    return [worded, in_full(citation)] if incomplete else [worded]


def paragraph(manifest: Provenance) -> str:
    """Return one paragraph that meets every duty: link, acknowledgement and citation."""
    dataset, subset = manifest.dataset, manifest.subset
    works = [
        f"{references(citation)[-1]} {doi_url(citation.doi)}" for citation in manifest.citations
    ]
    origin = f"{clean(dataset.title)}, release {dataset.version} (subset {clean(subset.name)})"
    sentences = [
        f"This work uses {size(manifest)} from {origin}.",
        *link_sentences(manifest),
        *acknowledgement_sentences(manifest),
        *(["Cited: " + "; ".join(works)] if works else []),
    ]
    return " ".join(sentences)
