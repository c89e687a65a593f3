"""The app: global options, the commands, and the one place where an error becomes a message."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer

from . import (
    audit,
    audits,
    cite,
    compare,
    dataset,
    doctor,
    export,
    exports,
    fetch,
    identify,
    ingest,
    keygen,
    labels,
    lineage,
    log,
    project,
    prov,
    report,
    reproduce,
    scan,
    schema,
    split,
    subset,
    use,
    verify,
    view,
    withdraw,
)
from . import (
    catalog as catalogs,
)
from .context import DEBUG_VARIABLE, Options, examples, printable

_NEW_OBJECTS = 500_000  # before a search for cycles among them: more than all imports make

_INTERRUPTED = 130  # the exit code, which typer too gives to a KeyboardInterrupt

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
app.command("recipe", epilog=reproduce.RECIPE_EPILOG)(reproduce.recipe)
app.command("reproduce", epilog=reproduce.REPRODUCE_EPILOG)(reproduce.reproduce)
app.command("register", epilog=reproduce.REGISTER_EPILOG)(reproduce.register)
app.command("cite", epilog=cite.EPILOG)(cite.cite)
subset.app.command("split", epilog=split.EPILOG)(split.split)
subset.app.command("diff", epilog=compare.DIFF_EPILOG)(compare.diff)
subset.app.command("overlap", epilog=compare.OVERLAP_EPILOG)(compare.overlap)
subset.app.command("log", epilog=compare.LOG_EPILOG)(compare.log)
app.add_typer(subset.app, name="subset")
app.command("lineage", epilog=lineage.EPILOG)(lineage.lineage)
app.command("prov", epilog=prov.EPILOG)(prov.prov)
app.command("impact", epilog=withdraw.IMPACT_EPILOG)(withdraw.impact)
app.command("withdraw", epilog=withdraw.WITHDRAW_EPILOG)(withdraw.withdraw)
app.add_typer(project.app, name="project")
app.add_typer(use.app, name="use")
app.command("exports", epilog=exports.EPILOG)(exports.exports)
app.command("audit", epilog=audit.EPILOG)(audit.audit)
app.command("audits", epilog=audits.EPILOG)(audits.audits)
app.command("report", epilog=report.EPILOG)(report.report)
app.command("datasets", epilog=dataset.EPILOG)(dataset.datasets)
app.add_typer(dataset.app, name="dataset")
app.add_typer(labels.app, name="labels")
app.command("ingest", epilog=ingest.EPILOG)(ingest.ingest)
app.command("fetch", epilog=fetch.EPILOG)(fetch.fetch)
app.command("scan", epilog=scan.SCAN_EPILOG)(scan.scan)
app.command("identify", epilog=identify.EPILOG)(identify.identify)
app.command("replicas", epilog=scan.REPLICAS_EPILOG)(scan.replicas)
app.command("view", epilog=view.EPILOG)(view.view)
app.command("log", epilog=log.EPILOG)(log.log)
app.command("keygen", epilog=keygen.EPILOG)(keygen.keygen)
app.add_typer(catalogs.app, name="catalog")
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


def run() -> int:
    """Run the command line and return its exit code."""
    # A command is short: looking again and again for cycles among all that it imports, and once
    # more when it ends, would take a sixth of its time.
    gc.set_threshold(_NEW_OBJECTS)
    code = _run()
    gc.freeze()
    return code


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
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted; nothing was left half-written", _INTERRUPTED)
    except CxrcatError as error:
        return _fail(str(error), error.exit_code, getattr(error, "caret", None))
    except (BrokenPipeError, SystemExit):  # the reader has gone; typer then exits by itself
        _drop_output()
        return 0
    except OSError as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        if not error.filename:
            _drop_output()
        place = error.filename or "standard output"
        return _fail(f"{place}: cannot be used: {error.strerror or error}", 3)
    except Exception as error:
        if (word := _no_text(error)) is not None:
            return _fail(f"{word!r}: holds bytes that are no text, so nothing is named so", 2)
        if os.environ.get(DEBUG_VARIABLE):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return _fail(
            f"a defect of cxrcat, please report it: {what} ({DEBUG_VARIABLE}=1 shows where)", 3
        )
    if code == _INTERRUPTED:
        return _fail("interrupted; nothing was left half-written", code)
    return code if isinstance(code, int) else 0


def _no_text(error: BaseException | None) -> str | None:
    """Return the word of the command line that a database could not be asked for, as no text is."""
    while error is not None:
        if isinstance(error, UnicodeEncodeError):
            whole = error.object
            return next((word for word in sys.argv[1:] if whole and whole in word), None)
        error = error.__cause__ or error.__context__
    return None


def _drop_output() -> None:
    """Keep the interpreter from complaining, on the way out, of what it could not write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int, caret: object = None) -> int:
    if message:
        line = " ".join(message.split("\n"))
        typer.echo(f"cxrcat: {printable(line)}", err=True)
    if callable(caret):
        typer.echo(caret(), err=True)
    return code
