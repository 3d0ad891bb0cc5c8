"""Development tokens: JWTs signed by HS256 with the key of a stack on this machine."""

import re
from typing import Final

ISSUER: Final = "whendue-dev"
AUDIENCE: Final = "whendue"
# Everything: whoever has the checkout has the stack.
SCOPES: Final = "jobs:read jobs:write admin operator metrics:read"
LIFETIME_S: Final = 12 * 3600
# Who asked for something, in histories, unless another name is given.
SUBJECT: Final = "developer"
SUBJECTS: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")
TENANT: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def problem(tenant: str, scopes: str, subject: str = SUBJECT) -> str | None:
    """Return what is wrong with a token that no API would accept; None if nothing is."""
    if not TENANT.fullmatch(tenant):
        return "TENANT must be 1 to 64 of A-Z a-z 0-9 . _ -"
    if unknown := sorted(set(scopes.split()) - set(SCOPES.split())):
        return f"SCOPES has no scope {unknown[0]!r}: give some of {SCOPES}, with spaces between them"
    if not SUBJECTS.fullmatch(subject):
        return "SUBJECT must be 1 to 64 of A-Z a-z 0-9 . _ @ -"
    return None


def sign(secret: str, tenant: str, scopes: str, now_s: int, subject: str = SUBJECT) -> str:
    """Sign a token for a tenant, valid for 12 hours.

    Args:
        secret: the key; during a rotation a key a line, of which the first is the new one.
        tenant: whose jobs it is for.
        scopes: with spaces between them.
        now_s: the time, seconds since 1970, UTC.
        subject: who sends it: histories and operations name them.
    """
    import jwt

    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "tenant": tenant,
        "scope": scopes,
        "iat": now_s,
        "nbf": now_s,
        "exp": now_s + LIFETIME_S,
    }
    return jwt.encode(claims, secret.splitlines()[0], algorithm="HS256")
