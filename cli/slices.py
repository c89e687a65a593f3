"""A slice as people name it on the command line: the folder of an export, or a subset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .context import open_catalog

if TYPE_CHECKING:
    from ..schemas.manifest import Provenance

Folder = Annotated[Path | None, typer.Argument(metavar="[DIR]", help="The folder of an export.")]
SubsetName = Annotated[
    str | None, typer.Option("--subset", metavar="NAME", help="A subset instead of a folder.")
]


def manifest_of(context: typer.Context, folder: Path | None, subset: str | None) -> Provenance:
    """Return the manifest of a folder, or that which an export of a subset would have.

    Raises `UsageError` unless exactly one of the two is named.
    """
    from ..catalog.verify import read_manifest
    from ..schemas.errors import UsageError

    if folder is not None and subset is None:
        return read_manifest(folder)
    if subset is None or folder is not None:
        raise UsageError("name one: the folder of an export, or a subset with --subset")
    with open_catalog(context) as catalog:
        return catalog.manifest(subset)
