"""A lineage as a graph and as text, which the programs that read it can read."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cxrcat.catalog import Catalog, Request
from cxrcat.catalog.derive import Derivation
from cxrcat.catalog.formats import graph as formats
from cxrcat.catalog.formats import svg
from cxrcat.catalog.graph import Graph, GraphEdge, GraphNode

ODD = Graph(
    "subset a@1",
    (
        GraphNode("subset a@1", "subset", 'a "b" \\ c', 1),
        GraphNode("labels x", "labels", "labels x"),
    ),
    (GraphEdge("labels x", "subset a@1", 'name = "q\\"'),),
)


@pytest.fixture
def found(catalog: Catalog, tmp_path: Path) -> Graph:
    catalog.create_subset("films", "hernia and boxed()")
    catalog.create_subset("either", derivation=Derivation(union=("films", "fibrosis")))
    catalog.create_subset("few", derivation=Derivation(parent="either", sample=5))
    catalog.create_subset("aside", derivation=Derivation(parent="fibrosis", sample=5))
    catalog.export(Request("few", tmp_path / "few"))
    return catalog.lineage("either")


def test_ancestors_and_descendants(found: Graph, tmp_path: Path) -> None:
    nodes = {node.id: node for node in found.nodes}
    assert found.root == "subset either@1"
    assert {node.label for node in found.nodes if node.kind == "subset"} == {
        "either@1",
        "films@1",
        "fibrosis@1",
        "few@1",
    }
    (export,) = (node for node in found.nodes if node.kind == "export")
    assert export.label == str(tmp_path / "few")
    edges = {(nodes[edge.source].label, nodes[edge.made].label): edge.how for edge in found.edges}
    assert edges["films@1", "either@1"] == "union"
    assert edges["either@1", "few@1"] == "from"
    assert edges["few@1", export.label] == "export"
    assert edges["boxes", "films@1"] == "boxed()"
    assert edges["nih-chest-xray@v2020", "fibrosis@1"] == "where"


def test_the_tree(found: Graph) -> None:
    text = formats.tree(found)
    before, _, after = text.partition("\nmade from either@1\n")
    assert before.splitlines()[0].startswith("either@1 (")
    assert "├─ union: films@1 (" in before
    assert "│  └─ boxed(): boxes" in before
    assert after.splitlines()[0] == "└─ from: few@1 (5 images)"
    assert "   └─ export: " in after


def test_mermaid(found: Graph) -> None:
    lines = formats.mermaid(found).splitlines()
    assert lines[0] == "flowchart LR"
    assert len(lines) == 1 + len(found.nodes) + len(found.edges)
    for line in lines[1:]:
        assert re.fullmatch(r'  n\d+([\[({/]+"[^"]+"[\])}/]+| -->\|"[^"]+"\| n\d+)', line), line
    assert "#quot;b#quot;" in formats.mermaid(ODD)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # pydot's, of pyparsing
@pytest.mark.parametrize("odd", [True, False])
def test_dot_is_read_by_a_program_for_it(found: Graph, odd: bool, tmp_path: Path) -> None:
    import pydot

    graph = ODD if odd else found
    path = tmp_path / "lineage.dot"
    path.write_text(formats.dot(graph))
    (read,) = pydot.graph_from_dot_file(path)
    assert len(read.get_nodes()) == len(graph.nodes)
    assert len(read.get_edges()) == len(graph.edges)


def test_a_diamond_is_drawn_once_a_branch() -> None:
    nodes = tuple(GraphNode(f"subset {each}", "subset", each) for each in "abcd")
    edges = tuple(
        GraphEdge(f"subset {source}", f"subset {made}", "from")
        for source, made in ("ba", "ca", "db", "dc")
    )
    text = formats.tree(Graph("subset a", nodes, edges))
    assert text.count("from: d") == 2


def test_the_drawing_has_every_node_and_no_two_in_one_place(found: Graph) -> None:
    root = ElementTree.fromstring(svg.write(found))  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    titles = [each.findtext(f"{space}title") for each in root.findall(f"{space}g")]
    assert titles == [node.label for node in found.nodes]
    assert len(root.findall(f"{space}path")) == len(found.edges)
    boxes = [each.attrib for each in root.iter(f"{space}rect")]
    for one, other in combinations(boxes, 2):
        apart = abs(int(one["x"]) - int(other["x"])), abs(int(one["y"]) - int(other["y"]))
        assert apart[0] > int(one["width"]) or apart[1] > int(one["height"])
    left = {node.id: int(box["x"]) for node, box in zip(found.nodes, boxes, strict=True)}
    assert all(left[edge.source] < left[edge.made] for edge in found.edges)


def test_a_hostile_label_and_a_circle_are_drawn() -> None:
    node = GraphNode("a", "subset", "<script>&\"'", 1)
    text = svg.write(Graph("a", (node,), (GraphEdge("a", "a", "<x>"),)))
    root = ElementTree.fromstring(text)  # noqa: S314 - our own
    assert "<script>" not in text
    assert len(root) == 2
