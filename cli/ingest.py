"""``cxrcat ingest``: bring in a table of a dataset as a release."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .context import Json, examples, open_catalog, print_json, progress, say

EPILOG = examples(
    "cxrcat ingest nih-chest-xray Data_Entry_2017.csv",
    "cxrcat ingest nih-chest-xray@v2017-11 Data_Entry_2017.csv",
    "cxrcat ingest nih-chest-xray mended.csv --as v2020-fix1 --reason 'ages of 12 patients'",
)


def ingest(
    context: typer.Context,
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET[@VERSION]",
            help="The dataset; without a version, the file tells which release it is.",
        ),
    ],
    file: Annotated[Path, typer.Argument(help="The table: CSV, gzip-compressed or not.")],
    name: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="Bring a corrected table in as a release of this name."
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; the catalog keeps it.")
    ] = None,
    json: Json = False,
) -> None:
    """Bring in a table that does not ship with cxrcat: another release, or a corrected one.

    Its subsets are named DATASET@VERSION/NAME. The same table again changes nothing.
    """
    with open_catalog(context) as catalog:
        found = catalog.ingest_release(dataset, file, name, reason, progress())
    if json:
        print_json(asdict(found))
        return
    if found.changed:
        say(
            f"{found.images:,} images of {found.patients:,} patients, {found.boxes:,} boxes; "
            f"the table is like that of {found.dataset}@{found.like}"
        )
    else:
        say("this table is in the catalog already; nothing was changed")
    if found.boxes_left_out:
        say(f"{found.boxes_left_out:,} boxes are left out: their images are not in the table")
    typer.echo(f"{found.dataset}@{found.version}")
