"""``cxrcat cite``: the citations that a slice owes, in the form that is needed."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from .context import Json, examples, print_json
from .slices import Folder, SubsetName, manifest_of

if TYPE_CHECKING:
    from ..schemas.manifest import Provenance

EPILOG = examples(
    "cxrcat cite --subset pneumothorax",
    "cxrcat cite --subset pneumothorax --format text --style vancouver",
    "cxrcat cite ./pneumothorax --format bibtex >> references.bib",
    "cxrcat cite ./pneumothorax --format datacite > datacite.json",
    "cxrcat cite --subset pneumothorax --explain",
)


class CitationFormat(StrEnum):
    """The forms in which citations are written."""

    text = "text"
    bibtex = "bibtex"
    ris = "ris"
    csl = "csl"
    cff = "cff"
    datacite = "datacite"
    schemaorg = "schemaorg"


class CitationStyle(StrEnum):
    """The styles of formatted text."""

    apa = "apa"
    vancouver = "vancouver"
    ieee = "ieee"
    ama = "ama"
    chicago = "chicago"
    mla = "mla"
    harvard = "harvard"
    elsevier_vancouver = "elsevier-vancouver"


def cite(
    context: typer.Context,
    folder: Folder = None,
    subset: SubsetName = None,
    format_: Annotated[
        CitationFormat, typer.Option("--format", help="The form of the citations.")
    ] = CitationFormat.text,
    style: Annotated[
        CitationStyle | None,
        typer.Option(help="One style of formatted text; without it, the owner's words and three."),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Say which word of which question brought which duty."),
    ] = False,
    json: Json = False,
) -> None:
    """Print what a slice must cite, with link and acknowledgement where the form has room."""
    from ..catalog.formats import Format, render
    from ..catalog.formats.styles import Style
    from ..schemas.errors import UsageError

    if style is not None and format_ is not CitationFormat.text:
        raise UsageError(f"--style is for --format text, not for {format_}")
    manifest = manifest_of(context, folder, subset)
    if explain:
        _explain(manifest, json)
        return
    if json:
        raise UsageError("--json is for --explain; citations as JSON are --format csl")
    text = render(Format(format_.value), manifest, Style(style.value) if style else None)
    typer.echo(text, nl=not text.endswith("\n"))


def _explain(manifest: Provenance, json: bool) -> None:
    """Print each duty with what brought it."""
    works = {work.id: work for work in manifest.citations}
    if json:
        print_json([duty.model_dump(mode="json", exclude_none=True) for duty in manifest.duties])
        return
    for duty in manifest.duties:
        owed = works[duty.citation].title if duty.citation else duty.party or duty.url
        typer.echo(f"{duty.id}: {owed}")
        for reason in duty.because:
            typer.echo(f"  because {reason}")
