"""The app: global options, the commands, and the one place where an error becomes a message."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, NoReturn

import typer

from . import cite, dataset, doctor, export, exports, schema, subset, verify
from .context import DEBUG_VARIABLE, Options, examples

app = typer.Typer(
    name="cxrcat",
    help="Cut slices of chest X-ray data, each with the attribution that its owners require.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=examples(
        "cxrcat export --subset pneumothorax",
        "cxrcat subset create adults --where \"pneumothorax and view = 'PA' and age >= 18\"",
        "cxrcat verify pneumothorax",
    ),
)
app.command("export", epilog=export.EPILOG)(export.export)
app.command("verify", epilog=verify.EPILOG)(verify.verify)
app.command("cite", epilog=cite.EPILOG)(cite.cite)
app.add_typer(subset.app, name="subset")
app.command("exports", epilog=exports.EPILOG)(exports.exports)
app.command("datasets", epilog=dataset.EPILOG)(dataset.datasets)
app.add_typer(dataset.app, name="dataset")
app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor)
app.command("schema", epilog=schema.EPILOG)(schema.schema)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"cxrcat {version('cxrcat')}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    catalog: Annotated[
        str | None,
        typer.Option(
            "--catalog",
            metavar="PATH_OR_URL",
            envvar="CXRCAT_CATALOG",
            help="The catalog: a file, or postgresql://USER@HOST/NAME. "
            "Without it, a file in your data folder, made when it is first needed.",
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    context.obj = Options(catalog)


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 a check found something, 2 bad input, 3 a failure.

    An interrupt or a termination ends with 130, after everything unfinished was removed.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(_run())


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _run() -> int:
    from ..schemas.errors import CxrcatError

    try:
        code = app(prog_name="cxrcat", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        message = error.format_message()
        if context is not None and message:
            message += f" (try '{context.command_path} --help')"
        return _fail(message, 2)
    except typer.Abort:
        return _fail("stopped", 130)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was left half-written", 130)
    except CxrcatError as error:
        return _fail(str(error), error.exit_code, getattr(error, "caret", None))
    except BrokenPipeError:
        # The reader has gone; keep the interpreter from complaining about it on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return _fail(
            f"a defect of cxrcat, please report it: {what} ({DEBUG_VARIABLE}=1 shows where)", 3
        )
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int, caret: object = None) -> int:
    if message:
        line = " ".join(message.split("\n"))
        typer.echo(f"cxrcat: {line}", err=True)
    if callable(caret):
        typer.echo(caret(), err=True)
    return code
