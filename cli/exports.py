"""``cxrcat exports``: what was exported, where to and for whom."""

from __future__ import annotations

from dataclasses import asdict

import typer

from .context import Json, examples, open_catalog, print_json, print_table

EPILOG = examples("cxrcat exports", "cxrcat exports --json")


def exports(context: typer.Context, json: Json = False) -> None:
    """List the exports that the catalog recorded, the newest first."""
    with open_catalog(context) as catalog:
        found = catalog.exports()
    if json:
        print_json([asdict(each) for each in found])
        return
    print_table(
        ("at", "subset", "project", "by", "state", "destination", "images", "files"),
        [
            (
                each.at,
                f"{each.subset}@{each.subset_version}",
                each.project,
                each.by,
                each.state,
                each.destination,
                each.images,
                each.files,
            )
            for each in found
        ],
        numbers=2,
    )
