"""Files written as the expert labels are: their columns and quirks, on images of NIH's."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...checks import nih_rows

FOUR = ("Fracture", "Pneumothorax", "Airspace opacity", "Nodule or mass")
ALL = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema"),
    *("Fibrosis", "Hernia", "Infiltration", "Mass", "Nodule", "Pleural Thickening"),
    *("Pneumonia", "Pneumothorax"),
)
NIH_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)

Said = Mapping[str, Mapping[str, str]]
"""What is written of each image: a cell a column's header; a column that is left out says NO."""


def four_labels(path: Path, said: Said) -> Path:
    """Write labels of the four findings: NIH's columns before them, CRLF, no last line end."""
    lines = [f"{NIH_HEADER},{','.join(FOUR)},Set Id"]
    for name, cells in said.items():
        row = nih_rows()[name]
        nih = [name, row["Finding Labels"], "000", "00000001", "058Y", "M", "PA", "1", "2", "3,4"]
        lines.append(",".join([*nih, *(cells.get(each, "NO") for each in FOUR), "test"]))
    path.write_bytes("\r\n".join(lines).encode())
    return path


def four_readers(path: Path, said: Sequence[tuple[str, str, Mapping[str, str]]]) -> Path:
    """Write each reader's reading of the four findings: (image, reader, cells)."""
    columns = (*FOUR[:3], "Nodule/mass")
    lines = [",".join(["Patient ID", "Image ID", "Reader ID", *columns, "Set ID"])]
    for name, reader, cells in said:
        lines.append(
            ",".join(["1", name, reader, *(cells.get(each, "NO") for each in columns), "test"])
        )
    path.write_bytes("\r\n".join(lines).encode())
    return path


def all_labels(path: Path, said: Said, readers: Sequence[str] = ()) -> Path:
    """Write labels of all findings, or each reader's own: Abnormal as YES, NO or as 1, 0."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["Image ID", *(["Reader ID"] if readers else []), "Patient ID", "Abnormal",
                     *ALL, "Other"])  # fmt: skip
    for name, cells in said.items():
        findings = [cells.get(each, "NO") for each in ALL]
        other = cells.get("Other", "NO")
        abnormal = "YES" in (*findings, other)
        for reader in readers or ("",):
            word = str(int(abnormal)) if readers else ("YES" if abnormal else "NO")
            row = [name, *([reader] if readers else []), "1", word, *findings, other]
            writer.writerow(row)
    path.write_text(text.getvalue(), "utf-8")
    return path
