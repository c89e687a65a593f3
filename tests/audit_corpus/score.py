"""How right the audit is: precision and recall, over projects with a known truth.

    python -m tests.audit_corpus.score [--wrong] [FILE.yaml …]

Of each rule, over every tree and the projects of `built`, which a whole audit is asked; and of what
the reading of texts finds. Without files it takes `trees/` and `held_out/`, each by itself. A tree
names what its project `uses` and only `mentions`, the datasets made from others (`derived`), the
`parts` that owe more, and the duties that its words meet (`met`); what is not named must not be
found. Which rules it breaks follows from that, but for those that it names itself (`breaks`).
"""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import yaml

from cxrcat.catalog import Catalog
from cxrcat.catalog.audit.derived import built_in
from cxrcat.catalog.audit.evidence import Reader
from cxrcat.catalog.audit.model import Wanted
from cxrcat.catalog.audit.rules import rules
from cxrcat.catalog.audit.texts import kind_of, read
from cxrcat.catalog.datasets import BUILT_IN, read_descriptor

from .built import MISSING, build

HERE = Path(__file__).parent

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"


@dataclass(frozen=True)
class Tree:
    """A project's files, and the truth about them: pairs of a rule and what it finds."""

    name: str
    files: dict[str, Any]
    truth: frozenset[tuple[str, str]]
    breaks: frozenset[str] = frozenset()


@dataclass
class Score:
    """Counts of one rule, and where it was wrong; `quiet` counts where it rightly said nothing."""

    right: int = 0
    quiet: int = 0
    extra: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return (
            self.right / max(1, self.right + len(self.extra))
            if self.right
            else float(not self.extra)
        )

    @property
    def recall(self) -> float:
        return (
            self.right / max(1, self.right + len(self.missed))
            if self.right
            else float(not self.missed)
        )


def reader() -> Reader:
    """Return the reader of the datasets that come built in."""
    paths = sorted(BUILT_IN.glob("*/dataset.yaml"))
    return Reader([read_descriptor(path) for path in paths], built_in())


def trees(paths: Sequence[Path]) -> Iterator[Tree]:
    """Yield the trees of some files."""
    for path in paths:
        for each in yaml.safe_load(path.read_text("utf-8")):
            truth = {
                *(("uses", slug) for slug in each.pop("uses", ())),
                *(("mentions", slug) for slug in each.pop("mentions", ())),
                *(("derived", slug) for slug in each.pop("derived", ())),
                *(("part", slug) for slug in each.pop("parts", ())),
                *(("met", duty) for duty in each.pop("met")),
            }
            breaks = frozenset(each.pop("breaks", ()))
            tree = Tree(each.pop("name"), each.pop("files"), frozenset(truth), breaks)
            assert not each, f"{path}: {tree.name}: unknown keys {sorted(each)}"
            yield tree


def found(read_by: Reader, root: Path) -> set[tuple[str, str]]:
    """Return what the reader finds in a tree, file by file, as the audit asks it."""
    said: set[tuple[str, str]] = set()
    paths = sorted(each for each in root.rglob("*") if each.is_file())
    named = read_by.named_after([str(each.relative_to(root)) for each in paths])
    said |= {("uses", each.dataset) for each in named if each.strength == "uses"}
    mentioned = {each.dataset for each in named}
    for path in paths:
        kind = kind_of(path.name)
        if kind is None or not (kind.is_packed or read_by.may_concern(path.read_bytes())):
            continue
        text = read(path, kind)
        if text is None:
            continue
        for reference in read_by.references(text):
            mentioned.add(reference.dataset)
            if reference.strength == "uses":
                said.add(("uses", reference.dataset))
                group, _, slug = reference.what.partition(":")
                if slug:
                    said.add((group, slug))
        if kind.is_paper:
            said |= {("met", each.duty) for each in read_by.evidence(text)}
    return said | {("mentions", slug) for slug in mentioned if ("uses", slug) not in said}


def score(paths: Sequence[Path]) -> dict[str, Score]:
    """Return the score of each rule over the trees of some files."""
    read_by = reader()
    scores: dict[str, Score] = {}
    for tree in trees(paths):
        with tempfile.TemporaryDirectory() as folder:
            materialise(tree, Path(folder))
            said = found(read_by, Path(folder))
        for rule, what in said | tree.truth:
            one = scores.setdefault(f"{rule} {what}" if rule == "met" else rule, Score())
            if (rule, what) not in tree.truth:
                one.extra.append(tree.name)
            elif (rule, what) not in said:
                one.missed.append(tree.name)
            else:
                one.right += 1
    return scores


_BASE = dict(zip(("nih-link", "nih-citation", "nih-acknowledgement"), MISSING, strict=True))
_PARTS = {
    "expert4": ("expert4-citation", "expert-labels-uncited"),
    "expert14": ("expert14-citation", "expert-labels-uncited"),
    "dicom": ("google-conversion", "missing-acknowledgement"),
}


