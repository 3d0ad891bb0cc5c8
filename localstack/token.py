"""The dev stack's secrets, made for this checkout, and development tokens, signed by HS256 with one of them."""

import re
import secrets
import time
from pathlib import Path

import jwt

from localstack.paths import LOCAL

ISSUER = "whendue-dev"
AUDIENCE = "whendue"
# Everything: whoever has the checkout has the stack.
SCOPES = "jobs:read jobs:write admin operator metrics:read"
LIFETIME_S = 12 * 3600
TENANT = re.compile(r"[A-Za-z0-9._-]{1,64}")


def secret(path: Path = LOCAL / "jwt-secret") -> str:
    """Return the secret for tokens, created at first use and readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()


def deployment_secret() -> str:
    """Return the stack's own secret. It survives `make down`, so that the ids derived with it stay the same."""
    return secret(LOCAL / "deployment-secret")


def environment(signing_secret: str, own_secret: str | None = None) -> dict[str, str]:
    """Return the functions' secrets and JWT settings.

    Args:
        signing_secret: of tokens.
        own_secret: of the deployment; for stacks that nobody keeps, the same.
    """
    return {
        "WHENDUE_SECRET": own_secret or signing_secret,
        "WHENDUE_JWT_ALGORITHM": "HS256",
        "WHENDUE_JWT_SECRET": signing_secret,
        "WHENDUE_JWT_ISSUER": ISSUER,
        "WHENDUE_JWT_AUDIENCE": AUDIENCE,
    }


def problem(tenant: str, scopes: str) -> str | None:
    """Return what is wrong with a token that no API would accept; None if nothing is."""
    if not TENANT.fullmatch(tenant):
        return "TENANT must be 1 to 64 of A-Z a-z 0-9 . _ -"
    if unknown := sorted(set(scopes.split()) - set(SCOPES.split())):
        return f"SCOPES has no scope {unknown[0]!r}: give some of {SCOPES}, with spaces between them"
    return None


def make(tenant: str = "demo", scopes: str = SCOPES, signing_secret: str | None = None) -> str:
    """Sign a token for a tenant, valid for 12 hours."""
    now_s = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "developer",
        "tenant": tenant,
        "scope": scopes,
        "iat": now_s,
        "nbf": now_s,
        "exp": now_s + LIFETIME_S,
    }
    # The first line: during a rotation that is the new one.
    first = (signing_secret or secret()).splitlines()[0]
    return jwt.encode(claims, first, algorithm="HS256")
