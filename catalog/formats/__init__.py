"""The papers of an export, one format a module: text from the manifest, and nothing else."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from ...schemas.manifest import Provenance
from .agreement import DATED, check_papers
from .styles import Style, format_citation

__all__ = [
    "DATED",
    "Format",
    "Style",
    "check_papers",
    "dated_papers",
    "format_citation",
    "papers",
    "render",
]


class Format(StrEnum):
    """A form in which the references of a slice are given."""

    TEXT = "text"
    BIBTEX = "bibtex"
    RIS = "ris"
    CSL = "csl"
    CFF = "cff"
    DATACITE = "datacite"
    SCHEMAORG = "schemaorg"


def render(format: Format, manifest: Provenance, style: Style | None = None) -> str:  # noqa: A002 - as the option of the command
    """Return the references of a slice in one format.

    `style` is for text alone: with it the text has the works in that style, then the link and the
    acknowledgement; without it, it is that of citations/citation.txt.
    """
    from . import bibtex, cff, csl, datacite, ris, schemaorg, text

    match format:
        case Format.TEXT:
            return text.write(manifest) if style is None else text.write_style(manifest, style)
        case Format.BIBTEX:
            return bibtex.write(manifest.citations)
        case Format.RIS:
            return ris.write(manifest.citations)
        case Format.CSL:
            return csl.write(manifest.citations)
        case Format.CFF:
            return cff.write(manifest)
        case Format.DATACITE:
            return datacite.write(manifest)
        case Format.SCHEMAORG:
            return schemaorg.write(manifest)
        case _:
            assert_never(format)


def papers(manifest: Provenance) -> dict[str, str]:
    """Return the papers of an export by their relative paths.

    They do not depend on when, where and by whom the export was made. `manifest.files` names the
    other files of the export; the papers themselves need not be in it.
    """
    from . import attribution, croissant, readme

    return {
        "README.md": readme.write(manifest),
        "ATTRIBUTION.md": attribution.write(manifest),
        "CITATION.cff": render(Format.CFF, manifest),
        "citations/references.bib": render(Format.BIBTEX, manifest),
        "citations/references.ris": render(Format.RIS, manifest),
        "citations/references.csl.json": render(Format.CSL, manifest),
        "citations/citation.txt": render(Format.TEXT, manifest),
        "croissant.json": croissant.write(manifest),
    }


def dated_papers(manifest: Provenance) -> dict[str, str]:
    """Return the papers that say when, where and by whom the export was made, by their paths.

    They are written last, from the finished manifest, so it does not list them.
    """
    from . import prov, rocrate

    return {
        "prov.json": prov.write(manifest),
        "ro-crate-metadata.json": rocrate.write(manifest),
    }
