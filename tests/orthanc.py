"""A DICOMweb server for tests: Debian's Orthanc, with instances made here, and a gate before it.

The gate hands every request on and makes whatever faults a test asks for.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.config import disable_value_validation
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from .gates import Faults, Handler, free_port, serving

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
ROOT_UID = "1.3.6.1.4.1.11129.5.5"  # of Google's instances
_UNASKED = frozenset({"accept-encoding", "authorization"})  # headers that the gate keeps to itself


def uids_of(number: int) -> tuple[str, str, str]:
    """Return the UIDs of the study, the series and the instance of a number."""
    return f"{ROOT_UID}.1.{number}", f"{ROOT_UID}.2.{number}", f"{ROOT_UID}.3.{number}"


def instance(
    number: int,
    row: dict[str, str] | None = None,
    syntax: str = ExplicitVRLittleEndian,
    **attributes: Any,
) -> bytes:
    """Return a DICOM file as Google made them of NIH's images; `row` is one of NIH's table."""
    with disable_value_validation():  # Google's ages are no text of the kind AS
        return _instance(number, row, syntax, attributes)


def _instance(
    number: int, row: dict[str, str] | None, syntax: str, attributes: dict[str, Any]
) -> bytes:
    study, series, own = uids_of(number)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = own
    meta.TransferSyntaxUID = syntax
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID = SecondaryCaptureImageStorage
    data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID = own, study, series
    data.Modality, data.BodyPartExamined = "DX", "RIBCAGE"
    data.PatientName = ""
    if row is not None:
        data.PatientID = row["Patient ID"]
        data.PatientSex = row["Patient Gender"]
        data.PatientAge = row["Patient Age"]
        data.PatientPosition = row["View Position"]
        data.StudyDescription = row["Finding Labels"]
    data.Rows, data.Columns = 6, 8
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    pixels = np.arange(48, dtype=np.uint8) + number % 200
    data.PixelData = pixels.tobytes()
    data["PixelData"].VR = "OW"
    for keyword, value in attributes.items():
        setattr(data, keyword, value)
    if syntax != ExplicitVRLittleEndian:
        data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
    stream = BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def retrieval(path: str) -> bool:
    """Tell whether a request is for the bytes of an instance."""
    return "/studies/" in path


def question(path: str) -> bool:
    """Tell whether a request is a search."""
    return "/instances?" in path


@dataclass
class Orthanc(Faults):
    """A server's addresses: past the gate, and through it; what was asked, and faults to make."""

    upstream: str = ""
    url: str = ""
    requests: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)

    @property
    def direct(self) -> str:
        """The DICOMweb server's own address."""
        return f"{self.upstream}/dicom-web"

    @property
    def gate(self) -> str:
        """The DICOMweb server's address through the gate."""
        return f"{self.url}/dicom-web"

    def retrievals(self) -> list[str]:
        """Return the requests for bytes so far."""
        return [each for each in self.requests if retrieval(each)]

    def put(self, files: Iterable[bytes]) -> None:
        """Store instances."""
        for data in files:
            self._ask("POST", "/instances", data)

    def stored(self, own: str) -> bytes:
        """Return the bytes of an instance as they lie in the store."""
        (found,) = json.loads(self._ask("POST", "/tools/lookup", own.encode()))
        return self._ask("GET", f"/instances/{found['ID']}/file")

    def clear(self) -> None:
        """Remove everything."""
        for each in json.loads(self._ask("GET", "/patients")):
            self._ask("DELETE", f"/patients/{each}")
        self.faults.clear()
        self.requests.clear()
        self.tokens.clear()

    def _ask(self, method: str, path: str, data: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.upstream}{path}", data, method=method)  # noqa: S310 - our own server
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return bytes(answer.read())


@contextmanager
def orthanc_server() -> Iterator[Orthanc]:
    """Start Orthanc in a folder of its own, and a gate before it; skip where it is missing."""
    command = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if command is None or not PLUGIN.exists():
        pytest.skip(
            "Orthanc and its DICOMweb plugin are not installed: run scripts/test-tools, or "
            "apt-get install orthanc orthanc-dicomweb"
        )
    with tempfile.TemporaryDirectory(prefix="orthanc-") as folder:
        port, dicom_port = free_port(), free_port()
        settings = {
            "Name": "tests",
            "StorageDirectory": f"{folder}/db",
            "IndexDirectory": f"{folder}/db",
            "TemporaryDirectory": folder,
            "Plugins": [str(PLUGIN)],
            "HttpPort": port,
            "HttpBindAddresses": ["127.0.0.1"],
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomServerEnabled": False,
            "DicomPort": dicom_port,
            "StableAge": 1,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        path = Path(folder) / "orthanc.json"
        path.write_text(json.dumps(settings), "utf-8")
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen([command, str(path)], stdout=log, stderr=log, cwd=folder)
        try:
            upstream = f"http://127.0.0.1:{port}"
            _wait_for(f"{upstream}/system", process, Path(folder) / "log")
            server = Orthanc(upstream=upstream)
            with serving(_Handler, server) as server.url:
                yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Orthanc does not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.05)


class _Handler(Handler):
    def respond(self) -> None:
        server: Orthanc = self.server.state  # type: ignore[attr-defined]
        with server.lock:
            server.requests.append(self.path)
            server.tokens.add(self.headers.get("Authorization"))
        fault = server.next_fault(self.path)
        if fault is not None and fault.status is not None:
            self.answer(fault.status, b"a fault", fault.headers)
            return
        status, data, headers = self.ask(server.upstream, without=_UNASKED)
        if fault is not None:
            headers |= fault.headers
            data = fault.change(data) if fault.change else data
        self.answer(status, data, headers, fault and fault.drop_after)