def broken(tree: Tree) -> frozenset[str]:
    """Return the rules that a tree's project breaks, by the truth about its words."""
    told: dict[str, set[str]] = {}
    for what, name in tree.truth:
        told.setdefault(what, set()).add(name)
    met = told.get("met", set())
    if "nih-chest-xray" not in told.get("uses", ()):
        return tree.breaks
    lacking = {rule for duty, rule in _BASE.items() if duty not in met}
    if lacking and "derived" in told:
        lacking.add("derived-dataset")
    owed = [_PARTS[part] for part in told.get("part", ())]
    return tree.breaks | lacking | {rule for duty, rule in owed if duty not in met}


def score_rules(folder: Path) -> dict[str, Score]:
    """Return the score of each rule over the projects of `built` and every tree, made in `folder`.

    All are audited at once, with one catalog, as a user would audit a folder of projects.
    """
    Catalog.open(str(folder / "catalog.sqlite")).close()
    yard = build(folder, str(folder / "catalog.sqlite"))
    truth = {str(case.root): case.breaks for case in yard.cases}
    for number, tree in enumerate(trees(sorted(HERE.glob("*/*.yaml")))):
        root = folder / f"tree{number:03} {tree.name.replace('/', '-')}"
        (root / ".git").mkdir(parents=True)  # one project, whatever folders it has
        materialise(tree, root)
        truth[str(root)] = broken(tree)
    with yard.catalog as catalog:
        report = catalog.audit(Wanted(tuple(truth), record=False))
    scores = {rule.id: Score() for rule in rules()}
    assert [each.root for each in report.projects] == list(truth)
    for project in report.projects:
        root, said = project.root, {problem.rule for problem in project.problems}
        for rule, one in scores.items():
            if rule in said and rule in truth[root]:
                one.right += 1
            elif rule in said:
                one.extra.append(Path(root).name)
            elif rule in truth[root]:
                one.missed.append(Path(root).name)
            else:
                one.quiet += 1
    return scores


def materialise(tree: Tree, root: Path) -> None:
    """Write the files of a tree."""
    for name, content in tree.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, "utf-8")
        elif "notebook" in content:
            path.write_text(_notebook(content["notebook"]), "utf-8")
        elif "docx" in content:
            write_docx(path, **content)
        else:
            path.write_bytes(pdf(content["pdf"]))


def _notebook(cells: list[dict[str, str]]) -> str:
    made = []
    for cell in cells:
        (kind, words), *outputs = cell.items()
        made.append(
            {
                "cell_type": kind,
                "metadata": {},
                "source": words.splitlines(keepends=True),
                **({"outputs": [{"text": text} for _, text in outputs]} if outputs else {}),
            }
        )
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def write_docx(
    path: Path, docx: list[str], footnotes: Sequence[str] = (), links: Sequence[str] = ()
) -> None:
    """Write a document of Word with the parts that are read."""

    def words(paragraphs: Sequence[str]) -> str:
        made = "".join(f"<w:p><w:r><w:t>{escape(each)}</w:t></w:r></w:p>" for each in paragraphs)
        return (
            f'<?xml version="1.0"?><w:document xmlns:w="{_W}"><w:body>{made}</w:body></w:document>'
        )

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", words(docx))
        if footnotes:
            archive.writestr("word/footnotes.xml", words(footnotes))
        if links:
            made = "".join(
                f'<Relationship Id="r{number}" Type="{_LINK}" Target="{escape(link)}"/>'
                for number, link in enumerate(links)
            )
            archive.writestr(
                "word/_rels/document.xml.rels", f"<Relationships>{made}</Relationships>"
            )


def pdf(lines: Sequence[str]) -> bytes:
    """Return a PDF of one page with some lines."""
    shown = "".join(
        f"1 0 0 1 50 {750 - 20 * row} Tm ({line.replace('(', '[').replace(')', ']')}) Tj\n"
        for row, line in enumerate(lines)
    )
    stream = f"BT /F1 10 Tf\n{shown}ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 612 792]>>",
        "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>\nstream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    made, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n{each}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    start = len(made)
    made += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    return made + f"trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode()


def main(arguments: list[str]) -> None:
    """Print the scores."""
    wrong = "--wrong" in arguments
    named = [Path(each) for each in arguments if each != "--wrong"]
    groups = {"the files named": named} if named else {
        each: sorted((HERE / each).glob("*.yaml")) for each in ("trees", "held_out")
    }  # fmt: skip
    for title, paths in groups.items():
        show(f"{title}: {sum(1 for _ in trees(paths))} trees", score(paths), wrong)
    if not named:
        with tempfile.TemporaryDirectory() as folder:
            show("rules, over all projects", score_rules(Path(folder)), wrong)


def show(title: str, scores: dict[str, Score], wrong: bool) -> None:
    """Print a table of scores."""
    total = Score()
    print(f"\n{title}\n{'rule':34} {'right':>5} {'extra':>5} {'missed':>6} precision recall")
    for rule, each in [*sorted(scores.items()), ("all", total)]:
        print(
            f"{rule:34} {each.right:5} {len(each.extra):5} {len(each.missed):6} "
            f"{each.precision:9.3f} {each.recall:6.3f}"
        )
        if wrong and each is not total and (each.extra or each.missed):
            print(f"    extra: {', '.join(each.extra)}\n    missed: {', '.join(each.missed)}")
        total.right += each.right
        total.extra += each.extra
        total.missed += each.missed


if __name__ == "__main__":
    main(sys.argv[1:])
