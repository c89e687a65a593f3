"""Runs the installed command many times without loading the libraries anew for each run.

A server has imported what the command imports of other people's; a run is a process that is forked
from it, with a working folder, an environment and streams of its own, and executes the installed
script. cxrcat's own modules are imported in each run, as ever.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import itertools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

LIBRARIES = (
    "citeproc",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "google.cloud.storage",
    "multiprocessing.pool",
    "numpy",
    "platformdirs",
    "psycopg",
    "pydantic.types",
    "pyroaring",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlglot",
    "sqlmodel",
    "typer._adapters",
    "xxhash",
    "yaml",
)
_LARGEST = 100_000  # bytes of a request, which is one message
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "COVERAGE")  # variables that are read no later


class Forks:
    """Servers with hash seeds of their own, which take turns: two runs must not agree by chance."""

    def __init__(self, command: Path, servers: int = 2) -> None:
        self._command = command
        self._environment = dict(os.environ)
        self._environment.pop("PYTHONHASHSEED", None)
        self._servers = [self._start() for _ in range(servers)]
        self._turns = itertools.cycle(self._servers)

    def _start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, __file__, self._command, str(theirs.fileno())],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        return process, ours

    def close(self) -> None:
        """Let the servers end."""
        for process, connection in self._servers:
            connection.close()
            process.wait()

    def can(self, arguments: Sequence[str], env: Mapping[str, str]) -> bool:
        """Tell whether a run is the same as one of the installed command itself."""
        return len(_request(arguments, ".", env)) < _LARGEST and all(
            env.get(name) == self._environment.get(name)
            for name in {*env, *self._environment}
            if name.startswith(_AT_START)
        )

    def run(
        self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run the command as `subprocess.run` does that captures its output as text."""
        _, server = next(self._turns)
        ours, theirs = socket.socketpair()
        outputs = [os.pipe(), os.pipe()]
        with ours, open(os.devnull, "rb") as nothing:  # noqa: PTH123
            with theirs:
                given = [nothing.fileno(), *(write for _, write in outputs), theirs.fileno()]
                socket.send_fds(server, [_request(arguments, str(cwd), env)], given)
            for _, write in outputs:
                os.close(write)
            said = ours.makefile()
            pid = int(said.readline())
            try:
                stdout, stderr = _read([read for read, _ in outputs], timeout)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired([*arguments], timeout) from None
            code = int(said.readline())
        return subprocess.CompletedProcess([self._command, *arguments], code, stdout, stderr)


def _request(arguments: Sequence[str], cwd: str, env: Mapping[str, str]) -> bytes:
    return json.dumps([list(arguments), cwd, dict(env)]).encode()


def _read(pipes: Sequence[int], timeout: float) -> list[str]:
    deadline = time.monotonic() + timeout
    data = {pipe: bytearray() for pipe in pipes}
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        for pipe in pipes:
            stack.callback(os.close, pipe)
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(deadline - time.monotonic())
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                piece = os.read(key.fd, 1 << 16)
                data[key.fd] += piece
                if not piece:
                    selector.unregister(key.fd)
    return [each.decode().replace("\r\n", "\n").replace("\r", "\n") for each in data.values()]


def _requests(server: socket.socket) -> Iterator[tuple[bytes, list[int]]]:
    """Yield each request with its streams, until nobody can ask any more."""
    while True:
        message, streams, _, _ = socket.recv_fds(server, _LARGEST, 4)
        if not message:
            return
        yield message, list(streams)
        for stream in streams:
            os.close(stream)
        with contextlib.suppress(ChildProcessError):  # collect those that ended
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _serve(server: socket.socket) -> bytes | None:
    """Fork what each request asks for; return its text in the process that is to run it."""
    for message, streams in _requests(server):
        if os.fork():
            continue
        server.close()
        pid = os.fork()
        if not pid:
            for number, stream in enumerate(streams[:3]):
                os.dup2(stream, number)
            for stream in streams:
                os.close(stream)
            return message
        with socket.socket(fileno=streams.pop()) as answer:
            for stream in streams:
                os.close(stream)
            answer.sendall(b"%d\n" % pid)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            with contextlib.suppress(OSError):  # the test may have given up
                answer.sendall(b"%d\n" % code)
        os._exit(0)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    return None


def _main() -> None:
    command, descriptor = sys.argv[1:]
    sys.path[0] = str(Path(command).parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a person's goes to the run, too
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # threads would not be in what is forked
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    message = _serve(socket.socket(fileno=int(descriptor)))
    if message is None:
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments, cwd, env = json.loads(message)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv = [command, *arguments]
    script = ModuleType("__main__")
    script.__file__ = command
    sys.modules["__main__"] = script
    code = 0
    try:
        exec(compile(Path(command).read_bytes(), command, "exec"), script.__dict__)  # noqa: S102
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        code = 1
        traceback.print_exc()
    # To take all modules apart, as the interpreter goes on to do, would copy the server's memory.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _main()
