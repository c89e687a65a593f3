"""What every export promises, and what every failure looks like, whichever test meets one."""

from __future__ import annotations

import csv
import gzip
import html
import io
import json
import re
import stat
import subprocess
from collections import Counter
from contextlib import redirect_stdout
from datetime import datetime
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files
from pathlib import Path
from typing import Any

import bibtexparser
import jsonschema
import numpy as np
import rispy
import xxhash
import yaml
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from prov.model import ProvDocument
from pycocotools.coco import COCO
from rocrate.rocrate import ROCrate

from cxrcat.schemas.manifest import Provenance

PAPERS = {
    "ATTRIBUTION.md",
    "CITATION.cff",
    "README.md",
    "citations/citation.txt",
    "citations/references.bib",
    "citations/references.csl.json",
    "citations/references.ris",
    "croissant.json",
}
DATED = {"prov.json", "ro-crate-metadata.json"}  # say when, where and by whom
FILES = PAPERS | DATED | {"checksums.xxh128", "metadata.csv", "provenance.json"}
BOXES = {"boxes.csv", "boxes.coco.json"}  # where an image of the slice has one
SIGNED = {"checksums.sha256", "checksums.sha256.sig"}  # where it was signed
NIH = "nih-chest-xray"
SHIPPED = "v2020"
LINK = "https://nihcc.app.box.com/v/ChestXray-NIHCC"
DOI = "10.1109/CVPR.2017.369"
TITLE = (
    "ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks on Weakly-Supervised "
    "Classification and Localization of Common Thorax Diseases"
)
AUTHORS = ("Wang", "Peng", "Lu", "Bagheri", "Summers")
_TABLE = "datasets/nih-chest-xray/Data_Entry_2017_v2020.csv.gz"
_BOXES = "datasets/nih-chest-xray/BBox_List_2017.csv.gz"


def check_export(folder: Path, alone: bool = True) -> Provenance:
    """Assert every promise that an export makes; return its manifest.

    `alone` is for all exports but those after a kill: no run has left anything beside it.
    """
    sizes, digests, sha256, signed = {}, {}, {}, set()
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode), path
        if stat.S_ISREG(mode):
            data = path.read_bytes()
            name = path.relative_to(folder).as_posix()
            if name in SIGNED:
                signed.add(name)
                continue
            sizes[name] = len(data)
            digests[name] = xxhash.xxh3_128_hexdigest(data)
            sha256[name] = _sha256(data)
    images = {name for name in sizes if name.startswith("images/")}
    assert set(sizes) - images - BOXES == FILES
    assert set(sizes) & BOXES in (set(), BOXES)
    assert leftovers(folder) == [] or not alone, leftovers(folder)
    _check_list(folder, digests)
    manifest = _read_manifest(folder)
    assert signed == (SIGNED if "signer" in manifest["export"] else set())
    if signed:
        lines = "".join(f"{sha256[name]}  {name}\n" for name in sorted(sha256))
        assert (folder / "checksums.sha256").read_text("utf-8") == lines
        assert (folder / "checksums.sha256.sig").stat().st_size == 64
    _check_files(manifest, sizes, digests, images)
    rows = _check_table(folder, manifest, sizes, digests, images)
    if manifest["dataset"]["slug"] == NIH:
        if manifest["dataset"]["version"] == SHIPPED:
            _check_against_nih(rows, manifest)
        _check_nih_duties(folder)
    _check_duties(folder, manifest)
    _check_funnel(folder, manifest)
    _check_profile(folder, manifest, rows)
    _check_boxes(folder, manifest, rows)
    _check_references(folder, manifest)
    _check_prov(folder, manifest)
    _check_crate(folder, manifest, sizes, digests)
    _check_croissant(folder, manifest, rows)
    return Provenance.from_json((folder / "provenance.json").read_bytes(), str(folder))


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Return the rows of an export's metadata.csv."""
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def leftovers(folder: Path) -> list[str]:
    """Return what a run left beside a destination."""
    return sorted(path.name for path in folder.parent.iterdir() if ".cxrcat-" in path.name)


