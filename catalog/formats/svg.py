"""A lineage as an SVG drawing: a layer a generation, from left to right."""

from __future__ import annotations

from html import escape

from ..graph import Graph, GraphEdge, GraphNode

_WIDTH, _HEIGHT = 220, 44  # pixels of a box
_ACROSS, _DOWN = 80, 16  # pixels between boxes
_LETTERS = 28  # of a label that fit into a box
_COLOURS = {
    "dataset": "#2b6cb0",
    "labels": "#805ad5",
    "boxes": "#805ad5",
    "split": "#805ad5",
    "source": "#4a5568",
    "subset": "#2f855a",
    "export": "#b7791f",
    "use": "#c05621",
}


def write(graph: Graph) -> str:
    """Return the drawing; every label has its whole text as a title."""
    places = _places(graph)
    width = 1 + max((x for x, _ in places.values()), default=0)
    height = 1 + max((y for _, y in places.values()), default=0)
    size = (width * (_WIDTH + _ACROSS) - _ACROSS + 2, height * (_HEIGHT + _DOWN) - _DOWN + 2)
    parts = [_edge(edge, places) for edge in graph.edges if edge.source in places]
    parts += [_node(node, *places[node.id], root=node.id == graph.root) for node in graph.nodes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 {size[0]} {size[1]}" '
        f'width="{size[0]}" height="{size[1]}" role="img" font-family="system-ui, sans-serif" '
        f'font-size="12">\n{"".join(parts)}</svg>\n'
    )


def _places(graph: Graph) -> dict[str, tuple[int, int]]:
    """Return the layer of each node, one more than its latest source's, and its place there."""
    sources: dict[str, list[str]] = {node.id: [] for node in graph.nodes}
    for edge in graph.edges:
        if edge.made in sources and edge.source in sources:
            sources[edge.made].append(edge.source)
    layers: dict[str, int] = {}
    waiting = list(sources)
    while waiting:
        ready = [node for node in waiting if all(each in layers for each in sources[node])]
        for node in ready or waiting:  # a lineage has no circle; a damaged one still is drawn
            layers[node] = 1 + max((layers.get(each, 0) for each in sources[node]), default=-1)
        waiting = [node for node in waiting if node not in layers]
    used: dict[int, int] = {}
    places = {}
    for node in sources:
        place = used.get(layers[node], 0)
        used[layers[node]] = place + 1
        places[node] = (layers[node], place)
    return places


def _corner(x: int, y: int) -> tuple[int, int]:
    return x * (_WIDTH + _ACROSS), y * (_HEIGHT + _DOWN)


def _node(node: GraphNode, x: int, y: int, root: bool) -> str:
    left, top = _corner(x, y)
    colour = _COLOURS.get(node.kind, "#4a5568")
    shown = node.label if len(node.label) <= _LETTERS else f"{node.label[: _LETTERS - 1]}…"
    below = node.kind if node.images is None else f"{node.kind}, {node.images:,} images"
    return (
        f'<g><title>{escape(node.label)}</title><rect x="{left}" y="{top}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" rx="6" fill="{colour}22" stroke="{colour}" '
        f'stroke-width="{3 if root else 1}"/>'
        f'<text x="{left + 8}" y="{top + 18}" fill="currentColor">{escape(shown)}</text>'
        f'<text x="{left + 8}" y="{top + 35}" fill="{colour}">{escape(below)}</text></g>\n'
    )


def _edge(edge: GraphEdge, places: dict[str, tuple[int, int]]) -> str:
    if edge.made not in places:
        return ""
    (x1, y1), (x2, y2) = _corner(*places[edge.source]), _corner(*places[edge.made])
    x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
    middle = (x1 + x2) // 2
    return (
        f'<path d="M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}" fill="none" '
        f'stroke="#8889"><title>{escape(edge.how)}</title></path>\n'
    )
