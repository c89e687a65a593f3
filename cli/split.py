"""``cxrcat subset split``: divide a subset into parts that share no patient."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from .context import Json, examples, open_catalog, print_json, print_table, say

if TYPE_CHECKING:
    from ..catalog.split import SplitReport

EPILOG = examples(
    "cxrcat subset split adults --into train=0.7,val=0.1,test=0.2 --stratify finding --seed 7",
    "cxrcat subset split adults --into dev=0.5,holdout=0.5 --json",
)


class Unit(StrEnum):
    """What stays together."""

    patient = "patient"
    image = "image"


class Strata(StrEnum):
    """In what the parts are to resemble one another."""

    finding = "finding"
    sex = "sex"
    view = "view"
    age = "age"


def split(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The subset, or NAME@VERSION.")],
    into: Annotated[
        str, typer.Option(metavar="PART=SHARE,…", help="The parts and their shares of 1.")
    ],
    by: Annotated[
        Unit, typer.Option(help="What stays together; by image, patients are in several parts.")
    ] = Unit.patient,
    stratify: Annotated[
        Strata | None, typer.Option(help="Come close to the shares in each stratum too.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="What decides the lots.")] = 0,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Why it was made.")] = None,
    json: Json = False,
) -> None:
    """Divide a subset by lot into subsets NAME-PART, no patient in two of them.

    A patient's part depends on the patient and the seed alone, so it stays the same when the subset
    grows. The shares are therefore met approximately; how closely is said.
    """
    from ..catalog.selection import read_shares
    from ..catalog.split import Splitting

    parts = read_shares(into)
    wanted = Splitting(parts, by.value, stratify.value if stratify else None, seed, note)
    with open_catalog(context) as catalog:
        report = catalog.split_subset(name, wanted)
    if json:
        print_json(asdict(report))
        return
    _print(report)


def _print(report: SplitReport) -> None:
    strata = list(dict.fromkeys(name for part in report.parts for name in part.strata))
    names = [f"{part.subset.name}@{part.subset.version}" for part in report.parts]
    rows = [
        ("wanted", *(f"{part.wanted:.1%}" for part in report.parts)),
        ("images", *(_share(part.subset.images, part.share) for part in report.parts)),
        ("patients", *(_share(part.subset.patients, part.patient_share) for part in report.parts)),
        *(
            (name, *(_share(*part.strata.get(name, (0, 0.0))) for part in report.parts))
            for name in strata
        ),
    ]
    print_table(("", *names), rows, numbers=len(names))
    part, stratum, off = report.worst
    say(
        f"farthest from what was wanted, where there are 100 images or more: {stratum} in {part}, "
        f"by {100 * off:+.1f} points"
    )
    if report.shared_patients:
        say(
            f"LEAK: {report.shared_patients:,} patients are in more than one part; use --by patient"
        )
    else:
        say("no patient is in two parts")


def _share(count: int, share: float) -> str:
    return f"{count:,} ({share:.1%})"
