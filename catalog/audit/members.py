"""Which of a dataset's images a file name stands for, in a folder, an archive or a list."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pyroaring import BitMap

from ..progress import SILENT
from ..tarballs import BROKEN, Tarball
from .known import Known, pack, stem_of
from .model import FoundImages

IMAGE = frozenset((".png", ".dcm", ".dicom", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".npy"))
"""The suffixes of files that may be images, or arrays made of them."""

LISTS = frozenset((".h5", ".hdf5", ".parquet", ".npz", ".lmdb", ".tfrecord", ".arrow"))
"""The suffixes of containers whose bytes may hold names of images."""

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip", ".whl")
_CHEAP = 256 << 20  # bytes of a compressed archive that is read from end to end without asking
_HEAD = 8 << 20  # bytes of a container that are searched
_MOST = 1_000_000  # members of an archive that are looked at
_NAME = re.compile(rb"[0-9A-Za-z][0-9A-Za-z_.-]{3,80}\.(?:png|dcm|jpe?g)")
_PAPERS = ("attribution", "citation", "readme", "provenance.json", "licen", "notice")


@dataclass
class Pile:
    """Images of one release that were found in one place."""

    members: BitMap = field(default_factory=BitMap)
    count: int = 0
    tracked: int = 0
    example: str = ""

    def add(self, ordinal: int, path: str, tracked: bool) -> None:
        """Count an image."""
        self.members.add(ordinal)
        self.count += 1
        self.tracked += tracked
        self.example = self.example or path.encode("utf-8", "replace").decode()

    def found(self, path: str, dataset: str, how: str, **more: bool) -> FoundImages:
        """Return what was found."""
        return FoundImages(
            path,
            dataset,
            self.count,
            pack(self.members),
            self.example,
            how,
            self.tracked,
            **more,
        )


def is_archive(name: str) -> bool:
    """Tell whether a file may be an archive that can be listed."""
    return name.lower().endswith(_ARCHIVES)


def is_container(name: str) -> bool:
    """Tell whether a file may be a container of arrays or rows, which holds no other files."""
    return name.lower().endswith(tuple(LISTS))


def in_archive(known: Known, path: Path, shown: str, size: int, full: bool) -> list[FoundImages]:
    """Return the images whose names an archive lists. A damaged one counts as far as it goes."""
    lower = path.name.lower()
    if lower.endswith((".tar.gz", ".tgz")):
        if size > _CHEAP and not full:
            return []
        names = _tar_names(path, compressed=True)
    elif lower.endswith(".tar"):
        names = _tar_names(path, compressed=False)
    else:
        names = _zip_names(path)
    return _piled(known, names, shown)


def in_container(known: Known, path: Path, shown: str, full: bool) -> list[FoundImages]:
    """Return the images whose names stand in the bytes of a container, at its beginning and end."""

    def names() -> Iterator[str]:
        try:
            with path.open("rb") as stream:
                head = stream.read(-1 if full and path.stat().st_size < _CHEAP else _HEAD)
                stream.seek(max(len(head), path.stat().st_size - _HEAD))
                for match in _NAME.finditer(head + b"\0" + stream.read(_HEAD)):
                    yield match[0].decode()
        except OSError:
            return

    # A container says a name more than once: beside its content, and in an index at its end.
    return _piled(known, dict.fromkeys(names()), shown)


def _piled(known: Known, names: Iterable[str], shown: str) -> list[FoundImages]:
    piles: dict[int, Pile] = {}
    papers = False
    for number, name in enumerate(names):
        if number >= _MOST:
            break
        bare = name.rpartition("/")[2]
        papers = papers or bare.lower().startswith(_PAPERS)
        place = known.place_of(stem_of(bare))
        if place is not None:
            piles.setdefault(place[0], Pile()).add(place[1], name, tracked=False)
    return [
        pile.found(shown, known.releases[place].name, "name", archive=True, papers=papers)
        for place, pile in piles.items()
    ]


def _zip_names(path: Path) -> Iterator[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield from archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, LookupError):
        return


def _tar_names(path: Path, compressed: bool) -> Iterator[str]:
    import gzip

    try:
        with open(path, "rb") as raw:  # noqa: PTH123 - a regular file, as the walk saw
            stream = gzip.GzipFile(fileobj=raw) if compressed else raw
            with SILENT.task("", None, "bytes") as advance:
                archive = Tarball(raw, stream, advance)
                while (member := archive.next()) is not None:
                    yield member.name
    except (OSError, *BROKEN):
        return
