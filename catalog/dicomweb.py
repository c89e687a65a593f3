"""A DICOMweb server: searching, fetching an instance as it is stored, and failures in plain words.

QIDO-RS and WADO-RS are PS3.18, sections 10.6 and 10.4. dicomweb-client searches; it would hand over
an instance as a parsed data set, so the bytes are taken from the same session's answer here.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.message import Message
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from ..schemas.errors import SourceError, UsageError
from .cloud import seconds_of
from .dicom import Uids, is_uid, library

if TYPE_CHECKING:
    import requests

Result = TypeVar("Result")

TOKEN_VARIABLE = "CXRCAT_DICOMWEB_TOKEN"  # noqa: S105 - the name of one
GOOGLE = "healthcare.googleapis.com"
LARGEST_INSTANCE = 1 << 30  # bytes

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces of an answer
_ATTEMPTS = 6
_FIRST_WAIT = 0.25  # seconds before the second attempt; twice as long before each further one
_LONGEST_WAIT = 60.0  # seconds that a server may make us wait before the next attempt
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # what may go well another time
_PAGE = 200  # instances that one answer may list
_MOST_ROWS = 100_000  # that one question may bring
_LARGEST_LIST = 64 << 20  # bytes of one answer to a question
_LONGEST_HEAD = 1 << 16  # bytes before the instance in an answer
_BLOCK = 1 << 18
_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


class _BrokenOffError(Exception):
    """An answer ended before the instance in it did."""


class Server:
    """A DICOMweb server by its root URL; may be used from several threads."""

    def __init__(
        self, url: str, threads: int, access: str | None = None, project: str | None = None
    ) -> None:
        """Make ready to ask `url`; nothing is asked yet.

        `access` says how one comes by permission, `project` is Google's to count requests for.
        Raises `UsageError` for what is no URL or when a library is missing, and `SourceError` when
        there are no credentials for Google's server.
        """
        self.url = url.rstrip("/")
        parts = _parts(self.url)
        library()
        try:
            from dicomweb_client.api import DICOMwebClient
            from requests.adapters import HTTPAdapter
        except ImportError as error:
            raise UsageError("DICOMweb needs more packages: pip install 'cxrcat[dicom]'") from error
        for name in ("dicomweb_client", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._access = access
        self._session = _session(*parts, project)
        self._session.mount("https://", HTTPAdapter(pool_maxsize=threads))
        self._session.mount("http://", HTTPAdapter(pool_maxsize=threads))
        self._session.hooks["response"].append(_limit)
        try:
            self._client = DICOMwebClient(self.url, session=self._session, timeout=_TIMEOUT)
        except ValueError as error:
            raise UsageError(f"{self.url[:200]}: is not the URL of a DICOMweb server") from error
        self._client.set_http_retry_params(retry=False)  # attempts are made here

    def address(self, uids: Uids) -> str:
        """Return an instance's own URL."""
        return f"{self.url}/studies/{uids.study}/series/{uids.series}/instances/{uids.instance}"

    def search(
        self, filters: Mapping[str, str], keywords: Sequence[str]
    ) -> dict[Uids, dict[str, Any]]:
        """Return the instances that a question finds, each with what it says for the keywords.

        A server may list fewer than it was asked for, so it is asked until it has no more. Raises
        `SourceError`.
        """
        found: dict[Uids, dict[str, Any]] = {}
        offset = 0
        while True:
            page = self._attempts(self.url, lambda: self._page(filters, keywords, offset))  # noqa: B023 - it is called at once
            before = len(found)
            for row in page:
                found.update([_read_row(row, keywords, self.url)])
            if len(found) == before:  # also where a server takes no notice of the offset
                return found
            if len(found) > _MOST_ROWS:
                raise SourceError(
                    f"{self.url}: lists more than {_MOST_ROWS:,} instances for "
                    f"{dict(filters)}; it does not seem to heed the question"
                )
            offset += len(page)

    def fetch(self, uids: Uids, restart: Callable[[], None], take: Callable[[bytes], None]) -> None:
        """Hand an instance's bytes to `take` block by block, after `restart` at each attempt.

        Raises `SourceError`, and what `take` raises.
        """
        address = self.address(uids)

        def once() -> None:
            restart()
            with self._session.get(
                address, headers={"Accept": _ACCEPT}, stream=True, timeout=_TIMEOUT
            ) as response:
                response.raise_for_status()
                _take_part(response, take, address)

        self._attempts(address, once)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _page(self, filters: Mapping[str, str], keywords: Sequence[str], offset: int) -> list[Any]:
        rows = self._client.search_for_instances(
            limit=_PAGE, offset=offset, fields=[*keywords], search_filters=dict(filters)
        )
        if not isinstance(rows, list):
            raise SourceError(f"{self.url}: {_NO_LIST}")
        return rows

    def _attempts(self, what: str, work: Callable[[], Result]) -> Result:
        import requests
        from google.auth.exceptions import GoogleAuthError

        for attempt in range(1, _ATTEMPTS + 1):
            wait = _FIRST_WAIT * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
            try:
                return work()
            except requests.HTTPError as error:
                if attempt == _ATTEMPTS or error.response.status_code not in _PASSING:
                    raise SourceError(self._refusal(what, error.response)) from error
                asked = error.response.headers.get("Retry-After")
                wait = min(seconds_of(asked), _LONGEST_WAIT) if asked else wait
            except requests.exceptions.InvalidJSONError as error:
                raise SourceError(f"{what}: {_NO_LIST}") from error
            except requests.exceptions.SSLError as error:
                raise SourceError(f"{what}: {_reason(error)}") from error
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
                requests.exceptions.ContentDecodingError,
                _BrokenOffError,
            ) as error:
                if attempt == _ATTEMPTS:
                    raise SourceError(
                        f"{what}: the server cannot be reached or breaks off "
                        f"({_reason(error)}); try again later"
                    ) from error
            except requests.RequestException as error:
                raise SourceError(f"{what}: {_reason(error)}") from error
            except GoogleAuthError as error:
                raise SourceError(
                    f"{what}: Google does not accept the credentials: {_reason(error)}"
                ) from error
            time.sleep(wait)
        raise AssertionError  # the last attempt returned or raised

    def _refusal(self, what: str, response: requests.Response) -> str:
        code = response.status_code
        if code in (401, 403):
            how = self._access or f"give a token of its owner's in {TOKEN_VARIABLE}"
            return f"{what}: no permission (the server answers {code}); {how}"
        if code == 404:
            return f"{what}: is not there (the server answers 404)"
        return (
            f"{what}: the server answers {code}, at every attempt"
            if code in _PASSING
            else (f"{what}: the server answers {code}")
        )


