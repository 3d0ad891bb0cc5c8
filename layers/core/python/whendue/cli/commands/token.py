"""`whendue token`: a token for a stack on this machine."""

import os
from pathlib import Path
from typing import Annotated

import typer

from whendue.cli.connection import JsonOption, only_mine
from whendue.cli.dev_tokens import LIFETIME_S, SCOPES, SUBJECT, problem, sign
from whendue.cli.failures import UsageProblemError
from whendue.cli.output import write_json, write_line
from whendue.quotas import TOKEN_BYTES
from whendue.support.clock import system_clock
from whendue.support.timestamps import to_timestamp

# Where `make up` of a checkout keeps it.
KEY_FILE = Path(".local/jwt-secret")
# RFC 7518 section 3.2: a key as long as the output of the hash at least.
KEY_MIN_BYTES = 32


def token(
    *,
    tenant: Annotated[str, typer.Option(help="Whose jobs it is for.")] = "demo",
    scopes: Annotated[str, typer.Option(help="With spaces between them.")] = SCOPES,
    subject: Annotated[str, typer.Option(help="Who sends it: histories and operations name them.")] = SUBJECT,
    key_file: Annotated[Path, typer.Option(metavar="PATH", help="The stack's key for HS256.")] = KEY_FILE,
    as_json: JsonOption = False,
) -> None:
    """Write a development token, valid for 12 hours, signed with the key of a stack on this machine.

    The key is that of WHENDUE_JWT_SECRET, or in the file that `make up` makes in a checkout.
    """
    if wrong := problem(tenant, scopes, subject):
        for name in ("TENANT", "SCOPES", "SUBJECT"):
            wrong = wrong.replace(name, f"--{name.lower()}")
        raise UsageProblemError(wrong)
    now_s = system_clock().now_ms() // 1000
    text = sign(_key(key_file), tenant, scopes, now_s, subject)
    if as_json:
        write_json({"token": text, "expiresAt": to_timestamp((now_s + LIFETIME_S) * 1000)})
    else:
        write_line(text)


def _key(path: Path) -> str:
    """Return the stack's key."""
    key = os.environ.get("WHENDUE_JWT_SECRET", "")
    where = "WHENDUE_JWT_SECRET"
    if not key:
        where = str(path)
        if not path.exists():
            raise UsageProblemError(f"no stack has its key here: {path} is missing; run make up, or use --key-file")
        only_mine(path)
        with path.open("rb") as file:
            key = file.read(TOKEN_BYTES).decode(errors="replace")
    if not key.strip() or len(key.splitlines()[0].encode()) < KEY_MIN_BYTES:
        raise UsageProblemError(f"{where} must hold a key of {KEY_MIN_BYTES} bytes at least")
    return key
