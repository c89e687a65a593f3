"""The record of uses: what became of a slice, in which project, and what was made with it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
import xxhash
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from ..schemas.errors import NotFoundError, UsageError
from ..schemas.tables import Dataset, Export, Project, Subset, Use, UseArtifact, key_of
from ..schemas.uses import UseKind
from . import events, owed, projects, slices, subsets
from .artifacts import Artifact
from .owed import SliceDuty
from .slices import Slice
from .withdrawn import withdrawn_since

_LONGEST = 300  # characters of a contact
_SHORTEST = 4  # characters of an id that are looked for


@dataclass(frozen=True, slots=True)
class NewUse:
    """What is stated of a use. It is of an export, by folder or id, or of a subset.

    `artifacts` are files, folders and URLs.
    """

    project: str
    kind: str
    export: str | None = None
    subset: str | None = None
    artifacts: tuple[str, ...] = ()
    dois: tuple[str, ...] = ()
    contact: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A use that is ready to be recorded: its artefacts are read, its DOIs normalised.

    `id` is a run's own; a use that was stated has none, and gets one made of what was stated.
    `failure` names the error that ended a run, `started` tells when it began.
    """

    project: str
    kind: str
    export: str | None
    subset: str | None
    artifacts: tuple[Artifact, ...]
    dois: tuple[str, ...]
    contact: str | None
    note: str | None
    by: str
    host: str
    at: datetime
    id: str | None = None
    failure: str | None = None
    started: datetime | None = None


