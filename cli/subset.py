"""``cxrcat subset``: list, show and create subsets."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .bigquery import MaxBytesBilled, Table, Yes, grant
from .context import (
    BillingProject,
    Json,
    can_print,
    examples,
    open_catalog,
    print_facts,
    print_json,
    print_table,
    printable,
    progress,
    say,
)

if TYPE_CHECKING:
    from ..catalog.derive import Derivation

app = typer.Typer(
    help="Named answers to questions: make, derive, divide and compare them.", no_args_is_help=True
)


class Pick(StrEnum):
    """Which image of a patient is kept."""

    first = "first"
    last = "last"
    random = "random"


class Engine(StrEnum):
    """What answers a question."""

    local = "local"
    bigquery = "bigquery"


class By(StrEnum):
    """What goes by lot."""

    image = "image"
    patient = "patient"


@app.command("list", epilog=examples("cxrcat subset list", "cxrcat subset list --json"))
def list_(
    context: typer.Context,
    dataset: Annotated[
        str | None, typer.Option(metavar="SLUG[@VERSION]", help="Another dataset or release.")
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
    epilog=examples(
        "cxrcat subset show pneumothorax --plot",
        "cxrcat subset show adults@2 --json",
        "cxrcat subset show adults --plot-file adults.svg",
    )
)
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The subset, or NAME@VERSION.")],
    plot: Annotated[
        bool, typer.Option("--plot", help="Show its findings, ages, sexes and views as bars.")
    ] = False,
    plot_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw these too, as FILE.svg or FILE.png."),
    ] = None,
    json: Json = False,
) -> None:
    """Show a subset: its question, its size, its digest, and what each condition left."""
    from ..catalog.formats.bars import BLOCK, bars

    with open_catalog(context) as catalog:
        each = catalog.subset(name)
        profile = catalog.profile(name) if plot else None
        if plot_file is not None:
            catalog.plot(name, plot_file)
    if json:
        more = {"profile": profile.model_dump(mode="json")} if profile else {}
        print_json({**asdict(each), **more})
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
            ("picture", plot_file),
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
    if profile is not None and (drawn := bars(profile, blocks=can_print(BLOCK))):
        typer.echo(f"\n{drawn}")


@app.command(
    epilog=examples(
        "cxrcat subset create adults --where \"pneumothorax and view = 'PA' and age >= 18\"",
        "cxrcat subset create pilot --from adults --sample 200 --by patient --seed 7",
        "cxrcat subset create either --union pneumothorax effusion",
        "cxrcat subset create holdout --from-list names.txt --note 'of the 2019 paper'",
        "cxrcat subset create men --where \"effusion and sex = 'M'\" --engine bigquery "
        "--billing-project my-project",
        "cxrcat subset create --recipe pneumothorax.cxrcat.yaml",
    )
)
def create(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(help="Lower-case letters, digits, '.', '-' and '_'; a recipe has its own."),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="EXPR",
            help="The question: findings as words, and, or, not, parentheses, and the columns "
            "view, sex, age, follow_up, patient, width, height, name.",
        ),
    ] = None,
    parent: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="Only images of this subset.")
    ] = None,
    union: Annotated[
        tuple[str, str] | None, typer.Option(metavar="A B", help="Images of either subset.")
    ] = None,
    intersect: Annotated[
        tuple[str, str] | None, typer.Option(metavar="A B", help="Images of both subsets.")
    ] = None,
    minus: Annotated[
        tuple[str, str] | None, typer.Option(metavar="A B", help="Images of A that are not in B.")
    ] = None,
    from_list: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The images that a file names, one a line."),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What a recipe makes, lineage and all."),
    ] = None,
    one_per_patient: Annotated[
        Pick | None, typer.Option(help="Keep one image a patient, by follow-up or by lot.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(metavar="N", help="Draw so many images or patients.")
    ] = None,
    by: Annotated[By, typer.Option(help="What --sample draws.")] = By.image,
    seed: Annotated[int, typer.Option(metavar="S", help="What decides a lot.")] = 0,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Why it was made.")] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="SLUG[@VERSION]", help="Another dataset or release.")
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="What answers --where: the catalog, or a table in BigQuery.")
    ] = Engine.local,
    table: Table = None,
    billing_project: BillingProject = None,
    max_bytes_billed: MaxBytesBilled = None,
    yes: Yes = False,
    allow_missing: Annotated[
        bool,
        typer.Option(
            "--allow-missing",
            help="With BigQuery: leave out rows of the answer that are no known image.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Record the answer to a question, or a selection from other subsets, under a name.

    The same question with the same answer is recorded once; another one becomes a new version.
    """
    from ..catalog.derive import Derivation
    from ..schemas.errors import UsageError

    if engine is Engine.local and (table is not None or max_bytes_billed is not None):
        raise UsageError("--table and --max-bytes-billed are for --engine bigquery; add that")
    wanted = Derivation(
        where=where,
        parent=parent,
        union=union,
        intersect=intersect,
        minus=minus,
        listed=from_list,
        one_per_patient=None if one_per_patient is None else one_per_patient.value,
        sample=sample,
        by=by.value,
        seed=seed,
    )
    if recipe is not None:
        if wanted != Derivation() or engine is not Engine.local or note or dataset:
            raise UsageError("--recipe stands alone, with a NAME at most; derive from its subset")
        _follow(context, recipe, name, json)
        return
    if name is None:
        raise UsageError("name it: cxrcat subset create NAME …; only --recipe FILE brings a name")
    with open_catalog(context) as catalog:
        if engine is Engine.bigquery:
            granted = grant(billing_project, table, max_bytes_billed, yes, allow_missing)
            each = catalog.create_subset_in_bigquery(
                name, _alone(wanted), granted, note, dataset, progress()
            )
        else:
            each = catalog.create_subset(name, note=note, dataset=dataset, derivation=wanted)
    if json:
        print_json(asdict(each))
        return
    say(f"{each.images:,} images of {each.patients:,} patients")
    typer.echo(f"{each.name}@{each.version}")


def _follow(context: typer.Context, recipe: Path, name: str | None, json: bool) -> None:
    with open_catalog(context) as catalog:
        found = catalog.follow_recipe(recipe, name)
    if json:
        print_json(asdict(found))
        return
    for note in found.notes:
        say(printable(note))
    for there, here in found.versions.items():
        if there != here:
            say(f"{there} of the recipe is {here} here")
    say(f"{found.subset.images:,} images of {found.subset.patients:,} patients, equal")
    typer.echo(f"{found.subset.name}@{found.subset.version}")


def _alone(wanted: Derivation) -> str:
    """Return the question of a derivation that is nothing else."""
    from ..catalog.derive import Derivation
    from ..schemas.errors import UsageError

    plain = Derivation(wanted.where, by=wanted.by, seed=wanted.seed)
    if wanted.where is None or wanted != plain:
        raise UsageError(
            "--engine bigquery answers --where EXPR alone; record that, then derive from it with "
            "--from NAME"
        )
    return wanted.where
