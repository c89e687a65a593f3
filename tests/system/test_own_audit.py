"""cxrcat's own tree keeps what it asks of others."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..conftest import ROOT, Run


def test_the_project_passes_its_own_audit(cxrcat: Run, tmp_path: Path) -> None:
    tree = tmp_path / "cxrcat"
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.split(b"\0")
    for name in filter(None, files):
        path = tree / name.decode()
        if (ROOT / name.decode()).is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((ROOT / name.decode()).read_bytes())
    done = cxrcat("audit", tree, "--fail-on", "note")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "duties met: 6 of 6" in done.stdout
