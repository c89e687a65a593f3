"""All that a steward asks of a catalog at once: data, slices, projects, uses, last audits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel import Session

from . import datasets, exports, projects, reports, subsets, uses
from .audit import history
from .audit.history import AuditInfo
from .datasets import DatasetInfo
from .exports import ExportInfo
from .graph import Graph, graph
from .owed import SliceDuty
from .projects import ProjectInfo
from .subsets import SubsetInfo
from .uses import UseInfo

_DRAWN = 40  # lineages


@dataclass(frozen=True, slots=True)
class ProjectOverview:
    """A project, what its slices owe, and the last audit of its folder, None without one."""

    project: ProjectInfo
    duties: tuple[SliceDuty, ...]
    audit: AuditInfo | None


@dataclass(frozen=True, slots=True)
class Overview:
    """A catalog at one moment (ISO 8601, UTC).

    `subsets` are those that people made or exported, `audits` the last one of each folder, and
    `lineages` those of the exported subsets that nothing else was made from.
    """

    at: str
    by: str
    catalog: str
    datasets: tuple[DatasetInfo, ...]
    subsets: tuple[SubsetInfo, ...]
    exports: tuple[ExportInfo, ...]
    projects: tuple[ProjectOverview, ...]
    uses: tuple[UseInfo, ...]
    audits: tuple[AuditInfo, ...]
    lineages: tuple[Graph, ...]


def overview(session: Session, name: str, by: str) -> Overview:
    """Return all of a catalog that a steward's report has; `name` says where the catalog is."""
    made = exports.listing(session)
    cut = {(each.dataset, each.dataset_version, each.subset) for each in made}
    every = [
        each
        for row in datasets.listing(session)
        for each in subsets.listing(session, datasets.find(session, f"{row.slug}@{row.version}"))
        if not each.built_in or (each.dataset, each.dataset_version, each.name) in cut
    ]
    last: dict[tuple[str, str], AuditInfo] = {}
    for audit in history.listing(session):
        last.setdefault((audit.host, audit.root), audit)
    return Overview(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        by=by,
        catalog=name,
        datasets=tuple(datasets.listing(session)),
        subsets=tuple(every),
        exports=tuple(made),
        projects=tuple(_project(session, each, last) for each in projects.listing(session)),
        uses=tuple(uses.listing(session)),
        audits=tuple(last.values()),
        lineages=tuple(_lineages(session, made)),
    )


def _project(
    session: Session, project: ProjectInfo, last: dict[tuple[str, str], AuditInfo]
) -> ProjectOverview:
    found = reports.show(session, project.slug)
    place = (project.host or "", project.path or "")
    return ProjectOverview(project, found.duties, last.get(place))


def _lineages(session: Session, made: Sequence[ExportInfo]) -> list[Graph]:
    """Return a graph a family of subsets: one that an earlier graph shows is not drawn again."""
    drawn: set[str] = set()
    graphs: list[Graph] = []
    for each in made:
        reference = f"{each.dataset}@{each.dataset_version}/{each.subset}@{each.subset_version}"
        if reference in drawn or len(graphs) >= _DRAWN:
            continue
        found = graph(session, reference)
        release = f"{each.dataset}@{each.dataset_version}/"
        drawn |= {release + node.label for node in found.nodes if node.kind == "subset"}
        graphs.append(found)
    return graphs
