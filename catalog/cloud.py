"""Google Cloud Storage: a client, the attempts it makes, and its failures in plain words."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ..schemas.errors import SourceError, UsageError

if TYPE_CHECKING:
    from google.cloud.storage import Client

SCHEME = "gs://"
TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces of an answer
_PATIENCE = 120.0  # seconds that attempts at one request may take together
_LONGEST_REASON = 200  # letters of a server's answer that an error repeats
_LONGEST_WAIT = 60.0  # seconds that a server may make us wait before the next attempt


def split_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and the rest of ``gs://BUCKET/REST``; raise `UsageError` without one."""
    bucket, _, rest = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not bucket:
        raise UsageError(f"{uri[:200]!r} is no place in Cloud Storage; write gs://BUCKET/PREFIX")
    return bucket, rest


def client() -> Client:
    """Return a client with the user's own credentials, found in Google's usual ways.

    ``STORAGE_EMULATOR_HOST`` names another server, which needs none. Raises `UsageError` when the
    library is missing, and `SourceError` when there are no credentials.
    """
    try:
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import storage
    except ImportError as error:
        raise UsageError("Cloud Storage needs more packages: pip install 'cxrcat[gcs]'") from error
    # Else the library asks for the bucket beside every request, in no payer's name, for tracing.
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    try:
        return storage.Client(project=None)  # which is needed for nothing that is done here
    except GoogleAuthError as error:
        raise SourceError(
            "Cloud Storage: there are no Google credentials here; run 'gcloud auth "
            "application-default login', or set GOOGLE_APPLICATION_CREDENTIALS"
        ) from error


@contextmanager
def plain_errors(what: str) -> Iterator[None]:
    """Turn whatever the library raises while it works on `what` into a `SourceError`."""
    import requests
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import InvalidResponse

    try:
        yield
    except exceptions.RetryError as error:
        raise SourceError(f"{what}: {_reason(error.cause or error)}; try again later") from error
    except (exceptions.GoogleAPICallError, InvalidResponse) as error:
        raise SourceError(f"{what}: {_reason(error)}") from error
    except GoogleAuthError as error:
        raise SourceError(
            f"{what}: Google does not accept the credentials: {_line(error)}"
        ) from error
    except (requests.RequestException, ConnectionError, TimeoutError) as error:
        raise SourceError(f"{what}: {_reason(error)}; try again later") from error


def retry() -> Any:
    """Return the attempts that a request is worth: with back-off, and as a server asks to wait."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    patient = DEFAULT_RETRY.with_timeout(_PATIENCE)
    return type(patient)(
        predicate=patient._predicate,  # noqa: SLF001 - there is no other way to it
        timeout=_PATIENCE,
        on_error=_wait_as_asked,
    )


def _wait_as_asked(error: Exception) -> None:
    response = getattr(error, "response", None)
    asked = response is not None and response.headers.get("Retry-After")
    if asked:
        time.sleep(min(seconds_of(asked), _LONGEST_WAIT))


def seconds_of(retry_after: str) -> float:
    """Return the seconds that a Retry-After header means: a number or a date (RFC 9110, 10.2.3)."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return 0.0


def _reason(error: BaseException) -> str:
    code = getattr(error, "code", None) or getattr(
        getattr(error, "response", None), "status_code", None
    )
    text = _line(error)
    if "UserProjectMissing" in str(error) or "requester pays" in text.casefold():
        return (
            "its owner lets requesters pay; name your Google Cloud project with --billing-project "
            "PROJECT or CXRCAT_BILLING_PROJECT"
        )
    if code == 401:
        return "Google wants to know who asks; run 'gcloud auth application-default login'"
    if code == 403:
        return (
            f"no permission ({text}); ask its owner, or name a --billing-project that you may use"
        )
    if code == 404:
        return "is not there, or was changed since it was listed; run the command again"
    if code is not None:
        return f"the server answers {int(code)} ({text})"
    return f"the server cannot be reached or breaks off ({text})"


def _line(error: BaseException) -> str:
    """Return what a server says of an error, else what the library does, short and as one line."""
    text = str(error)
    with suppress(AttributeError, LookupError, TypeError, ValueError):
        text = error.response.json()["error"]["message"]  # type: ignore[attr-defined]
    text = " ".join(str(text).split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
