"""``cxrcat datasets`` and ``cxrcat dataset``: what there is, and on which terms."""

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
    progress,
    say,
)

if TYPE_CHECKING:
    from ..catalog.releases import ReleaseInfo

EPILOG = examples("cxrcat datasets", "cxrcat datasets --json")

app = typer.Typer(help="Datasets: their terms, duties and sources.", no_args_is_help=True)


def datasets(context: typer.Context, json: Json = False) -> None:
    """List the datasets and their releases, also those that are known and not in the catalog."""
    with open_catalog(context) as catalog:
        found = catalog.releases()
    if json:
        print_json([asdict(each) for each in found])
        return
    print_table(
        ("dataset", "title", "here", "label sets", "images", "patients"),
        [
            (
                f"{each.slug}@{each.version}",
                each.title,
                _here(each),
                ", ".join(each.label_sets),
                each.images,
                each.patients,
            )
            for each in found
        ],
        numbers=2,
    )
    for each in found:
        if not each.here:
            say(_advice(each))


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
    from ..catalog.formats.odrl import action_of, usage_of

    with open_catalog(context) as catalog:
        known = catalog.descriptor(name)
        counts = catalog.findings(name)
        releases = catalog.releases(name)
    if json:
        document = known.model_dump(mode="json", by_alias=True, exclude_none=True)
        keys = ("labels", "finding", "state", "images")
        document["findings"] = [dict(zip(keys, row, strict=True)) for row in counts]
        document["releases"] = [asdict(each) for each in releases]
        document["usage"] = usage_of(known)
        print_json(document)
        return
    form = known.access_form
    print_facts(
        [
            ("dataset", known.slug),
            ("title", known.title),
            ("provider", known.provider.name),
            ("homepage", known.homepage),
            ("licence", f"{known.terms.licence}, {known.terms.url}"),
            ("terms", f'"{known.terms.words}" ({known.terms.source})'),
            ("note", known.terms.note),
            ("permits", ", ".join(f"odrl:{each}" for each in known.terms.permits) or None),
            ("data use", "; ".join(f"{t.code} {t.label}" for t in known.terms.duo) or None),
            ("access form", form and f"{form.url} ({form.note})"),
        ]
    )
    typer.echo()
    print_table(
        ("release", "here", "released", "title", "images", "patients"),
        [
            (each.version, _here(each), each.released, each.release, each.images, each.patients)
            for each in releases
        ],
        numbers=2,
    )
    for each in releases:
        if not each.here:
            say(_advice(each))
    typer.echo()
    print_table(
        ("duty", "kind", "as data", "owed always", "text"),
        [
            (
                duty.id,
                duty.kind,
                action_of(duty),
                "yes" if duty.id in known.owes else "if used",
                duty.text,
            )
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


def _here(release: ReleaseInfo) -> str:
    if release.is_default:
        return "default"
    return "yes" if release.here else "no"


def _advice(release: ReleaseInfo) -> str:
    """Return the line that says how to come by a release that is not in the catalog."""
    name = f"{release.slug}@{release.version}"
    if release.access is None:
        return f"{name} comes in with: cxrcat dataset add FILE, its descriptor"
    return f"{name} is {release.access}; bring it in with: cxrcat ingest {name} FILE"
