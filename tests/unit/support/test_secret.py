"""The deployment's secret: read, refused, and keys of it for each purpose."""

import re
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.builders.environment import ENVIRONMENT
from whendue.errors import ConfigurationError
from whendue.settings import Settings
from whendue.support.secret import WORDS, Secret, hkdf
from whendue.table.ids import Ids

ONE, TWO = "1" * 32, "2" * 32


@pytest.mark.parametrize("size", [1, 32, 33, 64, 255 * 32])
def test_keys_are_derived_as_rfc_5869_has_it(size: int) -> None:
    """Ours loads in a worker in no time; the library's says what it must give."""
    expected = HKDF(SHA256(), size, None, b"a purpose").derive(ONE.encode())
    assert hkdf(ONE, "a purpose", size) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "short", f"{ONE} short", " ".join([ONE] * (WORDS + 1))],
    ids=["none", "blank", "short", "2nd", "many"],
)
def test_a_secret_that_is_missing_or_weak_is_refused_by_name_and_never_repeated(text: str) -> None:
    """There is no default: everybody could derive ids with it."""
    with pytest.raises(ConfigurationError, match="WHENDUE_SECRET") as refused:
        Settings.from_env(ENVIRONMENT | {"WHENDUE_SECRET": text})
    assert not text.strip() or "short" not in str(refused.value).replace("too short", "")
    assert ONE not in str(refused.value)


def test_a_secret_comes_from_the_environment_or_from_the_parameter_store() -> None:
    """Never from both: nobody would know which."""
    stored = {"/name": ONE}
    named = ENVIRONMENT | {"WHENDUE_SECRET_PARAMETER": "/name"}
    assert Settings.from_env(named, stored.__getitem__).secret == Secret((ONE,))
    assert Settings.from_env(ENVIRONMENT | {"WHENDUE_SECRET": ONE}).secret == Secret((ONE,))
    with pytest.raises(ConfigurationError, match="not both"):
        Settings.from_env(named | {"WHENDUE_SECRET": ONE}, stored.__getitem__)


def test_a_secret_is_shown_nowhere() -> None:
    """Settings end in logs and tracebacks."""
    settings = Settings.from_env(ENVIRONMENT | {"WHENDUE_SECRET": ONE})
    assert ONE not in repr(settings) + repr(settings.secret) + repr(Ids(settings.secret.id_key))
    assert not re.search("key=", repr(Ids(settings.secret.id_key)))


def test_a_word_appended_changes_what_seals_and_no_id() -> None:
    """Ids must stay for as long as the deployment lives."""
    before, after = Secret((ONE,)), Secret((ONE, TWO))
    assert after.id_key == before.id_key
    assert after.cursor_keys[0] != before.cursor_keys[0]
    assert before.cursor_keys[0] in after.cursor_keys
    assert len({before.id_key, *before.cursor_keys, *after.cursor_keys}) == 3


def test_derived_ids_need_the_key() -> None:
    """Whoever knows tenant and Idempotency-Key, and not the secret, confirms nothing."""
    ids, others = Ids(Secret((ONE,)).id_key), Ids(Secret((TWO,)).id_key)
    assert ids.of_key("acme", "1") == ids.of_key("acme", "1") != others.of_key("acme", "1")
    assert UUID(ids.of_key("acme", "1")).version == 8


def test_no_key_of_a_user_derives_the_id_of_a_part() -> None:
    """Names and job ids have letters in common: `part#3` of a tenant called like a workflow was one of its nodes."""
    ids = Ids(Secret((ONE,)).id_key)
    whole = ids.of_key("acme", "workflow")
    assert ids.of_member(whole, 3) not in {ids.of_key(whole, key) for key in ("3", "part#3", "part:3")}
