"""What is found, where and how; and what must not be taken for it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrcat.catalog.audit.derived import built_in, read_derived
from cxrcat.catalog.audit.evidence import Reader
from cxrcat.catalog.audit.texts import Text, TextKind, from_bytes
from cxrcat.catalog.datasets import BUILT_IN, read_descriptor
from cxrcat.schemas.errors import InputError

from ...audit_corpus import score

Make = Callable[[str, str], Text]

NIH = read_descriptor(BUILT_IN / "nih-chest-xray" / "dataset.yaml")
TITLE = NIH.citations[0].title
LINK = "https://nihcc.app.box.com/v/ChestXray-NIHCC"
READER = score.reader()


def met(reader: Reader, text: Text) -> set[tuple[str, str]]:
    return {(each.duty, each.how) for each in reader.evidence(text)}


def test_evidence_says_where_by_which_words_and_how(reader: Reader, text: Make) -> None:
    said = text(
        "README.md",
        f"# Net\n\nData: [site]({LINK}/folder/36938765345).\n\nThe data were\n"
        "provided by the NIH Clinical Center.\n\n> doi:10.1109/CVPR.2017.369\n",
    )
    credit = "The data were provided by the NIH Clinical Center."
    found = [(each.line, each.duty, each.how, each.words) for each in reader.evidence(said)]
    assert found == [
        (3, "nih-link", "url", f"{LINK}/folder/36938765345"),
        (6, "nih-acknowledgement", "acknowledgement", credit),
        (8, "nih-citation", "doi", "10.1109/CVPR.2017.369"),
    ]


@pytest.mark.parametrize(
    ("name", "words", "how"),
    [
        ("a.md", "https://dx.doi.org/10.1109/cvpr.2017.369", "doi"),
        ("a.md", "doi.org/10.1109%2FCVPR.2017.369", "doi"),
        ("a.tex", r"doi: 10.1109\slash CVPR.2017.\allowbreak 369", "doi"),
        ("a.txt", "10.1109/\nCVPR.2017.369.", "doi"),
        ("a.md", "arXiv:1705.02315v5", "arxiv"),
        ("a.md", "https://arxiv.org/pdf/1705.02315.pdf", "arxiv"),
        ("a.md", "https://ieeexplore.ieee.org/document/8099852", "url"),
        ("a.bib", "@x{y, doi={10.1109/CVPR.2017.369}}", "bibtex"),
        ("a.md", f"```\n@inbook{{x,\n year={{2017}},\n title={{{TITLE}}}\n}}\n```", "bibtex"),
        ("CITATION.cff", f"references:\n  - title: '{TITLE}'", "cff"),
        ("a.md", TITLE.upper(), "title"),
        ("a.md", "*" + TITLE.replace(" ", "* *") + "*", "title"),
        ("a.tex", TITLE.replace("base", "ba-\nse").replace("Hosp", "{H}osp"), "title"),
        ("a.txt", "Wang X. et al. ChestX-ray8. CVPR, pp. 3462–3471 (2017)", "facts"),
        ("a.txt", "Wang et al., ChestX-ray14, pages 2097--2106", "facts"),
    ],
)  # fmt: skip
def test_a_citation_in_any_form(
    reader: Reader, text: Make, name: str, words: str, how: str
) -> None:
    if how == "facts":
        words = words if "2017" in words else words + ", 2017"
    assert ("nih-citation", how) in met(reader, text(name, words))
    assert reader.may_concern(words.encode()) or "\\" in words


@pytest.mark.parametrize(
    "words",
    [
        "10.1109/CVPR.2017.3690 and 210.1109/CVPR.2017.369",
        "1705.023155 and 11705.02315",
        "Hospital-scale chest X-ray database",
        "Wang et al., CVPR 2017",
        "ChestX-ray8, CVPR 2017",
        "Weakly-supervised classification of common thorax diseases",
    ],
)
def test_what_is_no_citation(reader: Reader, text: Make, words: str) -> None:
    assert not reader.evidence(text("a.md", words))


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_a_title_is_known_through_a_few_misprints(seed: int, count: int) -> None:
    chance = random.Random(seed)
    letters = list(TITLE)
    for _ in range(count):
        at = chance.randrange(len(letters))
        letters[at] = chance.choice(["", "q", letters[at] * 2])
    words = f"[3] X. Wang: {''.join(letters)}, 2017."
    made = from_bytes(Path("a.txt"), TextKind.PLAIN, words.encode())
    assert made is not None
    assert any(each.duty == "nih-citation" for each in READER.evidence(made))
    assert READER.may_concern(words.encode())


@pytest.mark.parametrize(
    "words",
    [
        "We thank the NIH Clinical Center for the data.",
        "Images courtesy of the U.S. National Institutes of Health Clinical Center.",
        "The NIH Clinical Center is the data provider of the NIH Chest X-ray dataset.",
        "ChestX-ray14 was released by the National Institutes of Health (NIH) Clinical Center.",
        "The Clinical Center of the\nNational Institutes of Health released these radiographs.",
        "provider: NIH Clinical Center",
        "## Credits\n\n* NIH Clinical Center",
        "Our radiographs come from the NIH Clinical Centre in Bethesda.",
        "Not labels but images: the NIH Clinical Center is acknowledged for sharing the images.",
        "数据集由美国国立卫生研究院临床中心提供。",
    ],
)
def test_a_credit(reader: Reader, text: Make, words: str) -> None:
    assert met(reader, text("a.md", words)) == {("nih-acknowledgement", "acknowledgement")}


@pytest.mark.parametrize(
    "words",
    [
        "X. Wang is with the NIH Clinical Center, Bethesda.",
        "We did not use data from the NIH Clinical Center.",
        "The data are provided by the NIH.",
        "Please acknowledge the NIH Clinical Center.",
        "This study was funded by the NIH Clinical Center.",
        "The NIH Clinical Center does not endorse this software.",
        "Thanks to Dr. Roe of the NIH Clinical Center for comments.",
        "Unlike the data provided by the NIH Clinical Center, ours are lateral views.",
        TITLE,
    ],
)
def test_what_is_no_credit(reader: Reader, text: Make, words: str) -> None:
    assert "nih-acknowledgement" not in {duty for duty, _ in met(reader, text("a.md", words))}


@pytest.mark.parametrize(
    "words",
    [
        "https://www.kaggle.com/datasets/nih-chest-xrays/data",
        "https://nihcc.app.box.com/v/DeepLesion",
        "https://nihcc.app.box.com/v/ChestXray-NIHCCs",
        "https://arxiv.org/abs/1711.05225",
    ],
)
def test_what_is_no_link(reader: Reader, text: Make, words: str) -> None:
    assert "nih-link" not in {duty for duty, _ in met(reader, text("a.md", words))}


def test_code_and_comments_meet_nothing(reader: Reader, text: Make) -> None:
    words = f"{LINK} 10.1109/CVPR.2017.369 data provided by the NIH Clinical Center"
    for name, line in (
        ("a.py", f"# {words}"),
        ("a.yaml", f"note: {words}"),
        ("a.tex", f"x % {words}"),
        ("a.bib", f"% {words}"),
        ("a.md", f"x <!-- {words} -->"),
        ("a.html", f"<p>x</p><!--\n{words}\n-->"),
        ("b.tex", f"x \\begin{{comment}}\n{words}\n\\end{{comment}}"),
    ):
        assert not reader.evidence(text(name, line)), name


@pytest.mark.parametrize(
    ("name", "words", "what", "strength"),
    [
        ("a.md", "We trained on ChestX-ray14.", "name", "uses"),
        ("a.md", "Unlike ChestX-ray14, ours is small.", "name", "mentions"),
        ("a.md", "We compared with ChestX-ray14-trained models.", "name", "uses"),
        ("a.md", "kaggle datasets download nih-chest-xrays/data", "url", "uses"),
        ("a.py", "d = xrv.datasets.NIH_Dataset(path)", "loader", "uses"),
        ("a.py", "pd.read_csv('Data_Entry_2017_v2020.csv')", "file", "uses"),
        ("a.sh", "gsutil ls gs://gcs-public-data--healthcare-nih-chest-xray/png", "bucket", "uses"),
        ("a.py", "# ChestX-ray14 would be larger", "name", "mentions"),
        ("a.bib", f"@x{{y, title={{{TITLE}}}}}", "citation", "mentions"),
        ("a.md", "Trained on RSNA Pneumonia.", "derived:rsna-pneumonia", "uses"),
        ("a.py", "open('four_findings_expert_labels/test_labels.csv')", "part:expert4", "uses"),
    ],
)
def test_a_reference(
    reader: Reader, text: Make, name: str, words: str, what: str, strength: str
) -> None:
    found = reader.references(text(name, words))
    assert (what, strength) in {(each.what, each.strength) for each in found}
    assert {each.dataset for each in found} == {"nih-chest-xray"}
    assert reader.may_concern(words.encode())


@pytest.mark.parametrize(
    "words",
    [
        "a chest X-ray 14 days after surgery, and chest x-ray 8 of 20",
        "chest x-ray. 14 patients",
        "NIH chest X-rays of Montgomery County",
        "chest_xray/train/NORMAL",
        "myChestX-ray145",
        "the NIHCC software licence",
        "a CNN for the NIH dataset of malaria cells",
    ],
)
def test_what_is_no_reference(reader: Reader, text: Make, words: str) -> None:
    assert not reader.references(text("a.md", words))


def test_what_a_reference_owes(reader: Reader, text: Make) -> None:
    owed = {
        each.what: reader.owed_for(each)
        for each in reader.references(
            text(
                "a.py",
                "open('four_findings_expert_labels')\nopen('Data_Entry_2017.csv')\n"
                "open('stage_2_train_labels.csv')",
            )
        )
    }
    three = tuple(NIH.owes)
    assert owed["file"] == three
    assert owed["part:expert4"] == (*three, "expert4-citation")
    assert owed["derived:rsna-pneumonia"] == (*three, "rsna-pneumonia-citation")


def test_another_dataset_is_known_by_its_descriptor_alone(text: Make) -> None:
    changed = NIH.model_copy(
        update={
            "slug": "ward",
            "recognise": NIH.recognise.model_copy(update={"names": ["Ward Films 3"]}),
        }
    )
    reader = Reader([changed], built_in())
    found = reader.references(text("a.md", "# Trained on ward-films 3"))
    assert [(each.dataset, each.what, each.strength) for each in found] == [
        ("ward", "name", "uses")
    ]
    assert not reader.references(text("a.md", "Trained on RSNA Pneumonia."))  # made from NIH's


@given(st.text(max_size=300), st.sampled_from([k for k in TextKind if not k.is_packed]))
def test_any_words_are_read(words: str, kind: TextKind) -> None:
    said = f"ChestX-ray14 {words} NIH Clinical Center"
    made = from_bytes(Path("x"), kind, said.encode(errors="ignore"))
    if made is not None:
        lines = {number for number, _ in made.segments}
        assert {each.line for each in READER.evidence(made)} <= lines
        assert {each.line for each in READER.references(made)} <= lines


@pytest.mark.parametrize(
    "piece",
    [
        *("<!--", "<a", "\\url{", "](", "](((", "@a{b,", "| ", "[", "\n#", "\\", "-\n", "---\n"),
        *("NIH Clinical Center ", "ChestX-ray14 ", "data by ", "thanks "),
        "Hospital-scale Chest X-ray Database ",
    ],
)
def test_words_that_repeat_without_end_take_no_time(reader: Reader, text: Make, piece: str) -> None:
    made = text("a.md", "ChestX-ray14 " + piece * (200_000 // len(piece)) + " NIH Clinical Center")
    start = time.process_time()
    reader.evidence(made)
    reader.references(made)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("piece", ["-", "a.", "a/", "| ", "* ", "well-known ", "(KEYWORDS = ["])
@pytest.mark.parametrize("name", ["README.md", "code.js"])
def test_names_after_endless_lines_take_no_time(
    reader: Reader, text: Make, piece: str, name: str
) -> None:
    begun = time.perf_counter()
    reader.references(text(name, (piece * 20_000 + " ChestX-ray14 ") * 4))
    assert time.perf_counter() - begun < 5


def test_names_of_folders_show_use_and_those_of_papers_do_not(reader: Reader) -> None:
    paths = [
        "data/ChestX-ray14/labels/a.json",
        "data/ChestX-ray14/labels/b.json",
        "papers/chestx-ray8.md",
        "rsna-pneumonia-detection-challenge/run.py",
    ]
    found = [(each.path, each.what, each.strength) for each in reader.named_after(paths)]
    assert sorted(found) == [
        ("data/ChestX-ray14", "path", "uses"),
        ("papers/chestx-ray8.md", "path", "mentions"),
        ("rsna-pneumonia-detection-challenge", "derived:rsna-pneumonia", "uses"),
    ]
    assert reader.named_after([]) == reader.named_after(["src/a.py", "b"]) == []


@pytest.mark.parametrize(
    ("name", "owners"),
    [
        ("README_CHESTXRAY.md", True),
        ("data/README_ChestXray.pdf.txt", True),
        ("data/FAQ_CHESTXRAY (1).txt", True),
        ("README_CHESTXRAY14.md", False),
        ("README.md", False),
    ],
)
def test_papers_that_come_with_the_data_meet_no_duty(
    reader: Reader, text: Make, name: str, owners: bool
) -> None:
    words = text(name, f"Cite {TITLE}. Data of the NIH Clinical Center: {LINK}")
    assert bool(reader.evidence(words)) is not owners


@pytest.mark.parametrize(
    "words", ["Data: the ChestXray-NIHCC images", "Source: NIHCC_v2", "Images from /data/NIHCC/x"]
)
def test_a_party_within_another_name_is_not_credited(
    reader: Reader, text: Make, words: str
) -> None:
    assert "nih-acknowledgement" not in {duty for duty, _ in met(reader, text("a.md", words))}


def test_a_short_name_in_random_letters_is_none(reader: Reader, text: Make) -> None:
    assert not reader.references(text("a.txt", "bh=Qm9/4CXR8/kLs3+aaQz0fZ8="))
    assert reader.references(text("a.py", "root = '/data/CXR8/images'"))


def test_what_is_of_no_concern_is_passed_over(reader: Reader) -> None:
    for words in (b"", b"import torch", b"a chest x-ray of CheXpert", bytes(range(256)) * 10):
        assert not reader.may_concern(words)


def test_a_wrong_file_of_derived_datasets_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "derived.yaml"
    path.write_text(
        "format: cxrcat.derived/1\ndatasets:\n  - slug: x\n    title: X\n    of: [y]\n"
        "    owes: [nothing]\n    recognise: {}\n"
    )
    with pytest.raises(InputError, match=r"derived\.yaml:3: datasets\.0: 'nothing' is referred to"):
        read_derived(path)
