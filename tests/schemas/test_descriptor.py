"""Every rule of a descriptor: what breaks it is named with the file, the line and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrcat.schemas.descriptor import Descriptor, SourceSpec
from cxrcat.schemas.errors import InputError
from cxrcat.schemas.yaml_reader import parse_model

from ..catalog.small import DESCRIPTOR

WARD = (
    DESCRIPTOR
    + """\
sources:
  - {slug: web, kind: archives, title: Web, provider: The Ward, uri: "https://ward.example/{name}"}
default_source: web
viewers:
  - {title: Viewer, url: "https://view.example"}
access_form: {title: Form, url: "https://form.example", note: Fill it in.}
"""
)


def refusal(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_model(text, Descriptor, "ward.yaml")
    assert str(caught.value).isprintable()
    return str(caught.value)


def line_of(text: str) -> int:
    """Return the line of the only place where a text stands, or where it begins."""
    assert WARD.count(text) == 1, text
    return WARD[: WARD.index(text)].count("\n") + 1


def test_the_whole_is_read() -> None:
    found = parse_model(WARD, Descriptor, "ward.yaml")
    assert found.default_labels.slug == "text"
    assert found.labels_of("panel").states == ["present", "absent", "uncertain"]
    assert found.version_of("v1").table.file == "films.csv"
    assert found.source_of_images is not None
    assert found.source_of_images.uri_of("a.png") == "https://ward.example/a.png"
    assert [word.name for word in found.vocabulary.words()][-1] == "clear"
    assert found.vocabulary.spellings()["coin lesion"] == "nodule"
    assert found.vocabulary.spellings()["nothing"] == "clear"
    assert Descriptor.model_validate_json(found.model_dump_json(by_alias=True)) == found
    for missing in (found.labels_of, found.version_of):
        with pytest.raises(KeyError):
            missing("nobody")


# What is written in the place of what, and the key and message that follow the file and line.
RULES = [
    ("format: cxrcat.dataset/1", "format: cxrcat.dataset/2", "format: Input should be 'cxrcat."),
    ("revision: 1\n", "revision: 0\n", "revision: Input should be greater than or equal to 1"),
    ("revision: 1\n", "revision: one\n", "revision: Input should be a valid integer"),
    ("slug: ward\n", "slug: Ward\n", "slug: String should match pattern"),
    ("slug: ward\n", "slug: ../ward\n", "slug: String should match pattern"),
    ("slug: ward\n", 'slug: "ward\\n"\n', "slug: String should match pattern"),
    ("title: Films of a ward", "title: '  '", "title: String should have at least 1 character"),
    ("title: Films of a ward", "titel: Films", "title: Field required (and 1 more)"),
    ("homepage: https://ward", "homepage: http://ward", "homepage: String should match pattern"),
    ("homepage: https://ward", "homepage: https://a b", "homepage: String should match pattern"),
    ("provider: {name: The Ward}", "provider: {}", "provider.name: Field required"),
    ("licence: LicenseRef-Ward", "licence: two words", "terms.licence: String should match"),
    ("words: Name the ward.", "words: ''", "terms.words: String should have at least 1"),
    ("owes: [thanks]\n", "owes: []\n", "owes: List should have at least 1 item"),
    ("images: {media_type: image/png", "images: {media_type: image/gif", "images.media_type: In"),
    ("    citation: doe2020\n", "", "duties.1: a duty of kind citation needs the key 'citation'"),
    ("    party: The Ward\n", "", "duties.0: a duty of kind acknowledgement needs the key 'party'"),
    ("kind: acknowledgement", "kind: link", "duties.0: a duty of kind link needs the key 'url'"),
    ("kind: acknowledgement", "kind: praise", "duties.0.kind: Input should be 'link', 'citation'"),
    ("text: The films come from The Ward.", "text: The films come from somewhere.",
     "duties.0: the text of this acknowledgement does not name 'The Ward'"),
    ("DOI: 10.5555/boxes", "DOI: doi.org/10.5555/boxes", "citations.0.DOI: String should match"),
    ("DOI: 10.5555/boxes", "page: vii\n    DOI: 10.5555/boxes", "citations.0.page: String should"),
    ("DOI: 10.5555/boxes", "arxiv: x\n    DOI: 10.5555/boxes", "citations.0.arxiv: String should"),
    ("[{family: Doe, given: Jane}]", "[]", "citations.0.author: List should have at least 1 item"),
    ("{family: Doe, given: Jane}", "{family: Doe}", "citations.0.author.0.given: Field required"),
    ("[[2020]]", "[]", "citations.0.issued.date-parts: List should have at least 1 item"),
    ("[[2020]]", "[[]]", "citations.0.issued.date-parts.0: List should have at least 1 item"),
    ("[[2020]]", "[[2020], [2021]]", "citations.0.issued.date-parts: List should have at most 1"),
    ("[[2020]]", "[[2020, 1, 2, 3]]", "citations.0.issued.date-parts.0: List should have at mo"),
    ("type: article-journal\n    title: Boxes", "type: poem\n    title: Boxes",
     "citations.0.type: Input should be 'paper-conference'"),
    ("name: mass, ", "name: Mass, ", "vocabulary.findings.0.name: String should match pattern"),
    ("name: mass, ", 'name: "no mass", ', "vocabulary.findings.0.name: String should match pa"),
    ("states: [present]", "states: [there]", "label_sets.0.states.0: Input should be 'present'"),
    ("file: films.csv", "file: ../films.csv", "versions.0.table.file: String should match pat"),
    ("file: films.csv", "file: /etc/passwd", "versions.0.table.file: String should match pat"),
    ("file: films.csv", "file: .films", "versions.0.table.file: String should match pattern"),
    ("      labels: text\n", "      labels: text\n      checksum: md5:0\n",
     "versions.0.table.checksum: String should match pattern"),
    ('separator: ";"', "separator: ', '", "versions.0.table.separator: String should have at mo"),
    ('separator: ";"', "separator: ''", "versions.0.table.separator: String should have at lea"),
    ("patient: number", "patient: none", "versions.0.table.patient: Input should be 'number'"),
    ("name: [Film]", "name: Film", "versions.0.table.columns.name: Input should be a valid list"),
    ("        findings: [Said]\n", "", "versions.0.table.columns.findings: Field required"),
    ("sex: [Sex, Gender]", "gender: [Sex]", "versions.0.table.columns.gender: Extra inputs are"),
    ('sex: {"1": M, "2": F}', 'age: {"1": M}', "versions.0.table.values.age.[key]: Input should"),
    ("frame: [256, 256]", "frame: [256]", "boxes.0.frame"),
    ("file: boxes.csv", "file: boxes/1.csv", "boxes.0.file: String should match pattern"),
    ("kind: archives", "kind: ftp", "sources.0.kind: Input should be 'archives', 'gcs'"),
    ("{name}\"}\ndefault", "{patient}\"}\ndefault",
     "sources.0: the uri uses {patient}; it may use {name} and {stem}"),
    ("image: [Film]\n        values", "images: [Film]\n        values",
     "label_sets.1.tables.0.image: Field required (and 1 more)"),
    ('present: ["yes"], absent: ["no"], uncertain: ["maybe"]}\n        unstated: [""]\nd',
     'present: ["yes"], absent: ["YES"], uncertain: ["maybe"]}\n        unstated: [""]\nd',
     "label_sets.1.tables.1: 'yes' is there twice in 'values'"),
    ("files: [panel.csv]", "files: [panel.csv, Panel.csv]",
     "label_sets.1: 'panel.csv' is there twice in"),
    ("states: [present, absent, uncertain]", "states: [present, absent]",
     "label_sets.1: a table says 'uncertain', which is not in 'states'"),
    ("states: [present, absent, uncertain]", "states: [absent, uncertain]",
     "label_sets.1: a label set says at least that a finding is 'present'"),
    ("slug: panel\n", "slug: split\n", "label_sets.1: 'split' is the name of the split lists"),
    ("{name: exam, file: exam_list.txt}", "{name: learn, file: exam_list.txt}",
     "splits.0: 'learn' is there twice in 'parts'"),
    ("{name: exam, file: exam_list.txt}", "{name: exam, file: Learn_list.txt}",
     "splits.0: 'learn_list.txt' is there twice in 'parts'"),
    ("slug: split\n", "slug: halves\n", "splits.0.slug: Input should be 'split'"),
    ('url: "https://view', 'url: "file:///view', "viewers.0.url: String should match pattern"),
    ("note: Fill it in.", "hint: Fill it in.", "access_form.note: Field required (and 1 more)"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), RULES)
def test_a_broken_rule_is_named_with_its_line_and_key(old: str, new: str, message: str) -> None:
    line_of(old)
    text = refusal(WARD.replace(old, new))
    place, _, rest = text.removeprefix("ward.yaml:").partition(": ")
    assert rest.startswith(message), text
    block = WARD[: WARD.index(old)].count("\n") + 1
    assert abs(int(place) - block) <= 7, text  # within the part that is wrong


# Names that must be unique, and references that must have their target: the whole file is wrong.
AGREEMENT = [
    ("id: panel-paper\n", "id: thanks\n", "'thanks' is there twice in 'duties'"),
    ("id: roe2021\n", "id: doe2020\n", "'doe2020' is there twice in 'citations'"),
    ("slug: panel\n", "slug: text\n", "'text' is there twice in 'label_sets'"),
    ("synonyms: [spot,", "synonyms: [mass,", "'mass' is there twice in 'vocabulary'"),
    ("synonyms: [spot,", "synonyms: [SPOT, spot,", "'spot' is there twice in 'vocabulary'"),
    ("label: Nothing", "label: Mass", "'mass' is there twice in 'vocabulary'"),
    ("owes: [thanks]\n", "owes: [praise]\n", "'praise' is referred to and is not in 'duties'"),
    ("owes: [panel-paper]", "owes: [praise]", "'praise' is referred to and is not in 'duties'"),
    ("owes: [box-paper]", "owes: [praise]", "'praise' is referred to and is not in 'duties'"),
    ("citation: doe2020", "citation: nobody", "'nobody' is referred to and is not in 'citations'"),
    ("labels: text\n", "labels: nobody\n", "'nobody' is referred to and is not in 'label_sets'"),
    ("default_version: v1", "default_version: v2", "'v2' is referred to and is not in 'versions'"),
    ("default_source: web", "default_source: x", "'x' is referred to and is not in 'sources'"),
]


@pytest.mark.parametrize(("old", "new", "message"), AGREEMENT)
def test_names_that_do_not_agree(old: str, new: str, message: str) -> None:
    line_of(old)
    assert refusal(WARD.replace(old, new)) == f"ward.yaml:1: the whole file: {message}"


@pytest.mark.parametrize("part", ["boxes", "sources", "versions", "label_sets", "citations"])
def test_two_parts_of_one_name(part: str) -> None:
    start = WARD.index(f"\n{part}:\n") + len(f"\n{part}:\n")
    end = start
    while WARD[end : end + 2] == "  ":
        end = WARD.index("\n", end) + 1
    text = WARD[:end] + WARD[start:end] + WARD[end:]
    assert f"is there twice in {part!r}" in refusal(text)


@pytest.mark.parametrize(
    ("signs", "name"),
    [
        ("links: {nothing: [a]}", "nothing"),
        ("parties: {nobody: [A]}", "nobody"),
        ("parts: [{slug: a, owes: [nought]}]", "nought"),
        ("works: {unwritten: {}}", "unwritten"),
    ],
)
def test_what_is_recognised_belongs_to_what_is_described(signs: str, name: str) -> None:
    said = refusal(f"{WARD}recognise: {{{signs}}}\n")
    assert f"{name!r} is referred to in 'recognise' and is not described" in said


def test_templates() -> None:
    facts = {"slug": "x", "kind": "gcs", "title": "x", "provider": "x"}
    source = SourceSpec.model_validate({**facts, "uri": "gs://b/{stem}/{name}?{stem}"})
    assert source.uri_of("a.b.png") == "gs://b/a.b/a.b.png?a.b"
    assert source.uri_of("{stem}") == "gs://b/{stem}/{stem}?{stem}"


def test_a_file_is_named_by_its_path(tmp_path: Path) -> None:
    from cxrcat.catalog.datasets import read_descriptor

    path = tmp_path / "dataset.yaml"
    path.write_text(WARD.replace("revision: 1\n", "revision: 0\n"), "utf-8")
    with pytest.raises(InputError) as caught:
        read_descriptor(path)
    assert str(caught.value).startswith(f"{path}:2: revision: ")
