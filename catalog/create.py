"""Make subsets: answer a question, do the steps that were asked for, and record all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pyroaring import BitMap
from sqlmodel import Session

from ..schemas.tables import Dataset, Subset, key_of
from . import events, lineage, selection, subsets
from .bitmaps import digest, dump
from .datasets import descriptor_of, label_checksums
from .index import DatasetIndex
from .population import Population, of_release
from .query import Node, Vocabulary, funnel, normalise, parse, reads, spell


@dataclass(frozen=True, slots=True)
class Ask:
    """What a new subset is made of: a question, then `steps` in their order.

    `written` is the question as a person wrote it where `where` is its normal form, which asks it
    again. `listed` has the images of a `selection.Listed` or `selection.Answered` step, since a
    record has their names' checksum alone. `also_read` are reads that steps cause.
    """

    name: str
    where: str
    operation: str = "where"
    steps: tuple[selection.Step, ...] = ()
    listed: BitMap | None = None
    note: str | None = None
    written: str | None = None
    also_read: tuple[dict[str, str], ...] = ()
    built_in: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to what was asked; `ask` has its steps with their levels."""

    ask: Ask
    normal: str
    reads: list[dict[str, str]]
    funnel: list[dict[str, Any]]
    members: BitMap
    digest: str

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps as they are recorded."""
        return [selection.dump(step) for step in self.ask.steps]


class Creator:
    """Makes subsets of one release, in one session; what it reads of the release is kept."""

    def __init__(self, session: Session, dataset: Dataset, by: str) -> None:
        self.session = session
        self.dataset = dataset
        self.by = by
        self.index = DatasetIndex(session, dataset)
        self.vocabulary: Vocabulary = subsets.vocabulary_of(session, dataset)
        self._checksums = label_checksums(session, dataset)

    @property
    def population(self) -> Population:
        """The images and patients that steps draw from."""
        return of_release(self.session, self.dataset, self.index.patients)

    def create(self, ask: Ask) -> Subset:
        """Answer, and record the answer; the same question and answer are recorded once.

        A name that exists with another question or answer gets a new version. Images that were
        withdrawn are left out. Raises `UsageError` for a bad name or note, or for a step that
        cannot be done, and `query.errors.QueryError` for a bad question.
        """
        subsets.check_name(ask.name)
        subsets.check_note(ask.note or "")
        found = self.answer(ask)
        ask, recorded = found.ask, found.steps
        latest = subsets.latest(self.session, self.dataset, ask.name)
        if latest is not None and (latest.normal, latest.steps, latest.digest) == (
            found.normal,
            recorded,
            found.digest,
        ):
            return latest
        subset = Subset(
            dataset_id=key_of(self.dataset),
            name=ask.name,
            version=latest.version + 1 if latest else 1,
            query=ask.written or ask.where,
            normal=found.normal,
            operation=ask.operation,
            steps=recorded,
            reads=found.reads,
            funnel=found.funnel,
            images=len(found.members),
            patients=self.index.patients.count(found.members),
            digest=found.digest,
            members=dump(found.members),
            note=ask.note,
            built_in=ask.built_in,
            by=self.by,
            at=datetime.now(UTC),
        )
        self.session.add(subset)
        events.record(
            self.session,
            self.by,
            "subset.created",
            f"{ask.name}@{subset.version}",
            dataset=f"{self.dataset.slug}@{self.dataset.version}",
            normal=found.normal,
            steps=recorded,
            digest=found.digest,
            images=subset.images,
        )
        return subset

    def answer(self, ask: Ask) -> Answer:
        """Answer without recording anything; raise as `create` does for the question and steps."""
        tree = parse(ask.where, self.vocabulary)
        read = list(self._reads(tree))
        ask = replace(ask, steps=tuple(self._levelled(ask.steps, read)))
        narrowed = list(self._narrowed(ask, tree))
        members = narrowed[-1][1]
        return Answer(
            ask,
            spell(normalise(tree)),
            [*read, *ask.also_read],
            list(self._funnel(narrowed)),
            members,
            str(digest(members)),
        )

    def read_of_labels(self, labels: str, word: str) -> dict[str, str]:
        """Return the record that a label set was read, by a word of a question or a step."""
        return self._pinned({"kind": "labels", "name": labels, "word": word})

    def _reads(self, tree: Node) -> Iterator[dict[str, str]]:
        for read in reads(tree):
            yield self._pinned({"kind": read.kind, "name": read.name, "word": read.word})

    def _levelled(
        self, steps: Sequence[selection.Step], read: Sequence[dict[str, str]]
    ) -> Iterator[selection.Step]:
        """Yield the steps with their levels; those that are asked again keep theirs."""
        for step in steps:
            if isinstance(step, selection.Listed | selection.Answered) or step.level is not None:
                yield step
                continue
            parents = (
                subsets.get(self.session, each["name"], self.dataset)
                for each in read
                if each["kind"] == "subset"
            )
            kind = selection.kind_of(step)
            yield replace(step, level=lineage.level(self.session, self.dataset, kind, parents))

    def _pinned(self, read: dict[str, str]) -> dict[str, str]:
        """Return a read with the checksum of the label set or split that was read."""
        if read["kind"] in ("labels", "split") and read["name"] in self._checksums:
            return {**read, "checksum": self._checksums[read["name"]]}
        return read

    def _narrowed(self, ask: Ask, tree: Node) -> Iterator[tuple[str, BitMap]]:
        """Yield each condition and step with the images that are left after it."""
        left = BitMap()
        answered = [step for step in ask.steps if isinstance(step, selection.Answered)]
        if answered:
            left = ask.listed or BitMap()
            yield f"{spell(tree)}, {answered[0].words()}", left
        else:
            for condition, left in funnel(tree, self.index):
                yield condition, left
        withdrawn = self.index.withdrawn()
        if left.intersect(withdrawn):
            left = left - withdrawn
            yield "not withdrawn", left
        for step in ask.steps:
            if isinstance(step, selection.Answered):
                continue
            if isinstance(step, selection.Listed):
                left = left & (ask.listed or BitMap())
            else:
                left = step.apply(self.population, left)
            yield step.words(), left

    def _funnel(self, narrowed: Sequence[tuple[str, BitMap]]) -> Iterator[dict[str, Any]]:
        """Yield what each condition left, with the images and patients before and after it."""
        images, patients = self.dataset.images, self.dataset.patients
        for condition, left in narrowed:
            before = (images, patients)
            images, patients = len(left), self.index.patients.count(left)
            yield {
                "condition": condition,
                "images_before": before[0],
                "images": images,
                "patients_before": before[1],
                "patients": patients,
            }


def create_built_in(session: Session, dataset: Dataset, by: str) -> None:
    """Record one subset a finding of the vocabulary: its name is the word with hyphens."""
    creator = Creator(session, dataset, by)
    for word in descriptor_of(dataset).vocabulary.words():
        creator.create(Ask(word.name.replace("_", "-"), word.name, built_in=True))


def ask_again(row: Subset, listed: BitMap | None = None) -> Ask:
    """Return what asks a version's question once more, of the catalog as it is now."""
    return Ask(
        name=row.name,
        where=row.normal,
        operation=row.operation,
        steps=tuple(map(selection.load, row.steps)),
        listed=listed,
        note=row.note,
        written=row.query,
        also_read=tuple(read for read in row.reads if read["word"].startswith("--")),
        built_in=row.built_in,
    )
