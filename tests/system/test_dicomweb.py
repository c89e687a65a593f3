"""Images from a DICOMweb server: told apart, fetched as stored, and never anything else."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxrcat.catalog import Catalog, ImageMode, Request, dicomweb
from cxrcat.catalog.dicom import Uids
from cxrcat.catalog.dicomweb import Server
from cxrcat.catalog.sources import dicomweb as source_of_dicomweb
from cxrcat.schemas.errors import SourceError

from ..checks import check_export, check_failure, nih_rows, rows_of
from ..conftest import Run
from ..gates import Fault
from ..gcs import PAYER, gate_before, gcs_server
from ..orthanc import Orthanc, instance, orthanc_server, question, retrieval, uids_of
from .conftest import TINY

ALIKE = [name for name in nih_rows() if name.startswith("00000003")]
UNLIKE = [name for name in nih_rows() if name.startswith(("00000001", "00000002"))]
LARGE = {"Rows": 700, "Columns": 900}  # more than one block of an answer
IMAGES = ("export", "--subset", "some", "--images", "copy", "--from")


@pytest.fixture(scope="module")
def _orthanc() -> Iterator[Orthanc]:
    with orthanc_server() as server:
        yield server


@pytest.fixture
def orthanc(_orthanc: Orthanc) -> Orthanc:
    """Return a DICOMweb server without instances."""
    _orthanc.clear()
    return _orthanc


@pytest.fixture
def unlike(orthanc: Orthanc) -> Orthanc:
    """Return a server with instances that say what tells them apart, as Google's say it."""
    rows = nih_rows()
    orthanc.put(instance(number, rows[name]) for number, name in enumerate(UNLIKE[:-1]))
    pixels = np.random.default_rng(7).integers(0, 256, (700, 900), np.uint8)
    orthanc.put([instance(len(UNLIKE) - 1, rows[UNLIKE[-1]], **LARGE, PixelData=pixels.tobytes())])
    return orthanc


@pytest.fixture
def choose(sqlite_location: str) -> Callable[[list[str]], None]:
    """Return what makes the subset ``some`` of images by their names."""

    def make(names: list[str]) -> None:
        listed = ", ".join(f"'{name}'" for name in names)
        with Catalog.open(sqlite_location) as opened:
            opened.create_subset("some", f"name in ({listed})")

    return make


@pytest.fixture
def ask(cxrcat: Run, choose: Callable[[list[str]], None], unlike: Orthanc) -> Callable[..., Any]:
    """Return what exports the images that can be told apart, through the gate."""
    choose(UNLIKE)
    return lambda *more, **options: cxrcat(*IMAGES, f"dicomweb:{unlike.gate}", *more, **options)


def seen(location: str) -> dict[str, tuple[str | None, ...]]:
    """Return the UIDs, the checksum and the URI of each image's replica."""
    with sqlite3.connect(location) as database:
        rows = database.execute(
            "SELECT name, study, series, instance, checksum, uri FROM replica"
            " JOIN image USING (dataset_id, ordinal)"
        ).fetchall()
    database.close()
    return {row[0]: row[1:] for row in rows}


def test_instances_are_told_by_what_they_say(
    ask: Callable[..., Any], unlike: Orthanc, cxrcat: Run, work: Path, sqlite_location: str
) -> None:
    done = ask()
    assert done.returncode == 0, done.stderr
    manifest = check_export(work / "some")
    assert (manifest.images.files, manifest.images.missing) == (len(UNLIKE), 0)
    assert manifest.images.media_type == "application/dicom"
    assert "google-conversion" in {duty.id for duty in manifest.duties}
    replicas = seen(sqlite_location)
    for number, name in enumerate(UNLIKE):
        stem = name.removesuffix(".png")
        study, series, own = uids_of(number)
        assert (work / f"some/images/{stem}.dcm").read_bytes() == unlike.stored(own)
        assert replicas[name][:3] == (study, series, own)
    for row in rows_of(work / "some"):
        assert replicas[row["name"]][3:] == (row["checksum"], row["source"])
    assert cxrcat("verify", "some").returncode == 0


def test_the_same_again_is_told_by_the_recorded_uids(
    ask: Callable[..., Any], unlike: Orthanc, work: Path
) -> None:
    assert ask().returncode == 0
    unlike.clear()
    rows = nih_rows()
    # The store no longer says what the catalog knows, except for the UIDs.
    unlike.put(
        instance(number, rows[name], StudyDescription="", PatientID="x")
        for number, name in enumerate(UNLIKE)
    )
    done = ask("--to", "again")
    assert done.returncode == 0, done.stderr
    assert check_export(work / "again").images.files == len(UNLIKE)