def check_failure(
    done: subprocess.CompletedProcess[str], code: int, *words: object, caret: bool = False
) -> str:
    """Assert that a command failed with one clear line, and return the line."""
    lines = done.stderr.splitlines()
    assert done.returncode == code, done
    assert done.stdout == "", done
    assert len(lines) == (3 if caret else 1), done
    assert lines[0].startswith("cxrcat: "), done
    assert "Traceback" not in done.stderr
    assert "a defect of cxrcat" not in done.stderr, done
    assert lines[0].isprintable(), done
    if caret:
        assert set(lines[2].strip()) <= set("^~"), done
        assert lines[2].strip(), done
    for word in words:
        assert str(word) in lines[0], done
    return lines[0]


def flat(text: str) -> str:
    """Return a text with each run of white space as one space."""
    return " ".join(text.split())


def _sha256(data: bytes) -> str:
    hasher = Hash(SHA256())
    hasher.update(data)
    return hasher.finalize().hex()


def _check_list(folder: Path, digests: dict[str, str]) -> None:
    text = (folder / "checksums.xxh128").read_text("utf-8")
    listed = [tuple(line.split("  ", 1)) for line in text.splitlines()]
    expected = {(digest, name) for name, digest in digests.items() if name != "checksums.xxh128"}
    assert set(listed) == expected
    assert len(listed) == len(expected)
    assert [name for _, name in listed] == sorted(name for _, name in listed)
    assert text.endswith("\n")