@dataclass(frozen=True, slots=True)
class UseInfo:
    """A use as recorded; `outcome` is ``completed`` or ``failed``, times are ISO 8601 in UTC."""

    id: str
    project: str
    dataset: str
    dataset_version: str
    subset: str
    subset_version: int
    export: str | None
    kind: str
    outcome: str
    failure: str | None
    artifacts: tuple[Artifact, ...]
    dois: tuple[str, ...]
    contact: str | None
    note: str | None
    host: str | None
    by: str
    started: str | None
    at: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A use, and what stating it did: ``recorded``, ``changed`` or ``already``.

    `duties` is what it owes, `withdrawn` counts the images of its slice that were withdrawn since.
    """

    use: UseInfo
    how: str
    duties: tuple[SliceDuty, ...]
    withdrawn: int


def check(facts: NewUse | Facts) -> None:
    """Raise `UsageError` for a kind, a contact or a note that cannot be recorded."""
    kinds = [each.value for each in UseKind]
    if facts.kind not in kinds:
        raise UsageError(f"{facts.kind[:40]!r} is no kind of use; choose one of {', '.join(kinds)}")
    if facts.contact is not None:
        projects.check_line("contact", facts.contact, _LONGEST)
    subsets.check_note(facts.note or "")


def record(session: Session, facts: Facts) -> tuple[Use, Slice, str]:
    """Record a use once; return its row, its slice, and what that did (see `Recorded`).

    One that is there is the same project, slice, kind, artefacts by their checksums, and DOIs; its
    contact and note are changed when others are stated. A run is one use by its id.
    """
    found = slices.find(session, facts.export, facts.subset, facts.started)
    project = projects.get(session, facts.project)
    key = facts.id or _id_of(facts, found)
    row = session.get(Use, key)
    if row is None:
        return _insert(session, key, project, found, facts), found, "recorded"
    changed = {
        name: value
        for name in ("contact", "note")
        if (value := getattr(facts, name)) is not None and value != getattr(row, name)
    }
    if facts.id is not None or not changed:
        return row, found, "already"
    row.sqlmodel_update(changed)
    session.add(row)
    events.record(session, facts.by, "use.changed", key, **changed)
    session.flush()
    return row, found, "changed"


def _insert(session: Session, key: str, project: Project, found: Slice, facts: Facts) -> Use:
    row = Use(
        id=key,
        project_id=key_of(project),
        subset_id=key_of(found.subset),
        export_id=found.export.id if found.export else None,
        kind=facts.kind,
        failure=facts.failure,
        dois=list(facts.dois),
        contact=facts.contact,
        note=facts.note,
        host=facts.host,
        by=facts.by,
        started=facts.started,
        at=facts.at,
    )
    session.add(row)
    session.flush()
    session.add_all(
        UseArtifact(
            use_id=key,
            number=number,
            kind=each.kind,
            place=each.place,
            files=each.files,
            size=each.size,
            checksum=each.checksum,
        )
        for number, each in enumerate(facts.artifacts, 1)
    )
    events.record(
        session,
        facts.by,
        "use.recorded",
        key,
        project=project.slug,
        slice=found.name,
        digest=found.subset.digest,
        export=row.export_id,
        use=facts.kind,
        failure=facts.failure,
        artifacts=[[each.place, each.checksum] for each in facts.artifacts],
        dois=list(facts.dois),
        contact=facts.contact,
        note=facts.note,
        at=facts.at.astimezone(UTC).isoformat(timespec="seconds"),
    )
    return row


def _id_of(facts: Facts, found: Slice) -> str:
    """Return the UUID of a use that was stated: the XXH3-128 of what tells it from others."""
    stated = {
        "project": facts.project,
        "slice": found.name,
        "export": found.export.id if found.export else None,
        "kind": facts.kind,
        "artifacts": sorted([each.place, each.checksum or ""] for each in facts.artifacts),
        "dois": sorted(facts.dois),
    }
    text = json.dumps(stated, sort_keys=True, separators=(",", ":"))
    return str(UUID(hex=xxhash.xxh3_128_hexdigest(text.encode())))


def recorded(session: Session, row: Use, found: Slice, how: str) -> Recorded:
    """Return a use that was just recorded with what it owes."""
    (info,) = _infos(session, [row.id])
    return Recorded(
        use=info,
        how=how,
        duties=tuple(owed.duties(session, [(found.subset, found.export)])),
        withdrawn=len(withdrawn_since(session, found.subset)),
    )


def show(session: Session, text: str) -> Recorded:
    """Return a use by its id or the beginning of it, with what it owes."""
    query = select(Use).where(col(Use.id).startswith(text, autoescape=True)).limit(2)
    rows = session.exec(query).all() if len(text) >= _SHORTEST else []
    if len(rows) != 1:
        what = "more than one use begins with" if rows else "unknown use"
        raise NotFoundError(f"{what} {text[:80]!r}; 'cxrcat use list' has the ids")
    subset = session.get_one(Subset, rows[0].subset_id)
    export = session.get(Export, rows[0].export_id) if rows[0].export_id else None
    found = Slice(session.get_one(Dataset, subset.dataset_id), subset, export)
    return recorded(session, rows[0], found, "already")


def listing(
    session: Session,
    project: str | None = None,
    subset: str | None = None,
    kind: str | None = None,
) -> list[UseInfo]:
    """Return the uses of a project, a subset (every version, or ``NAME@VERSION``) and a kind.

    The newest comes first; None asks for all. Raises `NotFoundError` for a name that is not there.
    """
    query = select(Use.id)
    if project is not None:
        query = query.where(Use.project_id == projects.get(session, project).id)
    if subset is not None:
        row = subsets.get(session, subset)
        if "@" in subset.rpartition("/")[2]:
            query = query.where(Use.subset_id == row.id)
        else:
            versions = select(Subset.id).where(
                Subset.dataset_id == row.dataset_id, Subset.name == row.name
            )
            query = query.where(col(Use.subset_id).in_(versions))
    if kind is not None:
        query = query.where(Use.kind == kind)
    return _infos(session, query)


def _infos(session: Session, keys: Sequence[str] | SelectOfScalar[str]) -> list[UseInfo]:
    made: dict[str, list[Artifact]] = defaultdict(list)
    chosen = col(UseArtifact.use_id).in_(keys)
    order = (col(UseArtifact.use_id), col(UseArtifact.number))
    for row in session.exec(select(UseArtifact).where(chosen).order_by(*order)):
        made[row.use_id].append(Artifact(row.kind, row.place, row.files, row.size, row.checksum))
    query = (
        sa.select(
            Use,
            col(Project.slug),
            col(Subset.name),
            col(Subset.version),
            col(Dataset.slug),
            col(Dataset.version),
        )
        .join(Project, col(Project.id) == Use.project_id)
        .join(Subset, col(Subset.id) == Use.subset_id)
        .join(Dataset, col(Dataset.id) == Subset.dataset_id)
        .where(col(Use.id).in_(keys))
        .order_by(col(Use.at).desc(), col(Use.id))
    )
    return [_info(made[use.id], use, *rest) for use, *rest in session.execute(query)]


def _info(
    made: Iterable[Artifact],
    row: Use,
    project: str,
    subset: str,
    version: int,
    dataset: str,
    dataset_version: str,
) -> UseInfo:
    return UseInfo(
        id=row.id,
        project=project,
        dataset=dataset,
        dataset_version=dataset_version,
        subset=subset,
        subset_version=version,
        export=row.export_id,
        kind=row.kind,
        outcome="completed" if row.failure is None else "failed",
        failure=row.failure,
        artifacts=tuple(made),
        dois=tuple(row.dois),
        contact=row.contact,
        note=row.note,
        host=row.host,
        by=row.by,
        started=row.started.isoformat(timespec="seconds") if row.started else None,
        at=row.at.isoformat(timespec="seconds"),
    )
