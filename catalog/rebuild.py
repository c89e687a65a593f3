"""Ask recorded questions again without recording anything, each of the answers before it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pyroaring import BitMap
from sqlmodel import Session, select

from ..schemas.errors import CxrcatError, InputError, NotFoundError
from ..schemas.manifest import FunnelStep, VersionFacts
from ..schemas.tables import Dataset, Subset
from . import selection
from .bitmaps import digest, load
from .create import Answer, Ask, Creator
from .images import ordinals_of
from .index import DatasetIndex

Reference = tuple[str, int]

_KEPT = (selection.Listed, selection.Answered)  # steps that cannot be done again but by names
_SPELLED = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]{0,79})@(?P<version>[1-9][0-9]{0,8})")


class Again(DatasetIndex):
    """The release as it is here, but with subsets as `answers` has them.

    `withdrawals` tells whether images that were withdrawn here are left out.
    """

    def __init__(self, session: Session, dataset: Dataset, withdrawals: bool) -> None:
        super().__init__(session, dataset)
        self.answers: dict[Reference, BitMap] = {}
        self._leave_out = withdrawals

    def subset(self, name: str, version: int) -> BitMap:
        """Return the members of a version that was answered before."""
        return self.answers[name, version]

    def withdrawn(self) -> BitMap:
        """Return the images that are left out."""
        return super().withdrawn() if self._leave_out else BitMap()


class Asker:
    """Asks versions that were recorded elsewhere.

    `numbers` says under which name and version each stands in the catalog that it is asked of;
    one that is not in it does not exist. Without a word said, it is the one recorded.
    """

    def __init__(self, session: Session, dataset: Dataset, index: DatasetIndex, by: str) -> None:
        self.creator = Creator(session, dataset, by)
        self.creator.index = index
        self.numbers: dict[Reference, Reference] = {}
        self._vocabulary = self.creator.vocabulary

    def ask_of(self, version: VersionFacts, listed: BitMap | None, text: str | None = None) -> Ask:
        """Return what asks a version again; `text` is its question where that is not the normal.

        Raises `InputError` for steps that are none of cxrcat's.
        """
        self._look_up(version)
        return Ask(
            name=version.name,
            where=text or version.normal,
            operation=version.operation,
            steps=steps_of(version),
            listed=listed,
            written=version.query,
            also_read=tuple(also_read(version)),
        )

    def answer(
        self,
        version: VersionFacts,
        listed: BitMap | None,
        funnel: Sequence[FunnelStep] | None = None,
    ) -> Answer:
        """Return the answer of now.

        Where `funnel` was recorded, and its conditions are those of the question as it was written,
        that is asked: it has the same normal form, and the conditions in another order.
        """
        if any(isinstance(step, _KEPT) for step in steps_of(version)) and listed is None:
            raise InputError(
                f"{version.reference} is {kept_by(version)}, which cannot be asked again, and the "
                "names of its images are not known here; follow a recipe, which has them, or "
                "register its own export first"
            )
        found = self.creator.answer(self.ask_of(version, listed))
        words = [step.condition for step in funnel or ()]
        if not words or words == [step["condition"] for step in found.funnel]:
            return found
        try:
            written = self.creator.answer(self.ask_of(version, listed, version.query))
        except CxrcatError:
            return found
        same = written.normal == found.normal and written.digest == found.digest
        return written if same else found

    def _look_up(self, version: VersionFacts) -> None:
        """Let the subsets in a question be those that its version read."""
        read = dict(map(reference, (each.name for each in version.reads if each.kind == "subset")))

        def resolve(name: str, number: int | None) -> Reference:
            wanted = name, read.get(name, 0) if number is None else number
            if wanted not in self.numbers:
                raise NotFoundError(f"{version.reference} does not read {name}@{wanted[1]}")
            return self.numbers[wanted]

        self.creator.vocabulary = replace(self._vocabulary, resolve_subset=resolve)


def reference(text: str) -> Reference:
    """Return a subset's name and version; raise `InputError` for anything else."""
    match = _SPELLED.fullmatch(text)
    if match is None:
        raise InputError(f"{text[:90]!r} names no version of a subset")
    return match["name"], int(match["version"])


def key(version: VersionFacts) -> Reference:
    """Return a version's name and number."""
    return version.name, version.version


def steps_of(version: VersionFacts) -> tuple[selection.Step, ...]:
    """Return a version's steps; raise `InputError` for one that is none of cxrcat's."""
    return tuple(_step(version.reference, each) for each in version.steps)


def kept_by(version: VersionFacts) -> str:
    """Return what gave the images of a version whose question cannot be asked again."""
    return "; ".join(step.words() for step in steps_of(version) if isinstance(step, _KEPT))


def also_read(version: VersionFacts) -> list[dict[str, str]]:
    """Return what a version read by another word than its question's."""
    return [
        each.model_dump(exclude_none=True) for each in version.reads if each.word.startswith("--")
    ]


def recorded_here(session: Session, dataset: Dataset, checksum: str) -> BitMap | None:
    """Return the images of any version here whose digest it is, None when there is none."""
    query = select(Subset.members).where(Subset.dataset_id == dataset.id)
    blob = session.exec(query.where(Subset.digest == checksum).limit(1)).first()
    return None if blob is None else load(blob)


def members_told(
    session: Session, dataset: Dataset, version: VersionFacts, names: Mapping[str, Sequence[str]]
) -> tuple[BitMap | None, str | None]:
    """Return the images that a version had there, if that is known; and what is wrong with it."""
    if version.reference in names:
        found, unknown = ordinals_of(session, dataset, names[version.reference])
        if unknown:
            first = ", ".join(name[:60] for name in unknown[:3])
            return found, f"{len(unknown):,} of its images are not in the release here: {first}"
        if len(found) != len(names[version.reference]):
            return found, "an image is named twice"
        if str(digest(found)) != version.digest:
            return found, f"the names are not those of the digest {version.digest}"
        return found, None
    return recorded_here(session, dataset, version.digest), None


def _step(where: str, recorded: Mapping[str, Any]) -> selection.Step:
    facts = dict(recorded)
    kind = selection.KINDS.get(str(facts.pop("kind", None)))
    if kind is None:
        raise InputError(f"{where}: steps: a step is of no kind that this cxrcat knows")
    try:
        step: selection.Step = TypeAdapter(kind).validate_python(facts)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{where}: steps: {place}: {first['msg']}") from error
    words = [each for each in facts.values() if isinstance(each, str)]
    if not all(each.isprintable() for each in words):
        raise InputError(f"{where}: steps: has what cannot be printed")
    if isinstance(step, selection.Part):
        selection.read_shares(",".join(f"{name}={share}" for name, share in step.into))
        if step.part not in dict(step.into):
            raise InputError(f"{where}: steps: {step.part[:60]!r} is no part of the split")
    if isinstance(step, selection.Sample) and step.count < 1:
        raise InputError(f"{where}: steps: a sample needs at least 1")
    if set(facts) - set(selection.dump(step)):
        raise InputError(f"{where}: steps: has a word that this cxrcat does not know")
    return step
