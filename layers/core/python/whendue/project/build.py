"""`whendue build`: layers and function zips of a project, made by the carried program `localstack.project_build`."""

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from whendue.errors import ConfigurationError
from whendue.project import carried
from whendue.project.carried import Architecture
from whendue.project.settings import ProjectSettings, load
from whendue.project.variables import accepted_timeouts

_PROGRAM: Final = "localstack.project_build"
# What the program imports beyond whendue's own requirements, and what installs it.
# What modules find in the variables of secrets while the build imports them. Their values are nobody's business there:
# what a module makes of a variable may get into the manifest.
PLACEHOLDER: Final = "set-when-the-worker-starts"
_NEEDED: Final = {"pip": "pip", "yaml": "whendue[dev]"}


@dataclass(frozen=True, slots=True)
class Built:
    """A build of a project.

    Args:
        manifest: the file that Terraform reads; the zips are beside it.
        zips: name -> bytes.
        unzipped_bytes: what Lambda unpacks for the worker.
    """

    manifest: Path
    zips: dict[str, int]
    unzipped_bytes: int


def run(
    folder: Path,
    *,
    architecture: Architecture | None = None,
    output: Path | None = None,
    skip_broken: bool = False,
) -> Built:
    """Build a project; what the build warns of is on standard error.

    Args:
        folder: of the project.
        architecture: processor of the functions; None: as infra/topology.yaml says, arm64.
        output: folder of the zips; None: `.local/build` in the project.
        skip_broken: modules that cannot be imported here are packed, and their tasks are off.

    Raises:
        ConfigurationError: whendue.toml or the requirements are not valid, a package has no wheel for the functions,
            they would be larger than Lambda takes, or a module cannot be imported.
        RuntimeError: the build has failed for another reason, which is on standard error.
    """
    project = folder.resolve()
    settings = load(project)
    if missing := [what for name, what in _NEEDED.items() if find_spec(name) is None]:
        raise ConfigurationError(f"whendue build needs {' and '.join(missing)} in this environment")
    environment = carried.environment(project)
    if output is not None:
        environment["DEV_STACK_BUILD"] = str(output.resolve())
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", _PROGRAM],
        input=json.dumps(_request(project, settings, architecture) | {"skip_broken": skip_broken}),
        stdout=subprocess.PIPE,
        env=environment,
        cwd=carried.root(),
        text=True,
        check=False,
    )
    return _result(done)


def _request(project: Path, settings: ProjectSettings, architecture: Architecture | None) -> dict[str, Any]:
    section = settings.project
    # The default file need not be there.
    required = "requirements" in section.model_fields_set or (project / section.requirements).is_file()
    return {
        "folder": str(project),
        "tasks": section.tasks,
        "requirements": section.requirements if required else None,
        "exclude": section.exclude,
        "aws_services": section.aws_services,
        "architecture": architecture,
        "queues": accepted_timeouts(settings),
        "environment": settings.environment | dict.fromkeys(settings.secrets, PLACEHOLDER),
    }


def _result(done: "subprocess.CompletedProcess[str]") -> Built:
    try:
        reply = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"the build has ended with exit code {done.returncode}") from None
    if problem := reply.get("error"):
        raise ConfigurationError(problem)
    return Built(Path(reply["manifest"]), reply["zips"], reply["unzipped_bytes"])
