"""``cxrcat view``: one image, what is known of it, and a picture of it."""

from __future__ import annotations

import webbrowser
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .context import (
    BillingProject,
    Json,
    confirm,
    examples,
    open_catalog,
    print_facts,
    print_json,
    printable,
    progress,
    say,
)

if TYPE_CHECKING:
    from ..catalog.sources.cost import Estimate
    from ..catalog.view import ImageView, Saved

EPILOG = examples(
    "cxrcat view 00000013_005.png",
    "cxrcat view 00000013_005.png --open",
    "cxrcat view 00000013_005.png --save seen.png --from ~/nih/images",
    "cxrcat view 00000013_005.png --save seen.png --from gcs-dicom --billing-project my-project",
)

_SHOWN = 20  # subsets; --json has all


def view(
    context: typer.Context,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="The name of an image.")],
    open_: Annotated[
        bool, typer.Option("--open", help="Open the dataset's first viewer in a browser.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the image with its boxes into a new file."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="Where the image is, as for 'cxrcat export'; without it, a file here that is on "
            "record.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.png.")] = False,
    billing_project: BillingProject = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Agree to what the transfer is estimated to cost.")
    ] = False,
    dataset: Annotated[
        str | None,
        typer.Option(metavar="SLUG[@VERSION]", help="Another dataset than the default one."),
    ] = None,
    json: Json = False,
) -> None:
    """Show an image: its row, what each label set says, its boxes, its subsets, where it is.

    A picture that is saved holds the words that its use owes.
    """
    from ..catalog.sources import Access
    from ..catalog.view import Wanted
    from ..schemas.errors import UsageError

    if save is None and (source is not None or force):
        raise UsageError("--from and --force are for --save FILE.png")
    saved = None
    with open_catalog(context) as catalog:
        found = catalog.view(image, dataset)
        if save is not None:
            agree = partial(_agree, yes=yes)
            access = Access(billing_project)
            wanted = Wanted(image, save, dataset, source, access, agree, force)
            saved = catalog.save_picture(wanted, progress())
    if open_:
        _open(found)
    if json:
        print_json({**asdict(found), "saved": asdict(saved) if saved else None})
        return
    _show(found, saved)


def _agree(wanted: Estimate, yes: bool) -> bool:
    return confirm(wanted.words(), "Fetch?", yes)


def _open(found: ImageView) -> None:
    from ..schemas.errors import UsageError

    if not found.viewers:
        raise UsageError(f"{found.dataset}: its descriptor names no viewer")
    _, url = found.viewers[0]
    if not webbrowser.open(url):
        say(f"no browser could be opened here; open {printable(url)} yourself")


def _show(found: ImageView, saved: Saved | None) -> None:
    row = found.row
    print_facts(
        [
            ("image", printable(row.name)),
            ("dataset", f"{found.dataset}@{found.dataset_version}"),
            ("withdrawn", found.withdrawn and printable(found.withdrawn)),
            ("patient", printable(row.patient)),
            ("follow-up", row.follow_up),
            ("age", row.age),
            ("sex", row.sex and printable(row.sex)),
            ("view", row.view and printable(row.view)),
            ("width", row.width),
            ("height", row.height),
            ("spacing x", row.spacing_x),
            ("spacing y", row.spacing_y),
            ("split", ", ".join(map(printable, found.split)) or None),
            *((f"labels {each.labels}", _states(each.states)) for each in found.labels),
            *(
                (
                    f"box {number}",
                    f"{box.finding}: x {box.x:g}, y {box.y:g}, {box.width:g} × {box.height:g}",
                )
                for number, box in enumerate(found.boxes, 1)
            ),
            ("subsets", _some(found.subsets)),
            *((f"at {each.source}", _place(each.uri, each.problem)) for each in found.replicas),
            *((printable(title), printable(url)) for title, url in found.viewers),
            ("saved", saved and printable(saved.path)),
            ("drawn from", saved and printable(saved.drawn_from)),
        ]
    )
    if saved is not None:
        say(f"the use of the picture owes: {', '.join(saved.duties)}; the file holds the words")


def _states(states: dict[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{state}: {', '.join(found)}" for state, found in states.items())


def _some(names: tuple[str, ...]) -> str | None:
    more = f", … and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) + more) or None


def _place(uri: str, problem: str | None) -> str:
    return printable(uri) + (f" ({printable(problem)})" if problem else "")
