"""``cxrcat lineage``: what a subset is made from, and what was made from it."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from .context import Json, examples, open_catalog, print_json

EPILOG = examples(
    "cxrcat lineage adults-train",
    "cxrcat lineage adults-train --format mermaid",
    "cxrcat lineage adults-train --format svg > lineage.svg",
)


class GraphFormat(StrEnum):
    """The forms in which a lineage is written."""

    tree = "tree"
    mermaid = "mermaid"
    dot = "dot"
    svg = "svg"
    json = "json"


def lineage(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The subset, or NAME@VERSION.")],
    format_: Annotated[GraphFormat, typer.Option("--format", help="The form.")] = GraphFormat.tree,
    json: Json = False,
) -> None:
    """Show the subsets, label sets and release that a subset is made from, and what came of it."""
    from ..catalog.formats import graph, svg

    with open_catalog(context) as catalog:
        found = catalog.lineage(name)
    if json or format_ is GraphFormat.json:
        print_json(asdict(found))
        return
    writers = {
        GraphFormat.tree: graph.tree,
        GraphFormat.mermaid: graph.mermaid,
        GraphFormat.dot: graph.dot,
        GraphFormat.svg: svg.write,
    }
    typer.echo(writers[format_](found), nl=False)
