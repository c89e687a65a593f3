"""Download one large file by ranged GET, so that a transfer that breaks off goes on from there.

HEAD is never asked for: NIH's Box answers it with 404.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from ..schemas.errors import SourceError, UsageError
from . import cache
from .cloud import seconds_of
from .progress import Advance

if TYPE_CHECKING:
    from requests import Response, Session

TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces of an answer
FIRST_WAIT = 1.0  # seconds before the second attempt; each later wait is twice as long

_ATTEMPTS = 6  # without progress
_PROGRESS = 1 << 20  # bytes that make an attempt worth something
_LONGEST_WAIT = 120.0  # seconds that a server may make us wait before the next attempt
_REDIRECTS = 10
_BLOCK = 1 << 18  # bytes
_GZIP = b"\x1f\x8b"  # RFC 1952, section 2.3.1
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")  # RFC 9110, section 14.4
_PASSING = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Remote:
    """A gzip file elsewhere: its address, its size in bytes, and the page to find it by hand."""

    url: str
    size: int
    page: str


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What a server says of the version of a file: RFC 9110, section 8.8."""

    etag: str | None
    modified: str | None

    def if_range(self) -> str | None:
        """Return what a range may be asked for by: a strong validator (section 13.1.5)."""
        if self.etag is not None and not self.etag.startswith("W/"):
            return self.etag
        return self.modified if self.etag is None else None

    def differs(self, other: _Stamp) -> bool:
        """Tell whether two answers are certainly of two versions."""
        here, there = self.if_range(), other.if_range()
        return None not in (here, there) and here != there


