"""Resources: made once, on first use; and the settings of the shipped tasks."""

import threading

import pytest

from whendue.errors import ConfigurationError
from whendue.resources import Resources, TaskSettings
from whendue.ssrf import Allowed


def test_a_resource_is_made_on_first_use_and_only_once_by_many_threads() -> None:
    """A client is dear to make, and boto3 does not like to make two at once."""
    resources, made, start = Resources(), [], threading.Barrier(8)
    resources.provide("client", lambda: made.append(object()) or made[-1])  # type: ignore[func-returns-value]
    assert made == []
    got: list[object] = []

    def ask() -> None:
        start.wait()
        got.append(resources.get("client"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert set(map(id, got)) == {id(made[0])}


def test_a_factory_that_failed_is_asked_again() -> None:
    """A hiccup at first use must not disable a task for the life of the process."""
    resources, asked = Resources(), []

    def factory() -> str:
        asked.append(1)
        if len(asked) == 1:
            raise OSError("not yet")
        return "client"

    resources.provide("client", factory)
    with pytest.raises(OSError, match="not yet"):
        resources.get("client")
    assert resources.get("client") == "client"


def test_a_later_word_replaces_an_earlier_one_and_a_factory_may_ask_for_another() -> None:
    """Tests and composition roots override; a client may be made of the settings."""
    resources = Resources()
    resources.provide("settings", lambda: "old")
    assert resources.get("settings") == "old"
    resources.provide("settings", lambda: "new")
    resources.provide("client", lambda: "made of " + resources.get("settings"))
    assert resources.get("client") == "made of new"


def test_a_resource_that_nobody_provides_is_a_configuration_error() -> None:
    """The message names what is missing."""
    with pytest.raises(ConfigurationError, match="sesv2"):
        Resources().get("sesv2")


def test_settings_allow_nothing_by_default() -> None:
    """Least privilege: whoever says nothing has allowed nothing."""
    assert TaskSettings.from_env({}) == TaskSettings(Allowed(), None, ())


def test_settings_are_read_from_the_environment() -> None:
    """Each variable is a comma list where it can hold many."""
    settings = TaskSettings.from_env(
        {
            "WHENDUE_HTTP_ALLOW": "a.internal:1",
            "WHENDUE_EMAIL_FROM": "a@example.com",
            "WHENDUE_LAMBDA_ALLOW": " report-* ,, thumbs",
        }
    )
    assert settings == TaskSettings(Allowed.parse("a.internal:1"), "a@example.com", ("report-*", "thumbs"))


def test_a_malformed_setting_names_its_variable() -> None:
    """Whoever set it must find it."""
    with pytest.raises(ConfigurationError, match="WHENDUE_HTTP_ALLOW"):
        TaskSettings.from_env({"WHENDUE_HTTP_ALLOW": "10.0.0.1/8"})


@pytest.mark.parametrize("name", ["WHENDUE_EMAIL_RECIPIENTS", "WHENDUE_SNS_ALLOW"])
@pytest.mark.parametrize("text", ["{", "[]", '{"acme": "ops@example.com"}', '{"acme": [1]}', '{"acme": null}'])
def test_a_list_by_tenant_that_is_malformed_is_named_and_not_shown(name: str, text: str) -> None:
    """A list that is read wrongly would let mails go where they must not."""
    with pytest.raises(ConfigurationError, match=f"^{name} ") as caught:
        TaskSettings.from_env({name: text})
    assert "acme" not in str(caught.value)


def test_lists_by_tenant_are_read() -> None:
    """Addresses without regard to case; nobody has any without them."""
    recipients, topics = '{"acme": ["Ops@Example.com", "acme.example"]}', '{"acme": ["arn:aws:sns:*:*:Acme-*"]}'
    settings = TaskSettings.from_env({"WHENDUE_EMAIL_RECIPIENTS": recipients, "WHENDUE_SNS_ALLOW": topics})
    assert settings.email_recipients == {"acme": ("ops@example.com", "acme.example")}
    assert settings.sns_allow == {"acme": ("arn:aws:sns:*:*:Acme-*",)}
    assert TaskSettings.from_env({}).email_recipients == TaskSettings.from_env({}).sns_allow == {}
