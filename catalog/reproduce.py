"""Prove that a subset is reproducible: ask all its lineage again, record nothing, and compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of

from pyroaring import BitMap
from sqlmodel import Session, col, select

from ..schemas.errors import CxrcatError, NotFoundError
from ..schemas.manifest import FunnelStep, VersionFacts
from ..schemas.tables import Dataset, LabelSet, Withdrawal
from . import datasets, images
from .create import Answer
from .rebuild import Again, Asker, key, members_told
from .told import Told


@dataclass(frozen=True, slots=True)
class Changed:
    """An image that a version gained or lost here, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class StepAgain:
    """One condition of the funnel, recorded and here; None where it is not there."""

    condition: str
    images_recorded: int | None
    images: int | None

    @property
    def equal(self) -> bool:
        """Whether it left as many images here."""
        return self.images_recorded == self.images


@dataclass(frozen=True, slots=True)
class VersionAgain:
    """A version of the lineage, asked again.

    `digest` and `images` are None when it could not be asked; `problem` says why then. `gained` and
    `lost` are None where the images that it had are not known here. `funnel` is empty where none
    was recorded.
    """

    subset: str
    equal: bool
    digest_recorded: str
    digest: str | None
    images_recorded: int
    images: int | None
    gained: tuple[Changed, ...] | None
    lost: tuple[Changed, ...] | None
    funnel: tuple[StepAgain, ...]
    problem: str | None


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of asking again: `notes` are differences that need not change an answer."""

    of: str
    subset: str
    dataset: str
    equal: bool
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    versions: tuple[VersionAgain, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A version's answer of now; `there` are the images that it had where it was recorded."""

    version: VersionFacts
    answer: Answer | None
    there: BitMap | None
    problem: str | None


def reproduce(session: Session, told: Told) -> Reproduction:
    """Ask all that is told again, of this catalog as it is now; record nothing.

    Raises `NotFoundError` when the dataset is not here at all, `InputError` for what is told wrong.
    """
    dataset, problems = release(session, told)
    notes = []
    if told.tool != (own := version_of("cxrcat")):
        notes.append(f"recorded by cxrcat {told.tool}; this is {own}")
    if dataset is None:
        return _report(told, notes, problems, ())
    label_notes = list(_other_labels(session, dataset, told))
    asked = ask_all(session, dataset, told)
    gone = _withdrawals(session, dataset)
    differing: set[str] = set()
    reports = []
    for each in asked:
        why = [*_parents(each.version, differing), *label_notes, *problems]
        report = _version(session, dataset, told, each, gone, why)
        if not report.equal:
            differing.add(each.version.reference)
        reports.append(report)
    return _report(told, [*notes, *label_notes], problems, reports)


def ask_all(session: Session, dataset: Dataset, told: Told) -> list[_Asked]:
    """Ask every version in order, each of the answers that those before it have here."""
    now, before = Again(session, dataset, True), Again(session, dataset, False)
    askers = [(index, Asker(session, dataset, index, "")) for index in (now, before)]
    found = []
    for version in told.versions:
        funnel = told.funnel if version is told.subset else None
        there, problem = members_told(session, dataset, version, told.names)
        answers: list[Answer | None] = []
        said: list[str] = [] if problem is None else [problem]
        for index, asker in askers:
            asker.numbers[key(version)] = key(version)
            index.answers[key(version)] = there or BitMap()
            answers.append(None)
            try:
                answers[-1] = found_now = asker.answer(version, there, funnel)
                index.answers[key(version)] = found_now.members
            except CxrcatError as error:
                said.append(str(error))
        answer, earlier = answers
        # The question without withdrawals tells which images it had, when that is the same answer.
        if earlier is not None and earlier.digest == version.digest:
            there = earlier.members
            before.answers[key(version)] = there
        wrong = said[0] if said else None
        found.append(_Asked(version, answer, there, wrong))
    return found


def release(session: Session, told: Told) -> tuple[Dataset | None, list[str]]:
    """Return the release here, and in what it is not the one that was asked there."""
    there = told.dataset
    name = f"{there.slug}@{there.version}"
    known = session.exec(select(Dataset).where(Dataset.slug == there.slug)).all()
    row = next((each for each in known if each.version == there.version), None)
    if not known:
        raise NotFoundError(
            f"the dataset {name} is not in this catalog; "
            "bring it in with 'cxrcat dataset add' or 'cxrcat ingest'"
        )
    if row is None:
        here = ", ".join(
            f"{each.slug}@{each.version} "
            f"({'equal' if each.names_checksum == there.names_checksum else 'other'} images, "
            f"{'equal' if each.table_checksum == there.table_checksum else 'another'} table)"
            for each in sorted(known, key=lambda each: each.version)
        )
        said = f"the release {name} is not in this catalog; bring it in with 'cxrcat ingest {name} "
        return None, [f"{said}FILE'; here is {here}"]
    problems = []
    if row.names_checksum != there.names_checksum:
        problems.append(
            f"{name} has other images here: names {row.names_checksum}, not {there.names_checksum}"
        )
    if row.table_checksum != there.table_checksum:
        problems.append(
            f"{name} is from another table here: {row.table_checksum}, not {there.table_checksum}"
        )
    return row, problems


