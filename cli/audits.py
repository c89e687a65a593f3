"""``cxrcat audits``: the recorded audits, and what was mended since the one before."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .context import Json, examples, open_catalog, print_json, print_table, printable, say

EPILOG = examples("cxrcat audits", "cxrcat audits --project chest-triage --changes")


def audits(
    context: typer.Context,
    project: Annotated[
        str | None, typer.Option(metavar="NAME", help="Audits of this project alone.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="Show so many, the newest first.")
    ] = 50,
    changes: Annotated[
        bool, typer.Option("--changes", help="Name what came new and what was mended.")
    ] = False,
    json: Json = False,
) -> None:
    """List what audits found, the newest first, each beside the one before it."""
    with open_catalog(context) as catalog:
        rows = catalog.audits(project)[:limit]
    if json:
        print_json([asdict(row) for row in rows])
        return
    if not rows:
        what = "audit" if project is None else f"audit of {printable(project)!r}"
        say(f"no {what} is on record; run 'cxrcat audit PATH'")
        return
    print_table(
        ("at", "project", "by", "duties met", "errors", "warnings", "notes", "new", "mended"),
        [
            (
                row.at,
                printable(row.project),
                row.by,
                f"{row.met} of {row.duties}",
                row.errors,
                row.warnings,
                row.notes,
                len(row.new),
                len(row.mended),
            )
            for row in rows
        ],
        numbers=6,
    )
    if changes:
        for row in rows:
            for word, problems in (("new", row.new), ("mended", row.mended)):
                for each in problems:
                    typer.echo(
                        f"{row.at} {printable(row.project)}: {word}: {each.rule}: "
                        f"{printable(each.message)}"
                    )