def test_images_alike_are_never_guessed_and_known_uids_tell_them(
    cxrcat: Run, orthanc: Orthanc, choose: Callable[[list[str]], None], work: Path
) -> None:
    choose(ALIKE)
    rows = nih_rows()
    stored = [instance(number, rows[name]) for number, name in enumerate(ALIKE)]
    orthanc.put(stored)
    said = [(rows[name]["Finding Labels"], rows[name]["View Position"]) for name in ALIKE]
    alone = [name for name, each in zip(ALIKE, said, strict=True) if said.count(each) == 1]
    alike = len(ALIKE) - len(alone)
    assert alone
    assert alike
    place = f"dicomweb:{orthanc.direct}"
    line = check_failure(cxrcat(*IMAGES, place), 2, f"{alike} of {len(ALIKE)} images are not in")
    assert f"{alike} cannot be told apart" in line
    assert "cxrcat scan" in line
    assert list(work.iterdir()) == []
    done = cxrcat(*IMAGES, place, "--allow-missing", "--to", "told")
    assert done.returncode == 0, done.stderr
    assert f"{alike} cannot be told apart" in done.stderr
    check_export(work / "told")
    for row in rows_of(work / "told"):
        assert bool(row["path"]) == (row["name"] in alone)
        if row["path"]:
            number = ALIKE.index(row["name"])
            assert (work / "told" / row["path"]).read_bytes() == stored[number]
    # The same instances on a server that names them teach the catalog which is which.
    orthanc.clear()
    orthanc.put(
        instance(number, rows[name], AccessionNumber=name.removesuffix(".png"))
        for number, name in enumerate(ALIKE)
    )
    done = cxrcat(*IMAGES, orthanc.direct, "--to", "named")
    assert done.returncode == 0, done.stderr
    manifest = check_export(work / "named")
    assert "google-conversion" not in {duty.id for duty in manifest.duties}
    orthanc.clear()
    orthanc.put(stored)
    done = cxrcat(*IMAGES, place, "--to", "all")
    assert done.returncode == 0, done.stderr
    assert check_export(work / "all").images.files == len(ALIKE)
    for number, name in enumerate(ALIKE):
        stem = name.removesuffix(".png")
        assert (work / f"all/images/{stem}.dcm").read_bytes() == stored[number]


@pytest.mark.parametrize("keyword", ["AccessionNumber", "PatientID", "StudyID", "StudyDescription"])
def test_a_server_of_ones_own_names_its_images(
    cxrcat: Run, orthanc: Orthanc, choose: Callable[[list[str]], None], work: Path, keyword: str
) -> None:
    choose(UNLIKE)
    stems = [name.removesuffix(".png") for name in UNLIKE]
    others = {"AccessionNumber": "A-17", "PatientID": "anonymous", "StudyDescription": "chest"}
    orthanc.put(instance(number, **{**others, keyword: stem}) for number, stem in enumerate(stems))
    done = cxrcat(*IMAGES, orthanc.direct)
    assert done.returncode == 0, done.stderr
    assert check_export(work / "some").images.files == len(UNLIKE)
    for number, stem in enumerate(stems):
        stored = orthanc.stored(uids_of(number)[2])
        assert (work / f"some/images/{stem}.dcm").read_bytes() == stored


def test_files_of_a_bucket_teach_the_uids(
    cxrcat: Run, orthanc: Orthanc, choose: Callable[[list[str]], None], work: Path
) -> None:
    choose(ALIKE)
    rows = nih_rows()
    stored = [instance(number, rows[name]) for number, name in enumerate(ALIKE)]
    names = [name.removesuffix(".png") for name in ALIKE]
    with gcs_server() as server, gate_before(server) as gate:
        gate.put("mine", {f"{name}.dcm": data for name, data in zip(names, stored, strict=True)})
        options = ("--billing-project", PAYER, "--yes", "--to", "bucket")
        env = {"STORAGE_EMULATOR_HOST": gate.url}
        done = cxrcat(*IMAGES, "gcs-dicom:gs://mine", *options, env=env)
        assert done.returncode == 0, done.stderr
    orthanc.put(stored)
    done = cxrcat(*IMAGES, f"dicomweb:{orthanc.direct}")
    assert done.returncode == 0, done.stderr
    for name, data in zip(names, stored, strict=True):
        assert (work / f"some/images/{name}.dcm").read_bytes() == data


