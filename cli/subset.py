"""``cxrcat subset``: list, show and create subsets."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .context import Json, examples, open_catalog, print_facts, print_json, print_table, say

app = typer.Typer(help="Named answers to questions: list, show, create.", no_args_is_help=True)


@app.command("list", epilog=examples("cxrcat subset list", "cxrcat subset list --json"))
def list_(
    context: typer.Context,
    dataset: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Another dataset than the default one.")
    ] = None,
    json: Json = False,
) -> None:
    """List the subsets, the latest version of each."""
    with open_catalog(context) as catalog:
        found = catalog.subsets(dataset)
    if json:
        print_json([asdict(each) for each in found])
        return
    print_table(
        ("name", "version", "question", "images", "patients"),
        [(each.name, f"@{each.version}", each.query, each.images, each.patients) for each in found],
        numbers=2,
    )


@app.command(
    epilog=examples("cxrcat subset show pneumothorax", "cxrcat subset show adults@2 --json")
)
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The subset, or NAME@VERSION.")],
    json: Json = False,
) -> None:
    """Show a subset: its question, its size, its digest, and what each condition left."""
    with open_catalog(context) as catalog:
        each = catalog.subset(name)
    if json:
        print_json(asdict(each))
        return
    print_facts(
        [
            ("subset", f"{each.name}@{each.version}"),
            ("dataset", f"{each.dataset}@{each.dataset_version}"),
            ("question", each.query),
            ("normal form", each.normal),
            ("images", f"{each.images:,}"),
            ("patients", f"{each.patients:,}"),
            ("digest", each.digest),
            ("note", each.note),
            ("created", f"{each.created_at} by {each.by}"),
        ]
    )
    typer.echo()
    print_table(
        ("condition", "images before", "images", "patients before", "patients"),
        [
            (step.condition, step.images_before, step.images, step.patients_before, step.patients)
            for step in each.funnel
        ],
        numbers=4,
    )


@app.command(
    epilog=examples(
        "cxrcat subset create adults --where \"pneumothorax and view = 'PA' and age >= 18\"",
        "cxrcat subset create first --where 'effusion and not infiltration and follow_up = 0'",
    )
)
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits, '.', '-' and '_'.")],
    where: Annotated[
        str,
        typer.Option(
            metavar="EXPR",
            help="The question: findings as words, and, or, not, parentheses, and the columns "
            "view, sex, age, follow_up, patient, width, height, name.",
        ),
    ],
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Why it was made.")] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Another dataset than the default one.")
    ] = None,
    json: Json = False,
) -> None:
    """Record the answer to a question under a name.

    The same question with the same answer is recorded once; another one becomes a new version.
    """
    with open_catalog(context) as catalog:
        each = catalog.create_subset(name, where, note, dataset)
    if json:
        print_json(asdict(each))
        return
    say(f"{each.images:,} images of {each.patients:,} patients")
    typer.echo(f"{each.name}@{each.version}")
