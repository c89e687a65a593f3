"""One file of a label set as it is met: its quirks are read, and what is wrong is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrcat.catalog.labels.check import combine
from cxrcat.catalog.labels.files import Rows, match, read_list, read_table
from cxrcat.schemas.errors import InputError, UsageError
from cxrcat.schemas.labels import FindingWord, LabelTable

SUM = "xxh128:" + "0" * 32
WORDS = [
    FindingWord(name="fracture", label="Fracture"),
    FindingWord(name="nodule_or_mass", label="Nodule or mass", synonyms=["Nodule/mass"]),
]
TABLE = LabelTable.model_validate(
    {
        "files": ["labels.csv"],
        "image": ["Image ID", "Image Index"],
        "values": {"present": ["YES", "1"], "absent": ["NO", "0"], "uncertain": ["HEDGE"]},
        "unstated": [""],
    }
)
READERS = TABLE.model_copy(update={"reader": ["Reader ID"]})
TEXT = "Set Id,Image ID,Nodule or mass,Fracture\nx,a.png,YES,NO\nx,b.png,0,HEDGE\nx,c.png,,1\n"
STATES = [("absent", "present"), ("uncertain", "absent"), ("present", None)]


def read(folder: Path, data: bytes | str, table: LabelTable = TABLE) -> tuple[Rows, list[str]]:
    path = folder / "labels.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_table(path, table, WORDS, SUM)


def refusal(folder: Path, data: bytes | str, table: LabelTable = TABLE) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, data, table)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.rstrip("\n").encode(),
        TEXT.replace("\n", "\r\n").rstrip().encode(),
        TEXT.encode("utf-8-sig"),
        gzip.compress(TEXT.encode(), mtime=0),
        TEXT.replace("\n", ",,\n").encode(),
        TEXT.replace("Set Id,Image ID", "Set ID,image index").encode(),
        TEXT.replace("Nodule or mass", "Nodule/mass").encode(),
        TEXT.replace("Nodule or mass,Fracture", " nodule or mass , FRACTURE ").encode(),
        TEXT.replace("YES", " yes ").replace("HEDGE", "Hedge").encode(),
        (TEXT + "\n\n").encode(),
    ],
    ids=lambda data: repr(data[:40]),
)
def test_a_table_is_read_whatever_its_dress(tmp_path: Path, data: bytes) -> None:
    rows, remarks = read(tmp_path, data)
    assert rows.findings == ("fracture", "nodule_or_mass")
    assert rows.images == ["a.png", "b.png", "c.png"]
    assert rows.readers is None
    assert rows.states == STATES
    assert (rows.file.name, rows.file.checksum, rows.file.rows) == ("labels.csv", SUM, 3)
    assert remarks == []


def test_rows_that_say_nothing_are_remarked_on(tmp_path: Path) -> None:
    rows, remarks = read(tmp_path, TEXT + "x,d.png,,\nx,e.png, ,\n")
    assert rows.states[3:] == [(None, None)] * 2
    assert remarks == ["labels.csv: rows that say nothing: 2"]


def test_readers_are_read(tmp_path: Path) -> None:
    text = "Reader ID,Image ID,Nodule/mass,Fracture\n 12 ,a.png,HEDGE,NO\n7,a.png,NO,NO\n"
    rows, _ = read(tmp_path, text, READERS)
    assert rows.readers == ["12", "7"]
    assert rows.states == [("absent", "uncertain"), ("absent", "absent")]


WRONG = [
    (TEXT.replace("Fracture", "Fractures"), "labels.csv:1: the column 'Fracture' is missing"),
    (TEXT.replace("Image ID", "Image"), "labels.csv:1: the column 'Image ID' is missing"),
    (TEXT.replace("Set Id", "Image Index"), "labels.csv:1: the column 'Image ID' is there twice"),
    (TEXT.replace("Set Id", "Nodule/mass"), "the column 'Nodule or mass' is there twice"),
    (TEXT.replace("HEDGE", "MAYBE"), "labels.csv:3: Fracture is 'MAYBE', expected one of YES, 1,"),
    (TEXT.replace("a.png,YES", "a.png,2").replace("HEDGE", "NOO").replace("c.png,", "c.png,x"),
     "so nothing was added: line 2: Nodule or mass is '2', expected one of YES, "),
    (TEXT.replace("YES", "x" * 500), f"Nodule or mass is '{'x' * 59}…'"),
    (TEXT.replace("YES", "\x1b[31m"), "Nodule or mass is '\\x1b[31m'"),
    (TEXT.replace(",", ";"), "labels.csv:1: semicolons stand between the cells; save it with com"),
    (TEXT.replace(",", "\t"), "labels.csv:1: tabs stand between the cells; save it with commas"),
    (TEXT + "x,d.png,NO\n", "labels.csv:5: has 3 cells, expected 4"),
    (TEXT.splitlines()[0], "labels.csv: there is no image in it"),
    ("", "labels.csv:1: there is no header"),
    (b"PK\x03\x04" + b"\0" * 99, "labels.csv: is a spreadsheet or an archive; save it as a CSV"),
    (TEXT.encode("utf-16"), "labels.csv: is not UTF-8 text"),
    (gzip.compress(TEXT.encode(), mtime=0)[:-9], "labels.csv: the gzip file is cut off"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, data: bytes | str, message: str
) -> None:
    assert message in refusal(tmp_path, data)


def test_many_problems_are_counted_and_the_first_told(tmp_path: Path) -> None:
    rows = "".join(f"x,{number}.png,no,?\n" for number in range(1000))
    told = refusal(tmp_path, TEXT + rows)
    assert told.startswith("labels.csv: 1,000 of 1,003 rows are refused, so nothing was added: ")
    assert told.count("Fracture is '?'") == 3
    assert "line 5: " in told
    assert told.endswith("; and 997 more")


@pytest.mark.parametrize("reader", ["", " ", "x" * 65, "a\x00b"])
def test_a_reader_has_a_name(tmp_path: Path, reader: str) -> None:
    text = f"Reader ID,Image ID,Nodule/mass,Fracture\n{reader},a.png,NO,NO\n"
    assert "labels.csv:2: the reader is " in refusal(tmp_path, text, READERS)


def test_an_empty_cell_is_refused_where_nothing_allows_it(tmp_path: Path) -> None:
    strict = TABLE.model_copy(update={"unstated": []})
    assert "labels.csv:4: Nodule or mass is '', expected one of" in refusal(tmp_path, TEXT, strict)


ENDS = {"labels.csv": 1, "test_labels.csv": 2, "list.txt": 3}


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("labels.csv", 1),
        ("LABELS.CSV", 1),
        ("folder_labels.csv", 1),
        ("validation_labels.csv", 1),
        ("test_labels.csv", 2),
        ("four_findings_expert_labels_test_labels.csv", 2),
        ("test_labels (1).csv", 2),
        ("test_labels(12).csv.gz", 2),
        ("list.txt.gz", 3),
    ],
)
def test_a_table_is_known_by_the_end_of_its_name(tmp_path: Path, name: str, table: int) -> None:
    (tmp_path / name).write_text("x")
    ((path, found, _),) = match([tmp_path / name], ENDS, "the set")
    assert (path.name, found) == (name, table)


@pytest.mark.parametrize("name", ["mylist.txt", "labels.csv.bak", "labels.tsv", "abels.csv", "x"])
def test_a_name_that_fits_no_table_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    message = "is none of the files of the set; their names end in labels.csv, test_labels.csv, lis"
    with pytest.raises(UsageError, match=message):
        match([tmp_path / name], ENDS, "the set")


def test_the_same_file_twice_is_refused_under_another_name_too(tmp_path: Path) -> None:
    for name in ("labels.csv", "test_labels.csv"):
        (tmp_path / name).write_text("x")
    paths = [tmp_path / "labels.csv", tmp_path / "test_labels.csv"]
    for given_twice in (paths, paths[:1] * 2):
        with pytest.raises(InputError, match="is the same file as"):
            match(given_twice, ENDS, "the set")


@pytest.mark.parametrize(
    "data",
    [b"a.png\nb.png", b"a.png\r\nb.png\r\n", b"\xef\xbb\xbfa.png\n\nb.png\n", b"a.png,\nb.png,,\n",
     b" a.png\t\nb.png \n", gzip.compress(b"a.png\nb.png", mtime=0)],
)  # fmt: skip
def test_a_list_is_read_whatever_its_dress(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "list.txt").write_bytes(data)
    found = read_list(tmp_path / "list.txt", SUM)
    assert [name for _, name in found.names] == ["a.png", "b.png"]
    assert found.names[1][0] == data.count(b"\n", 0, data.find(b"b.png")) + 1 or data[:1] == b"\x1f"
    assert found.file.rows == 2


CELLS = st.sampled_from(["YES", "NO", "HEDGE", "", "yes", "0", "1"])
MEANT = {"YES": "present", "yes": "present", "1": "present", "NO": "absent", "0": "absent"}
MEANT |= {"HEDGE": "uncertain"}


@settings(max_examples=100, deadline=None)
@given(
    said=st.dictionaries(st.integers(0, 30), st.tuples(CELLS, CELLS), min_size=1),
    places=st.permutations(range(4)),
)
def test_what_is_said_of_each_image_is_what_its_row_says(
    tmp_path_factory: pytest.TempPathFactory,
    said: dict[int, tuple[str, str]],
    places: list[int],
) -> None:
    header = ["Set Id", "Image ID", "Fracture", "Nodule/mass"]
    table = [header, *(["", f"{number}.png", *cells] for number, cells in said.items())]
    text = "\n".join(",".join(row[place] for place in places) for row in table)
    rows, _ = read(tmp_path_factory.mktemp("said"), text)
    found = combine([rows], {f"{number}.png": number for number in range(31)}, "x")
    expected = {
        (word.name, state, number)
        for number, cells in said.items()
        for word, cell in zip(WORDS, cells, strict=True)
        if (state := MEANT.get(cell)) is not None
    }
    assert {(*place, each) for place, images in found.findings.items() for each in images} == (
        expected
    )
    assert found.readings == {}
