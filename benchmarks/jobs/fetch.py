"""Fetching images from a Cloud Storage server on this machine, hashed and published."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from data import catalog, clear, images, subset_of
from measure import Contender, Job, Race, installed

sys.path.append(str(Path(__file__).parents[2]))  # for the server of the tests

_SIZE = 400_000  # bytes
_MANAGER = """
import sys
from google.cloud import storage
from google.cloud.storage import transfer_manager
bucket = storage.Client(project="none").bucket(sys.argv[1])
names = [blob.name for blob in bucket.list_blobs()]
kind, workers = sys.argv[3], int(sys.argv[4])
done = transfer_manager.download_many_to_path(
    bucket, names, destination_directory=sys.argv[2], worker_type=kind, max_workers=workers
)
assert all(each is None for each in done), done
"""


def prepare(folder: Path) -> Iterator[Race]:
    """Put images into a bucket, and fetch them in each way that there is here."""
    from tests import gcs

    store = catalog(folder)
    before: str | None = None
    with gcs.gcs_server() as url, gcs.gate_before(url) as gate:
        os.environ["STORAGE_EMULATOR_HOST"] = url
        os.environ["CLOUDSDK_AUTH_DISABLE_CREDENTIALS"] = "true"
        os.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE"] = f"{url}/"
        for count in (200, 2_000):
            source = images(folder / "images", subset_of(store, f"of-{count}", count), _SIZE)
            bucket = f"images-{count}"
            goal = 0.4 if count == 2_000 else None
            gate.put(bucket, {path.name: path.read_bytes() for path in source.iterdir()})
            clear(source)()
            title = f"fetch {count:,} × {_SIZE // 1000} KB"
            yield Race(title, _ways(folder, store, f"of-{count}", bucket, goal), tenth=before)
            before = title
        del os.environ["STORAGE_EMULATOR_HOST"]


def _ways(
    folder: Path, store: Path, subset: str, bucket: str, goal: float | None
) -> list[Contender]:
    """Return each way to fetch a bucket that there is here."""
    ours, theirs = folder / "ours", folder / "theirs"
    manager = [sys.executable, "-c", _MANAGER, bucket, theirs]
    export = [installed("cxrcat"), "--catalog", store, "export", "--subset", subset]
    peers = []
    if gcloud := shutil.which("gcloud"):
        copy = [gcloud, "storage", "cp", f"gs://{bucket}/*", f"{theirs}/"]
        peers = [Contender("gcloud storage cp", copy, before=_renew(theirs))]
    return [
        *peers,
        Contender("transfer_manager, 8 threads", [*manager, "thread", "8"], before=_renew(theirs)),
        Contender(
            "transfer_manager, 4 processes", [*manager, "process", "4"], before=_renew(theirs)
        ),
        Contender(
            "cxrcat export",
            [*export, "--images", "copy", "--from", f"gs://{bucket}", "--to", ours],
            goal=goal if peers else None,
            before=clear(ours),
        ),
    ]


def _renew(place: Path) -> Callable[[], None]:
    def renew() -> None:
        clear(place)()
        place.mkdir()

    return renew


JOB = Job(
    what="Fetch images from a server that shares these processors, and publish them with papers.",
    goal_from="0.4 of `gcloud storage cp`, which is the peer where it is installed; elsewhere "
    "Google's own transfer manager is, without a goal.",
    prepare=prepare,
)
