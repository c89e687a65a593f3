"""``cxrcat export``: write a slice with everything that its owners require."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .context import Json, examples, open_catalog, print_json, progress, say

EPILOG = examples(
    "cxrcat export --subset pneumothorax",
    "cxrcat export --subset pneumothorax --images copy --from ~/nih/images --to ~/work/ptx",
    "cxrcat export --subset hernia@1 --project chest-triage --json",
)


class Images(StrEnum):
    """What to do with the images."""

    none = "none"
    copy = "copy"
    hardlink = "hardlink"


def export(
    context: typer.Context,
    subset: Annotated[
        str, typer.Option("--subset", metavar="NAME", help="The subset, or NAME@VERSION.")
    ],
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder to write; named as the subset without it."),
    ] = None,
    images: Annotated[
        Images, typer.Option(help="Bring the images too, from the folder that --from names.")
    ] = Images.none,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="The folder with the images, in any nesting."),
    ] = None,
    project: Annotated[
        str | None, typer.Option(metavar="SLUG", help="The project that the slice is for.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier export at the same place.")
    ] = False,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Export what is there, and record what is missing."),
    ] = False,
    allow_withdrawn: Annotated[
        bool,
        typer.Option(
            "--allow-withdrawn", help="Export a version that holds images withdrawn since."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Write a slice: table, attribution, citation, checksums, provenance, and images if asked for.

    The folder appears only when it is complete. Nothing is fetched from the network.
    """
    from ..catalog import ImageMode, Request

    request = Request(
        subset=subset,
        destination=to,
        mode=ImageMode(images.value),
        source=source,
        project=project,
        replace=force,
        allow_missing=allow_missing,
        allow_withdrawn=allow_withdrawn,
    )
    with open_catalog(context) as catalog:
        manifest, plan = catalog.export(request, progress())
    if json:
        print_json(
            {
                "destination": str(plan.destination),
                "provenance": manifest.model_dump(mode="json", by_alias=True, exclude_none=True),
            }
        )
        return
    slice_ = manifest.subset
    say(
        f"{slice_.name}@{slice_.version}: {slice_.images:,} images of {slice_.patients:,} patients"
        f", from {manifest.dataset.short_title} {manifest.dataset.version}"
    )
    for step in slice_.funnel:
        say(
            f"  {step.condition}: images {step.images_before:,} -> {step.images:,}, "
            f"patients {step.patients_before:,} -> {step.patients:,}"
        )
    if manifest.images.files:
        say(f"  {manifest.images.files:,} image files, {manifest.images.size:,} bytes")
    if plan.missing:
        say(f"  {len(plan.missing):,} images are missing; metadata.csv says which")
    say(f"  duties met in ATTRIBUTION.md: {', '.join(duty.id for duty in manifest.duties)}")
    typer.echo(plan.destination)
