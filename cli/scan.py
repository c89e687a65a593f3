"""``cxrcat scan`` and ``cxrcat replicas``: where images are, and whether they are whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote_to_bytes

import typer

from .context import (
    BillingProject,
    Json,
    Scheduler,
    examples,
    open_catalog,
    print_json,
    print_table,
    printable,
    progress,
    say,
)

if TYPE_CHECKING:
    from ..catalog.scan import Noted, ScanReport

SCAN_EPILOG = examples(
    "cxrcat scan ~/nih/images",
    "cxrcat scan images_001.tar.gz images_002.tar.gz",
    "cxrcat scan gs://my-bucket/nih --billing-project my-project",
    "cxrcat scan /data/nih --scheduler tls://cluster.example.org:8786",
    "cxrcat scan ~/nih/images --json | jq -r '.missing_names[]'",
)
REPLICAS_EPILOG = examples(
    "cxrcat replicas 00000013_005.png", "cxrcat replicas 00000013_005.png --json"
)

Dataset = Annotated[
    str | None,
    typer.Option(metavar="SLUG[@VERSION]", help="Another dataset than the default one."),
]

_SHOWN = 20  # lines of one kind; --json has all


def scan(
    context: typer.Context,
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="PLACE...",
            help="Folders, .tar.gz archives, gs://BUCKET/PREFIX or the name of a bucket's source.",
            show_default=False,
        ),
    ],
    dataset: Dataset = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Read every file again, also those that seem unchanged."),
    ] = False,
    fingerprints: Annotated[
        bool,
        typer.Option(
            "--fingerprints",
            help="Record how each image looks, too, so that 'cxrcat identify' knows its copies.",
        ),
    ] = False,
    billing_project: BillingProject = None,
    scheduler: Scheduler = None,
    json: Json = False,
) -> None:
    """Record images that are already somewhere, and say what is missing or wrong there.

    Files whose size, time and inode are those recorded are not read again; a bucket is listed,
    never read. Damaged, resized, changed and differing images end with exit code 1; missing ones
    do not.
    """
    from ..catalog.scan import Scan
    from ..catalog.sources import Access

    wanted = Scan(
        tuple(places),
        dataset,
        full,
        Access(billing_project),
        name_all=json,
        fingerprints=fingerprints,
        scheduler=scheduler,
    )
    with open_catalog(context) as catalog:
        found = catalog.scan(wanted, progress())
    if json:
        print_json({"ok": found.ok, **asdict(found)})
    else:
        _show(found)
    if not found.ok:
        raise typer.Exit(1)


def replicas(
    context: typer.Context,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="The name of an image.")],
    dataset: Dataset = None,
    json: Json = False,
) -> None:
    """Show every place where an image's bytes were seen, by a scan or an export."""
    with open_catalog(context) as catalog:
        found = catalog.replicas(image, dataset)
    if json:
        print_json([asdict(each) for each in found])
        return
    if not found:
        say(f"{printable(image)} was not seen anywhere yet; 'cxrcat scan PLACE' looks for images")
        return
    print_table(
        ("source", "uri", "checksum", "stored", "problem", "instance", "seen", "size"),
        [
            (
                each.source,
                printable(each.uri),
                each.checksum,
                each.stored,
                printable(each.problem or ""),
                printable(each.instance or ""),
                each.seen_at,
                each.size,
            )
            for each in found
        ],
        numbers=1,
    )


def _show(found: ScanReport) -> None:
    _list("DIFFERS", [f"{each.image}: {_pairs(each.replicas)}" for each in found.differing])
    _list(
        "changed",
        [
            f"{_path(each.uri)}: {each.was} -> {each.now}{' (mended)' if each.mended else ''}"
            for each in found.changed
        ],
    )
    _list("damaged", _noted(found.damaged))
    _list("size", _noted(found.resized))
    _list("twice", [f"{each.image}: {_paths(each.uris)}" for each in found.twice])
    _list("gone", [_path(each.uri) for each in found.gone])
    _list("not of the dataset", [_path(uri) for uri in found.strangers])
    say(
        f"{found.dataset}: {found.found:,} of {found.images:,} images are here, in {found.files:,} "
        f"files: {found.new:,} new, {len(found.changed):,} changed, {found.unchanged:,} unchanged"
    )
    if found.read:
        say(f"  {found.read:,} files, {found.size:,} bytes were read")
    if found.fingerprints:
        say(f"  {found.fingerprints:,} fingerprints were recorded")
    if found.missing:
        more = ", …" if found.missing > len(found.missing_names) else ""
        say(f"  {found.missing:,} are missing: {', '.join(found.missing_names)}{more}")
    for what, number in (
        ("damaged", len(found.damaged)),
        ("not of the expected size", len(found.resized)),
        ("with other bytes than elsewhere", len(found.differing)),
        ("there twice", len(found.twice)),
        ("gone", len(found.gone)),
        ("not of the dataset", len(found.strangers)),
    ):
        if number:
            say(f"  {number:,} {what}")
    say("ok" if found.ok else "not ok")


def _list(what: str, lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        typer.echo(f"{what}: {printable(line)}")
    if len(lines) > _SHOWN:
        typer.echo(f"{what}: … and {len(lines) - _SHOWN:,} more; --json lists all")


def _noted(notes: Iterable[Noted]) -> list[str]:
    return [f"{_path(each.uri)}: {each.problem.partition(': ')[2]}" for each in notes]


def _pairs(replicas: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{_path(uri)} {checksum}" for uri, checksum in replicas)


def _paths(uris: Iterable[str]) -> str:
    return ", ".join(map(_path, uris))


def _path(uri: str) -> str:
    """Return a local file's URI as its path, any other as it is."""
    if not uri.startswith("file:"):
        return uri
    return os.fsdecode(unquote_to_bytes(uri.removeprefix("file://")))
