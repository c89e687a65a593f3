"""Decide what an export will do, and refuse what cannot be done, before anything is written."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...schemas.errors import CxrcatError, InputError, SourceError, UsageError
from ..sources.folder import Found, find_images
from .transfer import ImageMode

MANIFEST = "provenance.json"
CHECKSUMS = "checksums.xxh128"
_NAMED = 3  # how many missing images an error names
_PAPERS = 1 << 20  # bytes that the papers may take
_LONGEST_NAME = 200  # bytes, of the 255 that file systems allow: hidden names are made of it


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks of an export.

    `destination` None means a folder named as the subset, here. `source` is the local folder with
    the images. `replace` allows an earlier export at the destination to be replaced,
    `allow_withdrawn` a version that holds images which were withdrawn since.
    """

    subset: str
    destination: Path | None = None
    mode: ImageMode = ImageMode.NONE
    source: Path | None = None
    project: str | None = None
    replace: bool = False
    allow_missing: bool = False
    allow_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Where an export will stand, which images it will bring, and which it cannot find."""

    destination: Path
    mode: ImageMode
    found: Mapping[str, Found]
    missing: Sequence[str]

    @property
    def size(self) -> int:
        """How many bytes of images will be brought."""
        return sum(each.size for each in self.found.values())


def make_plan(request: Request, name: str, images: Sequence[str]) -> Plan:
    """Return the plan for a subset's `images`.

    Raises `UsageError` when the destination is taken, `InputError` when images are missing and that
    was not allowed, and `SourceError` when the disk has no room.
    """
    if (request.source is None) != (request.mode is ImageMode.NONE):
        raise UsageError(
            "--images copy and --images hardlink need --from DIR, the folder with the images"
            if request.source is None
            else "--from DIR is for --images copy or --images hardlink; say which"
        )
    destination = Path(os.path.abspath(request.destination or name))  # noqa: PTH100 - no links
    check_destination(destination, request.replace)
    found: dict[str, Found] = {}
    missing: list[str] = []
    if request.source is not None:
        if not request.source.is_dir():
            raise InputError(f"{request.source}: there is no such folder; --from names one")
        found = find_images(request.source, images)
        missing = [image for image in images if image not in found]
    if missing and not request.allow_missing:
        named = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
        raise InputError(
            f"{len(missing):,} of {len(images):,} images are not in {request.source}: {named}; "
            "fetch them, or export what is there with --allow-missing"
        )
    ordered = {image: found[image] for image in images if image in found}
    plan = Plan(destination, request.mode, ordered, missing)
    _check_room(plan)
    return plan


def check_destination(destination: Path, replace: bool) -> bool:
    """Tell whether there is an earlier export to replace.

    Raises `UsageError` when the place is taken, and `SourceError` when that cannot be seen.
    """
    if len(os.fsencode(destination.name)) > _LONGEST_NAME:
        raise UsageError(
            f"{destination.name[:40]}…: a name of at most {_LONGEST_NAME} bytes, please"
        )
    try:
        return _is_replaceable(destination, replace)
    except OSError as error:
        place = error.filename or destination
        raise SourceError(f"{place}: {error.strerror}; nothing was exported") from error


def _is_replaceable(destination: Path, replace: bool) -> bool:
    if not destination.is_symlink() and not destination.exists():
        return False
    if destination.is_symlink() or not destination.is_dir():
        raise UsageError(
            f"{destination}: is there already, and is not a folder; choose another --to"
        )
    if not any(destination.iterdir()):
        return True
    if not replace:
        raise UsageError(
            f"{destination}: is there already; choose another --to, or replace it with --force"
        )
    own = _own_files(destination)
    for path in sorted(destination.rglob("*")):
        relative = path.relative_to(destination).as_posix()
        if not (path.is_dir() and not path.is_symlink()) and relative not in own:
            raise UsageError(
                f"{path}: was not written by the export that --force would replace; move it away"
            )
    return True


def _own_files(folder: Path) -> set[str]:
    from ..verify import read_checksums, read_manifest

    try:
        read_manifest(folder)
        return {*read_checksums(folder / CHECKSUMS), CHECKSUMS}
    except CxrcatError as error:
        raise UsageError(
            f"{folder}: is not a whole export of cxrcat, so --force does not replace it; "
            f"choose another --to, or move it away ({error})"
        ) from error


def _check_room(plan: Plan) -> None:
    place = plan.destination.parent
    while not place.exists():
        place = place.parent
    needed = _PAPERS + (plan.size if plan.mode is ImageMode.COPY else 0)
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise SourceError(f"{place}: cannot be read: {error.strerror}") from error
    if free < needed:
        raise SourceError(
            f"{place}: {os.strerror(errno.ENOSPC)}: the export needs {needed:,} bytes and "
            f"{free:,} are free; nothing was exported"
        )