def test_two_instances_of_one_name_are_not_guessed(
    cxrcat: Run, orthanc: Orthanc, choose: Callable[[list[str]], None]
) -> None:
    choose(UNLIKE[:1])
    stem = UNLIKE[0].removesuffix(".png")
    orthanc.put([instance(1, AccessionNumber=stem), instance(2, AccessionNumber=stem)])
    check_failure(cxrcat(*IMAGES, orthanc.direct), 2, "2 cannot be told apart")


def test_an_empty_server_has_nothing(
    cxrcat: Run, orthanc: Orthanc, choose: Callable[[list[str]], None], work: Path
) -> None:
    choose(UNLIKE)
    for place in (orthanc.direct, f"dicomweb:{orthanc.direct}"):
        check_failure(cxrcat(*IMAGES, place), 2, f"{len(UNLIKE)} of {len(UNLIKE)} images")
    assert list(work.iterdir()) == []


def test_a_descriptor_alone_brings_a_source(
    cxrcat: Run, orthanc: Orthanc, write_dataset: Callable[..., Path], work: Path
) -> None:
    """Another dataset's store is described in its own file, by the name that its instances say."""
    source = (
        "sources:\n"
        "  - {slug: store, kind: dicomweb, title: a store, provider: Example Hospital,\n"
        f'     uri: "{orthanc.gate}", media_type: application/dicom,\n'
        '     access: "ask at https://example.org/form", owes: [tiny-thanks],\n'
        "     attributes: {SeriesDescription: name}}\n"
    )
    assert cxrcat("dataset", "add", write_dataset(TINY + source)).returncode == 0
    orthanc.put(
        instance(number, SeriesDescription=name)
        for number, name in enumerate(["a_0.png", "a_1.png", "b_0.png"])
    )
    command = ("export", "--subset", "tiny/mass", "--images", "copy", "--from", "store")
    done = cxrcat(*command)
    assert done.returncode == 0, done.stderr
    images = sorted(path.name for path in (work / "mass/images").iterdir())
    assert images == ["a_0.dcm", "b_0.dcm"]
    orthanc.faults.append(Fault(question, status=403))
    done = cxrcat(*command, "--to", "again")
    check_failure(done, 3, "no permission", "403", "ask at https://example.org/form")


def one(path: str) -> bool:
    """Tell whether a request is for the bytes of the third instance."""
    return path.endswith(f"/{uids_of(2)[2]}")


