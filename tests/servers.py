"""An HTTP server for tests that has files, sends ranges of them, and makes faults when asked to."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from .gates import Handler, serving

MODIFIED = "Mon, 04 Sep 2017 12:00:00 GMT"


@dataclass
class File:
    """A file that the server has; `etag` None leaves it and its date unsaid."""

    data: bytes
    etag: str | None = '"1"'


@dataclass
class Fault:
    """What goes wrong with the next `times` requests for `path`, or for any.

    The body ends after `drop_after` bytes, with the connection; `pause` is in seconds, before the
    answer. `headers` stand beside or instead of the server's own; one that is None is left out.
    `before` is called first, as somebody who changes a file just then would be.
    """

    times: int = 1
    path: str | None = None
    status: int | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    change: Callable[[bytes], bytes] | None = None
    drop_after: int | None = None
    pause: float = 0.0
    without_ranges: bool = False
    before: Callable[[], None] | None = None


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def start(self) -> int:
        """The first byte that is asked for."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(asked[1]) if asked else 0


@dataclass
class FileServer:
    """The server's address, its files by path, what was asked of it, and the faults to make."""

    url: str
    files: dict[str, File] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self, path: str) -> Fault:
        """Return the fault of a request, counted, or one that does nothing."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.path in (None, path):
                    fault.times -= 1
                    return fault
        return Fault()


@contextmanager
def file_server() -> Iterator[FileServer]:
    """Start a server on this machine."""
    server = FileServer("")
    with serving(_Handler, server) as server.url:
        yield server


class _Handler(Handler):
    def respond(self) -> None:
        server: FileServer = self.server.state  # type: ignore[attr-defined]
        if self.command == "HEAD":  # which NIH's Box answers so
            self.send_error(404)
            return
        with server.lock:
            server.requests.append(Request("GET", self.path, dict(self.headers)))
        fault = server.next_fault(self.path)
        if fault.before is not None:
            fault.before()
        time.sleep(fault.pause)
        file = server.files.get(self.path)
        if fault.status is not None:
            self._answer(fault.status, b"a fault", {}, fault)
        elif file is None:
            self._answer(404, b"nothing", {}, fault)
        else:
            self._send(file, fault)

    def _send(self, file: File, fault: Fault) -> None:
        headers = {"Content-Type": "application/gzip"}
        if file.etag is not None:
            headers |= {"ETag": file.etag, "Last-Modified": MODIFIED}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if asked is None or fault.without_ranges or condition not in (None, file.etag):
            self._answer(200, file.data, headers, fault)
            return
        start, size = int(asked[1]), len(file.data)
        if start >= size:
            self._answer(416, b"", headers | {"Content-Range": f"bytes */{size}"}, fault)
            return
        headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        self._answer(206, file.data[start:], headers, fault)

    def _answer(self, status: int, data: bytes, headers: dict[str, str], fault: Fault) -> None:
        if fault.change is not None:
            data = fault.change(data)
        self.answer(status, data, headers | dict(fault.headers), fault.drop_after)
