"""``cxrcat project``: the pieces of work that use slices, and what each owes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..catalog.owed import SliceDuty

app = typer.Typer(help="Projects: what they use, and what they owe for it.", no_args_is_help=True)


@app.command(
    epilog=examples(
        "cxrcat project add chest-triage --title 'Triage of chest films' --path ~/work/triage",
        "cxrcat project add chest-triage --contact ada@example.org",
    )
)
def add(
    context: typer.Context,
    slug: Annotated[str, typer.Argument(help="Its name: lower-case letters, digits, . - and _.")],
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Its title.")] = None,
    path: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder with its code and papers.")
    ] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Whom to tell of a withdrawal.")
    ] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Anything else.")] = None,
    json: Json = False,
) -> None:
    """Record a project, or say more of one that is there; what is not said stays as it was."""
    from ..catalog import ProjectFacts

    with open_catalog(context) as catalog:
        told = catalog.add_project(slug, ProjectFacts(title, path, contact, note))
    if json:
        print_json(asdict(told))
        return
    words = {"added": "recorded", "changed": "changed", "already": "already recorded"}
    say(f"{told.project.slug}: {words[told.how]}")


@app.command("list", epilog=examples("cxrcat project list", "cxrcat project list --json"))
def list_(context: typer.Context, json: Json = False) -> None:
    """List the projects, with how many exports and uses are theirs."""
    with open_catalog(context) as catalog:
        found = catalog.projects()
    if json:
        print_json([asdict(each) for each in found])
        return
    print_table(
        ("project", "title", "path", "contact", "exports", "uses"),
        [
            (
                each.slug,
                each.title,
                each.path,
                each.contact,
                each.exports,
                each.uses,
            )
            for each in found
        ],
        numbers=2,
    )


@app.command(epilog=examples("cxrcat project show chest-triage"))
def show(
    context: typer.Context,
    slug: Annotated[str, typer.Argument(help="The project.")],
    json: Json = False,
) -> None:
    """Show a project's exports and uses, and in one list all that its slices owe."""
    with open_catalog(context) as catalog:
        found = catalog.project(slug)
    if json:
        print_json(asdict(found))
        return
    project = found.project
    folder = project.path and f"{project.path} (on {project.host})"
    print_facts(
        [
            ("project", project.slug),
            ("title", project.title),
            ("folder", folder),
            ("contact", project.contact),
            ("note", None if project.note is None else printable(project.note)),
            ("since", project.at),
        ]
    )
    if found.exports:
        typer.echo()
        print_table(
            ("export", "at", "subset", "state", "destination", "images"),
            [
                (
                    each.id[:8],
                    each.at,
                    f"{each.subset}@{each.subset_version}",
                    each.state,
                    printable(each.destination),
                    each.images,
                )
                for each in found.exports
            ],
            numbers=1,
        )
    if found.uses:
        typer.echo()
        print_table(
            ("use", "at", "kind", "subset", "export", "outcome", "artefacts"),
            [
                (
                    each.id[:8],
                    each.at,
                    each.kind,
                    f"{each.subset}@{each.subset_version}",
                    (each.export or "")[:8],
                    each.outcome,
                    ", ".join([*(made.place for made in each.artifacts), *each.dois]),
                )
                for each in found.uses
            ],
        )
    typer.echo()
    print_duties(found.duties)


def print_duties(duties: Sequence[SliceDuty]) -> None:
    """Print what is owed: the words to meet each duty with, and what brought it."""
    if not duties:
        typer.echo("owes nothing yet: it has no slice")
        return
    typer.echo("owes:")
    for duty in duties:
        typer.echo(f"  {duty.id} ({duty.kind}): {printable(duty.text)}")
        for fact in (duty.url, duty.citation, duty.doi and f"https://doi.org/{duty.doi}"):
            if fact:
                typer.echo(f"    {printable(fact)}")
        typer.echo(f"    for {', '.join(duty.slices)}: {printable('; '.join(duty.because))}")
