"""Look at an export that lies in a project: what its manifest says, and what is not as written."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from ...schemas.errors import CxrcatError, InputError
from ...schemas.manifest import Provenance
from ..checksums import of_bytes, of_files
from ..verify import read_checksums, read_manifest
from .known import Known, pack
from .model import FoundExport
from .walk import File

MANIFEST = "provenance.json"

_LISTED = "checksums.xxh128"
_OTHERS = frozenset((_LISTED, "checksums.sha256", "checksums.sha256.sig"))
_PART = re.compile(r"[a-z]+")


def is_export(path: Path) -> bool:
    """Tell whether a provenance.json is one of cxrcat's: other programs write such files too."""
    try:
        with path.open("rb") as stream:
            return b"cxrcat.provenance/" in stream.read(1000)
    except OSError:
        return False


def look(
    known: Known, root: Path, folder: str, files: dict[str, File], full: bool, ignored: bool
) -> FoundExport:
    """Return what is found of an export in `folder`, whose `files` are by their paths in it.

    Every file but the images is read again, the images too if `full`; their number is always
    compared with the list.
    """
    place = root / folder if folder else root
    try:
        manifest = read_manifest(place)
        listed = read_checksums(place / _LISTED)
    except CxrcatError as error:
        return FoundExport(
            folder, "", "", "", "", None, (), (), (f"{MANIFEST}: {error}",), None, ignored
        )
    there = [path for path in listed if path in files]
    changed = [f"{path}: is missing" for path in listed if path not in files]
    changed += [
        f"{path}: was not there when the export was made"
        for path in files
        if path not in listed and path not in _OTHERS
    ]
    read = [path for path in there if full or not path.startswith("images/")]
    try:
        found = list(of_files([str(place / path) for path in read]))
    except InputError as error:
        found, read = [], []
        changed.append(str(error))
    changed += [
        f"{path}: was changed"
        for path, each in zip(read, found, strict=True)
        if each != listed[path]
    ]
    release = known.release(f"{manifest.dataset.slug}@{manifest.dataset.version}")
    members = None
    if release is not None:
        members = pack(known.ordinals(release, list(_names(place / "metadata.csv"))))
    return FoundExport(
        folder=folder,
        id=manifest.export.id,
        dataset=f"{manifest.dataset.slug}@{manifest.dataset.version}",
        subset=manifest.subset.reference,
        digest=manifest.subset.digest,
        checksum=str(of_bytes((place / _LISTED).read_bytes())),
        duties=tuple(duty.id for duty in manifest.duties),
        parts=tuple(sorted(_parts(manifest, folder))),
        changed=tuple(sorted(changed)),
        members=members,
        ignored=ignored,
    )


def _names(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                yield row.get("name") or ""
    except (OSError, UnicodeDecodeError, csv.Error):
        return


def _parts(manifest: Provenance, folder: str) -> set[str]:
    """Return which parts of a study the export may be: by its steps, its name and its folder."""
    words = {
        str(step["part"]).casefold() for step in manifest.subset.steps if step.get("kind") == "part"
    }
    for text in (manifest.subset.name, folder):
        words |= set(_PART.findall(text.casefold()))
    return parts_in(words)


def parts_in(words: set[str]) -> set[str]:
    """Return ``train``, ``validation`` and ``test`` where one of their names is among words."""
    return {part for part, names in _NAMES.items() if words & names}


_NAMES = {
    "train": {"train", "training", "trainset", "trn"},
    "validation": {"val", "valid", "validation", "dev", "tune"},
    "test": {"test", "testing", "testset", "holdout", "eval", "evaluation"},
}
