"""The rules: what each asks of a project, why it matters, and how what breaks it is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pyroaring import BitMap

from ...schemas.tables import Export
from ...schemas.terms import DutyKind
from .known import Known, unpack
from .leaks import leaks
from .members import is_container
from .model import Facts, FoundImages, Problem, Rule, Severity
from .owing import Owed

_NAMED = 3  # files that a message names
_DERIVED = "derived:"


@dataclass(frozen=True, slots=True)
class Project:
    """A project as the rules see it."""

    root: str
    facts: Facts
    known: Known
    owed: Sequence[Owed]
    met: frozenset[str]


Found = tuple[str, int | None, str, str, str]
"""Path, line, message, how to mend it, and what tells it from others of its rule."""

Check = Callable[[Project], Iterator[Found]]

_RULES: dict[str, tuple[Rule, Check]] = {}


def _rule(
    id_: str, severity: Severity, title: str, why: str, mend: str
) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        _RULES[id_] = (Rule(id_, severity, title, why, mend), check)
        return check

    return register


def rules() -> tuple[Rule, ...]:
    """Return every rule, in the order in which they are asked."""
    return tuple(rule for rule, _ in _RULES.values())


def ask(project: Project, severities: dict[str, Severity | None]) -> list[Problem]:
    """Return the problems of a project, the heaviest first.

    `severities` has those that the project or the user set by a rule's id; None switches it off.
    """
    problems = []
    for id_, (rule, check) in _RULES.items():
        severity = severities.get(id_, rule.severity)
        if severity is None:
            continue
        for path, line, message, mend, key in check(project):
            problems.append(Problem(id_, severity, path, line, message, mend, key))
    problems.sort(key=lambda each: (each.severity.rank, each.rule, each.path, each.line or 0))
    return problems


def _lacking(project: Project, kind: DutyKind) -> Iterator[Owed]:
    for owed in project.owed:
        if owed.duty.kind is kind and owed.duty.id not in project.met:
            yield owed


def _unmet_duty(owed: Owed, message: str, mend: str) -> Found:
    why = f"{message}, which is owed because {owed.because}"
    return owed.where, owed.line, why, mend, owed.duty.id


def _base(project: Project, owed: Owed) -> bool:
    """Tell whether a duty is one of those that every use of its dataset owes."""
    return any(owed.duty.id in each.descriptor.owes for each in project.known.releases)


@_rule(
    "missing-link",
    Severity.ERROR,
    "No link to the owner's download site",
    "The owner asks every use for the link to its download site, so that readers get the data, "
    "its corrections and its terms from where they are kept.",
    "Put the link into the README or the paper, or run 'cxrcat audit --fix'.",
)
def _missing_link(project: Project) -> Iterator[Found]:
    for owed in _lacking(project, DutyKind.LINK):
        mend = f"write the address {owed.duty.url} into the README"
        yield _unmet_duty(owed, f"no link to {owed.duty.url}", mend)


@_rule(
    "missing-citation",
    Severity.ERROR,
    "The paper that describes the data is not cited",
    "The owner asks every use to cite the paper that describes the dataset.",
    "Cite it in the README or the paper ('cxrcat cite' prints it in every form), or run "
    "'cxrcat audit --fix'.",
)
def _missing_citation(project: Project) -> Iterator[Found]:
    for owed in _lacking(project, DutyKind.CITATION):
        if _base(project, owed):
            yield _uncited(project, owed)


@_rule(
    "missing-acknowledgement",
    Severity.ERROR,
    "The provider of the data is not acknowledged",
    "The owner asks every use to acknowledge the provider of the data.",
    "Say in the README or the paper who provided the data, or run 'cxrcat audit --fix'.",
)
def _missing_acknowledgement(project: Project) -> Iterator[Found]:
    for owed in _lacking(project, DutyKind.ACKNOWLEDGEMENT):
        message = f"{owed.duty.party} is not acknowledged"
        yield _unmet_duty(owed, message, f"write: {owed.duty.text}")


@_rule(
    "expert-labels-uncited",
    Severity.ERROR,
    "Expert labels are used and their paper is not cited",
    "Labels that experts made have a paper of their own, which their use owes beside the "
    "dataset's.",
    "Cite the labels' paper; 'cxrcat cite --explain' says which it is.",
)
def _expert_labels(project: Project) -> Iterator[Found]:
    for owed in _lacking(project, DutyKind.CITATION):
        if not _base(project, owed):
            yield _uncited(project, owed)


def _uncited(project: Project, owed: Owed) -> Found:
    work = next(
        work
        for each in project.known.releases
        for work in each.descriptor.citations
        if work.id == owed.duty.citation
    )
    return _unmet_duty(owed, f"{work.title!r} is not cited", f"cite it by its DOI, {work.doi}")


@_rule(
    "derived-dataset",
    Severity.ERROR,
    "A dataset made from the images is used without their owner's duties",
    "Whoever uses images by way of a dataset that was made from them owes the images' owner the "
    "same as everybody else.",
    "Meet the duties that the message names, or run 'cxrcat audit --fix'.",
)
def _derived(project: Project) -> Iterator[Found]:
    seen = set()
    for each in project.facts.references:
        lacking = _unmet(project, each.of)
        if each.what.startswith(_DERIVED) and each.uses and each.what not in seen and lacking:
            seen.add(each.what)
            name = each.what.removeprefix(_DERIVED)
            message = (
                f"{name} was made from {each.of}, whose duties are not met: {', '.join(lacking)}"
            )
            yield each.path, each.line, message, "add what the other messages name", name


def _unmet(project: Project, dataset: str, more: Sequence[str] = ()) -> list[str]:
    """Return the duties of a dataset that are not met, those of a part of it included."""
    release = project.known.release(dataset)
    own = release.descriptor.owes if release else []
    return [duty for duty in dict.fromkeys([*own, *more]) if duty not in project.met]


@_rule(
    "changed-export",
    Severity.ERROR,
    "An export is not as it was made",
    "What a manifest says of its images and duties holds only while every file is as it was "
    "written.",
    "Export again, or restore the files; keep your own files outside of the folder.",
)
def _changed_export(project: Project) -> Iterator[Found]:
    for export in project.facts.exports:
        if not export.changed:
            continue
        what = "; ".join(export.changed[:_NAMED])
        more = len(export.changed) - _NAMED
        yield (
            export.folder,
            None,
            f"{what}{f'; and {more:,} more' if more > 0 else ''}",
            f"see 'cxrcat verify', then 'cxrcat export --subset {export.subset or 'NAME'} --force'",
            export.id or export.folder,
        )


@_rule(
    "unknown-export",
    Severity.WARNING,
    "The catalog does not know an export",
    "Withdrawals, corrections and audits reach only those exports that the catalog knows.",
    "Take it in with 'cxrcat register DIR'.",
)
def _unknown_export(project: Project) -> Iterator[Found]:
    for export in project.facts.exports:
        if export.id and project.known.export(export.id) is None:
            message = f"the export {export.id} of {export.subset} is not in this catalog"
            mend = f"run 'cxrcat register {export.folder or '.'}'"
            yield export.folder, None, message, mend, export.id


@_rule(
    "unrecorded-use",
    Severity.NOTE,
    "An export lies in the project and no use of it is recorded",
    "When images or labels turn out to be wrong, the record of uses says which models and papers "
    "they touch.",
    "Record what it is for with 'cxrcat use add'.",
)
def _unrecorded_use(project: Project) -> Iterator[Found]:
    known = project.known
    for export in project.facts.exports:
        row = known.export(export.id)
        if row is None or export.id in known.used:
            continue
        if row.subset_id not in known.used_in(project.root):
            message = f"no use of the export {export.subset} is recorded"
            mend = f"run 'cxrcat use add --export {export.id} --project NAME --kind KIND'"
            yield export.folder, None, message, mend, export.id


@_rule(
    "unexplained-images",
    Severity.WARNING,
    "Images that no recorded export explains",
    "Nobody can say by which question these images were chosen, or whom a withdrawal concerns.",
    "Export the subset with 'cxrcat export', or find out which it is with 'cxrcat identify'.",
)
def _unexplained(project: Project) -> Iterator[Found]:
    loose = [each for each in project.facts.images if not each.archive]
    if not loose:
        return
    explained: dict[int, BitMap] = {}
    for row in _exports_in(project):
        dataset, members = project.known.members_of(row)
        explained[dataset] = explained.get(dataset, BitMap()) | members
    for images in loose:
        release = project.known.release(images.dataset)
        own = explained.get(release.row.id or 0, BitMap()) if release else BitMap()
        rest = len(unpack(images.members) - own)
        if rest:
            how = "" if images.how == "name" else ", told by their bytes,"
            message = (
                f"no recorded export brought {rest:,} images of {images.dataset}{how} here "
                f"({images.example})"
            )
            mend = f"run 'cxrcat identify {images.path or '.'}'"
            yield images.path, None, message, mend, images.path


def _exports_in(project: Project) -> Iterator[Export]:
    """Yield the recorded exports that were made in a project, and those that were brought there."""
    prefix = project.root.rstrip("/") + "/"
    brought = {export.id for export in project.facts.exports}
    for row in project.known.exports:
        if row.id in brought or f"{row.destination}/".startswith(prefix):
            yield row


@_rule(
    "patient-leak",
    Severity.ERROR,
    "A patient is both in training and in test",
    "A model that saw a patient in training looks better on that patient's other images than it "
    "is.",
    "Split by patient: 'cxrcat subset split NAME --into train=0.8,test=0.2'.",
)
def _leak(project: Project) -> Iterator[Found]:
    for one, other, shared in leaks(project.known, project.facts):
        message = (
            f"{shared:,} patients are both in {one.place} ({one.name}) and in "
            f"{other.place} ({other.name})"
        )
        mend = "split by patient with 'cxrcat subset split'"
        yield other.place, None, message, mend, f"{one.place} {other.place}"


@_rule(
    "withdrawn-images",
    Severity.ERROR,
    "Images that were withdrawn since",
    "A withdrawn image must no longer be used: its label, its patient's consent or the image "
    "itself is in doubt.",
    "Export the newest version of the subset, and train again without the images.",
)
def _withdrawn(project: Project) -> Iterator[Found]:
    places = [(each.folder, each.dataset, each.members) for each in project.facts.exports]
    places += [(each.path, each.dataset, each.members) for each in project.facts.images]
    for place, dataset, members in places:
        release = project.known.release(dataset)
        if release is None or not members:
            continue
        there = unpack(members)
        for reason, withdrawn in project.known.withdrawn.get(release.row.id or 0, {}).items():
            gone = there & withdrawn
            if gone:
                names = [project.known.name_of(release, each) for each in gone[:_NAMED]]
                more = " …" if len(gone) > _NAMED else ""
                yield (
                    place,
                    None,
                    f"{len(gone):,} images were withdrawn ({reason}): {', '.join(names)}{more}",
                    "export the newest version of the subset, which leaves them out",
                    f"{place} {reason}",
                )


@_rule(
    "redistributed-without-papers",
    Severity.ERROR,
    "Data is passed on without the duties beside it",
    "Whoever gets the data from a repository, a package or an archive must find there what its "
    "owner asks for.",
    "Leave the data out (.gitignore), or keep the export's papers beside it, in an archive inside.",
)
def _redistributed(project: Project) -> Iterator[Found]:
    for images in project.facts.images:
        if images.archive and is_container(images.path):
            # Nothing can be laid into it, so that what lies beside it counts.
            if _unmet(project, images.dataset):
                what = f"{images.count:,} images of {images.dataset}"
                mend = "put ATTRIBUTION.md and CITATION.cff beside it, or run 'cxrcat audit --fix'"
                message = f"{what} are packed, and duties are not met"
                yield images.path, None, message, mend, images.path
        elif images.archive and not images.papers:
            message = f"{images.count:,} images of {images.dataset} are packed without any papers"
            mend = "add ATTRIBUTION.md and CITATION.cff to it"
            yield images.path, None, message, mend, images.path
        elif images.tracked and _unmet(project, images.dataset):
            mend = "take them out of the repository, or add the papers that are missing"
            yield images.path, None, _committed(images), mend, images.path
    for table in project.facts.tables:
        if table.tracked and _unmet(project, table.dataset, table.duties):
            message = f"{table.what} is committed without what is owed for it"
            yield table.path, None, message, "add the papers that are missing", table.path


def _committed(images: FoundImages) -> str:
    return (
        f"{images.tracked:,} images of {images.dataset} are committed, and duties are not met "
        f"({images.example})"
    )


@_rule(
    "invalid-cff",
    Severity.WARNING,
    "CITATION.cff is not valid",
    "Programs that offer a citation, GitHub's among them, leave out a file that is not valid.",
    "Mend what the message names; 'cffconvert --validate' checks it.",
)
def _cff(project: Project) -> Iterator[Found]:
    for path, problem in project.facts.cff:
        yield path, None, problem, "see the Citation File Format 1.2.0", f"{path} {problem}"
