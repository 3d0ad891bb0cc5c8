"""Development tokens."""

import jwt
import pytest

from whendue.cli.dev_tokens import AUDIENCE, ISSUER, LIFETIME_S, SCOPES, problem, sign

SECRET = "a secret for tests, of more than 32 bytes"


def test_a_token_is_signed_with_the_first_key() -> None:
    """During a rotation that is the new one."""
    text = sign(f"{SECRET}\nthe old key, which is also longer than 32 bytes", "acme", "jobs:read", 1_900_000_000)
    # It is of another time than the test.
    claims = jwt.decode(
        text,
        SECRET,
        algorithms=["HS256"],
        audience=AUDIENCE,
        issuer=ISSUER,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert (claims["tenant"], claims["scope"]) == ("acme", "jobs:read")
    assert claims["exp"] - claims["iat"] == LIFETIME_S


@pytest.mark.parametrize(("tenant", "scopes"), [("", SCOPES), ("a b", SCOPES), ("a" * 65, SCOPES), ("a", "all")])
def test_a_token_that_no_api_would_accept_is_refused(tenant: str, scopes: str) -> None:
    """What is wrong is named."""
    assert problem(tenant, scopes)
    assert problem("acme", SCOPES) is None
