"""``cxrcat identify``: which dataset's images some files are, and which subset they most are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .context import (
    Json,
    examples,
    open_catalog,
    print_json,
    print_table,
    printable,
    progress,
    say,
)

if TYPE_CHECKING:
    from ..catalog.identify.nearest import Share
    from ..catalog.identify.report import DatasetFound, Identification

EPILOG = examples(
    "cxrcat identify ~/inherited/images",
    "cxrcat identify ~/inherited/images --contents",
    "cxrcat identify train.csv",
    "ls images | cxrcat identify -",
    "cxrcat identify images --list > names.txt",
)

_SHOWN = 10  # lines of one kind; --json has all


def identify(
    context: typer.Context,
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="DIR|FILE...",
            help="Folders, images, .zip and .tar archives, lists of names; - is standard input.",
            show_default=False,
        ),
    ],
    contents: Annotated[
        bool,
        typer.Option(
            "--contents",
            help="Read also images that are known by name, and members of archives.",
        ),
    ] = False,
    names_only: Annotated[
        bool, typer.Option("--names-only", help="Go by names alone, and open no image.")
    ] = False,
    dataset: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Look for images of this dataset alone.")
    ] = None,
    list_: Annotated[
        bool,
        typer.Option("--list", help="Print the recognised images alone, a name a line."),
    ] = False,
    json: Json = False,
) -> None:
    """Say which dataset's images these are, which subset, and what is owed for them.

    Images are recognised by their names, also changed ones; by their bytes, where a scan or an
    export has seen these; and by how they look, where 'cxrcat scan --fingerprints' has recorded
    that. Nothing is written. The exit code is 1 when nothing was recognised.
    """
    from ..catalog.identify.run import Wanted

    stdin = sys.stdin.buffer if "-" in places else None
    wanted = Wanted(tuple(places), contents, names_only, dataset, stdin)
    with open_catalog(context) as catalog:
        found = catalog.identify(wanted, progress())
    if json:
        print_json(asdict(found))
    elif list_:
        for name in _names(found):
            typer.echo(name)
    else:
        _show(found)
    if not found.recognised:
        raise typer.Exit(1)


def _names(found: Identification) -> list[str]:
    """Return the images of the dataset of which most were recognised."""
    return sorted({each.image for each in found.datasets[0].matches}) if found.datasets else []


def _show(found: Identification) -> None:
    if found.datasets:
        print_table(
            ("dataset", "images", "patients", "by name", "by a like name", "by bytes", "by look"),
            [
                (each.dataset, each.images, each.patients, *each.files.values())
                for each in found.datasets
            ],
            numbers=6,
        )
    for each in found.datasets:
        _show_dataset(each)
    _list("unknown", found.unknown)
    _list("unreadable", [f"{each.path}: {each.problem}" for each in found.problems])
    say(
        f"{found.recognised:,} of {found.files:,} images recognised, {found.unsure:,} unsure, "
        f"{len(found.unknown):,} unknown; {found.others:,} other files passed over"
    )
    for remark in found.remarks:
        say(f"  {remark}")
    if found.datasets and found.datasets[0].images:
        _advise(found.datasets[0])


def _show_dataset(each: DatasetFound) -> None:
    """Print what is said of one dataset beyond its line in the table."""
    if each.nearest:
        typer.echo()
        print_table(
            ("nearest subset", "", "images", "shared", "jaccard", "of these", "of the subset"),
            [
                (
                    _title(share, each.dataset),
                    "exact" if share.exact else "",
                    share.images,
                    share.shared,
                    f"{share.jaccard:.3f}",
                    f"{share.of_images:.1%}",
                    f"{share.of_subset:.1%}",
                )
                for share in each.nearest
            ],
            numbers=5,
        )
    if each.exports:
        typer.echo()
        print_table(
            ("export", "project", "subset", "destination", "shared", "jaccard"),
            [
                (
                    held.id,
                    held.project,
                    held.share.subset,
                    printable(held.destination) + (" (this one)" if held.here else ""),
                    held.share.shared,
                    f"{held.share.jaccard:.3f}",
                )
                for held in each.exports[:_SHOWN]
            ],
            numbers=2,
        )
        if len(each.exports) > _SHOWN:
            typer.echo(f"… and {len(each.exports) - _SHOWN:,} exports more; --json lists all")
    if each.projects:
        typer.echo(f"\nprojects: {', '.join(each.projects)}")
    if each.duties and each.images:
        typer.echo(f"\nowed for {each.duties_of or f'images of {each.dataset}'}:")
        for duty in each.duties:
            more = duty.url or duty.reference
            typer.echo(f"  {duty.kind}: {duty.text}{f' {more}' if more else ''}")
    typer.echo()
    _list("WITHDRAWN", each.withdrawn)
    _list("unsure", [f"{one.path}: {' or '.join(one.images)}" for one in each.unsure])
    _list("twice", [f"{one.image}: {_some(one.paths)}" for one in each.twice])
    _list(
        "CONTRADICTED",
        [
            f"{one.path}: named as {one.named}, is {one.image} by its {_WHAT[one.how]}"
            for one in each.contradictions
        ],
    )


_WHAT = {"checksum": "bytes", "look": "look"}


def _title(share: Share, dataset: str) -> str:
    """Return the name of a version, with its release where that is not the dataset's default."""
    return share.subset if share.dataset == dataset else f"{share.dataset}/{share.subset}"


def _advise(each: DatasetFound) -> None:
    """Say what can be done now."""
    if each.exact is not None:
        say(f"these are the subset {each.exact.subset}, to the image")
        say(f"  its papers: cxrcat export --subset {each.exact.subset} --images none")
    else:
        say("to make a subset of them:")
        say("  cxrcat identify … --list > names.txt")
        say("  cxrcat subset create recovered --from-list names.txt")
        say("  cxrcat export --subset recovered --images none")
    say("to record who uses them: cxrcat register --help")


def _some(paths: Sequence[str]) -> str:
    more = len(paths) - _SHOWN
    return ", ".join(paths[:_SHOWN]) + (f" … and {more:,} more" if more > 0 else "")


def _list(what: str, lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        typer.echo(f"{what}: {printable(line)}")
    if len(lines) > _SHOWN:
        typer.echo(f"{what}: … and {len(lines) - _SHOWN:,} more; --json lists all")
