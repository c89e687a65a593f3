"""The built-in descriptor says of NIH's dataset what its owners say, word for word."""

from __future__ import annotations

import re

import pytest

from cxrcat.catalog.audit.derived import built_in
from cxrcat.catalog.checksums import of_file
from cxrcat.catalog.datasets import BUILT_IN, read_descriptor
from cxrcat.schemas.terms import DutyKind

FOLDER = BUILT_IN / "nih-chest-xray"
NIH = read_descriptor(FOLDER / "dataset.yaml")
LINK = "https://nihcc.app.box.com/v/ChestXray-NIHCC"
BUCKET = "gs://gcs-public-data--healthcare-nih-chest-xray"

FINDINGS = {
    *("atelectasis", "cardiomegaly", "consolidation", "edema", "effusion", "emphysema"),
    *("fibrosis", "hernia", "infiltration", "mass", "nodule", "pleural_thickening"),
    *("pneumonia", "pneumothorax"),
}

ARCHIVES = """
001 vfk49d74nhbxq3nqjg0900w5nvkorp5c 2008470987 fe8ed0a6961412fddcbb3603c11b3698
002 i28rlmbvmfjbl8p2n3ril0pptcmcu9d1 3952623504 ab07a2d7cbe6f65ddd97b4ed7bde10bf
003 f1t00wrtdk94satdfb9olcolqx20z2jp 3929234850 2301d03bde4c246388bad3876965d574
004 0aowwzs5lhjrceb3qp67ahp0rd1l1etg 3838903983 9f1b7f5aae01b13f4bc8e2c44a4b8ef6
005 v5e3goj22zr6h8tzualxfsqlqaygfbsn 3935496531 1861f3cd0ef7734df8104f2b0309023b
006 asi7ikud9jwnkrnkj99jnpfkjdes7l6l 3986301172 456b53a8b351afd92a35bc41444c58c8
007 jn1b4mw4n6lnh74ovmcjb8y48h8xj07n 4016328426 1075121ea20a137b87f290d6a4a5965e
008 tvpxmn7qyrgl0w8wfh9kqfjskv6nmm1j 4018347353 b61f34cec3aa69f295fbb593cbd9d443
009 upyy3ml7qdumlgk2rfcvlb9k6gvqq2pj 4111327929 442a3caa61ae9b64e61c561294d1e183
010 l6nilvfa9cg3s28tqv1qc1olm3gnz54p 4181556296 09ec81c4c31e32858ad8cf965c494b74
011 hhq8fkdgvcari67vfhs7ppg2w6ni4jze 4187084020 499aefc67207a5a97692424cf5dbeed5
012 ioqwiy20ihqwyr8pf4c24eazhh281pbu 2914187733 dc9fda1757c2de0032b63347a7d2895c
"""


def test_the_dataset() -> None:
    assert (NIH.slug, NIH.homepage, NIH.provider.name) == (
        "nih-chest-xray",
        LINK,
        "NIH Clinical Center",
    )
    assert {word.name for word in NIH.vocabulary.findings} == FINDINGS
    assert len(NIH.vocabulary.findings) == 14
    assert NIH.vocabulary.no_finding is not None
    assert NIH.vocabulary.no_finding.label == "No Finding"
    assert NIH.vocabulary.spellings()["infiltrate"] == "infiltration"  # as the boxes say it
    release = NIH.version_of(NIH.default_version)
    assert (release.version, release.images, release.patients) == ("v2020", 112_120, 30_805)
    assert NIH.default_labels.states == ["present"]


def test_the_terms_are_in_the_owners_words() -> None:
    assert NIH.terms.words == (
        "The usage of the data set is unrestricted. But you should provide the link to our "
        "original download site, acknowledge the NIH Clinical Center and provide a citation to "
        "our CVPR 2017 paper."
    )
    assert NIH.terms.licence.startswith("LicenseRef-")  # SPDX has none for these terms
    assert NIH.terms.url == LINK


