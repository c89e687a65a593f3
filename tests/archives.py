"""Archives for tests: as an owner packs them, and as somebody would who wants to do harm."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from cxrcat.schemas.descriptor import SourceSpec

Packed = tuple[str, bytes] | tarfile.TarInfo


def pack(path: Path, members: Iterable[Packed], format: int = tarfile.GNU_FORMAT) -> Path:  # noqa: A002
    """Write a .tar.gz of files, and of members that have no bytes."""
    with tarfile.open(path, "w:gz", compresslevel=1, format=format) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                archive.addfile(file(*member), io.BytesIO(member[1]))
    return path


def file(name: str, data: bytes) -> tarfile.TarInfo:
    """Return the header of a file."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """Return the header of a link, a folder, a device or a pipe."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def spec(*files: str) -> SourceSpec:
    """Return the description of a source with these archives."""
    return SourceSpec.model_validate(
        {
            "slug": "films",
            "kind": "archives",
            "title": "Films in archives",
            "provider": "The Ward",
            "uri": "https://ward.example/films",
            "archives": [
                {"file": each, "url": f"https://ward.example/{each}", "size": 1, "md5": "0" * 32}
                for each in files or ("films_1.tar.gz", "films_2.tar.gz")
            ],
        }
    )
