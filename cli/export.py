"""``cxrcat export``: write a slice with everything that its owners require."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .context import (
    BillingProject,
    Json,
    confirm,
    examples,
    open_catalog,
    print_json,
    progress,
    say,
)
from .keygen import Key, Sign, signing_key

if TYPE_CHECKING:
    from ..catalog.sources.cost import Estimate

EPILOG = examples(
    "cxrcat export --subset pneumothorax",
    "cxrcat export --subset pneumothorax --images copy --from ~/nih/images --to ~/work/ptx",
    "cxrcat export --subset hernia --images copy --from gcs-png --billing-project my-project",
    "cxrcat export --subset hernia --profile bagit --to hernia-bag",
    "cxrcat export --subset hernia@1 --project chest-triage --json",
    "cxrcat export --subset hernia --sign",
)


class Images(StrEnum):
    """What to do with the images."""

    none = "none"
    copy = "copy"
    hardlink = "hardlink"


class Profile(StrEnum):
    """The forms in which the folder is packed."""

    plain = "plain"
    bagit = "bagit"


def export(
    context: typer.Context,
    subset: Annotated[
        str, typer.Option("--subset", metavar="NAME", help="The subset, or NAME@VERSION.")
    ],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="The folder to write, named as the subset without it, or gs://BUCKET/PREFIX.",
        ),
    ] = None,
    images: Annotated[
        Images, typer.Option(help="Bring the images too, from the place that --from names.")
    ] = Images.none,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="Where the images are: a folder, gcs-png, gcs-dicom, nih-archives:DIR, dicomweb, "
            "gs://BUCKET/PREFIX or the URL of a DICOMweb server.",
        ),
    ] = None,
    billing_project: BillingProject = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Agree to what the transfer is estimated to cost.")
    ] = False,
    max_cost: Annotated[
        float | None, typer.Option(metavar="USD", min=0, help="Fetch nothing that costs more.")
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Fetch no more bytes than these.")
    ] = None,
    price_per_gib: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, help="Your own price, instead of the one on record."),
    ] = None,
    profile: Annotated[
        Profile, typer.Option(help="Pack the export for an archive: bagit is a bag, BagIt 1.0.")
    ] = Profile.plain,
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
    sign: Sign = False,
    key: Key = None,
    json: Json = False,
) -> None:
    """Write a slice: table, attribution, citation, checksums, provenance, and images if asked for.

    The folder appears only when it is complete. Nothing is fetched from the network unless --from
    names a source there.
    """
    from ..catalog import ImageMode, Request
    from ..catalog.sources import Access
    from ..catalog.sources.cost import Limits

    bucket = to is not None and to.startswith("gs://")
    request = Request(
        subset=subset,
        destination=None if to is None or bucket else Path(to),
        mode=ImageMode(images.value),
        source=source,
        access=Access(billing_project, Limits(max_cost, max_bytes, price_per_gib)),
        agree=partial(_agree, yes=yes),
        project=project,
        replace=force,
        allow_missing=allow_missing,
        allow_withdrawn=allow_withdrawn,
        sign=signing_key(sign, key),
        bag=profile is Profile.bagit,
    )
    with open_catalog(context) as catalog:
        if to is not None and bucket:
            manifest = catalog.export_to_bucket(request, to, progress())
            place, missing, remark = to, manifest.images.missing, ""
        else:
            manifest, plan = catalog.export(request, progress())
            place, missing, remark = str(plan.destination), len(plan.missing), plan.remark
    if json:
        print_json(
            {
                "destination": place,
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
    if missing:
        say(f"  {missing:,} images are missing; metadata.csv says which")
        if remark:
            say(f"  {remark}")
    say(f"  duties met in ATTRIBUTION.md: {', '.join(duty.id for duty in manifest.duties)}")
    if manifest.export.signer is not None:
        say(f"  signed by {manifest.export.signer}; checksums.sha256.sig is the signature")
    typer.echo(place)


def _agree(wanted: Estimate, yes: bool) -> bool:
    return confirm(wanted.words(), "Fetch?", yes)
