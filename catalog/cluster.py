"""Let the workers of a Dask cluster read files, which they must see as this machine sees them.

Whatever a worker finds wrong is read here once more, so that no worker alone can say that a file
is damaged. `distributed` is an extra, and imported here alone.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import pickle
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..schemas.checksum import Checksum
from ..schemas.errors import CxrcatError, SourceError, UsageError
from .chunks import Chunk, Plain, Told, What, chunks, is_unread, read, read_far, sight_of
from .scheduler import check_address, knock

if TYPE_CHECKING:
    from ssl import SSLContext

    from distributed import Client, Future
    from distributed.security import Security

    from .scan.look import File, Look

_ANSWER = 10.0  # seconds in which a scheduler must answer
_PATIENCE = 60.0  # seconds that a run waits without any worker
_GLANCE = 5.0  # seconds between two looks at who is still there
_AHEAD = 2  # chunks under way for each thread of the workers
_LONGEST = 300  # letters of a reason
_LOGGERS = ("distributed", "distributed.client")


class _Call:
    """A call of `read_far`, which is made where this is unpickled.

    A function of cxrcat as the task would break off the connection of a scheduler or worker that
    has no cxrcat, with the work of others on it; this fails as a task does.
    """

    def __init__(self, *arguments: object) -> None:
        self._arguments = arguments

    def __reduce__(self) -> tuple[Callable[..., Plain], tuple[object, ...]]:
        return read_far, self._arguments


class Cluster:
    """The workers behind one scheduler.

    What they read comes in the order in which it was asked for. Every method raises `SourceError`
    when the cluster fails, and what a run without a cluster raises when a file cannot be read here.
    """

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address

    def checksums(self, paths: Sequence[str], wanted: Sequence[Checksum]) -> Iterator[Checksum]:
        """Yield the XXH3-128 of each file, as `checksums.of_files`; `wanted` are the right ones."""

        def is_well(place: int, found: Plain) -> bool:
            return bool(found[0] == wanted[place].digest)

        for (digest,) in self._read(What.CHECKSUM, [(path,) for path in paths], is_well):
            yield Checksum("xxh128", digest)

    def both(
        self, paths: Sequence[str], is_well: Callable[[int, tuple[Checksum, Checksum]], bool]
    ) -> Iterator[tuple[Checksum, Checksum]]:
        """Yield the XXH3-128 and the SHA-256 of each file, as `signing.of_both`.

        `is_well` tells whether those of the file at a place are the right ones.
        """

        def two(found: Plain) -> tuple[Checksum, Checksum]:
            return Checksum("xxh128", found[0]), Checksum("sha256", found[1])

        files = [(path,) for path in paths]
        for each in self._read(What.BOTH, files, lambda at, found: is_well(at, two(found))):
            yield two(each)

    def looks(
        self, files: Sequence[File], is_well: Callable[[int, Look], bool]
    ) -> Iterator[Look | None]:
        """Yield what each file of an image is like, as `scan.look.look_at`.

        `is_well` tells whether nothing is wrong with the file at a place.
        """
        from .scan.look import Look

        def well(place: int, found: Plain) -> bool:
            return bool(found) and is_well(place, Look(*found))

        for each in self._read(What.LOOK, [tuple(file) for file in files], well):
            yield Look(*each) if each else None

    def _read(
        self, what: What, files: Sequence[Plain], is_well: Callable[[int, Plain], bool]
    ) -> Iterator[Plain]:
        """Yield what is asked of each file; few chunks are under way, however many there are.

        They are taken in their order: else the answers after a slow one would pile up.
        """
        following = chunks(files)
        waiting: deque[tuple[Chunk, Future[Any]]] = deque()
        place = 0
        with self._plain_errors():
            while True:
                room = _AHEAD * max(1, self._threads()) - len(waiting)
                for chunk in islice(following, max(0, room)):
                    waiting.append((chunk, self._send(what, chunk)))
                if not waiting:
                    return
                chunk, future = waiting.popleft()
                found = self._settled(what, chunk, self._answer(future))
                del future  # so that the cluster can forget it
                doubted = [at for at, each in enumerate(found) if not is_well(place + at, each)]
                again = read(what, [chunk.files[at] for at in doubted])
                for at, each in zip(doubted, again, strict=True):
                    found[at] = each
                yield from found
                place += len(found)

    def _threads(self) -> int:
        return sum(self._client.nthreads(callback_timeout=_PATIENCE).values())

    def _send(self, what: What, chunk: Chunk) -> Future[Any]:
        paths = [str(Path(file[0]).absolute()) for file in chunk.files]
        folder = os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120
        start = len(folder.rstrip("/")) + 1
        files = [(path[start:], *file[1:]) for path, file in zip(paths, chunk.files, strict=True)]
        call = _Call(version("cxrcat"), what.value, folder, files, chunk.sights)
        key = f"cxrcat-{uuid4().hex}"  # as no other run has it, whose answers would be taken
        return self._client.submit(pickle.loads, pickle.dumps(call), key=key)

    def _answer(self, future: Future[Any]) -> Plain:
        """Wait for what a worker says, yet not for ever when there is none."""
        alone: float | None = None  # since when
        while True:
            try:
                answer: Plain = future.result(timeout=_GLANCE)
            except TimeoutError:
                if future.status == "error":  # it is the worker's own
                    raise
                alone = None if self._threads() else alone or time.monotonic()
                if alone is not None and time.monotonic() - alone > _PATIENCE:
                    raise SourceError(
                        f"{self._address}: it had no worker for {_PATIENCE:.0f} seconds; "
                        "start some, and run the command again"
                    ) from None
            else:
                return answer

    def _settled(self, what: What, chunk: Chunk, answer: Plain) -> list[Plain]:
        """Return what a worker read; raise `SourceError` for what it alone cannot read."""
        worker, told, found = answer
        if told == Told.READ:
            return list(found)
        if told == Told.UNFIT:
            raise SourceError(f"{self._address}: the worker {worker} {_line(found)}")
        here = read(what, chunk.files)  # which raises as a run without a cluster does
        unchanged = [sight_of(file[0]) for file in chunk.files] == chunk.sights
        if unchanged and not any(is_unread(what, each) for each in here):
            raise SourceError(
                f"{self._address}: the worker {worker} does not see the files of this machine "
                f"({_line(found)}); every worker needs them at the same paths"
            )
        return here

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """Turn whatever the cluster raises into a `SourceError`."""
        from distributed import KilledWorker

        try:
            yield
        except CxrcatError:
            raise
        except KilledWorker as error:
            raise SourceError(
                f"{self._address}: {error.allowed_failures + 1} workers were lost over the same "
                "files; their logs may say why"
            ) from error
        except (asyncio.CancelledError, concurrent.futures.CancelledError, OSError) as error:
            raise SourceError(
                f"{self._address}: the scheduler is gone, or silent; "
                "run the command again when it is back"
            ) from error
        except Exception as error:  # in another environment than this one, anything may fail
            raise SourceError(
                f"{self._address}: the cluster failed ({type(error).__name__}: {_line(error)}); "
                f"its workers need cxrcat {version('cxrcat')}, as here"
            ) from error


@contextmanager
def connect(address: str) -> Iterator[Cluster]:
    """Reach a scheduler: ``tcp://HOST:PORT`` on this machine, or ``tls://HOST:PORT`` anywhere.

    Raises `UsageError` for another address, when the extra is missing and when TLS is not set up,
    and `SourceError` when nothing answers.
    """
    check_address(address)
    try:
        from distributed import Client
        from distributed.versions import VersionMismatchWarning
    except ImportError as error:
        raise UsageError("a cluster needs more packages: pip install 'cxrcat[cluster]'") from error
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what matters is raised, too
    security, context = _security(address)
    with warnings.catch_warnings():
        # A table of many lines, of packages through which names and numbers pass all the same.
        warnings.simplefilter("ignore", VersionMismatchWarning)
        try:
            knock(address, context, _ANSWER)
            client = Client(
                address,
                timeout=_ANSWER,
                security=security,
                set_as_default=False,
                direct_to_workers=False,  # nobody but the scheduler was named
            )
        except (OSError, UnicodeError) as error:  # the latter of a name that no host can have
            raise SourceError(
                f"{address}: no Dask scheduler answers there ({_line(error)}); is it running?"
            ) from error
        except Exception as error:  # of another release, anything may come
            raise SourceError(
                f"{address}: what answers there and Dask {version('distributed')} here do not "
                f"understand each other ({_line(error)}); is it a scheduler of that release?"
            ) from error
        with client:
            yield Cluster(client, address)


def _security(address: str) -> tuple[Security, SSLContext | None]:
    """Return how Dask's own settings say that connections are made; with TLS, if it is asked."""
    from distributed.security import Security

    try:
        security = Security()
        context: SSLContext | None = security.get_connection_args("client")["ssl_context"]
    except (OSError, ValueError) as error:
        raise UsageError(f"{address}: Dask's settings of TLS are wrong: {_line(error)}") from error
    if address.startswith("tcp:"):
        return security, None
    if context is None:
        raise UsageError(
            f"{address}: TLS is not set up; tell Dask the files of the cluster's CA, and of your "
            "own certificate and key, as docs/cluster.md says"
        )
    return security, context


def _line(error: object) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