_NO_LIST = "answers with what is no list of DICOM instances; is it a DICOMweb server's root URL?"


def _parts(url: str) -> tuple[str, str]:
    """Return the scheme and the host of a URL; raise `UsageError` without them."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise UsageError(f"{url[:200]!r} is not the URL of a DICOMweb server; write https://…")
    if parts.username is not None:
        raise UsageError(
            f"{parts.hostname}: a URL with a password would be recorded; put a token into "
            f"{TOKEN_VARIABLE} instead"
        )
    return parts.scheme, host


def _session(scheme: str, host: str, project: str | None) -> requests.Session:
    """Return a session with the user's own credentials, where the server is one that wants them."""
    import requests

    token = os.environ.get(TOKEN_VARIABLE)
    if token:
        if scheme != "https" and host not in ("127.0.0.1", "::1", "localhost"):
            raise UsageError(f"{host}: {TOKEN_VARIABLE} is not sent over http; use https")
        if not (token.isascii() and token.isprintable()):
            raise UsageError(f"{TOKEN_VARIABLE} holds letters that no token has")
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {token}"
        return session
    if host != GOOGLE:
        return requests.Session()
    import google.auth
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import AuthorizedSession

    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE], quota_project_id=project)
    except GoogleAuthError as error:
        raise SourceError(
            f"{host}: there are no Google credentials here; run 'gcloud auth application-default "
            "login', or set GOOGLE_APPLICATION_CREDENTIALS"
        ) from error
    authorized: requests.Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
    return authorized


