"""Images in an owner's .tar.gz archives, read in place: only what is asked for is unpacked."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import xxhash

from ...schemas.checksum import Checksum
from ...schemas.descriptor import SourceSpec
from ...schemas.errors import InputError
from ..progress import Progress
from ..tarballs import LARGEST
from . import archive_index
from .archive_index import Member
from .base import Found, Receiver
from .folder import file_uri

_BLOCK = 1 << 22  # bytes that are decompressed at a time
_NAMED = 2  # archives that a message names


class Archives:
    """A folder with some or all of the archives of a descriptor's source; see `base.Source`.

    Only regular files are read, by the names of images: nothing that an archive says of folders,
    links or devices is ever followed, and the name that a file is written under is the image's.
    """

    media_type = "image/png"
    remote = False
    threads = 2  # which decompress at the same time, each from its own seek points
    paid_by: str | None = None
    remark = ""

    def __init__(self, spec: SourceSpec, folder: Path) -> None:
        with contextlib.suppress(RuntimeError):  # where nobody has a home
            folder = folder.expanduser()  # which a shell leaves as it is after the colon
        if not folder.is_dir():
            raise InputError(f"{folder}: there is no such folder; {_fetching(spec, 'DIR')}")
        self.spec: SourceSpec | None = spec
        self.slug = spec.slug
        self.place = str(folder)
        here = folder.absolute()
        if ".." in here.parts:
            here = here.resolve()
        self._public = spec.uri
        self._paths = [
            str(here / archive.file) for archive in spec.archives if (here / archive.file).is_file()
        ]
        if not self._paths:
            files = [archive.file for archive in spec.archives]
            named = ", ".join(files[:_NAMED]) + (" …" if len(files) > _NAMED else "")
            raise InputError(f"{folder}: holds none of {named}; {_fetching(spec, self.place)}")
        self._found: dict[str, tuple[str, Member]] = {}
        self._uris: dict[str, str] = {}
        self._local = threading.local()

    def find(self, names: Sequence[str], progress: Progress) -> Mapping[str, Found]:
        """Return where each image is, from the indexes of all archives that are here.

        An archive that has none yet, or was changed, is read once from end to end. Raises
        `InputError` for one that is damaged, and for an image that is there twice with different
        bytes.
        """
        wanted = set(names)
        for path, members in self._indexed(progress).items():
            self._add(path, members, wanted)
        found = {}
        for name, (path, member) in self._found.items():
            found[name] = Found(address=_address(path, member), size=member.size)
            uri = f"{file_uri(path)}#{quote(os.fsencode(member.path))}"
            self._uris[found[name].address] = uri
        return found

    def bring(self, name: str, found: Found, target: str, link: bool) -> tuple[int, Checksum]:  # noqa: ARG002
        """Decompress an image; its bytes must be those that the archive was indexed with."""
        path, member = self._found[name]
        end = member.offset + member.size
        hasher = xxhash.xxh3_128()
        with Receiver(target, self.media_type, found.address) as receiver:
            for offset in range(member.offset, end, _BLOCK):
                block = self._decompress(path, offset, min(end - offset, _BLOCK))
                hasher.update(block)
                receiver.write(block)
            if hasher.hexdigest() != member.checksum:
                raise self._changed(path)
            return receiver.finish(member.size)

    def uri_of(self, found: Found) -> str:
        """Return the archive's URI, and the member as its fragment."""
        return self._uris[found.address]

    def public_uri(self, name: str, found: Found) -> str | None:  # noqa: ARG002
        """Return the address of the owner's archives, and the archive as its fragment."""
        path, _ = self._found[name]
        return f"{self._public}#{Path(path).name}"

    def close(self) -> None:
        """Forget the seek points; no file stays open."""
        self._local = threading.local()

    def _indexed(self, progress: Progress) -> dict[str, list[Member]]:
        """Return what each archive holds, in the order of the descriptor."""
        known = {path: archive_index.load(path) for path in self._paths}
        late = [path for path, index in known.items() if index is None]
        built = {}
        if late:
            total = sum(Path(path).stat().st_size for path in late)
            with progress.task("indexing", total, "bytes") as advance:
                built = {path: archive_index.build(path, advance).members for path in late}
        return {
            path: built[path] if index is None else index.members for path, index in known.items()
        }

    def _add(self, path: str, members: list[Member], wanted: set[str]) -> None:
        for member in members:
            name = member.name
            if name not in wanted:
                continue
            if member.size > LARGEST:
                raise InputError(
                    f"{_address(path, member)}: announces {member.size:,} bytes, which no image has"
                )
            first, before = self._found.setdefault(name, (path, member))
            if (before.size, before.checksum) != (member.size, member.checksum):
                raise InputError(
                    f"{name} is there twice with different bytes, as {_address(first, before)} of "
                    f"{before.size:,} bytes and {_address(path, member)} of {member.size:,} bytes; "
                    "fetch the archives again"
                )

    def _decompress(self, path: str, offset: int, size: int) -> bytes:
        try:
            block: bytes = self._reader(path).pread(size, offset)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise InputError(f"{path}: cannot be read: {error.strerror}") from error
            raise self._changed(path) from error
        if len(block) != size:
            raise self._changed(path)
        return block

    def _reader(self, path: str) -> Any:
        """Return this thread's own reader of an archive; images come archive by archive."""
        if getattr(self._local, "path", None) != path:
            self._local.reader = archive_index.open_archive(path)
            self._local.path = path
        return self._local.reader

    def _changed(self, path: str) -> InputError:
        archive_index.forget(path)
        return InputError(
            f"{path}: is not what it was when it was indexed; run the command again, or fetch it "
            "again"
        )


def _address(path: str, member: Member) -> str:
    return f"{path}#{member.path}"


def _fetching(spec: SourceSpec, folder: str) -> str:
    return f"'cxrcat fetch {spec.slug} --to {folder}' downloads them"
