"""Plain text: citations/citation.txt, and what `cite` prints."""

from __future__ import annotations

from ...schemas.manifest import Provenance
from .facts import clean, doi_url
from .styles import Style, format_citation
from .wording import acknowledgement_sentences, link_sentences, references, size

_HEADINGS = {Style.APA: "APA", Style.VANCOUVER: "Vancouver", Style.IEEE: "IEEE"}


def write(manifest: Provenance) -> str:
    """Return how to cite the slice: in the owners' words, in three styles, link and thanks."""
    works = manifest.citations
    worded: list[str] = []
    ours: list[str] = []
    for citation in works:
        for reference in references(citation):
            theirs = reference == clean(citation.as_worded or "")
            (worded if theirs else ours).append(
                f"{reference} DOI {clean(citation.doi)}, {doi_url(citation.doi)}"
            )
    sections = {
        "In the owners' own wording": worded,
        "In full": ours,
        **{name: format_citation(works, style) for style, name in _HEADINGS.items()},
        "Link": link_sentences(manifest),
        "Acknowledgement": acknowledgement_sentences(manifest),
    }
    dataset, subset = manifest.dataset, manifest.subset
    title = f"How to cite the subset {clean(subset.name)} of {clean(dataset.short_title)}"
    provider = clean(dataset.provider.name)
    about = f"{size(manifest)}, release {dataset.version}; data provider: {provider}"
    blocks = [f"{title}\n{'=' * len(title)}\n{about}"]
    for heading, lines in sections.items():
        if lines:
            blocks.append("\n\n".join([f"{heading}\n{'-' * len(heading)}\n{lines[0]}", *lines[1:]]))
    return "\n\n".join(blocks) + "\n"


def write_style(manifest: Provenance, style: Style) -> str:
    """Return the works in one style, a paragraph each, then the link and the acknowledgement."""
    works = format_citation(manifest.citations, style)
    duties = [*link_sentences(manifest), *acknowledgement_sentences(manifest)]
    return "\n\n".join([*works, " ".join(duties)]) + "\n"
