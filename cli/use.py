"""``cxrcat use``: what became of slices, and what each use owes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ..schemas.uses import UseKind
from .context import (
    Json,
    examples,
    open_catalog,
    print_facts,
    print_json,
    print_table,
    printable,
    say,
)
from .project import print_duties

app = typer.Typer(help="Uses: what became of slices.", no_args_is_help=True)

_WORDS = {
    "recorded": "recorded",
    "changed": "recorded before, changed",
    "already": "already recorded",
}


@app.command(
    epilog=examples(
        "cxrcat use add --export pneumothorax --project chest-triage --kind training "
        "--artifact model.pt",
        "cxrcat use add --subset pneumothorax@1 --project chest-triage --kind publication "
        "--doi 10.1000/182",
        "cxrcat use add --export 3f2a91c4 --project chest-triage --kind redistribution "
        "--artifact https://example.org/masks.zip --contact ada@example.org",
    )
)
def add(
    context: typer.Context,
    project: Annotated[str, typer.Option(metavar="SLUG", help="The project.")],
    kind: Annotated[UseKind, typer.Option(help="What became of the slice.")],
    export: Annotated[
        str | None,
        typer.Option(metavar="ID|DIR", help="The export that was used: its id, or its folder."),
    ] = None,
    subset: Annotated[
        str | None, typer.Option(metavar="NAME", help="The subset that was used, or NAME@VERSION.")
    ] = None,
    artifact: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE|URL", help="What it made, a folder too; may be repeated."),
    ] = None,
    doi: Annotated[
        list[str] | None,
        typer.Option(metavar="DOI", help="A publication of it; may be repeated."),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Whom to tell of a withdrawal.")
    ] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Anything else.")] = None,
    json: Json = False,
) -> None:
    """Record what became of a slice, and print what that owes.

    Files and folders are read for their checksums; a URL is recorded without what may be secret.
    """
    from ..catalog import NewUse

    wanted = NewUse(
        project=project,
        kind=kind.value,
        export=export,
        subset=subset,
        artifacts=tuple(artifact or ()),
        dois=tuple(doi or ()),
        contact=contact,
        note=note,
    )
    with open_catalog(context) as catalog:
        found = catalog.record_use(wanted)
    if json:
        print_json(asdict(found))
        return
    use = found.use
    what = UseKind(use.kind).named
    say(f"{_WORDS[found.how]}: {what} of {use.project} on {use.subset}@{use.subset_version}")
    _say_withdrawn(found.withdrawn)
    typer.echo(use.id)
    print_duties(found.duties)


@app.command(
    "list",
    epilog=examples(
        "cxrcat use list",
        "cxrcat use list --project chest-triage --kind training",
        "cxrcat use list --subset pneumothorax --json",
    ),
)
def list_(
    context: typer.Context,
    project: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Those of one project.")
    ] = None,
    subset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Those of a subset, or of NAME@VERSION alone."),
    ] = None,
    kind: Annotated[UseKind | None, typer.Option(help="Those of one kind.")] = None,
    json: Json = False,
) -> None:
    """List the recorded uses, the newest first; uses that still wait are named as well."""
    with open_catalog(context) as catalog:
        found = catalog.uses(project, subset, kind and kind.value)
        waiting = catalog.waiting_uses()
    if json:
        print_json([asdict(each) for each in found])
    else:
        print_table(
            ("use", "at", "project", "kind", "subset", "outcome", "by", "artefacts"),
            [
                (
                    each.id[:8],
                    each.at,
                    each.project,
                    each.kind,
                    f"{each.subset}@{each.subset_version}",
                    each.outcome,
                    each.by,
                    ", ".join([*(made.place for made in each.artifacts), *each.dois]),
                )
                for each in found
            ],
        )
    for use in waiting:
        say(printable(use.reason))


@app.command(epilog=examples("cxrcat use show 3f2a91c4"))
def show(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="ID", help="The use, or how its id begins.")],
    json: Json = False,
) -> None:
    """Show a use: its slice, what it made, and what it owes."""
    with open_catalog(context) as catalog:
        found = catalog.use(key)
    if json:
        print_json(asdict(found))
        return
    use = found.use
    print_facts(
        [
            ("use", use.id),
            ("project", use.project),
            ("kind", use.kind),
            ("dataset", f"{use.dataset}@{use.dataset_version}"),
            ("subset", f"{use.subset}@{use.subset_version}"),
            ("export", use.export),
            ("outcome", use.outcome if use.failure is None else f"failed: {use.failure}"),
            *(
                (made.kind, f"{made.place}  {made.checksum or 'without a checksum'}")
                if made.kind != "url"
                else (made.kind, made.place)
                for made in use.artifacts
            ),
            *(("doi", f"https://doi.org/{doi}") for doi in use.dois),
            ("contact", use.contact),
            ("note", None if use.note is None else printable(use.note)),
            ("by", use.by),
            ("host", use.host),
            ("started", use.started),
            ("at", use.at),
        ]
    )
    _say_withdrawn(found.withdrawn)
    typer.echo()
    print_duties(found.duties)


def _say_withdrawn(images: int) -> None:
    if images:
        say(f"{images:,} images of this slice were withdrawn since; see 'cxrcat impact'")
