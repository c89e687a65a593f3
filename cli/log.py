"""``cxrcat log``: what was done with the catalog, and whether its log is still whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .context import Json, examples, open_catalog, print_json, print_table, printable, say

EPILOG = examples(
    "cxrcat log",
    "cxrcat log --kind export --since 2026-01-01 --json",
    "cxrcat log --verify",
    "cxrcat log --verify --head 16:0123456789abcdef0123456789abcdef",
)
_SHOWN = 20  # entries, without --limit and --json


def log(
    context: typer.Context,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help=f"The newest N; {_SHOWN} without it, all in JSON."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="Only of this kind: export.published, or all of export."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only since a day, or YYYY-MM-DDTHH:MM, UTC.")
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Check that every entry follows the one before (exit code 1)."
        ),
    ] = False,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="N:DIGEST", help="With --verify: a head that you kept must still be there."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List what was done with the catalog, the newest first, or check the chain of its log."""
    from ..schemas.errors import UsageError

    if verify:
        if (limit, kind, since) != (None, None, None):
            raise UsageError("--verify reads the whole log; leave out --limit, --kind and --since")
        _verify(context, head, json)
        return
    if head is not None:
        raise UsageError("--head is for --verify; add that")
    from ..catalog.log import Filter

    with open_catalog(context) as catalog:
        found = catalog.log(Filter(limit if json else limit or _SHOWN, kind, since))
    if json:
        print_json([asdict(each) for each in found.entries])
        return
    print_table(
        ("number", "at", "by", "kind", "subject"),
        [
            (f"{each.number}", each.at, *map(printable, (each.by, each.kind, each.subject)))
            for each in found.entries
        ],
    )
    if not found.entries:
        say("the log has no such entry")
    if found.older:
        older = "entry is" if found.older == 1 else "entries are"
        say(f"{found.older:,} older {older} not shown; --limit N shows more")


def _verify(context: typer.Context, head: str | None, json: bool) -> None:
    from ..catalog.log import Head

    earlier = None if head is None else Head.parse(head)
    with open_catalog(context) as catalog:
        found = catalog.check_log(earlier)
    if json:
        print_json({"ok": found.ok, **asdict(found)})
    else:
        if found.broken is not None:
            typer.echo(f"broken: entry {found.broken}")
        if found.kept is False and earlier is not None:
            cut = " (the log ends before it)" if earlier.number > found.head.number else ""
            typer.echo(f"not on the chain: {earlier}{cut}")
        if found.ok:
            typer.echo(found.head)
            say(f"{found.head.number:,} entries, each following the one before; this is the head")
        else:
            say(f"the head is {found.head}; restore the catalog from a backup")
    if not found.ok:
        raise typer.Exit(1)
