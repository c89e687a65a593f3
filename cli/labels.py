"""``cxrcat labels``: add, list and show label sets and splits that come beside a dataset."""

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
    from ..catalog.labels import LabelSetInfo

app = typer.Typer(
    help="Label sets and split lists that come beside a dataset: add, list, show.",
    no_args_is_help=True,
)

Dataset = Annotated[
    str | None,
    typer.Option(metavar="SLUG[@VERSION]", help="Another dataset than the default one."),
]


@app.command(
    epilog=examples(
        "cxrcat labels add split train_val_list.txt test_list.txt",
        "cxrcat labels add expert4 validation_labels.csv test_labels.csv individual_readers.csv",
        "cxrcat labels add nih-cxr-lt.yaml nih-cxr-lt_single-label_train.csv",
    )
)
def add(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT", help="split, a label set, or the YAML file of another's label set."
        ),
    ],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="All files of the set.")],
    dataset: Dataset = None,
    json: Json = False,
) -> None:
    """Add a label set or the split lists from their files.

    An addition states the whole set: other files take the place of the earlier ones, which are kept
    under SLUG@NUMBER; the same files change nothing.
    """
    with open_catalog(context) as catalog:
        done = catalog.add_labels(what, files, dataset)
        each = catalog.label_set(done.slug, done.dataset)
    if json:
        print_json(asdict(done) | {"labels": asdict(each)})
        return
    for remark in done.remarks:
        say(f"note: {printable(remark)}")
    if not done.changed:
        say("the catalog holds these files already; nothing was changed")
    elif done.supersedes:
        say(f"the earlier files are kept as {done.supersedes}")
    say(_size(each))
    typer.echo(each.slug)


@app.command("list", epilog=examples("cxrcat labels list", "cxrcat labels list --json"))
def list_(context: typer.Context, dataset: Dataset = None, json: Json = False) -> None:
    """List the label sets and splits of a dataset, also those that can still be added."""
    with open_catalog(context) as catalog:
        found = catalog.labels(dataset)
    if json:
        print_json([asdict(each) for each in found])
        return
    print_table(
        ("labels", "kind", "in the catalog", "title", "images"),
        [
            (each.slug, each.kind, "yes" if each.in_catalog else "no", each.title, each.images)
            for each in found
        ],
        numbers=1,
    )


@app.command(epilog=examples("cxrcat labels show nih", "cxrcat labels show expert4 --json"))
def show(
    context: typer.Context,
    slug: Annotated[str, typer.Argument(help="The label set, or split; SLUG@NUMBER an earlier.")],
    dataset: Dataset = None,
    json: Json = False,
) -> None:
    """Show a label set: how it came about, its files, what it says, and what its use owes."""
    with open_catalog(context) as catalog:
        each = catalog.label_set(slug, dataset)
    if json:
        print_json(asdict(each))
        return
    print_facts(
        [
            ("labels", each.slug),
            ("dataset", f"{each.dataset}@{each.dataset_version}"),
            ("title", each.title),
            ("method", each.method),
            ("access", each.access),
            ("images", f"{each.images:,}"),
            ("checksum", each.checksum),
            ("added", each.added_at),
            ("to add it", each.advice),
        ]
    )
    _print_contents(each)
    for duty in each.duties:
        typer.echo(f"\n{duty['id']} ({duty['kind']}): {duty['text']}")
    for work in each.citations:
        typer.echo(f"{work['id']}: {work['title']}. https://doi.org/{work['DOI']}")


def _print_contents(each: LabelSetInfo) -> None:
    if each.files:
        typer.echo()
        print_table(
            ("file", "checksum", "rows"),
            [(printable(file["name"]), file["checksum"], file["rows"]) for file in each.files],
            numbers=1,
        )
    if each.parts:
        typer.echo()
        print_table(
            ("part", "images", "patients"),
            [(part.name, part.images, part.patients) for part in each.parts],
            numbers=2,
        )
    if each.findings and each.in_catalog:
        typer.echo()
        print_table(
            ("finding", "label", "present", "absent", "uncertain"),
            [
                (said.name, said.label, said.present, said.absent, said.uncertain)
                for said in each.findings
            ],
            numbers=3,
        )
    if each.readers:
        typer.echo()
        print_table(
            ("reader", "images read"),
            [(one.reader, one.images) for one in each.readers],
            numbers=1,
        )


def _size(each: LabelSetInfo) -> str:
    if each.parts:
        return ", ".join(f"{part.name}: {part.images:,} images" for part in each.parts)
    readers = f", readers: {len(each.readers)}" if each.readers else ""
    return f"images: {each.images:,}{readers}"
