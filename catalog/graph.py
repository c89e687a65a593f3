"""The lineage of a subset as a graph: what it is made from, and what was made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlmodel import Session, col, select

from ..schemas.tables import Dataset, Export, Project, Subset, Use
from . import subsets
from .lineage import ancestors

NodeKind: TypeAlias = Literal[
    "dataset", "labels", "boxes", "split", "source", "subset", "export", "use"
]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A thing that a subset is made from, or that was made from it; `images` where it has some."""

    id: str
    kind: NodeKind
    label: str
    images: int | None = None


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """`made` was made from `source`; `how` is the word of the question, or the operation."""

    source: str
    made: str
    how: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The lineage of `root`, the nearest first: its ancestors, and what was made from it."""

    root: str
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]


def graph(session: Session, name: str) -> Graph:
    """Return the lineage of a subset: what it is made from, and what was made from it, uses too."""
    subset = subsets.get(session, name)
    dataset = session.get_one(Dataset, subset.dataset_id)
    nodes: dict[str, GraphNode] = {}
    edges: dict[GraphEdge, None] = {}
    for each in ancestors(session, dataset, subset):
        _add(nodes, edges, dataset, each)
    made = {_id_of(subset)}
    query = select(Subset).where(Subset.dataset_id == dataset.id, Subset.id > subset.id)  # type: ignore[operator]
    for row in session.exec(query.order_by(col(Subset.id))):
        parents = {f"subset {read['name']}" for read in row.reads if read["kind"] == "subset"}
        if parents & made:
            made.add(_id_of(row))
            _add(nodes, edges, dataset, row)
    rows = select(Export, Subset).join(Subset, col(Subset.id) == Export.subset_id)
    for export, row in session.exec(rows.order_by(col(Export.at), col(Export.id))):
        if _id_of(row) in made and row.dataset_id == dataset.id:
            node = GraphNode(f"export {export.id}", "export", export.destination, row.images)
            nodes[node.id] = node
            edges[GraphEdge(_id_of(row), node.id, "export")] = None
    used = (
        select(Use, Subset, Project.slug)
        .join(Subset, col(Subset.id) == Use.subset_id)
        .join(Project, col(Project.id) == Use.project_id)
    )
    for use, row, project in session.exec(used.order_by(col(Use.at), col(Use.id))):
        if _id_of(row) in made and row.dataset_id == dataset.id:
            node = GraphNode(f"use {use.id}", "use", f"{project} ({use.id[:8]})")
            nodes[node.id] = node
            folder = f"export {use.export_id}"
            edges[GraphEdge(folder if folder in nodes else _id_of(row), node.id, use.kind)] = None
    return Graph(_id_of(subset), tuple(nodes.values()), tuple(edges))


def _add(
    nodes: dict[str, GraphNode], edges: dict[GraphEdge, None], dataset: Dataset, subset: Subset
) -> None:
    """Add a subset, the things that its question read, and the edges between them."""
    here = _id_of(subset)
    label = f"{subset.name}@{subset.version}"
    nodes[here] = GraphNode(here, "subset", label, subset.images)
    release = f"{dataset.slug}@{dataset.version}"
    if not any(read["kind"] == "subset" for read in subset.reads):
        root = GraphNode(f"dataset {release}", "dataset", release, dataset.images)
        nodes.setdefault(root.id, root)
        edges[GraphEdge(root.id, here, subset.operation)] = None
    for read in subset.reads:
        kind: NodeKind = read["kind"]  # type: ignore[assignment]
        source = f"{kind} {read['name']}".strip()
        if kind != "subset":
            nodes.setdefault(source, GraphNode(source, kind, source))
        how = subset.operation if kind == "subset" else read["word"]
        edges[GraphEdge(source, here, how)] = None


def _id_of(subset: Subset) -> str:
    return f"subset {subset.name}@{subset.version}"
