"""BigQuery: what is asked of it, what that will be billed, and its failures in plain words."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from ...schemas.errors import InputError, SourceError, UsageError
from ..progress import Progress

if TYPE_CHECKING:
    from google.cloud.bigquery import QueryJobConfig

SCHEME = "bigquery:"
EMULATOR = "BIGQUERY_EMULATOR_HOST"
"""Names another server, which needs no credentials; Google's own library reads it too."""

_PATIENCE = 30.0  # seconds that attempts at one request may take together
_TIMEOUT = 60.0  # seconds that a request may wait for its answer
_PAGE = 20_000  # rows an answer
_UNREADABLE = "the server's answer cannot be read; is it BigQuery that answers?"
_TABLE = re.compile(
    r"(?P<project>(?:[a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{2,40})"
    r"\.(?P<dataset>[A-Za-z0-9_]{1,300})\.(?P<name>[A-Za-z0-9_-]{1,300})"
)
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")

Parameter: TypeAlias = str | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its project, its dataset there, and its name."""

    project: str
    dataset: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``PROJECT.DATASET.TABLE``, with ``bigquery:`` before it or not."""
        found = _TABLE.fullmatch(text.removeprefix(SCHEME))
        if found is None:
            raise UsageError(f"{text[:200]!r} is no table; write PROJECT.DATASET.TABLE")
        return cls(**found.groupdict())

    def __str__(self) -> str:
        return f"{self.project}.{self.dataset}.{self.name}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column as its table has it; `type` is BigQuery's (``STRING``, ``INTEGER`` …)."""

    name: str
    type: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A statement, and the values of its parameters by name."""

    sql: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bill:
    """What a question will be billed: bytes that are read, and the project that pays."""

    table: Table
    size: int
    paid_by: str

    def words(self) -> str:
        """Return the bill as one line."""
        return f"{self.size:,} bytes of {self.table} will be billed to the project {self.paid_by}"


def _disagree(_: Bill) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user grants: the project that is billed, the cap in bytes, and another table.

    `agree` is shown each bill before anything is billed. `allow_missing` takes an answer of which
    some rows are not known to be images of the dataset.
    """

    billing_project: str | None = None
    table: str | None = None
    max_bytes: int | None = None
    agree: Callable[[Bill], bool] = _disagree
    allow_missing: bool = False