def test_every_slice_owes_the_link_the_citation_and_the_acknowledgement() -> None:
    duties = {duty.id: duty for duty in NIH.duties}
    link, citation, thanks = (duties[name] for name in NIH.owes)
    assert (link.kind, link.url) == (DutyKind.LINK, LINK)
    assert (citation.kind, citation.citation) == (DutyKind.CITATION, "wang2017chestxray8")
    assert (thanks.kind, thanks.party) == (DutyKind.ACKNOWLEDGEMENT, "NIH Clinical Center")
    assert "NIH Clinical Center is the data provider" in thanks.text
    assert len(NIH.owes) == 3


def test_the_paper() -> None:
    (paper,) = [work for work in NIH.citations if work.id == "wang2017chestxray8"]
    assert paper.title == (
        "ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks on Weakly-Supervised "
        "Classification and Localization of Common Thorax Diseases"
    )
    assert (paper.doi, paper.arxiv) == ("10.1109/CVPR.2017.369", "1705.02315")
    assert (paper.page, paper.other_pages) == ("3462-3471", ["2097-2106"])
    assert (paper.issued.year, paper.container_title) == (2017, "IEEE CVPR")
    names = [f"{each.given} {each.family}" for each in paper.author]
    assert names == [
        "Xiaosong Wang",
        "Yifan Peng",
        "Le Lu",
        "Zhiyong Lu",
        "Mohammadhadi Bagheri",
        "Ronald Summers",
    ]
    assert paper.as_worded == f"{', '.join(names)}, {paper.title}, IEEE CVPR, pp. 3462-3471, 2017."
    record = paper.csl()
    assert record["DOI"] == paper.doi
    assert record["issued"] == {"date-parts": [[2017]]}
    assert not {"arxiv", "as_worded", "other_pages", "doi"} & set(record)


@pytest.mark.parametrize(
    ("name", "doi", "authors", "first", "last", "year"),
    [
        ("majkowska2020", "10.1148/radiol.2019191293", 14, "Majkowska", "Shetty", 2020),
        ("nabulsi2021", "10.1038/s41598-021-93967-2", 22, "Nabulsi", "Shetty", 2021),
    ],
)
def test_the_papers_of_the_expert_labels(
    name: str, doi: str, authors: int, first: str, last: str, year: int
) -> None:
    (paper,) = [work for work in NIH.citations if work.id == name]
    assert (paper.doi, len(paper.author), paper.issued.year) == (doi, authors, year)
    assert (paper.author[0].family, paper.author[-1].family) == (first, last)
    assert any(duty.citation == name for duty in NIH.duties)


def test_the_expert_labels() -> None:
    four, all_of_them = NIH.labels_of("expert4"), NIH.labels_of("expert14")
    assert [word.name for word in four.findings] == [
        *("fracture", "pneumothorax", "airspace_opacity", "nodule_or_mass"),
    ]
    assert {word.name for word in all_of_them.findings} == FINDINGS | {"abnormal", "other"}
    assert NIH.uncounted("expert14") == {"abnormal"}
    assert NIH.uncounted("expert4") == set()
    assert NIH.uncounted("nih") == {"no_finding"}
    assert [table.files for table in four.tables] == [
        ["validation_labels.csv", "test_labels.csv"],
        ["individual_readers.csv"],
    ]
    assert [table.files for table in all_of_them.tables] == [
        ["test_labels.csv"],
        ["test_individual_readers.csv"],
    ]
    assert NIH.access_form is not None
    for labels in (four, all_of_them):
        assert labels.owes == [f"{labels.slug}-citation"]
        assert labels.access is not None
        assert labels.access.endswith(NIH.access_form.url)
        assert [table.reader for table in labels.tables] == [[], ["Reader ID"]]
        for table in labels.tables:
            states = table.states()
            assert {cell for cell, state in states.items() if state == "present"} == {"yes", "1"}
            assert {cell for cell, state in states.items() if state == "absent"} == {"no", "0"}
            assert (states["hedge"], states[""]) == ("uncertain", None)
    spellings = {spelling for word in four.findings for spelling in word.spellings()}
    assert {"Nodule or mass", "Nodule/mass", "Airspace opacity"} <= spellings
    (thickening,) = [word for word in all_of_them.findings if "thickening" in word.name]
    assert thickening.label == "Pleural Thickening"


