"""``verify`` and ``scan`` by the workers of a real Dask cluster: equal results, and failures."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dask
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.x509.oid import NameOID
from distributed import Client, LocalCluster

from cxrcat.catalog import Catalog, chunks, cluster
from cxrcat.catalog.checksums import of_bytes
from cxrcat.catalog.progress import Advance
from cxrcat.catalog.scan import Scan, ScanReport
from cxrcat.catalog.scheduler import check_address
from cxrcat.catalog.verify import Verified
from cxrcat.schemas.errors import SourceError, UsageError

from ..checks import check_failure
from ..conftest import Run
from ..pictures import LONG_AGO, fill, picture, put
from .conftest import Made, Start

NOBODY = "tcp://127.0.0.1:9"
CA = "distributed.comm.tls.ca-file"
ROLES = ("client", "scheduler", "worker")


def started(workers: int, **options: Any) -> LocalCluster:
    return LocalCluster(
        n_workers=workers,
        processes=True,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",  # without one it takes port 8787, or warns
        **options,
    )


@pytest.fixture(scope="module")
def workers() -> Iterator[LocalCluster]:
    """Start two workers; a test that changes workers brings its own."""
    with started(2) as running:
        yield running


@pytest.fixture
def scheduler(workers: LocalCluster) -> str:
    return str(workers.scheduler_address)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_FILES", 8)


@contextmanager
def changed(change: Callable[[], object]) -> Iterator[str]:
    """Start a worker of its own for a test, and run a function on it; yield the address."""
    with started(1) as running, Client(running, set_as_default=False) as client:
        client.run(change)
        yield str(running.scheduler_address)


class Watched:
    """Progress that does something after the first file of a task."""

    def __init__(self, then: Callable[[], object]) -> None:
        self._then = then

    @contextmanager
    def task(self, *_: object) -> Iterator[Advance]:
        done = False

        def advance(_: int) -> None:
            nonlocal done
            if not done:
                done = True
                self._then()

        yield advance


def verified(catalog: str, folder: Path, scheduler: str) -> tuple[Verified, Verified]:
    """Return what a check by the cluster and one by this machine find."""
    with Catalog.open(catalog) as opened:
        return opened.verify(folder, scheduler=scheduler), opened.verify(folder)


def damage(folder: Path) -> None:
    """Change two files of an export, lose one, and add one."""
    first, second, third, *_ = sorted((folder / "images").iterdir())
    first.write_bytes(first.read_bytes()[:-1])
    second.unlink()
    third.unlink()
    third.symlink_to(first)
    (folder / "images" / "more.png").write_bytes(b"mine")


@pytest.mark.usefixtures("small_chunks")
def test_an_export_is_checked_as_without_a_cluster(
    sqlite_location: str, made: Made, scheduler: str
) -> None:
    far, here = verified(sqlite_location, made.folder, scheduler)
    assert far == here
    assert (far.ok, far.recorded, far.files) == (True, True, 241)
    damage(made.folder)
    far, here = verified(sqlite_location, made.folder, scheduler)
    assert far == here
    assert (len(far.changed), len(far.missing), len(far.extra)) == (2, 1, 1)


def test_the_command_says_the_same(cxrcat: Run, made: Made, scheduler: str) -> None:
    damage(made.folder)
    here = cxrcat("verify", "hernia", "--json")
    far = cxrcat("verify", "hernia", "--json", "--scheduler", scheduler)
    assert (far.returncode, far.stdout, far.stderr) == (1, here.stdout, "")


def test_a_bag_and_a_signed_export(
    cxrcat: Run, work: Path, made: Made, sqlite_location: str, scheduler: str
) -> None:
    assert cxrcat("keygen", "--out", "ada").returncode == 0
    source = ("--images", "copy", "--from", made.source)
    for name, options in (
        ("bag", ("--profile", "bagit")),
        ("signed", ("--sign", "--key", "ada.pem")),
    ):
        done = cxrcat("export", "--subset", "hernia", "--to", name, *options, *source)
        assert done.returncode == 0, done
    for folder, payload in ((work / "bag", "data/"), (work / "signed", "")):
        far, here = verified(sqlite_location, folder, scheduler)
        assert far == here
        assert far.ok
        damage(folder / payload)
        far, here = verified(sqlite_location, folder, scheduler)
        assert far == here
        assert (len(far.changed), len(far.missing), len(far.extra)) == (2, 1, 1)
    with Catalog.open(sqlite_location) as catalog:
        key = work / "ada.pub.pem"
        far = catalog.verify(work / "signed", signer=key, scheduler=scheduler)
        assert far == catalog.verify(work / "signed", signer=key)
        assert far.signature == "valid"


def rows(location: str) -> list[tuple[Any, ...]]:
    """Return the replicas of a catalog, without the moment at which each was seen."""
    with closing(sqlite3.connect(location)) as database:
        names = [row[1] for row in database.execute("PRAGMA table_info(replica)")]
        columns = ", ".join(name for name in names if name != "at")
        return database.execute(f"SELECT {columns} FROM replica ORDER BY uri").fetchall()  # noqa: S608


def scanned(template: Path, folder: Path, scheduler: str, **options: Any) -> ScanReport:
    """Scan by the cluster, and assert that a scan without it says and records the same."""
    reports, replicas = [], []
    for name, address in (("far", scheduler), ("here", None)):
        location = folder.with_name(f"{name}.sqlite")
        if not location.exists():
            shutil.copy(template, location)
        with Catalog.open(location) as catalog:
            wanted = Scan([str(folder)], scheduler=address, **options)
            reports.append(catalog.scan(wanted))
        replicas.append(rows(str(location)))
    assert reports[0] == reports[1]
    assert replicas[0] == replicas[1]
    return reports[0]


@pytest.mark.usefixtures("small_chunks")
def test_a_scan_says_and_records_the_same(
    template: Path, tmp_path: Path, hernias: list[str], scheduler: str
) -> None:
    folder = fill(tmp_path / "im\udce9ges", hernias[:60])
    put(folder / hernias[0], picture(0)[:-7])
    put(folder / hernias[1], picture(1, 224, 224))
    put(folder / "more" / hernias[2], picture(90))
    put(folder / f"{hernias[3][:-4]}.dcm", b"no DICOM")
    put(folder / "x.png", b"")
    first = scanned(template, folder, scheduler)
    assert (first.found, first.read, len(first.damaged), len(first.resized)) == (60, 62, 2, 1)
    assert (len(first.differing), len(first.strangers)) == (1, 1)
    put(folder / hernias[0], picture(0))
    put(folder / hernias[5], picture(91), at=LONG_AGO + 10**9)
    (folder / hernias[6]).unlink()
    again = scanned(template, folder, scheduler)
    assert [each.mended for each in again.changed] == [True, False]
    assert (again.read, len(again.gone)) == (2, 1)
    whole = scanned(template, folder, scheduler, full=True, fingerprints=True)
    assert (whole.read, whole.changed) == (61, ())
    assert whole.fingerprints > 50


def test_few_chunks_are_under_way(
    made: Made, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "_FILES", 2)
    taken = 0
    real = cluster.chunks

    def counted(files: Any) -> Iterator[chunks.Chunk]:
        nonlocal taken
        for each in real(files):
            taken += 1
            yield each

    monkeypatch.setattr(cluster, "chunks", counted)
    paths = [str(path) for path in sorted((made.folder / "images").iterdir())]
    wanted = [of_bytes(Path(path).read_bytes()) for path in paths]
    with cluster.connect(scheduler) as reached:
        for number, found in enumerate(reached.checksums(paths, wanted)):
            assert found == wanted[number]
            assert taken <= number // 2 + 4
    assert taken == 114


@pytest.mark.usefixtures("small_chunks")
def test_a_worker_that_is_lost_is_survived(
    sqlite_location: str, made: Made, workers: LocalCluster
) -> None:
    address = str(workers.scheduler_address)
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=30)
        (victim, *_) = client.run(os.getpid).values()

    lost = threading.Event()

    def kill() -> None:
        os.kill(victim, signal.SIGKILL)
        lost.set()

    def lose() -> None:
        os.kill(victim, signal.SIGSTOP)  # so that it certainly has not finished what it was given
        threading.Timer(0.5, kill).start()

    damage(made.folder)
    with Catalog.open(sqlite_location) as catalog:
        here = catalog.verify(made.folder)
        assert catalog.verify(made.folder, Watched(lose), scheduler=address) == here
    assert lost.is_set()


@pytest.mark.usefixtures("small_chunks")
def test_workers_that_are_lost_again_and_again_end_the_run(
    sqlite_location: str, made: Made
) -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        started(1) as running,
        Client(running, set_as_default=False) as client,
    ):
        (victim,) = client.run(os.getpid).values()

        def lose() -> None:
            os.kill(victim, signal.SIGSTOP)
            threading.Timer(0.5, os.kill, (victim, signal.SIGKILL)).start()

        with (
            Catalog.open(sqlite_location) as catalog,
            pytest.raises(SourceError, match="1 workers were lost over the same files"),
        ):
            catalog.verify(made.folder, Watched(lose), scheduler=running.scheduler_address)


def test_a_cluster_without_workers_is_not_waited_for_without_end(
    sqlite_location: str, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", 0.5)
    monkeypatch.setattr(cluster, "_GLANCE", 0.2)
    with (
        started(0) as running,
        Catalog.open(sqlite_location) as catalog,
        pytest.raises(SourceError, match="it had no worker for"),
    ):
        catalog.verify(made.folder, scheduler=running.scheduler_address)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
def test_a_scheduler_that_goes_away_or_silent_ends_the_run(
    sqlite_location: str,
    made: Made,
    tmp_path: Path,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    sent: signal.Signals,
) -> None:
    told = tmp_path / "scheduler.json"
    common = ("--no-dashboard", "--scheduler-file", told)
    program = ("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    put(tmp_path / "without" / "cxrcat.py", b"raise ImportError('a scheduler needs none')")
    without = {"PYTHONPATH": str(tmp_path / "without")}
    first = start(*program, *common, program=sys.executable, env=without)
    start("-m", "distributed.cli.dask_worker", "--no-nanny", *common, program=sys.executable)
    while not told.exists():
        time.sleep(0.05)
    address = json.loads(told.read_text())["address"]
    with Catalog.open(sqlite_location) as catalog:
        assert catalog.verify(made.folder, scheduler=address).ok
        for name in ("_ANSWER", "_PATIENCE", "_GLANCE"):
            monkeypatch.setattr(cluster, name, 1.0)
        end = Watched(lambda: first.send_signal(sent))
        with pytest.raises(SourceError, match="the scheduler is gone, or silent"):
            catalog.verify(made.folder, end, scheduler=address)


@pytest.mark.usefixtures("made")
def test_an_interrupt_leaves_nothing_behind(start: Start) -> None:
    with started(0) as running:
        process = start("verify", "hernia", "--scheduler", running.scheduler_address)
        while not any("cxrcat" in key for key in running.scheduler.tasks):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (130, ""), err
        assert len(err.splitlines()) == 1
        while running.scheduler.tasks:
            time.sleep(0.05)


OTHER_VIEW = Path("/proc/self/cwd")  # where each process sees another folder


def test_a_worker_that_sees_other_files_says_nothing_of_them(
    sqlite_location: str,
    made: Made,
    tmp_path: Path,
    scheduler: str,
    hernias: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copies, nothing = str(tmp_path / "copies"), str(tmp_path / "nothing")
    Path(nothing).mkdir()
    shutil.copytree(made.folder, tmp_path / "copies" / "hernia")  # the same times and bytes
    (tmp_path / "copies" / "hernia" / "README.md").write_text("of another folder")
    fill(made.folder.parent / "images", hernias[:3])
    fill(tmp_path / "copies" / "images", hernias[:3])
    before = rows(sqlite_location)
    monkeypatch.chdir(made.folder.parent)
    with Catalog.open(sqlite_location) as catalog:
        assert catalog.verify(OTHER_VIEW / "hernia").ok
        for place, reason in ((copies, "is another file"), (nothing, "there is no folder /proc")):
            with changed(lambda place=place: os.chdir(place)) as other:  # type: ignore[misc]
                with pytest.raises(SourceError, match=r"does not see the files.*" + reason):
                    catalog.verify(OTHER_VIEW / "hernia", scheduler=other)
                with pytest.raises(SourceError, match=r"does not see the files.*" + reason):
                    catalog.scan(Scan([str(OTHER_VIEW / "images")], scheduler=other))
        assert catalog.verify(Path("hernia"), scheduler=scheduler).ok
    assert rows(sqlite_location) == before


def test_a_worker_that_cannot_read_files_is_told(sqlite_location: str, made: Made) -> None:
    def open_no_more() -> None:
        import resource

        used = len(list(Path("/proc/self/fd").iterdir()))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 2, used + 2))

    words = r"does not see the files of this machine \(.*Too many open files"
    with Catalog.open(sqlite_location) as catalog, changed(open_no_more) as scheduler:
        with pytest.raises(SourceError, match=words):
            catalog.verify(made.folder, scheduler=scheduler)
        before = rows(sqlite_location)
        with pytest.raises(SourceError, match=words):
            catalog.scan(Scan([str(made.folder)], scheduler=scheduler))
        assert rows(sqlite_location) == before


def test_what_a_worker_alone_finds_wrong_is_not_said(
    sqlite_location: str,
    template: Path,
    made: Made,
    tmp_path: Path,
    hernias: list[str],
) -> None:
    folder = fill(tmp_path / "images", hernias[:2])
    put(folder / "again" / hernias[1], picture(1))
    put(folder / f"{hernias[2][:-4]}.png", picture(2)[:-1])
    faulty = hernias[1]

    def misread() -> None:
        """Let this worker see other bytes than there are."""
        from cxrcat.catalog import chunks

        real = chunks.read

        def read(what: chunks.What, files: Any) -> Any:
            found = real(what, files)
            for at, (path, *_) in enumerate(files):
                if what is not chunks.What.LOOK:
                    found[at] = ("0" * 32, "0" * 64)[: len(found[at])]
                elif path.endswith(faulty):
                    size, _, _, *others = found[at]
                    found[at] = (size, f"xxh128:{size + len(path):032x}", None, *others)
                else:
                    found[at] = (found[at][0], "xxh128:" + "0" * 32, "damaged: no", *found[at][3:])
            return found

        chunks.read = read

    with changed(misread) as scheduler:
        far, here = verified(sqlite_location, made.folder, scheduler)
        assert far == here
        assert far.ok
        found = scanned(template, folder, scheduler)
        assert (len(found.damaged), found.differing, len(found.twice)) == (1, (), 1)
        found = scanned(template, folder, scheduler, full=True)
        assert (len(found.damaged), found.changed, found.read) == (1, (), 4)


def test_a_worker_of_another_environment_is_told(
    sqlite_location: str, made: Made, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_cxrcat() -> None:
        import sys

        for name in [name for name in sys.modules if name.startswith("cxrcat")]:
            del sys.modules[name]
        sys.modules["cxrcat.catalog"] = None  # type: ignore[assignment]

    with Catalog.open(sqlite_location) as catalog:
        with (
            changed(without_cxrcat) as other,
            pytest.raises(SourceError, match="workers need cxrcat"),
        ):
            catalog.verify(made.folder, scheduler=other)
        monkeypatch.setattr(cluster, "version", lambda _: "99")
        with pytest.raises(SourceError, match=r"the worker \d+ on .* has cxrcat 0.*, and 99 is"):
            catalog.verify(made.folder, scheduler=scheduler)


def test_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_ANSWER", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SourceError, match=r"no Dask scheduler answers there \(timed out\)"):
            cluster.connect(address).__enter__()
    with pytest.raises(SourceError, match=r"answers there \(.*refused\); is it running\?"):
        cluster.connect(address).__enter__()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "write tls://HOST:PORT"),
        ("127.0.0.1:8786", "write tls://HOST:PORT"),
        ("ucx://127.0.0.1:8786", "write tls://HOST:PORT"),
        ("tcp://127.0.0.1", "write tls://HOST:PORT"),
        ("tls://node:70000", "write tls://HOST:PORT"),
        ("tls://node:1/path", "write tls://HOST:PORT"),
        ("tls://a b:1", "write tls://HOST:PORT"),
        ("tcp://node:8786", "without TLS"),
        ("tcp://10.0.0.1:8786", "without TLS"),
        ("tcp://0.0.0.0:8786", "without TLS"),
        ("tcp://[2001:db8::1]:8786", "without TLS"),
    ],
)
def test_an_address_that_may_not_be_talked_to(address: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_address(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]", "localhost"])
def test_an_address_on_this_machine_needs_no_tls(host: str) -> None:
    check_address(f"tcp://{host}:8786")


@pytest.mark.usefixtures("made")
def test_the_commands_fail_in_one_line(cxrcat: Run, tmp_path: Path) -> None:
    for command in (("verify", "hernia"), ("scan", "hernia")):
        done = cxrcat(*command, "--scheduler", "tcp://node:8786")
        check_failure(done, 2, "tcp://node:8786: without TLS")
        done = cxrcat(*command, "--scheduler", "tls://node:8786")
        check_failure(done, 2, "TLS is not set up", "docs/cluster.md")
    put(tmp_path / "without" / "distributed.py", b"raise ImportError('none')")
    without = {"PYTHONPATH": str(tmp_path / "without")}
    assert cxrcat("verify", "hernia", env=without).returncode == 0
    done = cxrcat("verify", "hernia", "--scheduler", NOBODY, env=without)
    check_failure(done, 2, "pip install 'cxrcat[cluster]'")
    missing = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": "no.pem"}
    missing["DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT"] = "no.pem"
    done = cxrcat("verify", "hernia", "--scheduler", "tls://node:8786", env=missing)
    check_failure(done, 2, "Dask's settings of TLS are wrong", "No such file")


def test_archives_are_scanned_here(
    cxrcat: Run, work: Path, hernias: list[str], scheduler: str
) -> None:
    with tarfile.open(work / "a.tar", "w") as archive:
        archive.add(fill(work / "images", hernias[:2]) / hernias[0], hernias[0])
    done = cxrcat("scan", "a.tar", "--scheduler", NOBODY)
    assert done.returncode == 0, done
    assert f"warning: {work}/a.tar: this machine scans it" in done.stderr
    done = cxrcat("scan", "a.tar", "images", "--scheduler", scheduler)
    assert done.returncode == 0, done
    assert "in 3 files: 2 new, 0 changed, 1 unchanged" in done.stderr


def authority(folder: Path) -> dict[str, str]:
    """Make a CA and one certificate by it; return Dask's settings of them."""
    folder.mkdir()
    now = datetime.now(UTC)
    names = {
        who: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, who)]) for who in ("ca", "dask")
    }
    own = {who: generate_private_key(SECP256R1()) for who in names}
    for who, key in own.items():
        made = (
            x509.CertificateBuilder(names["ca"], names[who], key.public_key(), 1 + len(who))
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(who == "ca", None), critical=True)
            .sign(own["ca"], hashes.SHA256())
        )
        (folder / f"{who}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        (folder / f"{who}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    files = {"cert": str(folder / "dask.pem"), "key": str(folder / "dask.key")}
    tls = {f"{role}.{what}": file for role in ROLES for what, file in files.items()}
    return {"ca-file": str(folder / "ca.pem"), **tls}


def test_a_cluster_by_tls(
    cxrcat: Run, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = {
        name: {
            f"distributed.comm.tls.{key}": file for key, file in authority(tmp_path / name).items()
        }
        for name in ("ours", "theirs")
    }
    with dask.config.set(tls["ours"]), started(1, protocol="tls://") as running:
        address = str(running.scheduler_address)
        assert address.startswith("tls://")
        env = {
            f"DASK_{key.upper().replace('.', '__').replace('-', '_')}": file
            for key, file in tls["ours"].items()
            if "client" in key or "ca-file" in key
        }
        damage(made.folder)
        here = cxrcat("verify", "hernia", "--json")
        done = cxrcat("verify", "hernia", "--json", "--scheduler", address, env=env)
        assert (done.returncode, done.stdout, done.stderr) == (1, here.stdout, "")
        monkeypatch.setattr(cluster, "_ANSWER", 0.5)
        stranger = {**tls["theirs"], CA: tls["ours"][CA]}
        for wrong, words in (
            (tls["theirs"], "certificate verify failed"),  # of the scheduler
            (stranger, "no Dask scheduler answers there"),  # which hangs up
        ):
            with dask.config.set(wrong), pytest.raises(SourceError, match=words):
                cluster.connect(address).__enter__()
