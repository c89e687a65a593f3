"""All that is known of a project in one place: its exports, its uses, and what they owe."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, col, select

from ..schemas.tables import Export, Subset, Use
from . import exports, owed, projects, uses
from .exports import ExportInfo
from .owed import SliceDuty
from .projects import ProjectInfo
from .uses import UseInfo


@dataclass(frozen=True, slots=True)
class ProjectReport:
    """A project with its exports and uses, the newest first, and what all its slices owe."""

    project: ProjectInfo
    exports: tuple[ExportInfo, ...]
    uses: tuple[UseInfo, ...]
    duties: tuple[SliceDuty, ...]


def show(session: Session, slug: str) -> ProjectReport:
    """Return a project with its exports, its uses, and what all of these owe.

    An export that was abandoned is listed, and owes nothing: it never stood anywhere.
    """
    key = projects.get(session, slug).id
    cut = select(Subset, Export).join(Export, col(Export.subset_id) == Subset.id)
    cut = cut.where(Export.project_id == key, Export.state != exports.ABANDONED)
    used = (
        select(Subset, Export)
        .join(Use, col(Use.subset_id) == Subset.id)
        .outerjoin(Export, col(Export.id) == Use.export_id)
        .where(Use.project_id == key)
    )
    slices = [
        *session.exec(cut.order_by(col(Export.at), col(Export.id))),
        *session.exec(used.order_by(col(Use.at), col(Use.id))),
    ]
    return ProjectReport(
        project=projects.info(session, slug),
        exports=tuple(exports.listing(session, slug)),
        uses=tuple(uses.listing(session, project=slug)),
        duties=tuple(owed.duties(session, slices)),
    )
