"""A dataset of many images: the rows of the real metadata, again and again under other names."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

from data import TABLE
from measure import call, installed

_DESCRIPTOR = """\
format: cxrcat.dataset/1
revision: 1
slug: many
title: NIH's metadata, many times
short_title: Many
description: Rows of the NIH Chest X-ray dataset under names of other images, to time with.
homepage: https://nihcc.app.box.com/v/ChestXray-NIHCC
provider: {name: NIH Clinical Center}
terms:
  licence: LicenseRef-NIH-ChestXray
  title: Terms of use of the NIH Clinical Center
  url: https://nihcc.app.box.com/v/ChestXray-NIHCC
  words: The usage of the data set is unrestricted.
  source: NIH's FAQ
owes: [nih]
duties:
  - id: nih
    kind: acknowledgement
    text: NIH Clinical Center
    party: NIH Clinical Center
    source: FAQ
citations:
  - id: none
    type: dataset
    title: None
    author: [{family: None, given: None}]
    issued: {date-parts: [[2017]]}
    DOI: 10.5555/none
images: {media_type: image/png, width: 1024, height: 1024, name: "{name}"}
vocabulary:
  findings:
%s
  no_finding: {name: no_finding, label: No Finding}
label_sets:
  - {slug: nih, title: Labels, method: Copied, states: [present]}
default_version: v1
versions:
  - version: v1
    title: One
    released: "2020"
    table:
      file: many.csv
      labels: nih
      patient: number
      columns:
        name: [name]
        findings: [findings]
        follow_up: [follow_up]
        patient: [patient]
        age: [age]
        sex: [sex]
        view: [view]
"""

FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis",
    "Hernia", "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax",
)  # fmt: skip

HEADER = ("name", "findings", "patient", "follow_up", "age", "sex", "view")


def write_table(path: Path, copies: int) -> int:
    """Write the rows so many times; return how many there are."""
    with gzip.open(TABLE) as zipped:
        rows = [
            (
                row["Image Index"],
                row["Finding Labels"],
                int(row["Patient ID"]),
                row["Follow-up #"],
                row["Patient Age"],
                row["Patient Gender"],
                row["View Position"],
            )
            for row in csv.DictReader(io.TextIOWrapper(zipped, "utf-8-sig"))
        ]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        for copy in range(copies):
            writer.writerows(
                (f"{copy:03}-{name}", said, patient + copy * 100_000, *rest)
                for name, said, patient, *rest in rows
            )
    return copies * len(rows)


def descriptor_in(folder: Path) -> Path:
    """Write the descriptor that goes with `many.csv` of the folder, and return it."""
    words = "\n".join(f"    - {{name: {name.lower()}, label: {name}}}" for name in FINDINGS)
    descriptor = folder / "many.yaml"
    descriptor.write_text(_DESCRIPTOR % words, encoding="utf-8")
    return descriptor


def catalog_of(folder: Path) -> Path:
    """Bring `many.csv` of the folder into a catalog, and return it."""
    path = folder / "many.sqlite"
    call(installed("cxrcat"), "--catalog", path, "dataset", "add", descriptor_in(folder))
    return path
