"""``cxrcat doctor``: where the catalog is, what is in it, and what is missing."""

from __future__ import annotations

from dataclasses import asdict

import typer

from .context import Json, examples, open_catalog, print_facts, print_json

EPILOG = examples("cxrcat doctor", "cxrcat doctor --json")


def doctor(context: typer.Context, json: Json = False) -> None:
    """Say where the catalog is, what is in it, and what is missing or damaged (exit code 1)."""
    with open_catalog(context) as catalog:
        health = catalog.health()
    if json:
        print_json(asdict(health))
    else:
        print_facts(
            [
                ("cxrcat", health.cxrcat),
                ("python", health.python),
                ("catalog", health.catalog),
                ("database", health.database),
                ("size", None if health.size is None else f"{health.size:,} bytes"),
                *(("dataset", text) for text in health.datasets),
                ("subsets", f"{health.subsets:,}"),
                ("exports", f"{health.exports:,}"),
                ("uses", f"{health.uses:,}"),
                ("events", f"{health.events:,}"),
                *(("waiting", text) for text in health.waiting),
                *(("not installed", text) for text in health.absent),
                *(("problem", text) for text in health.problems),
            ]
        )
    if health.problems:
        raise typer.Exit(1)
