"""whendue.client.settings: what a client is made of, from arguments and from the environment."""

import os
from pathlib import Path
from typing import Any

import pytest

from whendue import AsyncClient, Client
from whendue.client import TokenFile
from whendue.client.settings import TIMEOUT_S, from_environment

URL = "http://127.0.0.1:1"


def test_the_environment_names_url_and_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default that of the process; both clients read the same."""
    assert from_environment({"WHENDUE_URL": URL, "WHENDUE_TOKEN": "t"}) == (URL, "t")
    _, source = from_environment({"WHENDUE_URL": URL, "WHENDUE_TOKEN_FILE": str(tmp_path)})
    assert isinstance(source, TokenFile)
    monkeypatch.setattr(os, "environ", {"WHENDUE_URL": URL, "WHENDUE_TOKEN": "t"})
    assert repr(Client.from_env()) == f"Client({URL!r}, ...)"
    assert repr(AsyncClient.from_env(timeout_s=3)) == f"AsyncClient({URL!r}, ...)"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "WHENDUE_URL is not set"),
        ({"WHENDUE_URL": URL}, "set WHENDUE_TOKEN, or"),
        ({"WHENDUE_URL": URL, "WHENDUE_TOKEN": "secret", "WHENDUE_TOKEN_FILE": "f"}, "not both"),
    ],
)
def test_a_missing_variable_is_named(environ: dict[str, str], words: str) -> None:
    """And no value is."""
    with pytest.raises(ValueError, match=words) as caught:
        Client.from_env(environ)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"timeout_s": 0}, {"timeout_s": float("inf")}, {"token": "a b"}, {"token": ""}], ids=str
)
def test_wrong_settings_are_refused_when_a_client_is_made(wrong: dict[str, Any]) -> None:
    """Not by its first request."""
    with pytest.raises(ValueError):
        Client(URL, **({"token": "t"} | wrong))
    assert TIMEOUT_S > 30
