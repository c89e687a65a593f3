"""What far sources have sent for an export that broke off, so that the next run goes on from there.

The images are kept beside the destination, with a list of what each is. An image is used again when
the source still has the same bytes of it and those that were kept hash to what came.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from ...schemas.checksum import Checksum
from ...schemas.errors import CxrcatError
from ..checksums import of_file
from ..sources import Found, Transferred
from .staging import KEPT

_LIST, _IMAGES = "fetched.jsonl", "images"


class Kept:
    """The folder of an unfinished export's images; made when it is first needed."""

    def __init__(self, destination: Path) -> None:
        self._folder = kept_folder(destination)
        self._list: TextIO | None = None
        self._count = 0

    @property
    def images(self) -> Path:
        """The folder that images are fetched into."""
        return self._folder / _IMAGES

    def open(self, found: Mapping[str, Found]) -> dict[str, Transferred]:
        """Return the images that are here already; remove all else, and begin to keep."""
        self.images.mkdir(parents=True, exist_ok=True)
        here = {}
        for each in self._listed():
            path = self.images / each.file
            if found.get(each.name) != each.found or not _is(path, each):
                continue
            here[each.name] = each
        files = {each.file for each in here.values()}
        for path in self.images.iterdir():
            if path.name not in files:
                path.unlink()
        self._list = (self._folder / _LIST).open("w", encoding="utf-8")
        for each in here.values():
            self.add(each)
        return here

    def add(self, each: Transferred) -> None:
        """Note that an image is here, whole."""
        if self._list is not None:
            facts = {**asdict(each), "checksum": str(each.checksum)}
            self._list.write(json.dumps(facts) + "\n")
            self._list.flush()
            self._count += 1

    def close(self) -> int:
        """Stop keeping; return how many images are here for the next run."""
        if self._list is not None:
            self._list.close()
        return self._count

    def hand_over(self, folder: Path) -> None:
        """Move all images into the export, as one folder."""
        if self._list is not None:
            self._list.close()
        self.images.rename(folder)
        self.remove()

    def remove(self) -> None:
        """Remove whatever is here."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _listed(self) -> list[Transferred]:
        """Return what the list says; a line that a broken run left half-written says nothing."""
        try:
            lines = (self._folder / _LIST).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return []
        listed = []
        for line in lines:
            with contextlib.suppress(ValueError, TypeError, KeyError, CxrcatError):
                facts = json.loads(line)
                facts["found"] = Found(**facts["found"])
                facts["checksum"] = Checksum.parse(facts["checksum"])
                listed.append(Transferred(**facts))
        return listed


def kept_folder(destination: Path) -> Path:
    """Return where the images of an unfinished export towards a destination are kept."""
    return destination.with_name(f".{destination.name}{KEPT}")


def _is(path: Path, each: Transferred) -> bool:
    if "/" in each.file or path.is_symlink() or not path.is_file():
        return False
    return path.stat().st_size == each.size and of_file(path) == each.checksum
