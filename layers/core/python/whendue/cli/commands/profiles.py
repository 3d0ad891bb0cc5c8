"""`whendue profiles`: the policies that jobs can name."""

from typing import Annotated

import typer

from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.output import Column, write_list, write_one
from whendue.client import Profile

app = typer.Typer(name="profiles", no_args_is_help=True, help="The profiles that jobs take their policy from.")
COLUMNS: tuple[Column[Profile], ...] = (
    ("name", lambda profile: profile.name),
    ("version", lambda profile: "built-in" if profile.built_in else profile.version),
    ("queue", lambda profile: profile.queue or profile.priority),
    ("attempts", lambda profile: profile.max_attempts),
    ("timeout s", lambda profile: profile.timeout_seconds),
    ("follow", lambda profile: profile.follow),
)


@app.command("list")
def list_(*, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """List the built-in profiles and the tenant's own."""
    with connect(profile) as client:
        write_list(client.list_profiles(), COLUMNS, as_json=as_json)


@app.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the profile.")],
    *,
    version: Annotated[int | None, typer.Option(min=1, help="Which version. Default: the newest.")] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Get a profile; where it says nothing, the task or the defaults decide."""
    with connect(profile) as client:
        found = client.get_profile(name) if version is None else client.get_profile_version(name, version)
    parts = {
        "name": found.name,
        "version": "built-in" if found.built_in else found.version,
        "updated": found.updated_at,
        "queue": found.queue or found.priority,
        "max attempts": found.max_attempts,
        "backoff": found.backoff,
        "timeout s": found.timeout_seconds,
        "lease s": found.lease_seconds,
        "retention s": found.retention_seconds,
        "never retry": found.never_retry,
        "follow": found.follow,
        "limits": found.limits,
        "notify": found.notify,
    }
    write_one(found, parts, as_json=as_json)
