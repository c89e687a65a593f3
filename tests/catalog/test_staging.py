"""Where an export grows: whatever ends a run, nothing is left of it."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

from cxrcat.catalog.export.staging import staged


def test_a_thread_that_still_writes_leaves_nothing(tmp_path: Path) -> None:
    destination = tmp_path / "slice"
    place: list[Path] = []
    begun = threading.Event()

    def write() -> None:
        end = time.monotonic() + 0.3
        number = 0
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                (place[0] / f"{number}.png").write_bytes(b"x")
            number += 1
            begun.set()

    thread = threading.Thread(target=write)
    with contextlib.suppress(KeyboardInterrupt), staged(destination, "some-id") as folder:
        place.append(folder)
        thread.start()
        begun.wait(10)
        raise KeyboardInterrupt
    thread.join()
    assert list(tmp_path.iterdir()) == []
