"""``cxrcat datasets`` and ``cxrcat dataset``: what there is, and on which terms."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .context import (
    Json,
    examples,
    open_catalog,
    print_facts,
    print_json,
    print_table,
    progress,
)

EPILOG = examples("cxrcat datasets", "cxrcat datasets --json")

app = typer.Typer(help="Datasets: their terms, duties and sources.", no_args_is_help=True)


def datasets(context: typer.Context, json: Json = False) -> None:
    """List the datasets in the catalog."""
    with open_catalog(context) as catalog:
        found = catalog.datasets()
    if json:
        print_json([asdict(each) for each in found])
        return
    print_table(
        ("dataset", "title", "label sets", "images", "patients"),
        [
            (
                f"{each.slug}@{each.version}",
                each.title,
                ", ".join(each.label_sets),
                each.images,
                each.patients,
            )
            for each in found
        ],
        numbers=2,
    )


@app.command(
    epilog=examples(
        "cxrcat dataset show nih-chest-xray", "cxrcat dataset show nih-chest-xray --json"
    )
)
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The dataset, or SLUG@VERSION.")],
    json: Json = False,
) -> None:
    """Show a dataset's terms, duties, citations, sources, viewers and access form."""
    with open_catalog(context) as catalog:
        known = catalog.descriptor(name)
        counts = catalog.findings(name)
    if json:
        document = known.model_dump(mode="json", by_alias=True, exclude_none=True)
        keys = ("labels", "finding", "state", "images")
        document["findings"] = [dict(zip(keys, row, strict=True)) for row in counts]
        print_json(document)
        return
    form = known.access_form
    print_facts(
        [
            ("dataset", known.slug),
            ("title", known.title),
            ("provider", known.provider.name),
            ("homepage", known.homepage),
            ("versions", ", ".join(each.version for each in known.versions)),
            ("licence", f"{known.terms.licence}, {known.terms.url}"),
            ("terms", f'"{known.terms.words}" ({known.terms.source})'),
            ("note", known.terms.note),
            ("access form", form and f"{form.url} ({form.note})"),
        ]
    )
    typer.echo()
    print_table(
        ("duty", "kind", "owed always", "text"),
        [
            (duty.id, duty.kind, "yes" if duty.id in known.owes else "if used", duty.text)
            for duty in known.duties
        ],
    )
    typer.echo()
    for work in known.citations:
        typer.echo(f"{work.id}: {work.title}. https://doi.org/{work.doi}")
    typer.echo()
    print_table(
        ("source", "kind", "provider", "address"),
        [(each.slug, each.kind, each.provider, each.uri) for each in known.sources],
    )
    typer.echo()
    print_table(("viewer", "address"), [(each.title, each.url) for each in known.viewers])
    typer.echo()
    print_table(("label set", "finding", "state", "images"), counts, numbers=1)


@app.command(epilog=examples("cxrcat dataset add my-dataset/dataset.yaml"))
def add(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The descriptor, a YAML file.")],
    json: Json = False,
) -> None:
    """Bring in a dataset by its descriptor; its tables lie beside the file."""
    with open_catalog(context) as catalog:
        found = catalog.add_dataset(path, progress())
    if json:
        print_json([asdict(each) for each in found])
        return
    for each in found:
        typer.echo(f"{each.slug}@{each.version}")
