"""`whendue new`, `dev`, `build` and `terraform`: a project of one's own."""

from pathlib import Path
from typing import Annotated, Final

import typer

from whendue.cli.connection import JsonOption
from whendue.cli.failures import UsageProblemError
from whendue.cli.output import note, write_json, write_line
from whendue.project.carried import Architecture
from whendue.project.scaffold import create

# As Lambda's limits are meant: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MB: Final = 1024 * 1024
FolderOption = Annotated[Path, typer.Option(metavar="PATH", help="The project's folder.")]


def new(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Is made; its last part is the project's name.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Write a small project into a new or empty folder: a task, its test, settings, a Terraform root and a README."""
    files = create(folder)
    if as_json:
        write_json({"folder": str(folder), "files": [str(path) for path in files]})
        return
    for path in files:
        write_line(str(folder / path))
    write_line(f"Next: cd {folder} && whendue dev")


def dev(
    *,
    folder: FolderOption = Path(),
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print each request, and not those alone that were refused or failed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the whole stack for a project until Ctrl-C: emulator, API with its docs page, worker and timer.

    It prints an address, a token and a first request, then what all processes print, with each failed attempt and each
    dead job. Changed code is put to work, and jobs that run go on to their end.
    """
    try:
        # The extra `dev`, of which most commands need nothing.
        from whendue.project import dev as stack
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("whendue"):
            raise
        raise UsageProblemError(f"whendue dev needs {error.name}: install whendue[dev]") from None
    from whendue.project.stream import Stream

    raise typer.Exit(stack.run(folder, Stream(as_json=as_json, verbose=verbose)))


def build(
    *,
    folder: FolderOption = Path(),
    architecture: Annotated[
        Architecture | None, typer.Option(help="Processor of the functions. Default: arm64.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Folder of the zips. Default: .local/build in the project.")
    ] = None,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Pack modules that cannot be imported, too; their tasks are off.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Pack a project and what it requires for Lambda: layers, a zip for each function, and the manifest of both.

    pip resolves the requirements, with its settings and indexes, for the Python and the processor of the functions;
    only wheels are taken. The tasks are imported once, in this environment, and described in a file that the API
    reads. The same content gives the same files.
    """
    # pydantic, which reads the settings, takes longer to import than most commands take.
    from whendue.project import build as builder
    from whendue.project.terraform import OUTPUT, outdated

    built = builder.run(folder, architecture=architecture, output=output, skip_broken=skip_broken)
    if as_json:
        write_json({"manifest": str(built.manifest), "zips": built.zips, "unzippedBytes": built.unzipped_bytes})
    else:
        for name, size in built.zips.items():
            write_line(f"{size / _MB:7.2f} MB  {name}")
        write_line(f"{built.unzipped_bytes / _MB:7.2f} MB  unzipped, of the worker; Lambda takes 250 MB")
        write_line(f"            {built.manifest}")
    for root in outdated(folder):
        again = "whendue terraform" if root == OUTPUT else f"whendue terraform --output {root}"
        note(f"{root}: whendue.toml has changed since `whendue terraform` ran; run `{again}` before you plan")


def terraform(
    *,
    folder: FolderOption = Path(),
    output: Annotated[str, typer.Option(metavar="FOLDER", help="Of the Terraform root, in the project.")] = "infra",
    force: Annotated[
        bool, typer.Option("--force", help="Replace files of the module that were changed by hand.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write or refresh the Terraform module of this version, with the settings of whendue.toml.

    The module is in the folder `whendue` of the root. A root that calls it is written once, where the folder has no
    Terraform files. No other file is changed.
    """
    # As for `build`.
    from whendue.project.terraform import refresh

    done = refresh(folder.resolve(), output, force=force)
    for name in done.unused:
        note(f"{output}/*.tf do not hand {name} to the module: add `{name} = local.settings.{name}`")
    if as_json:
        write_json({"written": done.written, "removed": done.removed, "unused": done.unused})
        return
    for path in done.written:
        write_line(path)
    for path in done.removed:
        write_line(f"removed {path}")
    if not done.written and not done.removed:
        write_line(f"{output}: current")
