"""What the files of an export are, in the order in which they are told of."""

from __future__ import annotations

# The first ones are in every export: its papers are written with them.
ALWAYS = {
    "README.md": "this page",
    "ATTRIBUTION.md": "every duty of the slice, and the words that meet it",
    "CITATION.cff": "how to cite the slice, for GitHub, Zenodo and reference managers",
    "citations/citation.txt": "the references in plain text: the owners' wording, APA, "
    "Vancouver, IEEE",
    "citations/references.bib": "the references for LaTeX (BibTeX)",
    "citations/references.ris": "the references for EndNote, Mendeley and Zotero (RIS)",
    "citations/references.csl.json": "the references for Pandoc and Zotero (CSL-JSON)",
    "croissant.json": "the tables and their terms in Croissant, for mlcroissant and its like",
    "prov.json": "what was made from what, when and by whom: W3C PROV (PROV-JSON)",
    "ro-crate-metadata.json": "the folder, its making and its terms as an RO-Crate",
    "checksums.xxh128": "the XXH3-128 of each file, as `xxhsum -c` reads it",
    "provenance.json": "cxrcat's manifest: question, answer, duties and files, for programs",
}
SOMETIMES = {
    "metadata.csv": "a row an image: labels, demographics, view, source, checksum",
    "metadata.parquet": "the same table as Parquet",
    "boxes.csv": "a row a box that a reader drew around a finding, in pixels of the released image",
    "boxes.coco.json": "the same boxes in the COCO detection format",
}
_MEDIA_TYPES = {
    ".bib": "application/x-bibtex",
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".ris": "application/x-research-info-systems",
    ".txt": "text/plain",
    ".xxh128": "text/plain",
}


def what_is(path: str) -> str:
    """Return what a file is; its path for one that is not known here."""
    return ALWAYS.get(path) or SOMETIMES.get(path) or path


def media_type(path: str) -> str:
    """Return the media type of a file."""
    if path == "croissant.json":
        return "application/ld+json"
    return _MEDIA_TYPES.get(path[path.rfind(".") :], "application/octet-stream")