def test_the_split() -> None:
    (split,) = NIH.splits
    assert [(part.name, part.file, part.images) for part in split.parts] == [
        ("train_val", "train_val_list.txt", 86_524),
        ("test", "test_list.txt", 25_596),
    ]
    assert sum(part.images or 0 for part in split.parts) == NIH.version_of("v2020").images


def test_the_archives() -> None:
    (source,) = [each for each in NIH.sources if each.slug == "nih-archives"]
    expected = [line.split() for line in ARCHIVES.strip().splitlines()]
    found = [
        [archive.file[7:10], archive.url.split("/")[-1][:-3], str(archive.size), archive.md5]
        for archive in source.archives
    ]
    assert found == expected
    for archive in source.archives:
        assert re.fullmatch(r"images_\d{3}\.tar\.gz", archive.file)
        assert archive.url.startswith("https://nihcc.box.com/shared/static/")


def test_the_sources() -> None:
    sources = {source.slug: source for source in NIH.sources}
    assert sources["gcs-png"].uri_of("00000001_000.png") == f"{BUCKET}/png/00000001_000.png"
    assert sources["gcs-dicom"].uri_of("00000001_000.png") == f"{BUCKET}/dicom/00000001_000.dcm"
    assert sources["dicomweb"].uri == (
        "https://healthcare.googleapis.com/v1/projects/chc-nih-chest-xray/locations/us-central1/"
        "datasets/nih-chest-xray/dicomStores/nih-chest-xray/dicomWeb"
    )
    assert sources["bigquery"].uri == "bigquery:chc-nih-chest-xray.nih_chest_xray.nih_chest_xray"
    assert sources["gcs-png"].requester_pays
    assert sources["gcs-dicom"].requester_pays
    assert NIH.source_of_images is sources["gcs-png"]
    converted = {slug for slug, source in sources.items() if "google-conversion" in source.owes}
    assert converted == {"gcs-dicom", "dicomweb", "bigquery"}
    (duty,) = [duty for duty in NIH.duties if duty.id == "google-conversion"]
    assert "converted by Google" in duty.text


def test_the_tables_that_are_shipped_are_those_that_are_described() -> None:
    table = NIH.version_of("v2020").table
    assert str(of_file(FOLDER / table.file)) == table.checksum
    (boxes,) = NIH.boxes
    assert str(of_file(FOLDER / boxes.file)) == boxes.checksum
    assert boxes.frame == (1024, 1024)


def test_what_is_recognised_names_every_duty_of_the_dataset_itself() -> None:
    signs = NIH.recognise
    assert set(signs.links) == {"nih-link"}
    assert "NIH Clinical Center" in signs.parties["nih-acknowledgement"]
    assert {part.slug for part in signs.parts} == {"expert4", "expert14", "dicom"}
    assert set(signs.works) == {work.id for work in NIH.citations}
    buckets = {source.uri.split("/")[2] for source in NIH.sources if source.uri.startswith("gs:")}
    assert buckets <= set(signs.buckets)
    tables = {version.table.file.split(".")[0] for version in NIH.versions}
    assert tables <= set(signs.files)


def test_what_was_made_from_the_images() -> None:
    made = {each.slug: each for each in built_in()}
    assert set(made) == {
        *("rsna-pneumonia", "siim-acr-pneumothorax", "chestx-det", "nih-cxr-lt", "prunecxr"),
        *("chexmask", "chestmnist", "covidx"),
    }
    assert all(each.of == [NIH.slug] and each.owes for each in made.values())
    (work,) = made["rsna-pneumonia"].citations
    assert work.doi == "10.1148/ryai.2019180041"
