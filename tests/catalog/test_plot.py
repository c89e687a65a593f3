"""The picture of a subset: whole, the same every time, with the words that its use owes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from cxrcat.catalog import Catalog, plot
from cxrcat.catalog.formats.wording import paragraph
from cxrcat.schemas.errors import CxrcatError, SourceError, UsageError
from cxrcat.schemas.manifest import Provenance

from . import small

SVG = "{http://www.w3.org/2000/svg}"
DC = "{http://purl.org/dc/elements/1.1/}"


@pytest.fixture(scope="module")
def catalog(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Open a catalog with NIH's dataset, and a small one with labels that are hard to draw."""
    folder = tmp_path_factory.mktemp("plot")
    (folder / "catalog.sqlite").write_bytes(template.read_bytes())
    hostile = "label: \"$x_1$ \\\\frac{ <b> & '漢字' \\u202e ~ %s\"" % ("long " * 20)
    changes = {"label: Nodule": hostile, "label: Mass": 'label: "$"'}
    with Catalog.open(folder / "catalog.sqlite") as opened:
        rows = small.films()
        opened.add_dataset(small.write(folder / "dataset", rows, changes))
        opened.create_subset("every", "true", "$note$", dataset="ward")
        opened.create_subset("nobody", "false")
        names = " or ".join(f"name = 'no & <such> ${number}'" for number in range(200))
        opened.create_subset("long", f"hernia and not ({names})")
        yield opened


NAMES = ["pneumothorax", "nobody", "long", "ward/every"]


@pytest.fixture(params=NAMES)
def manifest(request: pytest.FixtureRequest, catalog: Catalog) -> Provenance:
    return catalog.manifest(request.param)


def test_an_svg_is_the_same_every_time_and_owes_nothing(
    manifest: Provenance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = plot.draw(manifest, "svg")
    (tmp_path / "matplotlibrc").write_text("font.size: 30\naxes.facecolor: red\n")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "matplotlibrc"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert plot.draw(manifest, "svg") == first
    root = ElementTree.fromstring(first)  # noqa: S314 - ours
    assert root.tag == f"{SVG}svg"
    assert [each.text for each in root.iter(f"{DC}date")] == []
    rights = " ".join("".join(each.itertext()).strip() for each in root.iter(f"{DC}rights"))
    assert rights == paragraph(manifest)
    provider = manifest.dataset.provider.name
    assert provider in "".join("".join(each.itertext()) for each in root.iter(f"{DC}publisher"))


def test_a_png_is_a_picture_with_its_attribution(catalog: Catalog, tmp_path: Path) -> None:
    for name in NAMES:
        path = tmp_path / f"{name.replace('/', '-')}.PNG"
        catalog.plot(name, path)
        with Image.open(path) as image:
            image.load()
            assert image.width == 1690
            assert 1300 < image.height < 2000
            assert len(set(image.convert("L").resize((60, 60)).tobytes())) > 20
            assert image.info["Copyright"] == paragraph(catalog.manifest(name))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "long.PNG",
        "nobody.PNG",
        "pneumothorax.PNG",
        "ward-every.PNG",
    ]


def test_the_words_below_name_the_provider_and_the_work(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plot._LOOK, "svg.fonttype", "none")  # text stays text, to be read here
    drawn = plot.draw(catalog.manifest("pneumothorax"), "svg")
    root = ElementTree.fromstring(drawn)  # noqa: S314 - ours
    texts = ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]
    said = " ".join(" ".join(texts).split())
    for words in (
        "pneumothorax@1",
        "5,302 images of 1,487 patients, from NIH ChestX-ray14 v2020",
        "The NIH Clinical Center is the data provider",
        "https://nihcc.app.box.com/v/ChestXray-NIHCC",
        "10.1109/CVPR.2017.369",
        *("Pleural_Thickening", "No Finding", "F (2,585)", "M (2,717)", "1,895", "3,407", "615"),
    ):
        assert words in said, words


def test_a_file_of_that_name_is_replaced_whole(catalog: Catalog, tmp_path: Path) -> None:
    path, other = tmp_path / "x.svg", tmp_path / "other"
    other.write_text("mine")
    path.symlink_to(other)
    catalog.plot("hernia", path)
    assert path.read_bytes() == plot.draw(catalog.manifest("hernia"), "svg")
    assert not path.is_symlink()
    assert other.read_text() == "mine"
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    assert sorted(each.name for each in tmp_path.iterdir()) == ["other", "x.svg"]


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("x.pdf", UsageError, "ends in .svg or .png"),
        ("x", UsageError, "ends in .svg or .png"),
        (".svg", UsageError, "ends in .svg or .png"),
        ("folder.svg", UsageError, "is a folder"),
        ("nowhere/x.svg", UsageError, "nowhere: there is no such folder"),
        ("file/x.svg", UsageError, "file: there is no such folder"),
        ("/proc/x.svg", SourceError, "/proc/x.svg: cannot be written"),
        (f"{'x' * 300}.svg", SourceError, "cannot be written: File name too long"),
    ],
)
def test_what_cannot_be_written(
    catalog: Catalog, tmp_path: Path, name: str, error: type[CxrcatError], words: str
) -> None:
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(error, match=words):
        catalog.plot("hernia", tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.svg"]


def test_a_subset_that_is_not_there(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean hernia"):
        catalog.plot("hernai", tmp_path / "x.svg")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_it_says_what_to_install(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"pip install 'cxrcat\[plot\]'"):
        catalog.plot("hernia", tmp_path / "x.svg")
    assert list(tmp_path.iterdir()) == []
