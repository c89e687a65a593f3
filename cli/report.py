"""``cxrcat report``: one page for a steward, of who holds and uses what."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .context import Json, examples, open_catalog, print_json

EPILOG = examples("cxrcat report --html report.html", "cxrcat report --json")


def report(
    context: typer.Context,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the page there.")
    ] = None,
    json: Json = False,
) -> None:
    """Show datasets, subsets, exports, projects, uses and audits on one page, lineages drawn.

    Without --html the page is printed; it needs no other file and no network.
    """
    from ..catalog import whole
    from ..catalog.formats import steward

    with open_catalog(context) as catalog:
        found = catalog.overview()
    if json:
        print_json(asdict(found))
    elif html is None:
        typer.echo(steward.write(found), nl=False)
    else:
        whole.write(html, steward.write(found).encode())
        typer.echo(html)
