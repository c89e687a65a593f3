"""``cxrcat subset diff``, ``overlap`` and ``log``: subsets beside one another, and before."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from .context import Json, examples, open_catalog, print_facts, print_json, print_table, say

if TYPE_CHECKING:
    from ..catalog.compare import Changes, Diff, Side
    from ..catalog.overlap import Overlap, Shared

DIFF_EPILOG = examples(
    "cxrcat subset diff adults@1 adults@2",
    "cxrcat subset diff adults@1 adults@2 --names",
    "cxrcat subset diff nih-chest-xray@v2017-09/hernia nih-chest-xray/hernia",
)
OVERLAP_EPILOG = examples(
    "cxrcat subset overlap train test --disjoint",
    "cxrcat subset overlap pneumothorax effusion hernia --by image",
)
LOG_EPILOG = examples("cxrcat subset log adults", "cxrcat subset log adults --json")

_TOLD = 20  # pairs that are named one by one


class Unit(StrEnum):
    """What two subsets can share."""

    image = "image"
    patient = "patient"


def diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="A subset, or NAME@VERSION.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one, also of another release.")],
    names: Annotated[
        bool,
        typer.Option("--names", help="List the images that one alone has: - for A, + for B."),
    ] = False,
    json: Json = False,
) -> None:
    """Compare two subsets: what both have and what one alone has, and how often each finding is.

    Where they are of two releases, also what changed between these in the images of both.
    """
    with open_catalog(context) as catalog:
        found = catalog.diff_subsets(a, b)
        if json:
            document = asdict(found)
            if names:
                document["names"] = [sign + name for sign, name in catalog.diff_names(a, b)]
            print_json(document)
        elif names:
            for sign, name in catalog.diff_names(a, b):
                typer.echo(f"{sign}{name}")
        else:
            _print_diff(found)


def overlap(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="A B...", help="Two subsets or more, or NAME@VERSION.")
    ],
    by: Annotated[
        Unit | None,
        typer.Option(help="Show images or patients alone; --disjoint then is about these."),
    ] = None,
    disjoint: Annotated[
        bool, typer.Option("--disjoint", help="End with exit code 1 when something is shared.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the images and patients that each pair of subsets shares.

    A patient in two of them is a leak where one is for training and the other for testing.
    """
    with open_catalog(context) as catalog:
        found = catalog.overlap(names)
    shared = any(pair.images if by is Unit.image else pair.patients for pair in found.pairs)
    titles = _titles(found.subsets)
    if json:
        print_json({**asdict(found), "disjoint": not shared})
    else:
        units = (by,) if by else tuple(Unit)
        for place, unit in enumerate(units):
            if place:
                typer.echo()
            _print_matrix(found, titles, unit)
    leaks = found.leaks()
    for pair in leaks[:_TOLD]:
        say(_leak(pair, titles))
    if len(leaks) > _TOLD:
        say(f"LEAK: so have {len(leaks) - _TOLD:,} pairs more")
    if disjoint and shared:
        raise typer.Exit(1)


def log(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The subset, or NAME@VERSION to end with that one.")],
    json: Json = False,
) -> None:
    """List the versions of a subset, with the images that each gained and lost."""
    with open_catalog(context) as catalog:
        found = catalog.subset_log(name)
    if json:
        print_json([asdict(each) for each in found])
        return
    print_table(
        (
            *("version", "when", "who", "operation", "question"),
            *("images", "patients", "gained", "lost"),
        ),
        [
            (
                *(f"@{each.version}", each.at, each.by, each.operation, each.query),
                *(each.images, each.patients, each.gained, each.lost),
            )
            for each in found
        ],
        numbers=4,
    )


def _print_diff(found: Diff) -> None:
    print_facts(
        (name, f"{side.subset} of {side.dataset}")
        for name, side in (("A", found.a), ("B", found.b))
    )
    typer.echo()
    print_table(
        ("", "images", "patients"),
        [
            (what, part.images, part.patients)
            for what, part in (
                ("A", found.a),
                ("B", found.b),
                ("in both", found.both),
                ("only in A", found.only_a),
                ("only in B", found.only_b),
            )
        ],
        numbers=2,
    )
    typer.echo()
    print_table(
        ("finding", "in A", "of A", "in B", "of B"),
        [
            (
                each.finding,
                each.a_images,
                f"{each.a_share:.2%}",
                each.b_images,
                f"{each.b_share:.2%}",
            )
            for each in found.findings
        ],
        numbers=4,
    )
    if found.releases is not None:
        typer.echo()
        _print_changes(found.releases, found.a.dataset, found.b.dataset)


def _print_changes(changes: Changes, a: str, b: str) -> None:
    typer.echo(f"{changes.images:,} images are in {a} and in {b}; in these differ:")
    typer.echo()
    fields = ("age", "sex", "view", "follow_up", "labels")
    print_table(("", "images"), [(name, getattr(changes, name)) for name in fields], numbers=1)
    typer.echo()
    print_table(
        ("finding", "gained", "lost"),
        [(each.finding, each.gained, each.lost) for each in changes.findings],
        numbers=2,
    )


def _titles(sides: tuple[Side, ...]) -> list[str]:
    """Return short names of the subsets: with their release only where there are several."""
    alone = len({each.dataset for each in sides}) == 1
    return [each.subset if alone else f"{each.dataset}/{each.subset}" for each in sides]


def _print_matrix(found: Overlap, titles: list[str], unit: Unit) -> None:
    sizes = [each.images if unit is Unit.image else each.patients for each in found.subsets]
    cells = [
        [size if row == place else 0 for place in range(len(sizes))]
        for row, size in enumerate(sizes)
    ]
    for pair in found.pairs:
        cells[pair.a][pair.b] = cells[pair.b][pair.a] = (
            pair.images if unit is Unit.image else pair.patients
        )
    rows = [(title, *row) for title, row in zip(titles, cells, strict=True)]
    print_table((f"shared {unit}s", *titles), rows, numbers=len(titles))


def _leak(pair: Shared, titles: list[str]) -> str:
    a, b = titles[pair.a], titles[pair.b]
    are = "1 patient" if pair.patients == 1 else f"{pair.patients:,} patients"
    is_ = "is" if pair.patients == 1 else "are"
    return (
        f"LEAK: {are} ({pair.a_images:,} images of {a}, {pair.b_images:,} of {b}) "
        f"{is_} in both {a} and {b}"
    )
