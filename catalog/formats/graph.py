"""A lineage as text: a tree, Mermaid, or DOT."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..graph import Graph, GraphNode

_SHAPES = {  # of Mermaid and of DOT
    "dataset": ("[({})]", "cylinder"),
    "labels": ("[/{}/]", "parallelogram"),
    "boxes": ("[/{}/]", "parallelogram"),
    "split": ("[/{}/]", "parallelogram"),
    "source": ("[/{}/]", "parallelogram"),
    "subset": ("({})", "box"),
    "export": ("[[{}]]", "folder"),
    "use": ("{{{{{}}}}}", "note"),
}


def tree(graph: Graph) -> str:
    """Return two trees: what the subset is made from, and, if any, what was made from it."""
    nodes = {node.id: node for node in graph.nodes}
    sources: dict[str, list[tuple[str, str]]] = defaultdict(list)
    made: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for edge in graph.edges:
        sources[edge.made].append((edge.source, edge.how))
        made[edge.source].append((edge.made, edge.how))
    lines = [_label(nodes[graph.root]), *_branches(graph.root, sources, nodes, "", {graph.root})]
    if made[graph.root]:
        lines += ["", f"made from {nodes[graph.root].label}"]
        lines += _branches(graph.root, made, nodes, "", {graph.root})
    return "\n".join(lines) + "\n"


def mermaid(graph: Graph) -> str:
    """Return a flowchart in Mermaid's language."""
    numbers = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        text = _quoted(_label(node), "#quot;")
        lines.append(f"  {numbers[node.id]}{_SHAPES[node.kind][0].format(text)}")
    for edge in graph.edges:
        how = _quoted(edge.how, "#quot;")
        lines.append(f"  {numbers[edge.source]} -->|{how}| {numbers[edge.made]}")
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """Return a directed graph in the language of Graphviz."""
    numbers = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["digraph lineage {", "  rankdir=LR;"]
    for node in graph.nodes:
        text = _quoted(_label(node), '\\"')
        lines.append(f"  {numbers[node.id]} [label={text}, shape={_SHAPES[node.kind][1]}];")
    for edge in graph.edges:
        how = _quoted(edge.how, '\\"')
        lines.append(f"  {numbers[edge.source]} -> {numbers[edge.made]} [label={how}];")
    return "\n".join([*lines, "}"]) + "\n"


def _branches(
    place: str,
    nearer: dict[str, list[tuple[str, str]]],
    nodes: dict[str, GraphNode],
    indent: str,
    above: set[str],
) -> Iterator[str]:
    found = nearer[place]
    for number, (each, how) in enumerate(found):
        last = number == len(found) - 1
        yield f"{indent}{'└─' if last else '├─'} {how}: {_label(nodes[each])}"
        if each not in above:
            below = indent + ("   " if last else "│  ")
            yield from _branches(each, nearer, nodes, below, above | {each})


def _label(node: GraphNode) -> str:
    return node.label if node.images is None else f"{node.label} ({node.images:,} images)"


def _quoted(text: str, quote: str) -> str:
    shown = text.replace("\\", "\\\\") if quote.startswith("\\") else text
    return '"' + shown.replace('"', quote) + '"'
