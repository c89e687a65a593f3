"""Decide what an export will do, and refuse what cannot be done, before anything is written."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...schemas.errors import CxrcatError, InputError, SourceError, UsageError
from ..keys import PrivateKey
from ..progress import SILENT, Progress
from ..signing import SIGNED
from ..sources import Access, Found, Source
from ..sources.cost import Estimate
from ..sources.folder import Folder
from .transfer import ImageMode

MANIFEST = "provenance.json"
CHECKSUMS = "checksums.xxh128"
_NAMED = 3  # how many missing images an error names
_PAPERS = 1 << 20  # bytes that the papers may take
_LONGEST_NAME = 200  # bytes, of the 255 that file systems allow: hidden names are made of it


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks of an export.

    `destination` None means a folder named as the subset, here. `source` names where the images
    are, as `sources.open_source` reads it. `replace` allows an earlier export at the destination to
    be replaced, `allow_withdrawn` a version that holds images which were withdrawn since. `agree`
    is asked before a transfer that somebody is billed for; without it there is none. `sign` is the
    key that the export is signed with. `bag` puts the export into a bag after BagIt, whose payload
    it is.
    """

    subset: str
    destination: Path | None = None
    mode: ImageMode = ImageMode.NONE
    source: str | Path | None = None
    access: Access = field(default_factory=Access)
    agree: Callable[[Estimate], bool] | None = None
    project: str | None = None
    replace: bool = False
    allow_missing: bool = False
    allow_withdrawn: bool = False
    sign: PrivateKey | None = None
    bag: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Where an export will stand, which images it will bring, and which it cannot find.

    `remark` is what the source says of the missing ones.
    """

    destination: Path
    mode: ImageMode
    found: Mapping[str, Found]
    missing: Sequence[str]
    remark: str = ""

    @property
    def size(self) -> int:
        """How many bytes of images will be brought."""
        return sum(each.size or 0 for each in self.found.values())


def make_plan(
    request: Request,
    name: str,
    images: Sequence[str],
    source: Source | None,
    progress: Progress = SILENT,
) -> Plan:
    """Return the plan for a subset's `images`.

    Raises `UsageError` when the destination is taken, `InputError` when images are missing and that
    was not allowed, and `SourceError` when the disk has no room.
    """
    check_mode(request)
    destination = Path(os.path.abspath(request.destination or name))  # noqa: PTH100 - no links
    check_destination(destination, request.replace)
    if source is not None and request.mode is ImageMode.HARDLINK and source.slug != Folder.slug:
        raise UsageError(f"{source.place}: cannot be linked to; export with --images copy")
    plan = plan_images(Plan(destination, request.mode, {}, []), request, images, source, progress)
    _check_room(plan)
    return plan


def plan_images(
    plan: Plan, request: Request, images: Sequence[str], source: Source | None, progress: Progress
) -> Plan:
    """Return the plan with where each image is; raise `InputError` when some are missing."""
    if source is None:
        return plan
    found = source.find(images, progress)
    missing = [image for image in images if image not in found]
    remark = source.remark if missing else ""
    if missing and not request.allow_missing:
        named = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
        raise InputError(
            f"{len(missing):,} of {len(images):,} images are not in {source.place}: "
            f"{named}; {f'{remark}; ' if remark else ''}fetch them, or export what is there with "
            "--allow-missing"
        )
    ordered = {image: found[image] for image in images if image in found}
    return replace(plan, found=ordered, missing=missing, remark=remark)


def check_mode(request: Request) -> None:
    """Raise `UsageError` when the images are wanted and nothing says where from, or vice versa."""
    if (request.source is None) != (request.mode is ImageMode.NONE):
        raise UsageError(
            "--images copy and --images hardlink need --from SOURCE, the place with the images"
            if request.source is None
            else "--from SOURCE is for --images copy or --images hardlink; say which"
        )


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
    from ..payload import PAYLOAD, TAG_FILES, TAGS, payload_of
    from ..verify import read_checksums, read_manifest

    payload = payload_of(folder)
    try:
        signed = read_manifest(folder).export.signer is not None
        own = {*read_checksums(payload / CHECKSUMS), CHECKSUMS, *(SIGNED if signed else ())}
        if payload == folder:
            return own
        return {*(f"{PAYLOAD}/{path}" for path in own), *TAG_FILES, TAGS}
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
