"""What the commands that ask BigQuery share: their options, and the question about the bill."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from .context import confirm

if TYPE_CHECKING:
    from ..catalog.bigquery import Bill, Grant

Table = Annotated[
    str | None,
    typer.Option(
        metavar="PROJECT.DATASET.TABLE",
        help="With BigQuery: another table than the one in the dataset's descriptor.",
    ),
]
MaxBytesBilled = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="With BigQuery: ask nothing that is billed more bytes."),
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="With BigQuery: agree to the bytes that are billed.")
]


def grant(
    billing_project: str | None,
    table: str | None,
    max_bytes_billed: int | None,
    yes: bool,
    allow_missing: bool = False,
) -> Grant:
    """Return what the options grant."""
    from ..catalog.bigquery import Grant

    return Grant(
        billing_project=billing_project,
        table=table,
        max_bytes=max_bytes_billed,
        agree=partial(_agree, yes=yes),
        allow_missing=allow_missing,
    )


def _agree(bill: Bill, yes: bool) -> bool:
    return confirm(bill.words(), "Ask BigQuery?", yes)