class _Limited:
    """The raw body of an answer, of which no more than a number of bytes is read."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def stream(self, size: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """Yield the body, decoded, as urllib3 does."""
        total = 0
        for block in self._raw.stream(min(size, _BLOCK), decode_content=decode_content):
            total += len(block)
            if total > _LARGEST_LIST:
                raise SourceError(f"a server answers with more than {_LARGEST_LIST:,} bytes")
            yield block

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def _limit(response: requests.Response, *_: Any, stream: bool = False, **__: Any) -> None:
    """Keep an answer that is read at once from filling the memory."""
    if not stream:
        response.raw = _Limited(response.raw)


def _read_row(row: Any, keywords: Sequence[str], url: str) -> tuple[Uids, dict[str, Any]]:
    """Return an instance of the DICOM JSON model (PS3.18, annex F) as UIDs and values."""
    said = {keyword: _value(row, keyword) for keyword in (*_UIDS, *keywords)}
    uids = [said[keyword] for keyword in _UIDS]
    if not all(map(is_uid, uids)):
        raise SourceError(f"{url}: lists an instance without the UIDs that identify it")
    return Uids(*uids), {keyword: said[keyword] for keyword in keywords}


def _value(row: Any, keyword: str) -> Any:
    """Return what a row says for a keyword: a text, several in a list, or None."""
    tag = library().datadict.tag_for_keyword(keyword)
    if tag is None or not isinstance(row, dict):
        return None
    attribute = row.get(f"{tag:08X}")
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    if not isinstance(values, list):
        return None
    names = (each.get("Alphabetic") if isinstance(each, dict) else each for each in values)
    texts = [str(each) for each in names if isinstance(each, str | int | float)]
    return texts[0] if len(texts) == 1 else texts or None


def _take_part(response: requests.Response, take: Callable[[bytes], None], address: str) -> None:
    """Take the one instance out of an answer, byte by byte as it was sent."""
    head = Message()
    head["Content-Type"] = response.headers.get("Content-Type", "")
    blocks = response.iter_content(_BLOCK)
    if head.get_content_type() == "application/dicom":  # which some servers send bare
        for block in blocks:
            take(block)
        return
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/related" or not boundary:
        raise SourceError(
            f"{address}: answers with {head.get_content_type()}, which is no DICOM instance"
        )
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    buffer = bytearray(b"\r\n")  # the first delimiter may begin the body
    for mark in (delimiter, b"\r\n\r\n"):  # what stands before the part, and its own header
        while (place := buffer.find(mark)) < 0:
            if len(buffer) > _LONGEST_HEAD:
                raise SourceError(f"{address}: answers with no DICOM instance")
            buffer += _next(blocks)
        del buffer[: place + len(mark)]
    while (place := buffer.find(delimiter)) < 0:
        whole = max(0, len(buffer) - len(delimiter) + 1)  # the rest may begin the delimiter
        take(bytes(buffer[:whole]))
        del buffer[:whole]
        buffer += _next(blocks)
    take(bytes(buffer[:place]))
    del buffer[: place + len(delimiter)]
    while len(buffer) < 2:
        buffer += _next(blocks)
    if buffer[:2] != b"--":
        raise SourceError(f"{address}: answers with more than one instance")


def _next(blocks: Iterator[bytes]) -> bytes:
    block = next(blocks, None)
    if block is None:
        raise _BrokenOffError("the answer ends before the instance does")
    return block


def _reason(error: BaseException) -> str:
    """Return what an error says, short and as one line, without addresses in memory."""
    text = " ".join(str(error).split())
    text = text.rpartition(": ")[2] if "object at 0x" in text else text
    return text if len(text) <= 160 else f"{text[:160]}…"