def halved(data: bytes) -> bytes:
    """Return half of a body."""
    return data[: len(data) // 2]


PASSING = {
    "busy, and says how long": Fault(one, status=503, headers={"Retry-After": "1"}),
    "too many requests": Fault(retrieval, times=3, status=429),
    "fails within": Fault(one, times=2, status=500),
    "busy while asked": Fault(question, times=2, status=503, headers={"Retry-After": "0"}),
    "a dropped connection": Fault(one, drop_after=300),
    "dropped at once": Fault(one, drop_after=0),
    "dropped while asked": Fault(question, drop_after=40),
    "cut off, and says nothing": Fault(one, change=halved),
    "no last delimiter": Fault(one, change=lambda data: data[:-8]),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=list(PASSING))
def test_what_passes_is_waited_for(
    ask: Callable[..., Any], unlike: Orthanc, work: Path, fault: Fault
) -> None:
    unlike.faults.append(replace(fault))
    start = time.monotonic()
    done = ask()
    assert done.returncode == 0, done.stderr
    assert unlike.faults[0].times == 0
    assert check_export(work / "some").images.files == len(UNLIKE)
    if "1" in fault.headers.values():
        assert time.monotonic() - start > 1


def swapped(data: bytes) -> bytes:
    """Return the answer with another instance in it, of the same length."""
    return data.replace(uids_of(2)[2].encode(), uids_of(1)[2].encode())


def shortened(data: bytes) -> bytes:
    """Return the answer with the last pixels of its instance missing."""
    place = data.rfind(b"\r\n--")
    return data[: place - 5] + data[place:]


def twice(data: bytes) -> bytes:
    """Return an answer of two instances."""
    end = data.rfind(b"\r\n--")
    part = data[data.find(b"\r\n\r\n") :]
    return data[:end] + data[end:].partition(b"--\r\n")[0].rstrip(b"-") + part


LASTING = {
    "forbidden": (Fault(one, status=403), 3, "no permission"),
    "unknown": (Fault(one, status=401), 3, "CXRCAT_DICOMWEB_TOKEN"),
    "gone": (Fault(one, status=404), 3, "is not there"),
    "refused": (Fault(one, status=406), 3, "406"),
    "another instance": (Fault(one, change=swapped), 2, "another instance"),
    "no DICOM": (Fault(one, change=lambda data: data.replace(b"DICM", b"DOCM")), 2, "not a DICOM"),
    "pixels missing": (Fault(one, change=shortened), 2, "is cut off"),
    "two instances": (Fault(one, change=twice), 3, "more than one instance"),
    "a page": (Fault(one, headers={"Content-Type": "text/html"}), 3, "text/html"),
    "no type": (Fault(one, headers={"Content-Type": ""}), 3, "no DICOM instance"),
    "garbage": (Fault(one, change=lambda _: bytes(range(256)) * 999), 3, "no DICOM instance"),
}


@pytest.mark.parametrize(("fault", "code", "words"), LASTING.values(), ids=list(LASTING))
def test_nothing_wrong_is_published_and_the_next_run_goes_on(
    ask: Callable[..., Any], unlike: Orthanc, work: Path, fault: Fault, code: int, words: str
) -> None:
    unlike.faults.append(replace(fault, times=99))
    line = check_failure(ask(), code, words, uids_of(2)[2], "goes on from there")
    assert not (work / "some").exists()
    (here,) = re.findall(r"; (\d+) of 4 images are here", line)
    unlike.faults.clear()
    unlike.requests.clear()
    done = ask()
    assert done.returncode == 0, done.stderr
    assert check_export(work / "some").images.files == len(UNLIKE)
    assert len(unlike.retrievals()) == len(UNLIKE) - int(here)


def test_an_answer_without_its_envelope_is_taken(
    ask: Callable[..., Any], unlike: Orthanc, work: Path
) -> None:
    """Some servers send the instance bare (which an edition of PS3.18 allowed by mistake)."""

    def bare(data: bytes) -> bytes:
        return data[data.find(b"\r\n\r\n") + 4 : data.rfind(b"\r\n--")]

    kind = {"Content-Type": "application/dicom"}
    unlike.faults.append(Fault(retrieval, times=99, headers=kind, change=bare))
    assert ask().returncode == 0
    assert check_export(work / "some").images.files == len(UNLIKE)


def _listed(change: Callable[[list[Any]], Any]) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps(change(json.loads(data or b"[]"))).encode()


def _named(value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda rows: [{**row, "00080018": {"vr": "UI", "Value": value}} for row in rows]


HOSTILE_LISTS = {
    "no JSON": (lambda _: b"<html>", "no list of DICOM instances"),
    "a text": (_listed(lambda _: "text"), "no list of DICOM instances"),
    "a number": (_listed(lambda _: 5), "no list of DICOM instances"),
    "a path": (_listed(_named(["../../../secret"])), "UIDs"),
    "an object": (_listed(_named([{"a": "b"}])), "UIDs"),
    "nothing": (_listed(_named([])), "UIDs"),
    "a long one": (_listed(_named(["1." * 40 + "1"])), "UIDs"),
    "lists": (_listed(lambda _: [[], [1]]), "UIDs"),
}


@pytest.mark.parametrize(("change", "words"), HOSTILE_LISTS.values(), ids=list(HOSTILE_LISTS))
def test_a_list_of_nonsense_ends_clearly(
    ask: Callable[..., Any],
    unlike: Orthanc,
    work: Path,
    change: Callable[[bytes], bytes],
    words: str,
) -> None:
    unlike.faults.append(Fault(question, times=99, change=change))
    check_failure(ask(), 3, words, unlike.gate)
    assert list(work.iterdir()) == []
    assert unlike.retrievals() == []


def test_values_of_nonsense_identify_nothing(ask: Callable[..., Any], unlike: Orthanc) -> None:
    """Whatever stands where a text should, no instance is taken for an image."""

    def spoil(rows: list[Any]) -> list[Any]:
        values = [None, {"vr": "LO"}, {"Value": [{}]}, {"Value": [None, [], True]}]
        tags = ("00100020", "00081030", "00185100", "00100040")
        return [{**row, **dict(zip(tags, values, strict=True))} for row in rows]

    unlike.faults.append(Fault(question, times=99, change=_listed(spoil)))
    check_failure(ask(), 2, "4 of 4 images are not in", "4 fit no image")


def test_a_server_that_is_not_there(
    cxrcat: Run, choose: Callable[[list[str]], None], work: Path, orthanc: Orthanc
) -> None:
    choose(UNLIKE[:1])
    check_failure(cxrcat(*IMAGES, "dicomweb:http://127.0.0.1:9/dicom-web"), 3, "cannot be reached")
    check_failure(cxrcat(*IMAGES, f"{orthanc.upstream}/nothing"), 3, "is not there")
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("https://", "is not the URL"),
        ("dicomweb:ftp://host/x", "is not the URL"),
        ("https://ada:secret@host/dicom-web", "CXRCAT_DICOMWEB_TOKEN"),
        ("https://host/dicom-web?a=b", "is not the URL"),
        ("https://[host/dicom-web", "is not the URL"),
    ],
)
def test_what_is_no_server_is_not_asked(
    cxrcat: Run, choose: Callable[[list[str]], None], place: str, words: str
) -> None:
    choose(UNLIKE[:1])
    line = check_failure(cxrcat(*IMAGES, place), 2, words)
    assert "secret" not in line


