"""``cxrcat prov``: where a slice comes from, in W3C PROV."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .context import Json, examples, open_catalog

EPILOG = examples(
    "cxrcat prov ./pneumothorax --format provn",
    "cxrcat prov ./pneumothorax --images > pneumothorax-images.json",
    "cxrcat prov --subset pneumothorax --format turtle",
)


class ProvFormat(StrEnum):
    """The forms of W3C PROV."""

    json = "json"
    provn = "provn"
    turtle = "turtle"


def prov(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="The folder of an export.")
    ] = None,
    subset: Annotated[
        str | None, typer.Option("--subset", metavar="NAME", help="A subset instead of a folder.")
    ] = None,
    format_: Annotated[
        ProvFormat, typer.Option("--format", help="PROV-JSON, PROV-N or Turtle (PROV-O).")
    ] = ProvFormat.json,
    images: Annotated[
        bool, typer.Option("--images", help="Tell of each image of the export too.")
    ] = False,
    json: Json = False,
) -> None:
    """Print where a slice comes from: what was made from what, when, by whom and with what."""
    from ..catalog.formats.prov_forms import ProvForm, provenance
    from ..catalog.verify import read_manifest
    from ..schemas.errors import UsageError

    if (folder is None) == (subset is None):
        raise UsageError("name one: the folder of an export, or a subset with --subset")
    table = None
    if folder is not None:
        manifest = read_manifest(folder)
        table = folder / "metadata.csv" if images else None
    elif images:
        raise UsageError("--images is for the folder of an export, which lists them")
    else:
        with open_catalog(context) as catalog:
            manifest = catalog.manifest(str(subset))
    form = ProvForm.JSON if json else ProvForm(format_.value)
    sys.stdout.writelines(provenance(manifest, form, exported=folder is not None, table=table))
