"""``cxrcat recipe``, ``reproduce`` and ``register``: a subset's question goes to other catalogs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .context import Json, examples, open_catalog, print_json, printable, progress, say

if TYPE_CHECKING:
    from ..catalog.reproduce import Changed, VersionAgain

RECIPE_EPILOG = examples(
    "cxrcat recipe pneumothorax > pneumothorax.cxrcat.yaml",
    "cxrcat recipe pneumothorax --to pneumothorax.cxrcat.yaml",
    "cxrcat recipe ./pneumothorax --to paper/slice.cxrcat.yaml",
)
REPRODUCE_EPILOG = examples(
    "cxrcat reproduce pneumothorax",
    "cxrcat reproduce pneumothorax.cxrcat.yaml --json",
    "cxrcat reproduce pneumothorax/provenance.json",
)
REGISTER_EPILOG = examples("cxrcat register ~/received/pneumothorax")

_NAMED = 5  # images that a list of changes names


def recipe(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="NAME|DIR", help="The subset, NAME@VERSION, or ./EXPORT.")
    ],
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it there, with many names in a file beside it."),
    ] = None,
) -> None:
    """Write a subset as one small file that others can publish, check and follow.

    A folder is told from a subset by a slash in it, as in ./pneumothorax.
    """
    from ..catalog.recipe import save
    from ..schemas.errors import UsageError

    if to is not None and to.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{to}: a recipe's name ends in .yaml, as in NAME.cxrcat.yaml")
    with open_catalog(context) as catalog:
        of = Path(what) if "/" in what and Path(what).is_dir() else what
        written = catalog.recipe(of, to.name if to else None)
    if to is None:
        typer.echo(written.text, nl=False)
        return
    save(to, written)
    for name in (to.name, *written.beside):
        typer.echo(printable(str(to.with_name(name))))


def reproduce(
    context: typer.Context,
    what: Annotated[
        Path, typer.Argument(metavar="DIR|FILE", help="An export, its provenance.json, a recipe.")
    ],
    json: Json = False,
) -> None:
    """Ask a subset's questions again here, record nothing, and say what differs (exit code 1)."""
    with open_catalog(context) as catalog:
        found = catalog.reproduce(what)
    if json:
        print_json(asdict(found))
    else:
        for note in (*found.problems, *found.notes):
            say(printable(note))
        for each in found.versions:
            typer.echo(f"{each.subset}: {_outcome(each)}")
            for word, changes in (("gained", each.gained), ("lost", each.lost)):
                for line in _changes(word, changes or ()):
                    typer.echo(f"  {line}")
            for step in each.funnel:
                if not step.equal:
                    typer.echo(
                        f"  {step.condition}: {_left(step.images)} here, "
                        f"{_left(step.images_recorded)} there"
                    )
        say(f"{found.subset} of {found.dataset}: {'equal' if found.equal else 'not equal'}")
    if not found.equal:
        raise typer.Exit(1)


def register(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an export.")],
    json: Json = False,
) -> None:
    """Take an export that another catalog made into this one, with its lineage and its duties."""
    with open_catalog(context) as catalog:
        found = catalog.register(folder, progress())
    if json:
        print_json(asdict(found))
        return
    if found.already:
        say("the catalog knows this export already")
    for there, here in found.versions.items():
        new = "new here" if here in found.made else "here already"
        say(f"{there} there is {here} here ({new})")
    if found.replicas:
        say(f"{found.replicas:,} images in the folder are recorded")
    typer.echo(found.subset)


def _outcome(each: VersionAgain) -> str:
    if each.equal:
        return f"equal, {each.images_recorded:,} images, {each.digest}"
    said = f"; {printable(each.problem)}" if each.problem else ""
    if each.digest is None:
        return f"cannot be asked here{said}"
    known = "" if each.lost is not None else "; which images it had is not known here"
    if each.digest == each.digest_recorded:
        return f"the same images, but not all is equal{said}"
    return (
        f"not equal, {each.images or 0:,} images here and {each.images_recorded:,} there, "
        f"{each.digest} and not {each.digest_recorded}{said}{known}"
    )


def _changes(word: str, changes: tuple[Changed, ...]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for each in changes:
        reasons.setdefault(each.reason, []).append(each.name)
    return [
        f"{word} {len(names):,}: {printable(reason)} ({', '.join(names[:_NAMED])}"
        f"{', …' if len(names) > _NAMED else ''})"
        for reason, names in reasons.items()
    ]


def _left(images: int | None) -> str:
    return "not asked" if images is None else f"{images:,} images"
