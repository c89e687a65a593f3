"""Run commands that come as lines of JSON, and answer with what each took.

The system counts the memory of the process that starts a command as the command's own, so that this
small one starts them, whatever the runner of the benchmarks holds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time


def main() -> None:
    """Answer each line, a command and a folder, with seconds, CPU seconds, RSS, code and words."""
    for line in sys.stdin:
        command, folder = json.loads(line)
        with tempfile.TemporaryFile() as output:
            start = time.perf_counter()
            child = subprocess.Popen(  # noqa: S603 - the commands are those of the jobs
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - start
            child.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            words = output.read().decode(errors="replace")[-2_000:] if child.returncode else ""
        answer = (wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, child.returncode, words)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
