"""Command line of the dev loop; the Makefile's targets call it."""

import argparse
import os
import sys

from localstack import lifecycle, logs, steps, token
from localstack.broken_modules import broken_modules
from localstack.command_line import write_command
from localstack.stack import Stack, load

NEXT = """
Next:
  make up      the same stack, to keep; prints its address
  make token   a token for it (TENANT=..., SCOPES=..., SUBJECT=...)
  make logs    what the functions print
  README.md    a curl to start with
"""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code."""
    options = _parser().parse_args(arguments)
    # An account's profile has no meaning for an emulator; boto3 refuses to make any client where it is not known.
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)
    steps.show()
    try:
        return int(options.command())
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localstack", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for function in (run, up, down, status, url, environment, make_token, link, show_logs, demo, build):
        name = {"make_token": "token", "show_logs": "logs"}.get(function.__name__, function.__name__)
        command = commands.add_parser(name, help=(function.__doc__ or "").rstrip("."), description=function.__doc__)
        command.set_defaults(command=function)
    return parser


def run() -> int:
    """Bring a stack up, demonstrate it over HTTP, and take it down again."""
    from localstack.demo import demonstrate

    with lifecycle.running_stack() as stack:
        good = demonstrate(stack)
    if good:
        print(NEXT)
    return 0 if good else 1


def up() -> int:
    """Bring the stack up, or up to date (EMULATOR=ministack or localstack)."""
    stack = lifecycle.up(os.environ.get("EMULATOR") or "ministack")
    print(f"API        {stack.api_url}\nDocs       {stack.api_url}/docs\nAddresses  .local/stack.json")
    print(f"Command    {write_command()}")
    print(f"Dashboard  {lifecycle.dashboard_link(stack)}")
    print("           (signs in once, within 10 minutes; make link: another one)")
    for module, reason in broken_modules(stack).items():
        print(f"warning: {module} could not be imported, its tasks are off: {reason}", file=sys.stderr)
    return 0


def down() -> int:
    """Stop the stack and everything that it started."""
    print("Stopped." if lifecycle.down() else "Nothing was running.")
    return 0


def status() -> int:
    """Return whether the stack is up and answers."""
    stack = load()
    if stack is None:
        print("down")
        return 1
    ready = lifecycle.answers(f"{stack.api_url}/health/ready")
    print(f"{'up' if ready else 'not answering'} at {stack.api_url}")
    return 0 if ready else 1


def url() -> int:
    """Print the API's address."""
    print(_known().api_url)
    return 0


def environment() -> int:
    """Print what a worker, a timer or a client in direct mode needs to join the stack, for a shell's eval."""
    from localstack.environment import environment_of, for_a_shell, with_tasks

    print(for_a_shell(with_tasks(environment_of(_known()))))
    return 0


def make_token() -> int:
    """Print a development token (TENANT, SCOPES, SUBJECT)."""
    tenant, scopes = os.environ.get("TENANT") or "demo", os.environ.get("SCOPES") or token.SCOPES
    subject = os.environ.get("SUBJECT") or token.SUBJECT
    if problem := token.problem(tenant, scopes, subject):
        print(problem, file=sys.stderr)
        return 2
    print(token.make(tenant, scopes, subject=subject))
    return 0


def link() -> int:
    """Print a one-time link to the dashboard (TENANT, SCOPES, SUBJECT)."""
    tenant, scopes = os.environ.get("TENANT") or "demo", os.environ.get("SCOPES") or token.SCOPES
    subject = os.environ.get("SUBJECT") or token.SUBJECT
    if problem := token.problem(tenant, scopes, subject):
        print(problem, file=sys.stderr)
        return 2
    print(lifecycle.dashboard_link(_known(), tenant, scopes, subject))
    return 0


def show_logs() -> int:
    """Follow what the functions print (FOLLOW=0 prints what there is)."""
    return logs.show(_known(), follow=os.environ.get("FOLLOW") != "0")


def demo() -> int:
    """Demonstrate the running stack."""
    from localstack.demo import demonstrate

    return 0 if demonstrate(_known()) else 1


def build() -> int:
    """Build the layers and function zips into .local/build (TARGET=lambda, container or local)."""
    from localstack import build as builder
    from localstack import emulator

    target = builder.wanted_target("lambda")
    emulator.install()
    steps.step("Building what has changed of layers and functions")
    made = builder.build(target)
    for path in (*made.layers.values(), *made.functions.values()):
        print(f"{path.stat().st_size / 1024 / 1024:7.2f} MB  {path}")
    print(f"            {made.save()}")
    return 0


def _known() -> Stack:
    stack = load()
    if stack is None:
        raise RuntimeError("no stack is up; start one with `make up`")
    return stack


if __name__ == "__main__":
    sys.exit(main())
