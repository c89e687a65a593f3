"""Metadata tables as they are met: the three generations, their copies, and damaged files."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrcat.catalog.datasets import BUILT_IN, read_descriptor
from cxrcat.catalog.metadata import Metadata, read_metadata
from cxrcat.catalog.progress import SILENT
from cxrcat.schemas.errors import InputError

NIH = read_descriptor(BUILT_IN / "nih-chest-xray" / "dataset.yaml")
TABLE = NIH.version_of("v2020").table

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
ROWS = [
    "00000002_000.png,No Finding,0,2,81,M,PA,2500,2048,0.171,0.171",
    "00000001_001.png,Cardiomegaly|Emphysema,1,1,58,M,PA,2894,2729,0.143,0.14300000000000002",
    "00000001_000.png,Effusion,0,1,57,F,AP,2682,2749,0.143,0.143",
]
FIRST = "00000003_000.png,Hernia,000,00000003,{},F,PA,2582,2991,0.143,0.143"


def read(folder: Path, data: bytes | str, **changes: Any) -> Metadata:
    path = folder / "table.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    table = TABLE.model_copy(update=changes)
    return read_metadata(path, table, NIH.vocabulary, SILENT)


def text(*rows: str, header: str = HEADER, end: str = "\n") -> str:
    return end.join([header, *rows, ""])


def test_rows_are_ordered_by_name_and_every_column_with_them(tmp_path: Path) -> None:
    found = read(tmp_path, text(*ROWS))
    assert found.names == ["00000001_000.png", "00000001_001.png", "00000002_000.png"]
    assert found.patients == ["1", "1", "2"]
    assert found.follow_ups == [0, 1, 0]
    assert found.ages == [57, 58, 81]
    assert found.sexes == ["F", "M", "M"]
    assert found.views == ["AP", "PA", "PA"]
    assert found.widths == [2682, 2894, 2500]
    assert found.heights == [2749, 2729, 2048]
    assert found.spacings_x == [0.143, 0.143, 0.171]
    assert found.spacings_y == [0.143, 0.14300000000000002, 0.171]
    assert [found.findings[cell] for cell in found.cells] == [
        ("effusion",),
        ("cardiomegaly", "emphysema"),
        ("no_finding",),
    ]
    assert len(found) == 3


@pytest.mark.parametrize(
    ("age", "years"),
    [("058Y", 58), ("011M", 0), ("024M", 2), ("001D", 0), ("730D", 2), ("58", 58), ("414", 414)],
)
def test_ages_of_every_generation(tmp_path: Path, age: str, years: int) -> None:
    assert read(tmp_path, text(FIRST.format(age))).ages == [years]


COPIES = {
    "CRLF": text(*ROWS, end="\r\n"),
    "no newline at the end": text(*ROWS).rstrip("\n"),
    "blank lines at the end": text(*ROWS) + "\n\r\n\n",
    "a comma after the header": text(*ROWS, header=HEADER + ","),
    "commas after the header": text(*ROWS, header=HEADER + ",,,"),
    "commas after every row": text(*(f"{row},," for row in ROWS), header=HEADER + ",,"),
    "commas after some rows": text(*(row + "," * place for place, row in enumerate(ROWS))),
    "Patient Sex": text(*ROWS, header=HEADER.replace("Gender", "Sex")),
    "spaces in the header": text(*ROWS, header=HEADER.replace(",", " , ")),
    "another order": text(
        *(",".join(reversed(row.split(","))) for row in ROWS),
        header=",".join(reversed(HEADER.split(","))),
    ),
    "quoted cells": text(*(f'"{row}"'.replace(",", '","') for row in ROWS)),
    "zero-padded numbers": text(
        *(re.sub(r",(\d),(\d),", r",00\1,0000000\2,", row) for row in ROWS)
    ),
    "labels in another order and case": text(*ROWS).replace(
        "Cardiomegaly|Emphysema", "EMPHYSEMA| cardiomegaly"
    ),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_says_the_same(tmp_path: Path, name: str) -> None:
    one, two = read(tmp_path, text(*ROWS)), read(tmp_path, COPIES[name])
    for column in Metadata.__dataclass_fields__:
        if column not in ("cells", "findings"):
            assert getattr(one, column) == getattr(two, column), column
    assert [one.findings[each] for each in one.cells] == [two.findings[each] for each in two.cells]


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" + text(*ROWS).encode(), text(*ROWS).encode()])
def test_a_byte_order_mark_and_gzip(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data).ages == [57, 58, 81]
    assert read(tmp_path, gzip.compress(data)).ages == [57, 58, 81]


def test_cells_that_are_empty_are_not_stated(tmp_path: Path) -> None:
    found = read(tmp_path, text("1_0.png,Mass, ,7,,,,,, ,"))
    assert found.ages == found.sexes == found.views == found.widths == found.spacings_x == [None]


def test_columns_that_are_not_mapped_are_not_stated(tmp_path: Path) -> None:
    columns = TABLE.columns.model_copy(update={"age": [], "sex": [], "spacing_y": []})
    found = read(tmp_path, text("a.png,Mass,7", header="Image Index,Finding Labels,Patient ID"),
                 columns=columns.model_copy(update={name: [] for name in
                 ("follow_up", "view", "width", "height", "spacing_x")}))  # fmt: skip
    assert found.ages == found.sexes == found.views == [None]
    assert found.patients == ["7"]


def test_patients_that_are_texts_keep_their_zeros(tmp_path: Path) -> None:
    found = read(tmp_path, text("a.png,Mass,0, P-007 ,,,,,,,"), patient="text")
    assert found.patients == ["P-007"]


@pytest.mark.parametrize("cell", ["P\0A", "x" * 65, "\x1b[2J"])
def test_columns_without_codes_hold_short_texts_that_can_be_printed(
    tmp_path: Path, cell: str
) -> None:
    assert read(tmp_path, text(ROWS[0].replace("PA", "Süd")), values={}).views == ["Süd"]
    with pytest.raises(InputError, match=r"2: view is .* expected a short text"):
        read(tmp_path, text(ROWS[0].replace("PA", cell)), values={})


def row(place: int, cell: str) -> str:
    cells = ROWS[0].split(",")
    cells[place] = f'"{cell}"' if {"\n", ","} & set(cell) else cell
    return text(ROWS[2], ",".join(cells))


WRONG = [
    ("", "table.csv:1: there is no header"),
    ("\n\n", "table.csv:1: there is no header"),
    (",,,\n", "table.csv:1: there is no header"),
    (HEADER, "table.csv: there is no image in it"),
    (HEADER + "\n\n\n", "table.csv: there is no image in it"),
    (text(*ROWS).replace(",", ";"), "table.csv:1: semicolons stand between the cells; save"),
    (text(*ROWS, header=HEADER.replace("Patient ID", "ID")), "1: the column 'Patient ID' is"),
    (text(*ROWS, header=HEADER.replace("Gender", "Height")), "the column 'Patient Gender' is"),
    (text(ROWS[0], ROWS[1] + ",x"), "table.csv:3: has 12 cells, expected 11"),
    (text(ROWS[0], ROWS[1][:30]), "table.csv:3: has 2 cells, expected 11"),
    (text(ROWS[0], "", ROWS[1]), "table.csv:3: has 0 cells, expected 11"),
    (text(*ROWS[:2], ROWS[0]), "table.csv:4: 00000002_000.png is there already, in line 2"),
    (row(0, ""), "table.csv:3: '' is not an image's file name"),
    (row(0, "../x.png"), "table.csv:3: '../x.png' is not an image's file name"),
    (row(0, "/etc/passwd"), "table.csv:3: '/etc/passwd' is not an image's file name"),
    (row(0, ".hidden"), "table.csv:3: '.hidden' is not an image's file name"),
    (row(0, "a/b.png"), "table.csv:3: 'a/b.png' is not an image's file name"),
    (row(0, "a\nb.png"), r"table.csv:3: 'a\nb.png' is not an image's file name"),
    (row(0, "a.png\n"), r"table.csv:3: 'a.png\n' is not an image's file name"),
    (row(0, "ä.png"), "table.csv:3: 'ä.png' is not an image's file name"),
    (row(0, "a" * 201), "is not an image's file name"),
    (row(1, "Hernja"), "table.csv:3: unknown finding 'Hernja'; did you mean hernia?"),
    (row(1, ""), "table.csv:3: unknown finding ''"),
    (row(1, "Mass|"), "table.csv:3: unknown finding ''"),
    (row(1, "Mass;Hernia"), "table.csv:3: unknown finding 'Mass;Hernia'"),
    (row(1, "Mass|No Finding"), "table.csv:3: 'Mass|No Finding' is both a finding and none"),
    (row(2, "-1"), "table.csv:3: follow_up is '-1', expected a whole number"),
    (row(2, "1.0"), "table.csv:3: follow_up is '1.0', expected a whole number"),
    (row(2, "1_0"), "table.csv:3: follow_up is '1_0', expected a whole number"),
    (row(2, "٣"), "table.csv:3: follow_up is '٣', expected a whole number"),
    (row(3, ""), "table.csv:3: patient is '', expected a number"),
    (row(3, "P7"), "table.csv:3: patient is 'P7', expected a number"),
    (row(3, "2147483648"), "table.csv:3: patient is '2147483648', expected a number"),
    (row(4, "58W"), "table.csv:3: age is '58W', expected an age such as 58, 058Y or 011M"),
    (row(4, "-3"), "table.csv:3: age is '-3', expected an age"),
    (row(4, "1000"), "table.csv:3: age is '1000', expected an age"),
    (row(4, "٣"), "table.csv:3: age is '٣', expected an age"),
    (row(5, "X"), "table.csv:3: sex is 'X', expected one of M, F"),
    (row(6, "LL"), "table.csv:3: view is 'LL', expected one of PA, AP"),
    (row(7, "9" * 5000), "table.csv:3: width is '9999"),
    (row(7, "1e3"), "table.csv:3: width is '1e3', expected a whole number"),
    (row(9, "nan"), "table.csv:3: spacing_x is 'nan', expected a number"),
    (row(9, "inf"), "table.csv:3: spacing_x is 'inf', expected a number"),
    (row(9, "1e999"), "table.csv:3: spacing_x is '1e999', expected a number"),
    (row(10, "-0.1"), "table.csv:3: spacing_y is '-0.1', expected a number"),
    (row(10, "1_0"), "table.csv:3: spacing_y is '1_0', expected a number"),
    (text(ROWS[0] + '"', ROWS[1]), "table.csv:2"),
    (text("x" * 200_000), "table.csv:2: field larger than field limit"),
    (text(ROWS[0]).encode() + b"\xff\xfe", "is not UTF-8 text (byte "),
    (
        gzip.compress(text(*ROWS).encode() * 50, mtime=0)[:-200],
        "the gzip file is cut off; fetch it again",
    ),
    (gzip.compress(text(*ROWS).encode())[:-4], "the gzip file is cut off; fetch it again"),
    (b"\x1f\x8b", "the gzip file is cut off; fetch it again"),
    (b"PK\x03\x04 a spreadsheet", "is a spreadsheet or an archive; save it as a CSV file"),
    (b"\xd0\xcf\x11\xe0 an old one", "is a spreadsheet or an archive; save it as a CSV file"),
    (b"\x1f\x8bnonsense", "table.csv: cannot be read"),
    (gzip.compress(text(*ROWS).encode())[:-8] + b"\0" * 8, "table.csv: cannot be read: CRC"),
    (gzip.compress(text(*ROWS).encode())[:10] + b"\0" * 40, "the gzip file is damaged; fetch it"),
    (row(6, "PA\0"), r"table.csv:3: view is 'PA\x00', expected one of PA, AP"),
]


@pytest.mark.parametrize(("data", "message"), WRONG, ids=lambda each: repr(each)[-50:])
def test_a_wrong_table_is_one_line_that_says_where(
    tmp_path: Path, data: str | bytes, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, data)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.csv"):
        with pytest.raises(InputError, match="cannot be read: "):
            read_metadata(path, TABLE, NIH.vocabulary, SILENT)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 300), st.booleans())
def test_a_damaged_table_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, place: int, zipped: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    data = gzip.compress(text(*ROWS).encode()) if zipped else text(*ROWS).encode()
    found: InputError | None = None
    try:
        read(folder, data[:place] + junk + data[place + len(junk) :])
    except InputError as error:
        found = error
    assert found is None or str(found).isprintable()


def test_the_real_table_is_as_its_facts_say() -> None:
    path = BUILT_IN / "nih-chest-xray" / TABLE.file
    found = read_metadata(path, TABLE, NIH.vocabulary, SILENT)
    assert len(found) == 112_120
    assert len(set(found.patients)) == 30_805
    assert Counter(found.sexes) == {"M": 63_340, "F": 48_780}
    assert Counter(found.views) == {"PA": 67_310, "AP": 44_810}
    assert (min(filter(None, found.ages)), max(filter(None, found.ages))) == (1, 95)
    assert max(Counter(found.patients).values()) == 184
    assert len(found.findings) == 836
    assert max(map(len, found.findings.values())) == 9
    assert all(
        int(name[:8]) == int(each) for name, each in zip(found.names, found.patients, strict=True)
    )
    suffixes = [int(name[9:12]) for name in found.names]
    assert sum(one != two for one, two in zip(suffixes, found.follow_ups, strict=True)) == 24_106
    assert list(found.names) == sorted(found.names)
