"""A small dataset of our own, written to a folder: a descriptor, a table and boxes.

It differs from NIH's wherever a dataset may: other words, codes, columns and spellings, two label
sets, a word of its own for "nothing found", a column without codes, and missing values.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .query.expressions import Words

DESCRIPTOR = """\
format: cxrcat.dataset/1
revision: 1
slug: ward
title: Films of a ward
short_title: Ward films
description: Films that do not exist.
homepage: https://ward.example/films
provider: {name: The Ward}
terms:
  licence: LicenseRef-Ward
  title: Terms of the ward
  url: https://ward.example/terms
  words: Name the ward.
  source: the ward's page
owes: [thanks]
duties:
  - id: thanks
    kind: acknowledgement
    text: The films come from The Ward.
    party: The Ward
    source: page
  - id: box-paper
    kind: citation
    text: Cite the paper on the boxes.
    citation: doe2020
    source: page
  - id: panel-paper
    kind: citation
    text: Cite the paper on the panel.
    citation: roe2021
    source: page
citations:
  - id: doe2020
    type: article-journal
    title: Boxes
    author: [{family: Doe, given: Jane}]
    issued: {date-parts: [[2020]]}
    DOI: 10.5555/boxes
  - id: roe2021
    type: article-journal
    title: Panels
    author: [{family: Roe, given: Richard}]
    issued: {date-parts: [[2021, 3, 1]]}
    DOI: 10.5555/panels
images: {media_type: image/png, width: 256, height: 256, name: "{name}"}
vocabulary:
  findings:
    - {name: mass, label: Mass}
    - {name: nodule, label: Nodule, synonyms: [spot, coin lesion]}
    - {name: pleural_thickening, label: Pleural_Thickening, synonyms: [Pleural Thickening]}
    - {name: opacity, label: Airspace opacity}
  no_finding: {name: clear, label: Nothing}
label_sets:
  - {slug: text, title: Labels from the text, method: Read, states: [present]}
  - slug: panel
    title: Labels of a panel
    method: Voted
    states: [present, absent, uncertain]
    owes: [panel-paper]
    access: the ward lends them
    tables:
      - files: [panel.csv]
        image: [Film]
        values: {present: ["yes"], absent: ["no"], uncertain: ["maybe"]}
        unstated: [""]
      - files: [readers.csv]
        image: [Film]
        reader: [Reader]
        values: {present: ["yes"], absent: ["no"], uncertain: ["maybe"]}
        unstated: [""]
default_version: v1
versions:
  - version: v1
    title: The first release
    released: "2024"
    table:
      file: films.csv
      labels: text
      patient: number
      separator: ";"
      columns:
        name: [Film]
        findings: [Said]
        patient: [Person]
        follow_up: [Visit]
        age: [Age]
        sex: [Sex, Gender]
        view: [Position]
        width: [Width]
        height: [Height]
        spacing_x: [Spacing X]
        spacing_y: [Spacing Y]
      values:
        sex: {"1": M, "2": F}
boxes:
  - slug: drawn
    title: Drawn boxes
    file: boxes.csv
    name: Film
    finding: Said
    first_coordinate: X
    frame: [256, 256]
    owes: [box-paper]
splits:
  - slug: split
    title: Films to learn from, and for the exam
    parts:
      - {name: learn, file: learn_list.txt}
      - {name: exam, file: exam_list.txt}
