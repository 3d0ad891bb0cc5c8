"""An issuer of tokens with keys of its own."""

import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

SECRET = "s" * 32
ISSUER, AUDIENCE = "https://issuer.example", "whendue"
RSA_KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
PRIVATE: dict[str, Any] = {
    "RS256": RSA_KEYS[0],
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
TO_JWK = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


def claims(**changes: Any) -> dict[str, Any]:
    now_s = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "tenant": "acme",
        "scope": "jobs:read",
        "nbf": now_s,
        # Some are made when a file is imported, and used whenever their test has its turn.
        "exp": now_s + 43_200,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def a_token(key: Any = SECRET, algorithm: str = "HS256", kid: Any = None, **changes: Any) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=headers)


def jwk(kid: str, algorithm: str, key: Any = None, **more: Any) -> dict[str, Any]:
    public = (key or PRIVATE[algorithm]).public_key()
    to_jwk: Any = TO_JWK[algorithm]
    made: dict[str, Any] = to_jwk.to_jwk(public, as_dict=True)
    return made | {"kid": kid} | more
