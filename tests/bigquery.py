"""A BigQuery server for tests, and the gate before it that bills and fails.

The server says of every question that it reads 0 bytes and takes no notice of caps. The gate says
a size of the test's own and keeps caps as the real service does
(https://cloud.google.com/bigquery/docs/best-practices-costs), and makes the faults of a test.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from .gates import Handler, free_port, serving, wait_for

PROJECT = "my-project"
TABLE = "chc-nih-chest-xray.nih_chest_xray.nih_chest_xray"  # in NIH's descriptor
DICOM = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
ATTRIBUTES = ("PatientID", "PatientSex", "PatientPosition", "StudyDescription", "PatientAge")
SIZE = 31_000_000  # bytes that the gate says a question reads
UID = "1.3.6.1.4.1.11129.5.5"

_SPATIAL = "import duckdb_extensions as each; each.import_extension('spatial')"


def reason_of(status: int, reason: str, message: str) -> bytes:
    """Return an error as the service writes it."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return json.dumps({"error": {"code": status, "message": message, "errors": errors}}).encode()


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose method and path hold `of`.

    After the path of a job stands ``dry`` or ``billed``.
    """

    of: str
    times: int = 1
    status: int = 200
    body: bytes | None = None
    drop: bool = False


@dataclass
class Gate:
    """The gate's address, what was asked of it, what it bills, and the faults it will make."""

    url: str
    upstream: str
    size: int = SIZE
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def billed(self) -> list[dict[str, Any]]:
        """The jobs that were no dry runs."""
        return [each for each in self.jobs if not each.get("dryRun")]

    def fault(self, request: str) -> Fault | None:
        with self.lock:
            for each in self.faults:
                if each.times > 0 and each.of in request:
                    each.times -= 1
                    return each
        return None


@contextmanager
def bigquery_server() -> Iterator[str]:
    """Start a server that keeps what it is given in memory; yield its URL."""
    if find_spec("bqemulator") is None:
        pytest.skip("bqemulator is not installed: pip install --group test")
    subprocess.run([sys.executable, "-c", _SPATIAL], capture_output=True, check=True)
    rest, grpc = free_port(), free_port()
    command = Path(sysconfig.get_path("scripts")) / "bqemulator"
    options = ("--rest-port", str(rest), "--grpc-port", str(grpc), "--log-level", "error")
    with subprocess.Popen(
        [command, "start", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            wait_for(rest)
            yield f"http://127.0.0.1:{rest}"
        finally:
            server.kill()


def load(
    url: str,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    types: Mapping[str, str] | None = None,
) -> None:
    """Make a table anew, of text unless `types` says otherwise; ``[]TYPE`` is a list of it."""
    client, bigquery = _client(url)
    project, dataset, _ = table.split(".")
    client.create_dataset(bigquery.Dataset(f"{project}.{dataset}"), exists_ok=True)
    kinds = [(name, (types or {}).get(name, "STRING")) for name in columns]
    schema = [
        bigquery.SchemaField(
            name, kind.removeprefix("[]"), mode="REPEATED" if kind.startswith("[]") else "NULLABLE"
        )
        for name, kind in kinds
    ]
    client.delete_table(table, not_found_ok=True)
    made = client.create_table(bigquery.Table(table, schema=schema))
    every = [dict(row) for row in rows]
    for start in range(0, len(every), 500):
        assert client.insert_rows_json(made, every[start : start + 500]) == []
    client.close()


def load_csv(url: str, table: str, path: Path) -> dict[str, str]:
    """Load a file as ``bq load --autodetect`` does; return the types of the columns."""
    client, bigquery = _client(url)
    project, dataset, _ = table.split(".")
    client.create_dataset(bigquery.Dataset(f"{project}.{dataset}"), exists_ok=True)
    config = bigquery.LoadJobConfig(source_format="CSV", autodetect=True, skip_leading_rows=1)
    with path.open("rb") as stream:
        client.load_table_from_file(stream, table, job_config=config).result()
    types = {each.name: each.field_type for each in client.get_table(table).schema}
    client.close()
    return types


def _client(url: str) -> tuple[Any, Any]:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    anonymous: Any = AnonymousCredentials
    client = bigquery.Client(
        project=PROJECT, credentials=anonymous(), client_options={"api_endpoint": url}
    )
    return client, bigquery


def dicom_rows(rows: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return rows of NIH's table as Google's instances say them, each with UIDs of its own."""
    return [
        {
            "StudyInstanceUID": f"{UID}.1.{number}",
            "SeriesInstanceUID": f"{UID}.2.{number}",
            "SOPInstanceUID": f"{UID}.3.{number}",
            "PatientID": row["Patient ID"],
            "PatientSex": row["Patient Gender"],
            "PatientPosition": row["View Position"],
            "StudyDescription": row["Finding Labels"],
            "PatientAge": row["Patient Age"],
        }
        for number, row in enumerate(rows)
    ]


@contextmanager
def gate_before(upstream: str) -> Iterator[Gate]:
    """Open a gate before a server."""
    gate = Gate("", upstream)
    with serving(_Handler, gate) as gate.url:
        yield gate


class _Handler(Handler):
    def respond(self) -> None:
        gate: Gate = self.server.state  # type: ignore[attr-defined]
        body = self.body()
        request = f"{self.command} {self.path}"
        job: dict[str, Any] = {}
        if self.command == "POST" and urlsplit(self.path).path.endswith("/jobs"):
            job = json.loads(body)["configuration"]
        with gate.lock:
            gate.requests.append(request)
            gate.jobs += [job] if job else []
        kind = "" if not job else " dry" if job.get("dryRun") else " billed"
        fault = gate.fault(request + kind)
        if fault is not None and fault.drop:
            self.drop()
        elif fault is not None and fault.body is not None:
            self._say(fault.status, fault.body)
        else:
            self._forward(gate, body, job)

    def _forward(self, gate: Gate, body: bytes, job: dict[str, Any]) -> None:
        cap = int(job.get("query", {}).get("maximumBytesBilled") or 0)
        if job and not job.get("dryRun") and 0 < cap < gate.size:
            message = (
                f"Query exceeded limit for bytes billed: {cap}. {gate.size} or higher required."
            )
            self._say(400, reason_of(400, "bytesBilledLimitExceeded", message))
            return
        status, data, _ = self.ask(gate.upstream, body, frozenset({"accept-encoding"}))
        if status == 200 and job.get("dryRun"):
            said = json.loads(data)
            said["statistics"]["totalBytesProcessed"] = str(gate.size)
            said["statistics"]["query"]["totalBytesProcessed"] = str(gate.size)
            data = json.dumps(said).encode()
        self._say(status, data)

    def _say(self, status: int, data: bytes) -> None:
        self.answer(status, data, {"Content-Type": "application/json"})