"""

FINDINGS = {
    "mass": ("Mass",),
    "nodule": ("Nodule", "spot", "coin lesion"),
    "pleural_thickening": ("Pleural Thickening",),
    "opacity": ("Airspace opacity",),
    "clear": ("Nothing",),
}
_LABELS = {"mass": "Mass", "nodule": "spot", "pleural_thickening": "Pleural Thickening"}
_LABELS |= {"opacity": "AIRSPACE OPACITY", "clear": "Nothing"}
_SEXES = {"M": "1", "F": "2", None: ""}
VIEWS = ("PA", "AP", "lateral 'L'", "ünï\\50%")
HUGE = 3_000_000_000  # more than a column of the database can hold

WORDS = Words(
    labels={"text": FINDINGS, "panel": FINDINGS},
    states={"text": ("present",), "panel": ("present", "absent", "uncertain")},
    columns={
        "age": (0, 1, 17, 18, 64, 65, 95, -1, HUGE),
        "follow_up": (0, 1, 2, 9),
        "patient": (1, 2, 12, 999, HUGE, -HUGE),
        "width": (0, 2500, 3000, HUGE, -HUGE, 1 << 61),
        "height": (2048, 2500, HUGE),
        "spacing_x": (0.0, 0.1, 0.143, 0.14300000000000002, 1e15),
        "spacing_y": (0.143, 0.2, -1e15),
        "sex": ("M", "F"),
        "view": (*VIEWS, ""),
        "split": ("learn", "exam"),
        "name": ("film-01.png", "film-02.png", "film-31.png", "Film-01.png", "no such film"),
    },
    folded=frozenset({"sex", "split"}),
    boxed={name: FINDINGS[name] for name in ("mass", "nodule", "opacity")},
    subsets=(("holdout", 1), ("holdout", 2), ("mass", 1)),
    empty="clear",
)


def films(number: int = 60, seed: int = 7) -> list[dict[str, Any]]:
    """Return images in the order of their names, as rows that expressions are asked of."""
    draw = random.Random(seed)

    def maybe(value: Any) -> Any:
        return None if draw.random() < 0.2 else value

    rows = []
    for place in range(number):
        findings = draw.sample(
            ["mass", "nodule", "pleural_thickening", "opacity"], draw.randrange(4)
        )
        rows.append(
            {
                "name": f"film-{place:02}.png",
                "patient": draw.choice([1, 2, 3, 12, 999]),
                "follow_up": maybe(draw.randrange(4)),
                "age": maybe(draw.choice([0, 1, 17, 18, 40, 64, 65, 95])),
                "sex": maybe(draw.choice("MF")),
                "view": maybe(draw.choice(VIEWS)),
                "width": maybe(draw.choice([2048, 2500, 3000])),
                "height": maybe(draw.choice([2048, 2500, 3056])),
                "spacing_x": maybe(draw.choice([0.1, 0.143, 0.14300000000000002])),
                "spacing_y": maybe(draw.choice([0.139, 0.143, 0.2])),
                "said": {("text", each): "present" for each in findings or ["clear"]},
                "boxes": set(draw.sample(["mass", "nodule"], draw.randrange(3)))
                if draw.random() < 0.3
                else set(),
                "subsets": set(),
            }
        )
    for row in rows:  # what the tests record as subsets
        if ("text", "mass") in row["said"]:
            row["subsets"] |= {("mass", 1), ("holdout", 1)}
        if ("text", "nodule") in row["said"]:
            row["subsets"].add(("holdout", 2))
    return rows


def labelled_films() -> list[dict[str, Any]]:
    """Return the images of `films` with the part of the split and what the panel says of most."""
    draw = random.Random(11)
    states = ("present", "absent", "uncertain", None)
    rows = films()
    for row in rows:
        row["split"] = "learn" if row["patient"] in (1, 12, 999) else "exam"
        said = {("panel", finding): draw.choice(states) for finding in FINDINGS}
        if draw.random() < 0.7:
            row["said"] |= {place: state for place, state in said.items() if state is not None}
    return rows


def write_labels(folder: Path, rows: Sequence[Mapping[str, Any]]) -> tuple[Path, list[Path]]:
    """Write what the panel says and the lists of the split; return the table and the lists."""
    words = {"present": "Yes", "absent": "no", "uncertain": "MAYBE", None: ""}
    labels = ["Mass", "NODULE", "Pleural Thickening", "Airspace opacity", "Nothing"]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "ward_panel.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Note", *labels, "Film"])
        for row in reversed(rows):
            said = [words[row["said"].get(("panel", finding))] for finding in FINDINGS]
            writer.writerow(["", *said, row["name"]])
    lists = []
    for part in ("exam", "learn"):
        lists.append(folder / f"{part}_list.txt")
        names = [row["name"] for row in rows if row["split"] == part]
        lists[-1].write_text("\n".join(names), "utf-8")
    return folder / "ward_panel.csv", lists


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row of the table as its owner would write it."""
    text = [finding for labels, finding in row["said"] if labels == "text"]
    said = ";".join(_LABELS[finding] for finding in sorted(text, reverse=True))
    fields = ("follow_up", "age", "view", "width", "height", "spacing_x", "spacing_y")
    visit, age, view, *rest = ("" if row[name] is None else str(row[name]) for name in fields)
    return [row["name"], said, f"{row['patient']:05}", visit, age, _SEXES[row["sex"]], view, *rest]


HEADER = [
    "Film",
    "Said",
    "Person",
    "Visit",
    "Age",
    "Sex",
    "Position",
    "Width",
    "Height",
    "Spacing X",
    "Spacing Y",
]


def write(
    folder: Path, rows: Sequence[Mapping[str, Any]] = (), changes: Mapping[str, str] | None = None
) -> Path:
    """Write the dataset, its rows shuffled, and return the descriptor's path.

    `changes` are replaced in the descriptor's text.
    """
    rows = list(rows or films())
    random.Random(1).shuffle(rows)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "films.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *map(cells, rows)])
    with (folder / "boxes.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Film", "Said", "X", "Y", "W", "H"])
        for row in rows:
            writer.writerows(
                [row["name"], _LABELS[each], 1, 2.5, 200, 253.5] for each in sorted(row["boxes"])
            )
    text = DESCRIPTOR
    for old, new in (changes or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / "dataset.yaml").write_text(text, encoding="utf-8")
    return folder / "dataset.yaml"