class _TryAgainError(Exception):
    """An attempt failed in a way that may pass; `wait` in seconds, where the server says so."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class WrongFileError(SourceError):
    """What the server sends is not the file that was announced: nothing of it is worth keeping."""


def session() -> Session:
    """Open what keeps connections from file to file; raise `UsageError` without the library."""
    try:
        import requests
    except ImportError as error:
        raise UsageError("downloads need more packages: pip install 'cxrcat[archives]'") from error
    return requests.Session()


def download(client: Session, remote: Remote, part: int, name: str, advance: Advance) -> None:
    """Complete a file whose first bytes, or none, are here; `part` is open for writing.

    What has come stays when this fails: the same call goes on from there. `name` names the file in
    messages and for the notes on it. Raises `SourceError` when the server fails, and
    `WrongFileError` when it has another file.
    """
    offset = os.fstat(part).st_size
    if offset > remote.size:
        os.ftruncate(part, 0)
        offset = 0
    advance(offset)
    transfer = _Transfer(remote, part, name, offset, advance)
    failures, mark = 0, offset
    while transfer.offset < remote.size:
        try:
            transfer.attempt(client)
        except _TryAgainError as error:
            worth = transfer.offset - mark >= _PROGRESS
            failures, mark = 0 if worth else failures + 1, transfer.offset
            if failures >= _ATTEMPTS:
                raise transfer.error(f"{error}, {failures} times; try again later") from error
            transfer.wait(error, failures)


class _Transfer:
    """A file that is on its way."""

    def __init__(self, remote: Remote, part: int, name: str, offset: int, advance: Advance) -> None:
        self._remote, self._part, self._name, self._advance = remote, part, name, advance
        self.offset = offset
        self._note = f"download-1-{cache.key_of(name)}"
        self._stamp = self._noted() if offset else None
        self._restarts = 0

    def attempt(self, client: Session) -> None:
        """Ask for the rest, and write what comes of it."""
        with self._asked(client) as response:
            stamp = _Stamp(response.headers.get("ETag"), response.headers.get("Last-Modified"))
            match response.status_code:
                case 206:
                    self._check_range(response, stamp)
                case 200:  # another version than the one that has begun, or no ranges here
                    self._check_size(response.headers.get("Content-Length"))
                    self._restart()
                case 416:  # the file there is shorter than what is here
                    if not self.offset:
                        raise self._wrong("the server has no first byte of it")
                    self._restart()
                    raise _TryAgainError("the server has not so many bytes")
                case status:
                    self._refuse(status, response)
            self._stamp = stamp
            cache.write(self._note, json.dumps([self._remote.url, asdict(stamp)]).encode())
            for block in _blocks(response):
                self._write(block, response)
        if self.offset < self._remote.size:
            raise _TryAgainError("the server ends before the file does")
        cache.remove(self._note)

    def wait(self, error: _TryAgainError, failures: int) -> None:
        """Let some time pass: what the server asks for, else longer each time, and not evenly."""
        if error.wait is None:
            time.sleep(FIRST_WAIT * 2 ** max(0, failures - 1) * random.uniform(0.5, 1))  # noqa: S311
        elif error.wait > _LONGEST_WAIT:
            raise self.error(f"{error}, and asks to wait {error.wait:,.0f} seconds")
        else:
            time.sleep(error.wait)

    def error(self, reason: str) -> SourceError:
        """Return the error that ends the transfer for now."""
        return SourceError(
            f"{self._name}: {reason}; {self.offset:,} of {self._remote.size:,} bytes are here, and "
            "the same command goes on from there"
        )

    @contextmanager
    def _asked(self, client: Session) -> Iterator[Response]:
        headers = {"Range": f"bytes={self.offset}-", "Accept-Encoding": "identity"}
        condition = self._stamp.if_range() if self._stamp else None
        if condition:
            headers["If-Range"] = condition
        url = self._remote.url
        for _ in range(_REDIRECTS):
            _check_url(url, self._remote.url, self._name)
            with _plain_errors():
                response = client.get(
                    url, headers=headers, stream=True, allow_redirects=False, timeout=TIMEOUT
                )
            with response:
                target = response.headers.get("Location")
                if not (300 <= response.status_code < 400 and target):
                    yield response
                    return
                url = _joined(url, target, self._name)
        raise SourceError(f"{self._name}: the server sends us on more than {_REDIRECTS} times")

    def _check_range(self, response: Response, stamp: _Stamp) -> None:
        told = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if told is None or int(told[1]) != self.offset:
            self._restart()
            raise _TryAgainError("the server sends another part than was asked for")
        if told[3] != "*":
            self._check_size(told[3])
        if self._stamp is not None and self._stamp.differs(stamp):
            self._restart()
            raise _TryAgainError("the file there was changed meanwhile")

    def _check_size(self, told: str | None) -> None:
        if told is not None and told.strip() != str(self._remote.size):
            raise self._wrong(
                f"the server has {told[:20]} bytes of it, and {self._remote.size:,} were announced"
            )

    def _write(self, block: bytes, response: Response) -> None:
        if not self.offset and not _GZIP.startswith(block[: len(_GZIP)]):
            kind = response.headers.get("Content-Type", "unknown")[:60]
            raise self._wrong(f"the server sends no gzip file, but {kind}")
        if self.offset + len(block) > self._remote.size:
            raise self._wrong(f"more than the {self._remote.size:,} bytes come that were announced")
        view = memoryview(block)
        while view:
            written = os.pwrite(self._part, view, self.offset)
            view = view[written:]
            self.offset += written
            self._advance(written)

    def _restart(self) -> None:
        if self.offset:
            self._restarts += 1
        if self._restarts >= _ATTEMPTS:
            raise self.error(f"had to begin anew {self._restarts} times; try again later")
        os.ftruncate(self._part, 0)
        self._advance(-self.offset)
        self.offset, self._stamp = 0, None

    def _refuse(self, status: int, response: Response) -> None:
        if status in _PASSING:
            asked = response.headers.get("Retry-After")
            wait = None if asked is None else seconds_of(asked)
            raise _TryAgainError(f"the server answers {status}", wait)
        by_hand = f"download it by hand from {self._remote.page}"
        if status in (404, 410):
            raise self.error(f"the link leads nowhere any more ({status}); {by_hand}")
        if status in (401, 403):
            raise self.error(f"the server refuses it ({status}); {by_hand}")
        raise self.error(f"the server answers {status}")

    def _wrong(self, reason: str) -> WrongFileError:
        return WrongFileError(
            f"{self._name}: {reason}; nothing of it was kept; look at {self._remote.page}"
        )

    def _noted(self) -> _Stamp | None:
        """Return the version that the first bytes are of, as far as a server said."""
        try:
            url, stamp = json.loads(cache.read(self._note) or b"")
            return _Stamp(**stamp) if url == self._remote.url else None
        except (ValueError, TypeError):
            return None


def _blocks(response: Response) -> Iterator[bytes]:
    """Yield what comes, as it comes: a file that is compressed itself must stay so."""
    blocks = response.raw.stream(_BLOCK, decode_content=False)
    while True:
        with _plain_errors():
            block = next(blocks, None)
        if block is None:
            return
        yield block


@contextmanager
def _plain_errors() -> Iterator[None]:
    import requests
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (requests.Timeout, TimeoutError) as error:
        raise _TryAgainError("the server does not answer in time") from error
    except (requests.RequestException, HTTPError, OSError) as error:
        reason = " ".join(str(error).split())
        raise _TryAgainError(
            f"the server cannot be reached or breaks off ({reason[:200]})"
        ) from error
    except ValueError as error:  # which the library lets through
        raise _TryAgainError(f"the server sends us on to nowhere ({error})") from error


def _check_url(url: str, first: str, name: str) -> None:
    """Let nothing come unencrypted but from this machine to a request that began there."""
    parts, began = urlsplit(url), urlsplit(first)
    local = {parts.hostname, began.hostname} <= _LOOPBACK and began.scheme == "http"
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise SourceError(f"{name}: the server sends us on to {url[:100]!r}, which is not https")


def _joined(url: str, target: str, name: str) -> str:
    try:
        joined = urljoin(url, target)
        urlsplit(joined).port  # noqa: B018 - which is read only now
    except ValueError as error:
        raise SourceError(f"{name}: the server sends us on to {target[:100]!r}") from error
    return joined
