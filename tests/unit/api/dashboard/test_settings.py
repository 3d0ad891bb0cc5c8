"""How one signs in to the dashboard is configured, and nothing else may be called by its page."""

import pytest

from functions.api.dashboard.settings import DashboardSettings
from whendue.errors import ConfigurationError

ISSUER = {
    "WHENDUE_DASHBOARD_ISSUER": "https://issuer.example.com/realms/whendue",
    "WHENDUE_DASHBOARD_CLIENT_ID": "dashboard",
}


def test_without_settings_a_token_is_pasted() -> None:
    """No issuer, no links, and no other origin."""
    settings = DashboardSettings.from_env({})
    assert settings.shown() == {"signIn": None}
    assert settings.links is False
    assert "connect-src 'self'" in settings.policy().split("; ")


def test_an_issuer_is_shown_and_may_be_called() -> None:
    """Its path is no part of an origin; a token endpoint may be elsewhere."""
    settings = DashboardSettings.from_env(
        ISSUER | {"WHENDUE_DASHBOARD_ORIGINS": "https://login.example.com/oauth2/token"}
    )
    assert settings.shown()["signIn"] == {
        "issuer": ISSUER["WHENDUE_DASHBOARD_ISSUER"],
        "clientId": "dashboard",
        "scopes": "openid profile jobs:read jobs:write",
        "audience": None,
    }
    sources = "connect-src 'self' https://issuer.example.com https://login.example.com"
    assert sources in settings.policy().split("; ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WHENDUE_DASHBOARD_ISSUER", "http://issuer.example.com"),
        ("WHENDUE_DASHBOARD_ISSUER", "https://issuer.example.com; script-src *"),
        ("WHENDUE_DASHBOARD_ISSUER", "https://[issuer"),
        ("WHENDUE_DASHBOARD_ISSUER", "javascript:alert(1)"),
        ("WHENDUE_DASHBOARD_ORIGINS", "https://a.example.com,*"),
        ("WHENDUE_DASHBOARD_ORIGINS", "https://user@a.example.com"),
        ("WHENDUE_DASHBOARD_LINKS", "perhaps"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(name: str, value: str) -> None:
    """Else it would stand in a header of every page."""
    with pytest.raises(ConfigurationError) as error:
        DashboardSettings.from_env(ISSUER | {name: value})
    assert name in str(error.value)
    assert value not in str(error.value)


@pytest.mark.parametrize("name", sorted(ISSUER))
def test_an_issuer_needs_a_client_id_and_the_other_way_round(name: str) -> None:
    """Half of it would fail when somebody signs in."""
    with pytest.raises(ConfigurationError, match="together"):
        DashboardSettings.from_env({name: ISSUER[name]})


def test_an_issuer_on_this_machine_needs_no_tls() -> None:
    """As for key sets."""
    settings = DashboardSettings.from_env(ISSUER | {"WHENDUE_DASHBOARD_ISSUER": "http://127.0.0.1:9000"})
    assert settings.origins == ("http://127.0.0.1:9000",)
