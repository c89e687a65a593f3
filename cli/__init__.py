"""How people and scripts reach cxrcat: thin commands over `cxrcat.catalog`."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

__all__ = ["main"]

_MOMENT = 0.01  # second
_ERRORS = 2  # the descriptor of standard error, the last of the three


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 a check found something, 2 bad input, 3 a failure.

    An interrupt or a termination ends with 130, after everything unfinished was removed; that holds
    from the first moment, so the commands are imported under it.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    sys.unraisablehook = _interrupt_again
    _open_standard_streams()
    try:
        from .app import run

        code = run()
    except KeyboardInterrupt:
        sys.stderr.write("cxrcat: interrupted; nothing was left half-written\n")
        code = 130
    sys.exit(code)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _interrupt_again(lost: sys.UnraisableHookArgs) -> None:
    """Interrupt once more, a moment later, when a library dropped the exception of an interrupt.

    It cannot be raised from here. Some compiled libraries drop whatever a call of theirs raises.
    """
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, _MOMENT)


def _open_standard_streams() -> None:
    """Open those that the caller closed, lest the next file that is opened takes their place."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _ERRORS:
        pass
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - open until the end
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
