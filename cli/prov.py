"""``cxrcat prov``: where a slice comes from, in W3C PROV."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from .context import Json, examples
from .slices import Folder, SubsetName, manifest_of

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
    folder: Folder = None,
    subset: SubsetName = None,
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
    from ..schemas.errors import UsageError

    if images and folder is None:
        raise UsageError("--images is for the folder of an export, which lists them")
    manifest = manifest_of(context, folder, subset)
    table = folder / "metadata.csv" if folder is not None and images else None
    form = ProvForm.JSON if json else ProvForm(format_.value)
    sys.stdout.writelines(provenance(manifest, form, exported=folder is not None, table=table))
