"""``cxrcat withdraw`` and ``cxrcat impact``: what must no longer be used, and whom it concerns."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .context import Json, examples, open_catalog, print_json, print_table, printable, say

WITHDRAW_EPILOG = examples(
    "cxrcat withdraw --image 00000013_005.png --reason 'burned-in name'",
    "cxrcat withdraw --patient 13 --reason 'consent withdrawn'",
    "cxrcat withdraw --from-file names.txt --reason 'damaged files'",
)
IMPACT_EPILOG = examples(
    "cxrcat impact --image 00000013_005.png",
    "cxrcat impact --patient 13 --json",
    "cxrcat impact --labels expert4",
)

Dataset = Annotated[
    str | None, typer.Option(metavar="SLUG", help="Another dataset than the default one.")
]


def withdraw(
    context: typer.Context,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; the catalog keeps it.")],
    image: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="An image; may be repeated.")
    ] = None,
    patient: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="All images of a patient.")
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The images that a file names, one a line.")
    ] = None,
    dataset: Dataset = None,
    json: Json = False,
) -> None:
    """Record that images must no longer be used.

    Every subset whose newest version holds one gets a new version without it; versions that are
    there stay as they were, and an export of one of them says so.
    """
    from ..catalog.withdrawals import Withdraw

    wanted = Withdraw(reason, tuple(image or ()), tuple(patient or ()), from_file, dataset)
    with open_catalog(context) as catalog:
        reports = catalog.withdraw(wanted)
    if json:
        print_json([asdict(report) for report in reports])
        return
    for report in reports:
        say(
            f"{report.dataset}@{report.version}: {report.withdrawn:,} images withdrawn"
            + (f", {report.already:,} were before" if report.already else "")
        )
        if report.renewed:
            print_table(
                ("subset", "before", "after", "images before", "images"),
                [
                    (
                        each.name,
                        f"@{each.before}",
                        f"@{each.after}",
                        each.images_before,
                        each.images,
                    )
                    for each in report.renewed
                ],
                numbers=2,
            )


def impact(
    context: typer.Context,
    image: Annotated[str | None, typer.Option(metavar="NAME", help="An image.")] = None,
    patient: Annotated[str | None, typer.Option(metavar="NUMBER", help="A patient.")] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="SET", help="A label set, the boxes, or the split.")
    ] = None,
    dataset: Dataset = None,
    json: Json = False,
) -> None:
    """List every subset, export, project and use that an image, patient or label set touches."""
    from ..catalog.impact import Target

    with open_catalog(context) as catalog:
        found = catalog.impact(Target(image, patient, labels, dataset))
    if json:
        print_json(asdict(found))
        return
    images = "" if found.images is None else f"{found.images:,} images; "
    say(
        f"{images}{len(found.subsets):,} versions of subsets, {len(found.exports):,} exports, "
        f"{len(found.projects):,} projects, {len(found.uses):,} uses"
    )
    print_table(
        ("kind", "what", "where", "project", "contact", "images"),
        [
            *(
                ("subset", f"{each.name}@{each.version}", "", "", "", each.images)
                for each in found.subsets
            ),
            *(
                (
                    "export",
                    each.subset,
                    printable(each.destination),
                    each.project,
                    each.contact,
                    None,
                )
                for each in found.exports
            ),
            *(
                (
                    f"use {each.id[:8]}",
                    f"{each.kind} on {each.subset}",
                    ", ".join([*each.artifacts, *each.dois]),
                    each.project,
                    each.contact,
                    None,
                )
                for each in found.uses
            ),
        ],
        numbers=1,
    )