def test_without_googles_credentials_nothing_is_asked(
    cxrcat: Run, choose: Callable[[list[str]], None], tmp_path: Path
) -> None:
    choose(UNLIKE[:1])
    env = {"HOME": str(tmp_path), "CLOUDSDK_CONFIG": str(tmp_path), "NO_GCE_CHECK": "true"}
    env["GOOGLE_APPLICATION_CREDENTIALS"] = ""
    done = cxrcat(*IMAGES, "dicomweb", env=env)
    check_failure(done, 3, "no Google credentials", "gcloud auth application-default login")


def test_a_token_is_sent_and_never_told(
    ask: Callable[..., Any], unlike: Orthanc, work: Path, cxrcat: Run
) -> None:
    env = {"CXRCAT_DICOMWEB_TOKEN": "a-secret-token"}
    assert ask(env=env).returncode == 0
    assert unlike.tokens == {"Bearer a-secret-token"}
    text = b"".join(path.read_bytes() for path in (work / "some").rglob("*.*") if path.is_file())
    assert b"a-secret-token" not in text
    unlike.faults.append(Fault(question, status=401))
    done = ask("--to", "again", env=env)
    assert "a-secret-token" not in check_failure(done, 3, "401")
    check_failure(cxrcat(*IMAGES, "http://example.org/x", env=env), 2, "not sent over http")
    check_failure(ask(env={"CXRCAT_DICOMWEB_TOKEN": "a\nb"}), 2, "no token has")


def test_no_more_bytes_come_than_are_allowed(ask: Callable[..., Any], work: Path) -> None:
    check_failure(ask("--max-bytes", "1500"), 3, "--max-bytes 1,500")
    assert not (work / "some").exists()
    assert ask("--max-bytes", "2000000").returncode == 0


def test_hard_links_do_not_reach_a_server(
    cxrcat: Run, choose: Callable[[list[str]], None], unlike: Orthanc
) -> None:
    choose(UNLIKE)
    done = cxrcat("export", "--subset", "some", "--images", "hardlink", "--from", unlike.direct)
    check_failure(done, 2, "cannot be linked to")


def test_pages_are_asked_for_until_there_is_no_more(
    orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    orthanc.put(instance(number, PatientID="7", AccessionNumber="x") for number in range(7))
    wanted = {Uids(*uids_of(number)) for number in range(7)}
    server = Server(orthanc.gate, 1)
    monkeypatch.setattr(dicomweb, "_PAGE", 3)
    assert set(server.search({"PatientID": "7"}, [])) == wanted
    assert len(orthanc.requests) == 4

    def forget_the_offset(path: str) -> bool:
        return question(path) and "offset=0" not in path

    first: list[bytes] = []
    orthanc.faults.append(Fault(question, change=lambda data: first.append(data) or data))
    again = Fault(forget_the_offset, times=99, change=lambda _: first[0])
    orthanc.faults.append(again)
    assert len(server.search({"PatientID": "7"}, [])) == 3
    orthanc.faults.clear()
    monkeypatch.setattr(dicomweb, "_MOST_ROWS", 5)
    with pytest.raises(SourceError, match="does not seem to heed"):
        server.search({"PatientID": "7"}, [])
    monkeypatch.setattr(dicomweb, "_LARGEST_LIST", 100)
    with pytest.raises(SourceError, match="more than 100 bytes"):
        server.search({"PatientID": "7"}, [])
    server.close()


def test_an_instance_without_an_end_is_given_up(
    catalog: Catalog, unlike: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.create_subset("some", "patient = 2")
    monkeypatch.setattr(source_of_dicomweb, "LARGEST_INSTANCE", 500)
    request = Request("some", tmp_path / "out", ImageMode.COPY, f"dicomweb:{unlike.direct}")
    with pytest.raises(SourceError, match="more than 500 bytes come"):
        catalog.export(request)
    monkeypatch.setattr(source_of_dicomweb, "LARGEST_INSTANCE", 5_000_000)
    manifest, _ = catalog.export(request)
    assert manifest.images.files == 1
    assert check_export(tmp_path / "out")