class Warehouse:
    """BigQuery as one project may ask it. Use it in a ``with`` statement."""

    def __init__(self, grant: Grant) -> None:
        """Make a client; nothing is asked of the network yet.

        Raises `SourceError` without a billing project or credentials, and `UsageError` when the
        library is missing.
        """
        self._grant = grant
        self._project = grant.billing_project or ""
        if not self._project:
            raise SourceError(
                "BigQuery bills each question to a project; name your Google Cloud project with "
                "--billing-project PROJECT or CXRCAT_BILLING_PROJECT; nothing was asked"
            )
        try:
            from google.auth.credentials import AnonymousCredentials
            from google.auth.exceptions import GoogleAuthError
            from google.cloud import bigquery
        except ImportError as error:
            raise UsageError(
                "BigQuery needs more packages: pip install 'cxrcat[bigquery]'"
            ) from error
        host = os.environ.get(EMULATOR)
        anonymous: Any = AnonymousCredentials
        try:
            self._client: Any = bigquery.Client(
                project=self._project,
                credentials=anonymous() if host else None,
                client_options={"api_endpoint": host} if host else None,
            )
        except (GoogleAuthError, OSError) as error:
            raise SourceError(
                "BigQuery: there are no Google credentials here; run 'gcloud auth "
                "application-default login', or set GOOGLE_APPLICATION_CREDENTIALS"
            ) from error
        self._retry = bigquery.DEFAULT_RETRY.with_timeout(_PATIENCE)
        passing = self._retry._predicate  # noqa: SLF001 - there is no other way to it
        # Where nobody listens when the first is asked, the address is wrong: waiting helps nothing.
        self._first_retry = self._retry.with_predicate(
            lambda error: passing(error) and not _refused(error)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def columns(self, table: Table) -> dict[str, Column]:
        """Return the columns of a table by their names, case-folded, as the language has them.

        Those whose names need another alphabet, and those that hold records, are left out.
        """
        with plain_errors(str(table)):
            schema = self._client.get_table(
                str(table), retry=self._first_retry, timeout=_TIMEOUT
            ).schema
            fields = [(str(each.name), str(each.field_type), str(each.mode)) for each in schema]
        return {
            name.casefold(): Column(name, kind.upper(), mode.upper() == "REPEATED")
            for name, kind, mode in fields
            if _COLUMN.fullmatch(name) and kind.upper() not in ("RECORD", "STRUCT")
        }

    def ask(
        self, table: Table, query: Query, progress: Progress
    ) -> tuple[Bill, list[dict[str, Any]]]:
        """Have a question billed and answered; return the bill and the rows.

        A dry run tells the bytes first, free of charge. Raises `SourceError` when they are more
        than the cap, and `UsageError` when the user does not agree to them.
        """
        with plain_errors(str(table)):
            job = self._client.query(
                query.sql,
                job_config=self._config(query, dry=True),
                retry=self._retry,
                job_retry=None,
                timeout=_TIMEOUT,
            )
            bill = Bill(table, int(job.total_bytes_processed), self._project)
        most = self._grant.max_bytes
        if most is not None and bill.size > most:
            raise SourceError(
                f"{bill.words()}: that is more than --max-bytes-billed {most:,}; nothing was billed"
            )
        if not self._grant.agree(bill):
            raise UsageError("not agreed to; nothing was billed")
        with plain_errors(str(table)):
            job = self._client.query(
                query.sql,
                job_config=self._config(query, dry=False),
                retry=self._retry,
                job_retry=None,
                timeout=_TIMEOUT,
            )
            answer = job.result(page_size=_PAGE, retry=self._retry, job_retry=None)
            rows: list[dict[str, Any]] = []
            with progress.task("reading BigQuery", answer.total_rows, "rows") as advance:
                for row in answer:
                    rows.append(dict(row.items()))
                    advance(1)
        return bill, rows

    def _config(self, query: Query, dry: bool) -> QueryJobConfig:
        from google.cloud import bigquery

        config = bigquery.QueryJobConfig(
            dry_run=dry,
            query_parameters=[_parameter(*each) for each in query.parameters.items()],
        )
        if dry:
            config.use_query_cache = False  # else what an earlier answer would save is not billed
        elif self._grant.max_bytes is not None:
            config.maximum_bytes_billed = self._grant.max_bytes
        return config


def _parameter(name: str, value: Parameter) -> Any:
    from google.cloud import bigquery

    if isinstance(value, tuple):
        return bigquery.ArrayQueryParameter(name, "STRING", list(value))
    kind = {str: "STRING", int: "INT64", float: "FLOAT64"}[type(value)]
    return bigquery.ScalarQueryParameter(name, kind, value)


@contextmanager
def plain_errors(what: str) -> Iterator[None]:
    """Turn whatever the library raises while it works on `what` into a `SourceError`."""
    from concurrent.futures import TimeoutError as Unfinished

    import requests
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except exceptions.RetryError as error:
        raise SourceError(f"{what}: {_reason(error.cause or error)}; try again later") from error
    except exceptions.GoogleAPICallError as error:
        raise SourceError(f"{what}: {_reason(error)}") from error
    except GoogleAuthError as error:
        raise SourceError(
            f"{what}: Google does not accept the credentials ({_line(str(error))}); run 'gcloud "
            "auth application-default login'"
        ) from error
    except requests.exceptions.JSONDecodeError as error:
        raise SourceError(f"{what}: {_UNREADABLE}") from error
    except (requests.RequestException, ConnectionError, TimeoutError, Unfinished) as error:
        raise SourceError(f"{what}: {_reason(error)}; try again later") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # What the library makes of an answer that is not one of BigQuery's.
        raise SourceError(f"{what}: {_UNREADABLE}") from error


def _refused(error: BaseException | None) -> bool:
    """Tell whether nobody listens at the address, by what the library's error came of."""
    while error is not None and not isinstance(error, ConnectionRefusedError):
        error = error.__cause__ or error.__context__
    return error is not None


def _reason(error: BaseException) -> str:
    code = getattr(error, "code", None)
    errors = getattr(error, "errors", None) or [{}]
    first = errors[0] if isinstance(errors[0], dict) else {}
    text = _line(str(first.get("message") or getattr(error, "message", None) or error))
    if "bytesBilledLimitExceeded" in str(first) or "limit for bytes billed" in text:
        return f"the question would be billed more than --max-bytes-billed allows ({text})"
    match code:
        case 401:
            return "Google wants to know who asks; run 'gcloud auth application-default login'"
        case 403:
            return (
                f"no permission ({text}); name a --billing-project in which you may run BigQuery "
                "jobs, or ask the owner of the table"
            )
        case 404:
            return f"is not there ({text}); name another with --table PROJECT.DATASET.TABLE"
        case int():
            return f"BigQuery answers {int(code)} ({text})"
    return f"the server cannot be reached or breaks off ({text})"


def _line(text: str) -> str:
    """Return the first line of what an error says, short and printable."""
    line = next((each for each in text.splitlines() if each.strip()), "")
    line = "".join(each if each.isprintable() else " " for each in line).strip()
    return line if len(line) <= 200 else f"{line[:200]}…"


def missing_columns(table: Table, columns: Mapping[str, Column], wanted: Mapping[str, str]) -> None:
    """Raise `InputError` when columns are not in a table; `wanted` says what each is for."""
    lacking = [f"{name} ({why})" for name, why in wanted.items() if name.casefold() not in columns]
    if lacking:
        known = ", ".join(sorted(each.name for each in columns.values())[:12])
        raise InputError(
            f"{table}: has no column {', '.join(lacking)}; its columns are {known or 'none'}"
            f"{' …' if len(columns) > 12 else ''}"
        )
