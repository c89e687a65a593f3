"""``cxrcat prov`` with the installed command, and other people's programs on what it prints."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path

import pytest
from prov.model import ProvDocument
from rdflib import Graph, URIRef

from ..checks import check_failure, check_prov
from ..conftest import Run
from .conftest import Made

PROV = "http://www.w3.org/ns/prov#"
FORMS = ("json", "provn", "turtle")


def test_an_export_holds_what_the_command_prints(cxrcat: Run, made: Made) -> None:
    done = cxrcat("prov", "hernia")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (made.folder / "prov.json").read_text("utf-8")
    other = cxrcat("prov", "hernia", "--format", "turtle").stdout
    graph = Graph().parse(data=other, format="turtle")
    exports = [str(made) for made in graph.subjects(URIRef(f"{PROV}wasDerivedFrom"), None)]
    manifest = json.loads((made.folder / "provenance.json").read_bytes())
    assert f"urn:cxrcat:export/{manifest['export']['id']}" in exports
    assert ProvDocument.deserialize(content=other, format="rdf", rdf_format="turtle") == check_prov(
        done.stdout
    )


def test_public_converters_read_it(made: Made, tmp_path: Path) -> None:
    scripts = Path(sysconfig.get_path("scripts"))
    source = made.folder / "prov.json"
    for form in ("provn", "json", "rdf"):
        target = tmp_path / f"out.{form}"
        command = [scripts / "prov-convert", "-i", "json", "-f", form, source, target]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
        assert target.stat().st_size > 1000
    command = [scripts / "prov-compare", "-f", "json", "-F", "json", source, tmp_path / "out.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done


@pytest.mark.parametrize("form", FORMS)
def test_each_image_on_request(cxrcat: Run, made: Made, form: str) -> None:
    short = cxrcat("prov", "hernia", "--format", form).stdout
    done = cxrcat("prov", "hernia", "--format", form, "--images")
    assert (done.returncode, done.stderr) == (0, "")
    assert "image/nih-chest-xray/" not in short
    assert len(done.stdout) > 10 * len(short)
    if form == "json":
        told = json.loads(done.stdout)
        check_prov(done.stdout)
        images = [name for name in told["entity"] if name.startswith("cxrcat:image/")]
        files = [name for name in told["entity"] if "/images/" in name]
        assert len(images) == 227
        assert len(files) == len(list((made.folder / "images").iterdir())) == 227


def test_a_subset_without_an_export(cxrcat: Run) -> None:
    one = cxrcat("prov", "--subset", "mass")
    assert one.returncode == 0, one
    check_prov(one.stdout)
    assert cxrcat("prov", "--subset", "mass").stdout == one.stdout
    assert "cxrcat:export" not in one.stdout


def test_wrong_usage(cxrcat: Run, made: Made) -> None:
    for words in ([], ["hernia", "--subset", "hernia"]):
        check_failure(cxrcat("prov", *words), 2, "name one")
    check_failure(cxrcat("prov", "--subset", "hernia", "--images"), 2, "--images", "folder")
    check_failure(cxrcat("prov", "nothing"), 2, "nothing")
    check_failure(cxrcat("prov", "--subset", "hernya"), 2, "hernya")
    (made.folder / "metadata.csv").write_bytes(b"\xff\x1b[2J")
    check_failure(cxrcat("prov", "hernia", "--images"), 2, "metadata.csv")
