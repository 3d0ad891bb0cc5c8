"""whendue.client.urls: where tokens may be sent to."""

import pytest

from whendue.client.urls import checked_url


@pytest.mark.parametrize("url", ["https://a.example", "https://a.example/live", "http://127.0.0.1:1", "http://[::1]:1"])
def test_https_and_loopback_are_taken(url: str) -> None:
    """A slash at the end changes nothing."""
    assert checked_url(url) == checked_url(f"{url}/") == url


@pytest.mark.parametrize(
    "url",
    ["", "a.example", "ftp://a.example", "https://", "https://u:p@a.example", "https://a.example?x=1", "https://a/#f"],
)
def test_what_is_no_address_of_an_api_is_refused(url: str) -> None:
    """When the client is made."""
    with pytest.raises(ValueError, match="url must"):
        checked_url(url)


def test_a_token_is_not_sent_in_the_clear() -> None:
    """Unless the caller says so."""
    with pytest.raises(ValueError, match="must be https"):
        checked_url("http://a.example")
    assert checked_url("http://a.example", plain_http=True) == "http://a.example"
