"""Say which dataset's images some files are: by their names, their bytes, and how they look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from sqlmodel import Session

from ...schemas.errors import UsageError
from ...schemas.tables import key_of
from .. import fingerprints
from ..looks import Looks
from ..progress import Progress
from ..store import Store
from . import contents
from .answer import Answer
from .archives import read_archives
from .describe import Asked, describe
from .lists import LARGEST, names_in
from .names import Naming, by_names, namings
from .report import How, Identification, Noticed
from .walk import Collected, Item, collect, lines, shown


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked about: folders, images, archives and lists of names; ``-`` reads `stdin`.

    `contents` reads also files that are recognised by name, and members of archives. `names_only`
    opens no image. `dataset` (``SLUG``) asks for one dataset alone.
    """

    places: Sequence[str]
    contents: bool = False
    names_only: bool = False
    dataset: str | None = None
    stdin: BinaryIO | None = None


def identify(store: Store, host: str, wanted: Wanted, progress: Progress) -> Identification:
    """Say what is known of the images in some places, or named in some lists.

    Nothing is written. Raises `InputError` for a place that cannot be read, `NotFoundError` for an
    unknown dataset and `UsageError` where pixels are asked for and nothing can read them.
    """
    if wanted.contents and wanted.names_only:
        raise UsageError("--contents reads images and --names-only none; take one of them")
    found = collect(wanted.places, wanted.stdin)
    looks = wanted.contents and fingerprints.installed()
    read_archives(found, wanted.contents, looks, progress)
    with store.reading() as session:
        return _Identifying(session, host, wanted, found).run(progress)