@cache
def _validator() -> jsonschema.protocols.Validator:
    schema = json.loads((files("cxrcat.schemas") / "provenance.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "provenance.json"
    manifest = json.loads(path.read_bytes())
    _validator().validate(manifest)
    assert Provenance.from_json(path.read_bytes(), str(path)).to_json() == path.read_text("utf-8")
    return manifest


def _check_files(
    manifest: dict[str, Any], sizes: dict[str, int], digests: dict[str, str], images: set[str]
) -> None:
    own = set(sizes) - images - DATED - {"provenance.json", "checksums.xxh128"}
    tables = [each["path"] for each in manifest["files"] if "sha256" in each]
    assert tables == sorted({"boxes.csv", "metadata.csv"} & own)
    assert [{**each, "sha256": None} for each in manifest["files"]] == [
        {"path": name, "size": sizes[name], "checksum": f"xxh128:{digests[name]}", "sha256": None}
        for name in sorted(own)
    ]
    facts = manifest["images"]
    assert facts["files"] == len(images)
    assert facts["size"] == sum(sizes[name] for name in images)
    if facts["mode"] == "none":
        assert (facts["files"], facts["missing"]) == (0, 0)
    else:
        assert facts["files"] + facts["missing"] == manifest["subset"]["images"]


def _check_table(
    folder: Path,
    manifest: dict[str, Any],
    sizes: dict[str, int],
    digests: dict[str, str],
    images: set[str],
) -> list[dict[str, str]]:
    rows = rows_of(folder)
    names = [row["name"] for row in rows]
    facts = manifest["subset"]
    assert len(rows) == facts["images"]
    assert len({row["patient"] for row in rows}) == facts["patients"]
    assert names == sorted(set(names))
    text = "".join(f"{name}\n" for name in names)
    assert facts["names"] == f"xxh128:{xxhash.xxh3_128_hexdigest(text.encode())}"
    assert {row["path"] for row in rows} - {""} == images
    for row in rows:
        if row["path"]:
            assert row["path"] == f"images/{_file_of(row['name'], manifest)}"
            assert row["size"] == str(sizes[row["path"]])
            assert row["checksum"] == f"xxh128:{digests[row['path']]}"
        else:
            assert (row["size"], row["checksum"]) == ("", "")
        _check_source(row, manifest["images"])
    return rows


def _file_of(name: str, manifest: dict[str, Any]) -> str:
    dicom = manifest["images"].get("media_type") == "application/dicom"
    return f"{name.removesuffix('.png')}.dcm" if dicom else name


def _check_source(row: dict[str, str], images: dict[str, Any]) -> None:
    """Assert that the address of an image is its source's, with what pins the bytes that came."""
    brought = images.get("brought_from")
    if row["path"] and brought == "dicomweb":
        assert re.fullmatch(
            r"https?://.+/studies/[\d.]+/series/[\d.]+/instances/[\d.]+", row["source"]
        )
    elif row["path"] and brought not in ("folder", images.get("source")):
        assert "://" in row["source"]  # a place that the descriptor does not know
    elif "uri" in images:
        stem = row["name"].rsplit(".", 1)[0]
        uri = images["uri"].replace("{name}", row["name"]).replace("{stem}", stem)
        address, _, pin = row["source"].partition("#")
        assert address.startswith(uri)
        assert not pin or (row["path"] and brought == images["source"])


@cache
def nih_rows() -> dict[str, dict[str, str]]:
    """Return the rows of NIH's table by the name of the image, in the order of the names."""
    data = gzip.decompress((files("cxrcat.schemas") / _TABLE).read_bytes())
    rows = {row["Image Index"]: row for row in csv.DictReader(data.decode().splitlines())}
    return dict(sorted(rows.items()))


def names_with(label: str) -> list[str]:
    """Return the names of NIH's images that have a label, in their order."""
    return [name for name, row in nih_rows().items() if label in row["Finding Labels"].split("|")]


@cache
def nih_boxes() -> list[tuple[str, ...]]:
    """Return NIH's boxes as name, label, x, y, width and height, by name and then as they come."""
    lines = gzip.decompress((files("cxrcat.schemas") / _BOXES).read_bytes()).decode().splitlines()
    rows = [tuple(row[:6]) for row in csv.reader(lines[1:])]
    spelled = [
        (name, label.replace("Infiltrate", "Infiltration"), *box) for name, label, *box in rows
    ]
    return sorted(spelled, key=lambda row: row[0])


@cache
def _ordinals() -> dict[str, int]:
    return {name: ordinal for ordinal, name in enumerate(nih_rows())}


def _check_against_nih(rows: list[dict[str, str]], manifest: dict[str, Any]) -> None:
    known, ordinals = nih_rows(), _ordinals()
    for row in rows:
        line = known[row["name"]]
        assert set(row["findings"].split("|")) == set(line["Finding Labels"].split("|"))
        assert row["patient"] == line["Patient ID"]
        assert row["follow_up"] == line["Follow-up #"]
        assert row["age"] == line["Patient Age"]
        assert row["sex"] == line["Patient Gender"]
        assert row["view"] == line["View Position"]
        assert row["width"] == line["OriginalImage[Width"]
        assert row["height"] == line["Height]"]
        assert float(row["spacing_x"]) == float(line["OriginalImagePixelSpacing[x"])
        assert float(row["spacing_y"]) == float(line["y]"])
    members = np.array([ordinals[row["name"]] for row in rows], dtype="<u4")
    digest = xxhash.xxh3_128_hexdigest(members.tobytes())
    assert manifest["subset"]["digest"] == f"xxh128:{digest}"
    assert manifest["dataset"]["images"] == len(known)


def _texts(folder: Path) -> dict[str, str]:
    texts = {
        name: flat((folder / name).read_text("utf-8"))
        for name in ("ATTRIBUTION.md", "README.md", "citations/citation.txt")
    }
    cff = yaml.safe_load((folder / "CITATION.cff").read_text("utf-8"))
    assert cff["cff-version"] == "1.2.0"
    return {**texts, "CITATION.cff": json.dumps(cff, ensure_ascii=False, default=str)}


def _check_nih_duties(folder: Path) -> None:
    for name, text in _texts(folder).items():
        for words in (LINK, DOI, TITLE, *AUTHORS):
            assert words in text, (name, words)
        assert "The NIH Clinical Center is the data provider" in text, name
        pages = ('"start": 3462', '"end": 3471') if name == "CITATION.cff" else ("3462-3471",)
        for page in pages:
            assert page in text, (name, page)


def _check_duties(folder: Path, manifest: dict[str, Any]) -> None:
    works = {work["id"]: work for work in manifest["citations"]}
    assert manifest["duties"]
    for name, text in _texts(folder).items():
        for duty in manifest["duties"]:
            for words in (duty.get("url"), duty.get("party")):
                assert words is None or words in text, (name, duty["id"])
            if "citation" in duty:
                work = works[duty["citation"]]
                assert work["DOI"] in text, (name, duty["id"])
                assert work["title"] in text, (name, duty["id"])
                for author in work["author"]:
                    assert author["family"] in text, (name, author)


def _check_funnel(folder: Path, manifest: dict[str, Any]) -> None:
    readme = (folder / "README.md").read_text("utf-8")
    left = (manifest["dataset"]["images"], manifest["dataset"]["patients"])
    for step in manifest["subset"]["funnel"]:
        assert (step["images_before"], step["patients_before"]) == left
        left = (step["images"], step["patients"])
        counts = (
            f"{step['images_before']:,} → {step['images']:,} | "
            f"{step['patients_before']:,} → {step['patients']:,} |"
        )
        assert counts in readme
        assert step["condition"] in readme or step["condition"] in html.unescape(readme)
    assert left == (manifest["subset"]["images"], manifest["subset"]["patients"])


def _check_profile(folder: Path, manifest: dict[str, Any], rows: list[dict[str, str]]) -> None:
    """Count everything once more, from the table."""
    profile = manifest["subset"]["profile"]
    readme = (folder / "README.md").read_text("utf-8")
    said = [frozenset(row["findings"].split("|")) - {""} for row in rows]
    images = {each["name"]: each["images"] for each in profile["findings"]}
    labels = {each["name"]: each["label"] for each in profile["findings"]}
    assert {labels[name]: number for name, number in images.items() if number} == dict(
        Counter(label for each in said for label in each)
    )
    pairs = Counter(
        frozenset((one, other)) for each in said for one in each for other in each if one < other
    )
    assert {
        frozenset((labels[one], labels[other])): number
        for one, others in profile["together"].items()
        for other, number in others.items()
    } == dict(pairs)
    views = Counter(row["view"] or "unknown" for row in rows)
    assert {view: number for view, number in profile["views"].items() if number} == dict(views)
    ages = Counter((_decade(row["age"]), row["sex"] or "unknown") for row in rows)
    assert {
        (group["years"], sex): number
        for group in profile["ages"]
        for sex, number in group["sexes"].items()
        if number
    } == dict(ages)
    series = Counter(Counter(row["patient"] for row in rows).values())
    last = {"1": 1, "2-5": 5, "6-10": 10, "11-50": 50, "51+": len(rows)}
    for name, first in zip(last, (1, 2, 6, 11, 51), strict=True):
        expected = sum(series[number] for number in range(first, last[name] + 1))
        assert profile["patients"][name] == expected, name
    for label, number in ((labels[name], images[name]) for name in images if rows):
        assert re.search(rf"^{re.escape(label)} +{number:,} +[0-9.]+%", readme, re.MULTILINE)
    assert ("consists of" in readme) == bool(rows)


def _decade(age: str) -> str:
    if not age:
        return "unknown"
    first = int(age) // 10 * 10
    return f"{first}-{first + 9}" if first < 90 else "90+"


def _check_boxes(folder: Path, manifest: dict[str, Any], rows: list[dict[str, str]]) -> None:
    names = {row["name"] for row in rows}
    nih = manifest["dataset"]["slug"] == NIH
    expected = [box for box in nih_boxes() if box[0] in names] if nih else None
    because = [reason for duty in manifest["duties"] for reason in duty["because"]]
    assert any(each.startswith("boxes.csv holds") for each in because) or not expected
    if not (folder / "boxes.csv").exists():
        assert not expected
        assert not any(each.startswith("boxes.csv holds") for each in because)
        return
    text = (folder / "boxes.csv").read_text("utf-8")
    header, *boxes = map(tuple, csv.reader(text.splitlines()))
    assert "\r" not in text
    assert header == ("name", "finding", "x", "y", "width", "height")
    assert [box[0] for box in boxes] == sorted(box[0] for box in boxes)
    assert {box[0] for box in boxes} <= names
    assert all(repr(float(number)) == number for box in boxes for number in box[2:])
    if expected is not None:
        assert [(*box[:2], *map(float, box[2:])) for box in boxes] == [
            (*box[:2], *map(float, box[2:])) for box in expected
        ]
    with redirect_stdout(io.StringIO()):
        coco = COCO(str(folder / "boxes.coco.json"))
    annotations = coco.loadAnns(sorted(coco.getAnnIds()))
    assert [
        (
            coco.loadImgs(each["image_id"])[0]["file_name"],
            coco.loadCats(each["category_id"])[0]["name"],
            *each["bbox"],
        )
        for each in annotations
    ] == [(*box[:2], *map(float, box[2:])) for box in boxes]
    assert {each["file_name"] for each in coco.dataset["images"]} == {box[0] for box in boxes}
    assert len({each["id"] for each in coco.dataset["images"]}) == len(coco.dataset["images"])
    for each in annotations:
        image = coco.imgs[each["image_id"]]
        x, y, width, height = each["bbox"]
        assert x >= 0
        assert y >= 0
        assert x + width <= image["width"]
        assert y + height <= image["height"]
        assert (each["iscrowd"], each["segmentation"]) == (0, [])
        assert each["area"] == width * height > 0
    info = coco.dataset["info"]
    assert f"{len(boxes):,} box" in info["description"]
    assert "does not mean that it has no finding" in info["description"]
    assert coco.dataset["licenses"][0]["url"] == manifest["dataset"]["terms"]["url"]
    if nih:
        assert info["url"] == LINK
        assert all(words in info["citation"] for words in (TITLE, DOI, *AUTHORS, "3462-3471"))
        assert info["acknowledgement"].startswith("The NIH Clinical Center is the data provider")


def _check_references(folder: Path, manifest: dict[str, Any]) -> None:
    works = manifest["citations"]
    folder = folder / "citations"
    parser = bibtexparser.bparser.BibTexParser(common_strings=True)
    entries = bibtexparser.loads((folder / "references.bib").read_text("utf-8"), parser).entries
    assert [entry["ID"] for entry in entries] == [work["id"] for work in works]
    assert [entry["doi"] for entry in entries] == [work["DOI"] for work in works]
    records = rispy.loads((folder / "references.ris").read_text("utf-8"))
    assert [record["doi"] for record in records] == [work["DOI"] for work in works]
    for record, work in zip(records, works, strict=True):
        assert len(record["authors"]) == len(work["author"])
    csl = json.loads((folder / "references.csl.json").read_text("utf-8"))
    assert len(csl) == len(works)
    for item, work in zip(csl, works, strict=True):
        for key in ("id", "type", "title", "issued", "DOI"):
            assert item[key] == work[key]
        # Initials that a record has as "DF" are written as "D. F.".
        for name, author in zip(item["author"], work["author"], strict=True):
            assert name["family"] == author["family"]
            spelled = " ".join(f"{initial}." for initial in author["given"])
            assert name["given"] in (author["given"], spelled)
        assert item.get("page") == work.get("page")
        assert item["URL"] == f"https://doi.org/{work['DOI']}"


def _check_prov(folder: Path, manifest: dict[str, Any]) -> None:
    text = (folder / "prov.json").read_text("utf-8")
    assert check_prov(text).get_provn()
    subset, export = manifest["subset"], manifest["export"]
    told = json.loads(text)
    made = told["entity"][f"cxrcat:export/{export['id']}"]
    assert made["term:export"] == export["id"]
    assert made["term:mode"] == manifest["images"]["mode"]
    kinds = [
        {each["$"]: fact for each in fact["prov:type"]}.items() for fact in told["entity"].values()
    ]
    (release,) = [fact for each in kinds for kind, fact in each if kind == "term:Dataset"]
    assert release["term:dataset"] == manifest["dataset"]["slug"]
    assert release["term:checksum"] == manifest["dataset"]["table_checksum"]
    digests = {
        fact["term:digest"] for each in kinds for kind, fact in each if kind == "term:Subset"
    }
    assert subset["digest"] in digests
    assert {each["digest"] for each in manifest["lineage"]} <= digests
    agents = {agent["prov:label"] for agent in told["agent"].values()}
    assert {export["by"], manifest["dataset"]["provider"]["name"]} <= agents
    assert {duty["party"] for duty in manifest["duties"] if "party" in duty} <= agents


_TIMES = {"prov:startTime", "prov:endTime", "prov:time"}


def check_prov(text: str) -> ProvDocument:
    """Assert that a text is PROV-JSON without a loose end or a circle; return what it holds."""
    told = json.loads(text)
    document = ProvDocument.deserialize(content=text, format="json")
    declared = {name: kind for kind in ("entity", "activity", "agent") for name in told[kind]}
    assert len(declared) == sum(len(told[kind]) for kind in ("entity", "activity", "agent"))
    ends = {"activity": "activity", "agent": "agent", "delegate": "agent", "responsible": "agent"}
    ends["influencer"] = "agent"
    graph: dict[str, set[str]] = {}
    for section, records in told.items():
        if section == "prefix":
            continue
        for record in records.values():
            for moment in _TIMES & set(record):
                assert datetime.fromisoformat(record[moment]).utcoffset() is not None
            if section in ("entity", "activity", "agent"):
                continue
            for key, value in record.items():
                if key not in _TIMES | {"prov:type"} and key.startswith("prov:"):
                    kind = ends.get(key.removeprefix("prov:"), "entity")
                    assert declared[value] == kind, (section, record)
            if section in ("wasDerivedFrom", "specializationOf"):
                made, source = list(record.values())[:2]
                graph.setdefault(made, set()).add(source)
    TopologicalSorter(graph).prepare()  # raises an error for a circle
    return document


def _check_crate(
    folder: Path, manifest: dict[str, Any], sizes: dict[str, int], digests: dict[str, str]
) -> None:
    crate = ROCrate(folder)
    root = crate.root_dataset
    assert crate.metadata["conformsTo"] == "https://w3id.org/ro/crate/1.1"
    assert crate.license["@id"] == manifest["dataset"]["terms"]["url"]
    parts = {each.id: each for each in _listed(root["hasPart"])}
    images = parts.pop("images/", None)
    listed = {each["path"] for each in manifest["files"]} | {"provenance.json"}
    assert set(parts) == listed
    for name, part in parts.items():
        assert part["contentSize"] == str(sizes[name])
        assert part["xxh128"] == digests[name]
    facts = manifest["images"]
    assert (images is not None) == bool(facts["files"])
    if images is not None:
        assert (images["size"], images["contentSize"]) == (str(facts["files"]), str(facts["size"]))
    works = [each["identifier"] for each in _listed(root.get("citation", []))]
    assert works == [each["DOI"] for each in manifest["citations"]]
    (action,) = [each for each in crate.get_entities() if each.type == "CreateAction"]
    export = manifest["export"]
    assert action["instrument"]["version"] == manifest["tool"]["version"]
    assert action["agent"]["name"] == " ".join(export["by"].split())
    assert action["endTime"] == export["at"].replace("Z", "+00:00").replace(".000000", "")
    versions = [manifest["subset"], *manifest["lineage"]]
    objects = {str(each.get("identifier")) for each in action["object"]}
    assert {each["digest"] for each in versions} <= objects
    assert {each["checksum"] for each in manifest["sets"]} <= objects
    terms = _listed(root["usageInfo"])
    assert owed_in(json.loads((folder / "ro-crate-metadata.json").read_bytes())["@graph"]) == owed(
        manifest
    )
    assert [each["termCode"] for each in terms[:-1]] == [
        each["code"] for each in manifest["dataset"]["terms"].get("duo", [])
    ]


def _check_croissant(folder: Path, manifest: dict[str, Any], rows: list[dict[str, str]]) -> None:
    text = (folder / "croissant.json").read_text("utf-8")
    croissant = json.loads(text)
    assert manifest["export"]["id"] not in text
    assert croissant["license"] == manifest["dataset"]["terms"]["url"]
    for file in croissant["distribution"]:
        if file["@type"] == "cr:FileObject":
            hasher = Hash(SHA256())
            hasher.update((folder / file["contentUrl"]).read_bytes())
            assert file["sha256"] == hasher.finalize().hex()
    records = {each["@id"]: each for each in croissant["recordSet"]}
    names = {field["name"] for field in records["metadata"]["field"]}
    columns = (folder / "metadata.csv").read_text("utf-8").partition("\n")[0].split(",")
    empty = set() if manifest["images"]["files"] else {"path", "size", "checksum"}
    assert names == set(columns) - empty
    split = [each for each in manifest["sets"] if each["kind"] == "split"]
    assert bool(split) == ("split" in columns)
    assert not split or all(row["split"] for row in rows) or manifest["dataset"]["slug"] != NIH
    assert ("images" in records) == bool(manifest["images"]["files"])
    assert ("boxes" in records) == (folder / "boxes.csv").exists()
    assert owed_in(croissant["usageInfo"]) == owed(manifest)
    for work in manifest["citations"]:
        assert work["id"] in croissant["citeAs"]


def owed(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the duties of a manifest: each with what ODRL calls what must be done."""
    return [
        (duty["id"], "odrl:inform" if duty["kind"] == "link" else "odrl:attribute")
        for duty in manifest["duties"]
    ]


def owed_in(document: Any) -> list[tuple[str, str]]:
    """Return the duties that stand anywhere in JSON-LD, as `owed` does."""
    if isinstance(document, list):
        return [found for each in document for found in owed_in(each)]
    if not isinstance(document, dict):
        return []
    if "odrl:Duty" in document.get("@type", ()):
        return [(document["name"], document["odrl:action"]["@id"])]
    return [found for each in document.values() for found in owed_in(each)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
