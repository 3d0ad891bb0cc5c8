"""whendue.direct.identity: direct mode has the identities that a token can have, and no others."""

import pytest

from whendue.adapters.auth import Identity
from whendue.direct.identity import ALL, OWN, GivenIdentity, identity_of
from whendue.quotas import SUBJECT_BYTES


def test_an_identity_is_what_was_named() -> None:
    """Each request has it, whatever token it carries."""
    identity = identity_of("acme", ["jobs:read"], "billing")
    assert identity == Identity("acme", "billing", frozenset({"jobs:read"}))
    assert GivenIdentity(identity).verify("Bearer x") == identity == GivenIdentity(identity).verify(None)


def test_the_default_of_a_client_is_everything_of_its_own_tenant() -> None:
    """What all tenants share has to be asked for."""
    own, every = identity_of("acme", OWN, None), identity_of("acme", ALL, None)
    assert [own.may(scope) for scope in ("jobs:read", "jobs:write", "admin")] == [True] * 3
    assert [own.may(scope) for scope in ("operator", "metrics:read")] == [False] * 2
    assert all(every.may(scope) for scope in ALL)


def test_one_scope_is_taken_as_itself_and_not_as_its_letters() -> None:
    """A text is iterable, too."""
    assert identity_of("acme", "jobs:read", None).scopes == {"jobs:read"}


@pytest.mark.parametrize("tenant", ["", "a b", "a#b", "a/b", "é", "x" * 65, "acme\n", None, 3])
def test_a_tenant_that_no_token_could_name_is_refused(tenant: str) -> None:
    """A `#` in it would reach into the keys of another tenant."""
    with pytest.raises(ValueError, match="tenant must be"):
        identity_of(tenant, OWN, None)


@pytest.mark.parametrize("scopes", [["jobs:raed"], ["admin", "everything"], "jobs:read jobs:write"])
def test_an_unknown_scope_is_refused(scopes: list[str]) -> None:
    """A misspelt one would be missed by the first request that needs it."""
    with pytest.raises(ValueError, match="scopes has"):
        identity_of("acme", scopes, None)


@pytest.mark.parametrize("subject", ["two\nlines", "x" * (SUBJECT_BYTES + 1), "\u202eturned"])
def test_a_subject_that_no_token_could_name_is_refused(subject: str) -> None:
    """It is stored and shown as who did something."""
    with pytest.raises(ValueError, match="subject must be one line"):
        identity_of("acme", OWN, subject)
