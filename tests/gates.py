"""What the servers and gates of the tests share: serving, passing requests on, and faults."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_OWN = {"host", "connection", "content-length"}  # headers that each side of a gate makes itself


@dataclass
class Fault:
    """What goes wrong with the next `times` requests of which `of` is true.

    `change` makes another body of an answer; `drop_after` closes the connection after so many
    bytes of it; `pause` is in seconds, before the answer.
    """

    of: Callable[[str], bool]
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    change: Callable[[bytes], bytes] | None = None
    drop_after: int | None = None
    pause: float = 0.0


@dataclass
class Faults:
    """Faults to make, each so many times, whichever thread comes first."""

    faults: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self, path: str) -> Fault | None:
        """Return the fault of a request, and count it."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.of(path):
                    fault.times -= 1
                    return fault
        return None


class Handler(BaseHTTPRequestHandler):
    """Answers requests; `self.server.state` is what `serving` was given."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a request of any method."""
        self.respond()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815

    def respond(self) -> None:
        """Answer a request; `self.command` is its method."""
        raise NotImplementedError

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        """Let a client go away whenever it wants to."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def body(self) -> bytes:
        """Return what came with the request."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def ask(
        self, upstream: str, body: bytes = b"", without: frozenset[str] = frozenset()
    ) -> tuple[int, bytes, dict[str, str]]:
        """Pass the request on, but for some headers; return status, body and headers."""
        host = urlsplit(upstream)
        connection = http.client.HTTPConnection(host.hostname or "", host.port or 0, timeout=60)
        kept = {
            name: value
            for name, value in self.headers.items()
            if name.casefold() not in _OWN | without
        }
        connection.request(self.command, self.path, body or None, kept)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        headers = {
            name: value
            for name, value in answer.getheaders()
            if name.casefold() not in _OWN | {"transfer-encoding", "date"}
        }
        return answer.status, data, headers

    def answer(
        self,
        status: int,
        data: bytes,
        headers: Mapping[str, str | None] | None = None,
        drop_after: int | None = None,
    ) -> int:
        """Answer, as far as the connection lasts; return how many bytes were sent.

        A header that is None is left out, the length of the body too.
        """
        said = {"Content-Length": str(len(data)), **(headers or {})}
        sent = data if drop_after is None else data[:drop_after]
        if said["Content-Length"] is None:
            self.close_connection = True
        with contextlib.suppress(OSError):
            self.send_response(status)
            for name, value in said.items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)
            self.wfile.flush()
        if drop_after is not None:
            self.drop()
        return len(sent)

    def drop(self) -> None:
        """Break the connection off."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(handler: type[Handler], state: object) -> Iterator[str]:
    """Serve on a free port of this machine; yield the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] - a client that went away
    server.state = state  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until somebody listens on a port."""
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError(f"no server comes up on port {port}")
