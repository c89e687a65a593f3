"""Exports from Cloud Storage: against a real server, behind a gate that lets requesters pay."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..checks import check_export, check_failure, leftovers, rows_of
from ..conftest import Run, png
from ..gcs import PAYER, Fault, Gate, gate_before, gcs_server, media
from .conftest import COMMAND, Start

BUCKET = "gcs-public-data--healthcare-nih-chest-xray"
FETCH = ("export", "--subset", "hernia", "--images", "copy", "--from", "gcs-png")
PAID = (*FETCH, "--billing-project", PAYER, "--yes")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with gcs_server() as url:
        yield url


def stored_images(names: list[str]) -> dict[str, bytes]:
    return {name: png(seed=number, padding=2000) for number, name in enumerate(names)}


@pytest.fixture
def gate(server: str, hernias: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Open a gate before a server that has NIH's bucket with the 227 images of a subset."""
    with gate_before(server) as opened:
        opened.restore(
            BUCKET,
            {f"png/{name}": data for name, data in stored_images(hernias).items()}
            | {"png/LICENSE.txt": b"not an image"},
        )
        opened.put("my-slices", {})
        slices = opened.client().bucket("my-slices")
        slices.delete_blobs(list(slices.list_blobs()))
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", opened.url)
        yield opened


def check_failed(done: subprocess.CompletedProcess[str], code: int, *words: object) -> str:
    """Assert that a transfer was announced, and then failed in one line."""
    announced, _, rest = done.stderr.partition("\n")
    assert "billed to the project my-project" in announced
    done.stderr = rest
    return check_failure(done, code, *words)


def objects(gate: Gate, prefix: str = "png/") -> dict[str, tuple[bytes, int]]:
    found = gate.client().list_blobs(BUCKET, prefix=prefix)
    return {
        blob.name.removeprefix(prefix): (blob.download_as_bytes(), blob.generation)
        for blob in found
    }


def test_an_export_from_the_bucket(cxrcat: Run, installed: Run, work: Path, gate: Gate) -> None:
    done = installed(*PAID)
    assert done.returncode == 0, done.stderr
    assert f"227 objects, {gate_size(gate):,} bytes from gs://{BUCKET}/png/" in done.stderr
    assert "about US$0.00 at the prices of 2021-01, billed to the project my-project" in done.stderr
    manifest = check_export(work / "hernia")
    assert manifest.images.brought_from == manifest.images.source == "gcs-png"
    assert "google-conversion" not in {duty.id for duty in manifest.duties}
    stored = objects(gate)
    for row in rows_of(work / "hernia"):
        data, generation = stored[row["name"]]
        assert (work / "hernia" / row["path"]).read_bytes() == data
        assert row["source"] == f"gs://{BUCKET}/png/{row['name']}#{generation}"
    assert all(f"userProject={PAYER}" in each for each in gate.requests if "/o" in each)
    assert cxrcat("verify", "hernia").returncode == 0


def gate_size(gate: Gate) -> int:
    found = gate.client().list_blobs(BUCKET, prefix="png/")
    return sum(blob.size for blob in found if blob.name.endswith(".png"))


def test_dicom_instances_owe_their_conversion(
    cxrcat: Run, work: Path, gate: Gate, hernias: list[str]
) -> None:
    data = {name: bytes(128) + b"DICM" + name.encode() for name in hernias}
    gate.put(BUCKET, {f"dicom/{name[:-4]}.dcm": each for name, each in data.items()})
    done = cxrcat(*PAID[:-4], "gcs-dicom", *PAID[-3:])
    assert done.returncode == 0, done.stderr
    manifest = check_export(work / "hernia")
    assert manifest.images.media_type == "application/dicom"
    assert manifest.duties[-1].id == "google-conversion"
    assert "fetched from Google Cloud Storage, DICOM" in manifest.duties[-1].because[0]
    assert "converted by Google" in (work / "hernia" / "ATTRIBUTION.md").read_text("utf-8")
    for row in rows_of(work / "hernia"):
        assert row["path"] == f"images/{row['name'][:-4]}.dcm"
        assert (work / "hernia" / row["path"]).read_bytes() == data[row["name"]]


