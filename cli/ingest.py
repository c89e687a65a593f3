"""``cxrcat ingest``: bring in a table as a release, or what a table in BigQuery says."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .bigquery import MaxBytesBilled, Table, Yes, grant
from .context import BillingProject, Json, examples, open_catalog, print_json, progress, say

if TYPE_CHECKING:
    from ..catalog.bigquery import Grant

EPILOG = examples(
    "cxrcat ingest nih-chest-xray Data_Entry_2017.csv",
    "cxrcat ingest nih-chest-xray@v2017-11 Data_Entry_2017.csv",
    "cxrcat ingest nih-chest-xray mended.csv --as v2020-fix1 --reason 'ages of 12 patients'",
    "cxrcat ingest nih-chest-xray --from bigquery --billing-project my-project",
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
    file: Annotated[
        Path | None, typer.Argument(help="The table: CSV, gzip-compressed or not.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="Bring a corrected table in as a release of this name."
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; the catalog keeps it.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="Instead of a file: bigquery, whose table of DICOM metadata tells the UIDs of the "
            "images.",
        ),
    ] = None,
    table: Table = None,
    billing_project: BillingProject = None,
    max_bytes_billed: MaxBytesBilled = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Bring in a table that does not ship with cxrcat: another release, or a corrected one.

    Its subsets are named DATASET@VERSION/NAME. The same table again changes nothing. With --from
    bigquery, the table there tells which DICOM instance each image is, where only one can be meant.
    """
    from ..schemas.errors import UsageError

    if source is not None:
        if file is not None or name is not None or reason is not None:
            raise UsageError("--from takes the place of FILE, --as and --reason; leave those out")
        granted = grant(billing_project, table, max_bytes_billed, yes)
        _identify(context, dataset, source, granted, json)
        return
    if file is None:
        raise UsageError("say which table: a FILE, or --from bigquery (try 'cxrcat ingest --help')")
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


def _identify(
    context: typer.Context, dataset: str, source: str, granted: Grant, json: bool
) -> None:
    with open_catalog(context) as catalog:
        found = catalog.identify_instances(dataset, source, granted, progress())
    if json:
        print_json(asdict(found))
        return
    say(
        f"{found.rows:,} rows of {found.table}: {found.matched:,} are an image that is known for "
        f"certain, {found.new:,} of them new; {found.ambiguous:,} could be several, "
        f"{found.unknown:,} fit none"
    )
    typer.echo(f"{found.dataset}@{found.version}")
