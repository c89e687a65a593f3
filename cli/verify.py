"""``cxrcat verify``: read an export again and say what is not as it was written."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .context import (
    Json,
    Scheduler,
    examples,
    open_catalog,
    print_json,
    printable,
    progress,
    say,
)

if TYPE_CHECKING:
    from ..catalog.verify import Verified

EPILOG = examples(
    "cxrcat verify pneumothorax",
    "cxrcat verify ~/work/ptx --json",
    "cxrcat verify ptx --signer ada.pub.pem",
    "cxrcat verify ptx --scheduler tls://cluster.example.org:8786",
)


def verify(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an export.")],
    signer: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check its signature too, with this public key."),
    ] = None,
    scheduler: Scheduler = None,
    json: Json = False,
) -> None:
    """Hash every file of an export and report what is changed, missing or extra (exit code 1)."""
    with open_catalog(context) as catalog:
        found = catalog.verify(folder, progress(), signer, scheduler)
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
        _tell_signature(found)
        say(f"{found.files:,} files, {found.size:,} bytes: {'ok' if found.ok else 'not ok'}")
    if not found.ok:
        raise typer.Exit(1)


def _tell_signature(found: Verified) -> None:
    match found.signature:
        case "valid":
            say(f"checksums.sha256.sig is a signature by {found.signer}")
        case "invalid":
            named = None if found.manifest is None else found.manifest.export.signer
            other = f"; provenance.json names {named}" if named not in (None, found.signer) else ""
            say(
                "checksums.sha256.sig is not a signature of checksums.sha256 by "
                f"{found.signer}{other}"
            )
        case "unchecked":
            say("the signature was not checked: name the signer's public key with --signer FILE")