def test_nobody_is_billed_without_being_asked(cxrcat: Run, work: Path, gate: Gate) -> None:
    check_failure(cxrcat(*FETCH), 3, "requesters pay", "--billing-project", "nothing was fetched")
    assert gate.requests == []
    check_failure(
        cxrcat(*FETCH, "--billing-project", PAYER), 2, "227 objects", "agree to it with --yes"
    )
    assert gate.media_requests == []
    check_failure(cxrcat(*PAID, "--max-bytes", "1000"), 3, "more than --max-bytes 1,000")
    check_failure(cxrcat(*PAID, "--max-cost", "0.0000001"), 3, "more than --max-cost 1e-07")
    assert gate.media_requests == []
    assert list(work.iterdir()) == []
    done = cxrcat(
        *(*FETCH, "--yes", "--max-cost", "1", "--price-per-gib", "1"),
        env={"CXRCAT_BILLING_PROJECT": PAYER},
    )
    assert done.returncode == 0, done.stderr
    assert "about US$0.00 at your own price, billed to" in done.stderr


@pytest.mark.usefixtures("gate")
def test_a_question_on_a_terminal(cxrcat: Run, work: Path) -> None:
    command = f"{COMMAND} {' '.join(FETCH)} --billing-project {PAYER}"
    for answer, code in (("n\n", 2), ("y\n", 0)):
        done = subprocess.run(
            ["script", "--quiet", "--return", "--command", command, "/dev/null"],
            cwd=work,
            env=environment(cxrcat),
            input=answer,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done
        assert "Fetch? [y/N]" in done.stdout
        assert (work / "hernia").exists() == (code == 0)


def test_who_may_not(cxrcat: Run, gate: Gate) -> None:
    done = cxrcat(*FETCH, "--billing-project", "another", "--yes")
    check_failure(done, 3, "no permission", "serviceusage")
    assert gate.media_requests == []


@pytest.mark.usefixtures("gate")
def test_without_credentials(cxrcat: Run, work: Path) -> None:
    done = cxrcat(
        *PAID,
        env={"STORAGE_EMULATOR_HOST": "", "HOME": str(work), "NO_GCE_CHECK": "true"},
    )
    check_failure(done, 3, "no Google credentials", "gcloud auth application-default login")


def test_a_server_that_is_not_there(cxrcat: Run) -> None:
    code = """
import sys
from cxrcat.catalog import cloud
cloud._PATIENCE = 2.0
from cxrcat.cli import main
sys.exit(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *PAID],
        env=environment(cxrcat) | {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    check_failure(done, 3, "cannot be reached", "try again later")


def environment(cxrcat: Run) -> dict[str, str]:
    import os

    return {
        **os.environ,
        "CXRCAT_CATALOG": json.loads(cxrcat("doctor", "--json").stdout)["catalog"],
    }


def change(data: bytes) -> bytes:
    return data[:50] + bytes([data[50] ^ 1]) + data[51:]


FAULTS: dict[str, tuple[Callable[[], Fault], int]] = {
    "dropped connections": (lambda: Fault(media, 5, drop_after=300), 5),
    "too many requests": (lambda: Fault(media, 3, status=429, headers={"Retry-After": "1"}), 3),
    "unavailable": (lambda: Fault(media, 3, status=503), 3),
    "unavailable while listing": (lambda: Fault(lambda path: not media(path), 2, status=503), 0),
    "a wrong byte": (lambda: Fault(media, 2, change=change), 2),
    "a truncated body": (lambda: Fault(media, 2, change=lambda data: data[:100]), 2),
    "slow": (lambda: Fault(media, 3, pause=1.5), 0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_goes_wrong_for_a_while(
    cxrcat: Run, work: Path, gate: Gate, hernias: list[str], name: str
) -> None:
    fault, more = FAULTS[name]
    gate.faults.append(fault())
    done = cxrcat(*PAID)
    assert done.returncode == 0, done.stderr
    assert gate.faults[0].times == 0
    assert len(gate.media_requests) >= 227 + more
    check_export(work / "hernia")
    stored = stored_images(hernias)
    for row in rows_of(work / "hernia"):
        assert (work / "hernia" / row["path"]).read_bytes() == stored[row["name"]]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(media, 1000, change=change), "are not those that the store has, 3 times"),
        (Fault(media, 1000, status=403), "no permission"),
        (Fault(media, 1000, change=lambda data: data + b"more"), "more bytes come"),
    ],
    ids=["wrong bytes", "forbidden", "too long"],
)
def test_what_stays_wrong(
    cxrcat: Run, work: Path, gate: Gate, hernias: list[str], fault: Fault, words: str
) -> None:
    name = hernias[100]
    gate.faults.append(Fault(lambda path: media(path) and name in path, fault.times, **rest(fault)))
    line = check_failed(cxrcat(*PAID), 3, name, words, "the same command goes on from there")
    assert not (work / "hernia").exists()
    assert leftovers(work / "hernia") == [".hernia.cxrcat-fetched"]
    here = int(line.partition(" of 227 images are here")[0].rpartition(" ")[2])
    assert 1 <= here < 227

    gate.faults.clear()
    gate.requests.clear()
    done = cxrcat(*PAID)
    assert done.returncode == 0, done.stderr
    assert len(gate.media_requests) == 227 - here
    assert f"{227 - here} objects" in done.stderr
    check_export(work / "hernia")


def rest(fault: Fault) -> dict[str, object]:
    return {"status": fault.status, "change": fault.change}


def test_what_was_kept_and_then_changed_is_fetched_again(
    cxrcat: Run, work: Path, gate: Gate, hernias: list[str]
) -> None:
    gate.faults.append(Fault(lambda path: media(path) and hernias[-1] in path, 1000, status=403))
    check_failed(cxrcat(*PAID), 3, "no permission")
    kept = work / ".hernia.cxrcat-fetched" / "images"
    (kept / hernias[0]).write_bytes(b"\x89PNG\r\n\x1a\n")
    (kept / "stray.png").write_bytes(b"x")
    gate.put(BUCKET, {f"png/{hernias[1]}": png(seed=999)})
    gate.faults.clear()
    gate.requests.clear()
    assert cxrcat(*PAID).returncode == 0
    again = {name for name in hernias if any(name in each for each in gate.media_requests)}
    assert {hernias[0], hernias[1], hernias[-1]} <= again
    assert len(again) < 227
    check_export(work / "hernia")
    assert (work / "hernia" / "images" / hernias[1]).read_bytes() == png(seed=999)


def test_an_object_that_changes_between_the_list_and_the_transfer(
    cxrcat: Run, work: Path, gate: Gate, hernias: list[str]
) -> None:
    name = hernias[50]

    def replace(path: str) -> bool:
        if media(path) and name in path and not changed:
            changed.append(path)
            gate.put(BUCKET, {f"png/{name}": png(seed=1234)})
        return False

    changed: list[str] = []
    gate.faults.append(Fault(replace))
    check_failed(cxrcat(*PAID), 3, name, "changed since it was listed")
    assert not (work / "hernia").exists()
    assert cxrcat(*PAID).returncode == 0
    assert (work / "hernia" / "images" / name).read_bytes() == png(seed=1234)
    check_export(work / "hernia")


def test_a_run_that_is_ended_goes_on(start: Start, cxrcat: Run, work: Path, gate: Gate) -> None:
    gate.faults.append(Fault(media, 1000, pause=0.2))
    for kill in ("kill", "terminate"):
        process = start(*PAID)
        while len(gate.media_requests) < 40:
            assert process.poll() is None
        getattr(process, kill)()
        process.wait()
        assert not (work / "hernia").exists()
        gate.requests.clear()
    gate.faults.clear()
    assert cxrcat(*PAID).returncode == 0
    assert len(gate.media_requests) < 227 - 40
    check_export(work / "hernia")


def test_missing_objects(cxrcat: Run, work: Path, gate: Gate, hernias: list[str]) -> None:
    gate.client().bucket(BUCKET).delete_blob(f"png/{hernias[3]}")
    check_failure(cxrcat(*PAID), 2, "1 of 227 images are not in gs://", hernias[3])
    assert gate.media_requests == []
    assert cxrcat(*PAID, "--allow-missing").returncode == 0
    assert check_export(work / "hernia").images.missing == 1


def test_another_bucket(cxrcat: Run, work: Path, gate: Gate, hernias: list[str]) -> None:
    gate.needs_payer = False
    gate.put("my-copy", {f"nih/{name}": png(seed=7) for name in hernias})
    for source in ("gs://my-copy/nih", "gs://my-copy/nih/{name}", "gcs-png:gs://my-copy/nih/"):
        done = cxrcat(*FETCH[:-1], source, "--force")
        assert done.returncode == 0, done.stderr
        check_export(work / "hernia")
    nowhere = cxrcat(*FETCH[:-1], "gs://nowhere/x", "--to", "x")
    check_failure(nowhere, 2, "227 of 227 images are not in")
    check_failure(cxrcat(*FETCH[:-1], "gs://"), 2, "write gs://BUCKET/PREFIX")
    check_failure(cxrcat(*FETCH[:-1], "gcs-pgn:x"), 2, "gcs-png")
    linked = ("export", "--subset", "hernia", "--to", "x", "--images", "hardlink")
    check_failure(
        cxrcat(*linked, "--from", "gs://my-copy/nih"),
        2,
        "cannot be linked to",
    )


def test_a_large_subset_is_listed(cxrcat: Run, work: Path, gate: Gate, hernias: list[str]) -> None:
    hostile = [f"png/../{hernias[1]}", f"png/00000100_000.png/../../{hernias[2]}", "png/00001/\x1b"]
    gate.put(BUCKET, dict.fromkeys(hostile, b"hostile"))
    assert cxrcat("subset", "create", "two", "--where", "hernia or edema").returncode == 0
    done = cxrcat(
        *("export", "--subset", "two", "--images", "copy", "--from", "gcs-png"),
        *("--billing-project", PAYER, "--yes", "--allow-missing"),
    )
    assert done.returncode == 0, done.stderr
    listings = [each for each in gate.requests if not media(each)]
    assert len(listings) == len([each for each in listings if "prefix=png" in each]) < 5, listings
    assert check_export(work / "two").images.files == 227
    assert list(work.iterdir()) == [work / "two"]


OUT = ("export", "--subset", "hernia", "--to", "gs://my-slices/nih/hernia")
REWRITE = (*OUT, "--images", "copy", "--from", "gcs-png", "--billing-project", PAYER, "--yes")


def written(gate: Gate) -> dict[str, bytes]:
    found = gate.client().list_blobs("my-slices", prefix="nih/")
    return {blob.name.removeprefix("nih/hernia/"): blob.download_as_bytes() for blob in found}


def test_a_slice_goes_from_bucket_to_bucket(
    cxrcat: Run, work: Path, gate: Gate, hernias: list[str]
) -> None:
    done = cxrcat(*REWRITE)
    assert (done.returncode, done.stdout) == (0, "gs://my-slices/nih/hernia\n"), done.stderr
    assert gate.media_requests == []
    assert "ifGenerationMatch=0" in gate.requests[-1]  # which the manifest alone asks for
    files = written(gate)
    manifest = json.loads(files["provenance.json"])
    assert manifest["images"]["mode"] == "rewrite"
    assert manifest["images"]["files"] == manifest["images"]["taken_over"] == 227
    stored = objects(gate)
    for name in hernias:
        assert files[f"images/{name}"] == stored[name][0]
    table = files["metadata.csv"].decode().splitlines()
    assert all(",crc32c:" in line for line in table[1:])
    listed = files["checksums.xxh128"].decode()
    assert "images/" not in listed
    for fact in manifest["files"]:
        assert fact["checksum"].removeprefix("xxh128:") in listed
        assert len(files[fact["path"]]) == fact["size"]
    assert "For 227 of them" in files["README.md"].decode()
    assert list(work.iterdir()) == []
    (row,) = json.loads(cxrcat("exports", "--json").stdout)
    assert (row["destination"], row["state"]) == ("gs://my-slices/nih/hernia", "published")
    check_failure(cxrcat(*REWRITE), 2, "a slice is there already")


def test_what_was_read_before_is_known(cxrcat: Run, gate: Gate) -> None:
    assert cxrcat(*PAID).returncode == 0
    assert cxrcat(*REWRITE).returncode == 0
    files = written(gate)
    assert "taken_over" not in json.loads(files["provenance.json"])["images"]
    assert files["checksums.xxh128"].decode().count("images/") == 227


def test_a_slice_in_a_bucket_appears_last(cxrcat: Run, gate: Gate, hernias: list[str]) -> None:
    gate.faults.append(
        Fault(lambda path: "rewrite" in path and hernias[200] in path, 99, status=403)
    )
    check_failed(cxrcat(*REWRITE), 3, hernias[200], "no permission")
    half = written(gate)
    assert half
    assert all(name.startswith("images/") for name in half)
    gate.faults.clear()
    gate.requests.clear()
    assert cxrcat(*REWRITE).returncode == 0
    rewrites = [each for each in gate.requests if "rewriteTo" in each]
    assert len(rewrites) == 227 - len(half)
    assert "provenance.json" in written(gate)


def test_papers_alone_go_to_a_bucket(cxrcat: Run, gate: Gate) -> None:
    gate.needs_payer = False
    assert cxrcat(*OUT).returncode == 0
    assert "provenance.json" in written(gate)
    assert not any(name.startswith("images/") for name in written(gate))


def test_papers_in_a_bucket_can_be_signed_and_images_that_nobody_read_cannot(
    cxrcat: Run, work: Path, gate: Gate
) -> None:
    gate.needs_payer = False
    cxrcat("keygen", "--out", "ada")
    sign = ("--sign", "--key", "ada.pem")
    check_failure(cxrcat(*REWRITE, *sign), 2, "cannot be signed", "export to a folder")
    assert written(gate) == {}
    assert cxrcat(*OUT, *sign).returncode == 0
    for name, data in written(gate).items():
        (work / "hernia" / name).parent.mkdir(parents=True, exist_ok=True)
        (work / "hernia" / name).write_bytes(data)
    check_export(work / "hernia")
    assert cxrcat("verify", "hernia", "--signer", "ada.pub.pem").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*OUT, "--images", "copy", "--from", "."), "only images in Cloud Storage go"),
        ((*OUT, "--images", "hardlink", "--from", "gs://x/y"), "nothing can be linked"),
        ((*OUT, "--force"), "--force is for folders"),
        (
            ("export", "--subset", "hernia", "--to", "gs://my-slices/../x"),
            "has an empty part or dots",
        ),
        (("export", "--subset", "hernia", "--to", "gs:///x"), "write gs://BUCKET/PREFIX"),
        (("export", "--subset", "hernia", "--to", "gs://my-slices/full"), "full/other.bin"),
    ],
)
def test_what_cannot_go_to_a_bucket(
    cxrcat: Run, work: Path, gate: Gate, arguments: tuple[str, ...], words: str
) -> None:
    gate.needs_payer = False
    gate.put("my-slices", {"full/other.bin": b"x"})
    check_failure(cxrcat(*arguments), 2, words)
    assert list(work.iterdir()) == []
    assert written(gate) == {}
