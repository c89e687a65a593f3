"""``cxrcat fetch``: download a source's archives from their owner."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .context import Json, examples, open_catalog, print_json, progress, say

EPILOG = examples(
    "cxrcat fetch nih-archives --to ~/nih --only 001,002",
    "cxrcat fetch nih-archives --to ~/nih",
    "cxrcat export --subset hernia --images copy --from nih-archives:~/nih",
)


def fetch(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="The source, as the dataset's descriptor says.")
    ],
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write the archives to.")],
    only: Annotated[
        str | None,
        typer.Option(metavar="N,…", help="These archives alone, by their numbers or names."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="SLUG[@VERSION]", help="Another dataset or release.")
    ] = None,
    json: Json = False,
) -> None:
    """Download archives of images, and check each against the MD5 that its owner publishes.

    A download that broke off goes on from there, and what is here already is left as it is. The
    images are read in place by 'cxrcat export --from SOURCE:DIR': there is no need to unpack.
    """
    from ..schemas.errors import UsageError

    wanted = [text.strip() for text in (only or "").split(",") if text.strip()]
    if only is not None and not wanted:
        raise UsageError("--only names no archive; write --only 001,002, or leave it out for all")
    with open_catalog(context) as catalog:
        report = catalog.fetch_archives(source, to, wanted, dataset, progress())
    if json:
        print_json(asdict(report))
        return
    for archive in report.archives:
        say(
            f"{archive.file}: {archive.state}, {archive.size:,} bytes, with the MD5 that "
            f"{report.provider} publishes"
        )
        typer.echo(archive.path)