class _Identifying:
    """One answer in the making."""

    def __init__(self, session: Session, host: str, wanted: Wanted, found: Collected) -> None:
        self._session, self._host = session, host
        self._wanted, self._found = wanted, found
        self._remarks: list[str] = []
        self._answers = [Answer(each) for each in self._namings()]
        self._of_dataset = {
            key_of(release): number
            for number, answer in enumerate(self._answers)
            for release in answer.naming.releases
        }

    def _namings(self) -> list[Naming]:
        from ..datasets import find

        name = self._wanted.dataset
        return namings(self._session, None if name is None else [find(self._session, name).slug])

    def run(self, progress: Progress) -> Identification:
        self._read_lists()
        self._items = self._found.items
        self._by_names()
        if not self._wanted.names_only:
            self._by_checksums(progress)
            self._by_looks(progress)
        recognised = self._recognised()
        unsure = {place for answer in self._answers for place in answer.unsure} - recognised
        unknown = set(range(len(self._items))) - recognised - unsure
        maybe = {place for place in unknown if not self._items[place].sure}
        self._remark()
        return Identification(
            places=tuple(map(shown, self._wanted.places)),
            files=len(self._items) - len(maybe),
            recognised=len(recognised),
            others=self._found.others + len(maybe),
            datasets=describe(
                self._session,
                self._answers,
                self._items,
                Asked(tuple(self._wanted.places), self._host),
            ),
            unsure=len(unsure),
            unknown=tuple(sorted(self._items[place].path for place in unknown - maybe)),
            problems=tuple(self._found.problems),
            remarks=tuple(self._remarks),
        )

    def _read_lists(self) -> None:
        every = [answer.naming for answer in self._answers]

        def recognise(names: Iterable[str]) -> set[str]:
            return {name for each in by_names(self._session, names, every) for name in each.found}

        for place, source in self._found.lists:
            text = list(lines(place, source, LARGEST))
            for name in names_in(text, place, recognise):
                self._found.items.append(Item(shown(name), name))

    def _recognised(self) -> set[int]:
        return {place for answer in self._answers for place in answer.matched}

    def _by_names(self) -> None:
        names = {item.name for item in self._items}
        every = [answer.naming for answer in self._answers]
        for answer, said in zip(self._answers, by_names(self._session, names, every), strict=True):
            for place, item in enumerate(self._items):
                named = said.found.get(item.name)
                if named is not None:
                    how = How.NAME if named.exact else How.LIKE
                    answer.matched[place] = (named.ordinal, how, None)
                elif item.name in said.ambiguous:
                    answer.doubt(place, said.ambiguous[item.name], How.LIKE)

    def _to_read(self) -> list[int]:
        """Return the places of the items of which more is wanted than their names say."""
        recognised = set() if self._wanted.contents else self._recognised()
        return [
            place
            for place, item in enumerate(self._items)
            if place not in recognised and (item.file or item.checksum)
        ]

    def _by_checksums(self, progress: Progress) -> None:
        waiting = self._to_read()
        known, sizes = contents.known_checksums(
            self._session, (self._items[each] for each in waiting)
        )
        for place in waiting:
            if (checksum := self._items[place].checksum) is not None:
                self._note_checksum(place, known.get(checksum))
        files = [
            each
            for each in waiting
            if self._items[each].checksum is None and self._items[each].size in sizes
        ]
        read = contents.checksums_of([self._items[each] for each in files], progress)
        for place, each in zip(files, read, strict=True):
            self._notice(place, each.problem)
            self._note_checksum(place, known.get(each.value))

    def _note_checksum(self, place: int, owned: contents.Owned | None) -> None:
        """Note the images that have a file's bytes; releases named alike have the same ones."""
        several: dict[int, set[int]] = {}
        for dataset, ordinals in (owned or {}).items():
            if dataset in self._of_dataset:
                several.setdefault(self._of_dataset[dataset], set()).update(ordinals)
        for number, ordinals in several.items():
            answer, images = self._answers[number], sorted(ordinals)
            if len(images) == 1:
                answer.note(place, images[0], How.CHECKSUM)
            else:
                answer.doubt(place, images[:2], How.CHECKSUM)

    def _by_looks(self, progress: Progress) -> None:
        by_bytes = {
            place
            for answer in self._answers
            for place, (_, how, _) in answer.matched.items()
            if how is How.CHECKSUM
        }
        waiting = [place for place in self._to_read() if place not in by_bytes]
        if not waiting:
            return
        releases = [each for answer in self._answers for each in answer.naming.releases]
        every = contents.known_looks(self._session, releases)
        if not every:
            self._remarks.append(
                f"{len(waiting):,} files could be recognised by how they look, had the catalog "
                "fingerprints: 'cxrcat scan --fingerprints' of a folder with the dataset's images "
                "records them"
            )
            return
        if not fingerprints.installed():
            self._remarks.append(
                f"{len(waiting):,} files could be recognised by how they look: "
                "pip install 'cxrcat[identify]'"
            )
            return
        read = [place for place in waiting if self._items[place].bits is not None]
        files = [place for place in waiting if self._items[place].bits is None]
        for place in read:
            self._note_look(place, self._items[place].bits, every)
        seen = contents.looks_like([self._items[each] for each in files], progress)
        for place, each in zip(files, seen, strict=True):
            self._notice(place, each.problem)
            self._note_look(place, each.value, every)

    def _note_look(self, place: int, bits: bytes | None, every: dict[int, Looks]) -> None:
        for dataset, looks in every.items():
            found = None if bits is None else looks.nearest(bits)
            if found is None or not found.near:
                continue
            answer = self._answers[self._of_dataset[dataset]]
            named = answer.matched.get(place)
            if named is not None and named[0] not in looks.images:
                continue  # what it is named after may look the same
            if found.certain:
                answer.note(place, found.ordinal, How.LOOK, found.distance)
            else:
                answer.doubt(place, (found.ordinal, found.next_ordinal), How.LOOK)

    def _notice(self, place: int, problem: str | None) -> None:
        if problem is not None:
            self._found.problems.append(Noticed(self._items[place].path, problem))

    def _remark(self) -> None:
        found = self._found
        if found.unopened:
            self._remarks.append(
                f"{found.unopened:,} tar archives in the folders were not looked into; name them"
            )
        recognised = self._recognised()
        unread = sum(
            "#" in item.path and item.checksum is None and place not in recognised
            for place, item in enumerate(self._items)
            if item.file is None and item.size is not None
        )
        if unread:
            self._remarks.append(
                f"{unread:,} members of archives are unknown by name; --contents reads them"
            )
