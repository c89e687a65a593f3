"""``cxrcat verify``: read an export again and say what is not as it was written."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .context import Json, examples, open_catalog, print_json, printable, progress, say

EPILOG = examples("cxrcat verify pneumothorax", "cxrcat verify ~/work/ptx --json")


def verify(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an export.")],
    json: Json = False,
) -> None:
    """Hash every file of an export and report what is changed, missing or extra (exit code 1)."""
    with open_catalog(context) as catalog:
        found = catalog.verify(folder, progress())
    if json:
        facts = asdict(found)
        facts["manifest"] = None if found.manifest is None else found.manifest.export.id
        print_json({"ok": found.ok, **facts})
    else:
        for what in ("changed", "missing", "extra"):
            for path in getattr(found, what):
                typer.echo(f"{what}: {printable(path)}")
        if found.recorded is False:
            typer.echo("checksums.xxh128 is not the list that the catalog recorded")
        if found.recorded is None:
            say("this catalog did not make the export, so only the folder's own list was used")
        say(f"{found.files:,} files, {found.size:,} bytes: {'ok' if found.ok else 'not ok'}")
    if not found.ok:
        raise typer.Exit(1)