def _other_labels(session: Session, dataset: Dataset, told: Told) -> Iterator[str]:
    """Say which sets that were read are from other files here, or are not here."""
    query = select(LabelSet.slug, LabelSet.checksum).where(LabelSet.dataset_id == dataset.id)
    here = dict(session.exec(query).all())
    boxes = {spec.slug: spec.checksum for spec in datasets.descriptor_of(dataset).boxes}
    for each in told.sets:
        found = boxes.get(each.name) if each.kind == "boxes" else here.get(each.name)
        name = _plain(each.name)
        if found is None:
            yield f"the {each.kind} {name} ({each.checksum}) are not in this catalog"
        elif found != each.checksum:
            yield f"the {each.kind} {name} are from other files here: {found}, not {each.checksum}"


def _withdrawals(session: Session, dataset: Dataset) -> dict[int, str]:
    query = select(Withdrawal).where(Withdrawal.dataset_id == dataset.id)
    return {
        row.ordinal: f"withdrawn on {row.at:%Y-%m-%d}: {row.reason}"
        for row in session.exec(query.order_by(col(Withdrawal.ordinal)))
    }


def _parents(version: VersionFacts, differing: set[str]) -> Iterator[str]:
    for read in version.reads:
        if read.kind == "subset" and read.name in differing:
            yield f"{read.name}, which it is made from, has another answer here"


def _version(
    session: Session,
    dataset: Dataset,
    told: Told,
    asked: _Asked,
    gone: Mapping[int, str],
    why: Sequence[str],
) -> VersionAgain:
    version, answer = asked.version, asked.answer
    recorded = told.funnel if version is told.subset else ()
    funnel = tuple(_steps(recorded, answer.funnel)) if answer else ()
    gained = lost = None
    if answer is not None and asked.there is not None:
        more, fewer = answer.members - asked.there, asked.there - answer.members
        drawn = any(ordinal in gone for ordinal in fewer) or bool(more)
        other = why[0] if why else "the question has another answer here"
        instead = "drawn in place of withdrawn images" if drawn and gone and not why else other
        gained = tuple(_named(session, dataset, more, {}, instead))
        lost = tuple(_named(session, dataset, fewer, gone, other))
    problem = asked.problem
    same = answer is not None and answer.digest == version.digest
    if problem is None and same and answer is not None:
        patients = Again(session, dataset, withdrawals=False).patients.count(answer.members)
        if (version.images, version.patients) != (len(answer.members), patients):
            problem = "it has other numbers of images or patients than recorded"
        if answer.normal != version.normal:
            problem = "its normal form is not the one recorded"
    equal = same and problem is None
    return VersionAgain(
        subset=version.reference,
        equal=equal and all(step.equal for step in funnel),
        digest_recorded=version.digest,
        digest=answer.digest if answer else None,
        images_recorded=version.images,
        images=len(answer.members) if answer else None,
        gained=gained,
        lost=lost,
        funnel=funnel,
        problem=problem,
    )


def _steps(
    recorded: Sequence[FunnelStep], here: Sequence[Mapping[str, object]]
) -> Iterator[StepAgain]:
    there = {step.condition: step.images for step in recorded}
    now = {str(step["condition"]): step["images"] for step in here}
    for condition in dict.fromkeys([*there, *now]) if recorded else ():
        count = now.get(condition)
        yield StepAgain(
            _plain(condition), there.get(condition), count if isinstance(count, int) else None
        )


def _named(
    session: Session, dataset: Dataset, members: BitMap, reasons: Mapping[int, str], other: str
) -> Iterator[Changed]:
    for ordinal, name in zip(members, images.names(session, dataset, members), strict=True):
        yield Changed(name, reasons.get(ordinal, other))


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _report(
    told: Told, notes: Sequence[str], problems: Sequence[str], versions: Sequence[VersionAgain]
) -> Reproduction:
    return Reproduction(
        of=told.where,
        subset=told.subset.reference,
        dataset=f"{told.dataset.slug}@{told.dataset.version}",
        equal=not problems and bool(versions) and all(each.equal for each in versions),
        notes=tuple(map(_plain, notes)),
        problems=tuple(map(_plain, problems)),
        versions=tuple(versions),
    )
