"""Files are written whole, and what is no file is never replaced by one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxrcat.catalog import whole
from cxrcat.schemas.errors import SourceError

DAEMON = """\
import os, sys
from pathlib import Path
from cxrcat.catalog import whole
os.close(1)
os.close(2)
whole.write(Path(sys.argv[1]), b"new")
"""


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    whole.write(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(SourceError, match="Is a directory"):
        whole.write(tmp_path, b"")


def test_a_device_is_written_to(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    whole.write(link, b"new")
    assert link.is_symlink()
    assert Path(os.devnull).is_char_device()


def test_a_program_without_outputs_writes_too(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    subprocess.run([sys.executable, "-c", DAEMON, path], check=True)
    assert path.read_bytes() == b"new"
