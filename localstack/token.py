"""The dev stack's secrets, made for this checkout, and development tokens, signed by HS256 with one of them."""

import secrets
import time
from pathlib import Path

from localstack.paths import LOCAL
from whendue.cli.dev_tokens import AUDIENCE, ISSUER, LIFETIME_S, SCOPES, SUBJECT, problem, sign

__all__ = [
    "AUDIENCE",
    "ISSUER",
    "LIFETIME_S",
    "SCOPES",
    "SUBJECT",
    "deployment_secret",
    "environment",
    "make",
    "problem",
    "secret",
]


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


def make(tenant: str = "demo", scopes: str = SCOPES, signing_secret: str | None = None, subject: str = SUBJECT) -> str:
    """Sign a token for a tenant, valid for 12 hours."""
    return sign(signing_secret or secret(), tenant, scopes, int(time.time()), subject)
