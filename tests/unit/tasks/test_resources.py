"""Resources: made once, on first use; and the settings of the shipped tasks."""

import json
import threading
from collections.abc import Callable

import pytest

from whendue.declarations.resources import Resources, TaskSettings
from whendue.errors import ConfigurationError
from whendue.mail import mailbox
from whendue.outbound.ssrf import Allowed, TargetRefusedError


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
    settings = TaskSettings.from_env({})
    assert settings == TaskSettings()
    assert settings.http_allowed("acme") == Allowed()
    assert not settings.may_invoke("acme", "f")
    assert not settings.may_publish("acme", TOPIC)
    assert not settings.may_mail_to("acme", "a@example.com")
    assert not settings.may_mail_from("acme", "a@example.com")


TOPIC = "arn:aws:sns:eu-west-1:123456789012:acme-jobs"
LISTS = ["WHENDUE_EMAIL_RECIPIENTS", "WHENDUE_EMAIL_SENDERS", "WHENDUE_LAMBDA_ALLOW", "WHENDUE_SNS_ALLOW"]


@pytest.mark.parametrize("name", ["WHENDUE_HTTP_ALLOW", *LISTS])
def test_what_one_tenant_may_another_may_not_and_the_star_is_everybody(name: str) -> None:
    """One list for all would open to each tenant what is meant for one."""
    entry = {"WHENDUE_LAMBDA_ALLOW": "f-{}", "WHENDUE_SNS_ALLOW": "arn:aws:sns:eu-west-1:123456789012:{}"}.get(
        name, "{}.example"
    )
    by_tenant = {tenant: [entry.format(tenant)] for tenant in ("acme", "other")} | {"*": [entry.format("all")]}
    settings = TaskSettings.from_env({name: json.dumps(by_tenant), "WHENDUE_OWN_FUNCTIONS": "whendue-worker"})
    asks: dict[str, Callable[[str, str], bool]] = {
        "WHENDUE_HTTP_ALLOW": lambda tenant, host: (host, None) in settings.http_allowed(tenant).hosts,
        "WHENDUE_EMAIL_RECIPIENTS": lambda tenant, host: settings.may_mail_to(tenant, f"Ada@{host}"),
        "WHENDUE_EMAIL_SENDERS": lambda tenant, host: settings.may_mail_from(tenant, f"Ada <ada@{host.upper()}>"),
        "WHENDUE_LAMBDA_ALLOW": settings.may_invoke,
        "WHENDUE_SNS_ALLOW": settings.may_publish,
    }
    may = asks[name]
    assert may("acme", entry.format("acme"))
    assert not may("acme", entry.format("other"))
    assert all(may(tenant, entry.format("all")) for tenant in ("acme", "other", "anybody"))
    assert not may("*", entry.format("acme"))


def test_a_plain_list_of_http_targets_is_everybodys() -> None:
    """The short form of {"*": [...]}."""
    short = TaskSettings.from_env({"WHENDUE_HTTP_ALLOW": "a.internal:1, 10.0.0.0/8"})
    assert short == TaskSettings.from_env({"WHENDUE_HTTP_ALLOW": '{"*": ["a.internal:1", "10.0.0.0/8"]}'})
    assert short.http_allowed("acme") == Allowed.parse("a.internal:1, 10.0.0.0/8")


@pytest.mark.parametrize("text", ["10.0.0.1/8", '{"acme": ["10.0.0.1/8"]}', "{", '{"acme": "a.internal"}'])
def test_a_malformed_setting_names_its_variable(text: str) -> None:
    """Whoever set it must find it."""
    with pytest.raises(ConfigurationError, match="WHENDUE_HTTP_ALLOW"):
        TaskSettings.from_env({"WHENDUE_HTTP_ALLOW": text})


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("text", ["{", "[]", '{"acme": "ops@example.com"}', '{"acme": [1]}', '{"acme": null}', "acme"])
def test_a_list_by_tenant_that_is_malformed_is_named_and_not_shown(name: str, text: str) -> None:
    """A list that is read wrongly would let mails go where they must not."""
    with pytest.raises(ConfigurationError, match=f"^{name} ") as caught:
        TaskSettings.from_env({name: text})
    assert "acme" not in str(caught.value)


@pytest.mark.parametrize("name", ["WHENDUE_EMAIL_RECIPIENTS", "WHENDUE_EMAIL_SENDERS"])
@pytest.mark.parametrize("entry", ["*@acme.example", "@acme.example", "*.acme.example", "", "a b@acme.example"])
def test_an_entry_that_could_never_fit_is_refused(name: str, entry: str) -> None:
    """It would silently allow nothing."""
    with pytest.raises(ConfigurationError, match=f"^{name} ") as caught:
        TaskSettings.from_env({name: json.dumps({"acme": [entry]})})
    assert "acme" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "address", "allowed"),
    [
        ("Ops@Example.com", "ops@example.COM", True),
        ("acme.example", "Ada <ada@acme.example>", True),
        ("acme.example", "ada@sub.acme.example", False),
        ("acme.example", "ada@evil-acme.example", False),
        ("acme.example", '"x@acme.example" <eve@evil.example>', False),
        ("ops@example.com", "ops+1@example.com", False),
        ("*", "Zoë <anybody@anywhere.example>", True),
    ],
)
def test_an_entry_is_an_address_a_domain_or_everybody(entry: str, address: str, allowed: bool) -> None:
    """Without regard to case; a subdomain is another domain."""
    lists = {
        "WHENDUE_EMAIL_RECIPIENTS": json.dumps({"acme": [entry]}),
        "WHENDUE_EMAIL_SENDERS": json.dumps({"*": [entry]}),
    }
    settings = TaskSettings.from_env(lists)
    assert settings.may_mail_to("acme", mailbox(address)) is allowed
    assert settings.may_mail_from("acme", mailbox(address)) is allowed


OWN = "whendue-api,whendue-timer, arn:aws:lambda:eu-west-1:123456789012:function:whendue-worker:live"


@pytest.mark.parametrize(
    "name",
    [
        "whendue-worker", "whendue-worker:live", "WHENDUE-Worker", "whendue-timer", "whendue-api:$LATEST",
        "arn:aws:lambda:eu-west-1:123456789012:function:whendue-worker", "123456789012:function:whendue-worker",
        "arn:aws:lambda:eu-west-1:123456789012:function:whendue-worker:7", "function:whendue-worker",
        "arn:aws-cn:lambda:cn-north-1:999999999999:function:whendue-api", "self",
    ],
)  # fmt: skip
def test_no_list_allows_whendues_own_functions(name: str) -> None:
    """By whatever name, and whatever the pattern: a job that invoked the worker would speak for every tenant."""
    allow = json.dumps({"acme": ["*", name], "*": ["*"]})
    own = {"WHENDUE_OWN_FUNCTIONS": OWN, "AWS_LAMBDA_FUNCTION_NAME": "self"}
    settings = TaskSettings.from_env({"WHENDUE_LAMBDA_ALLOW": allow, **own})
    assert settings.is_own_function(name)
    assert not settings.may_invoke("acme", name)
    assert settings.may_invoke("acme", "whendue-worker-of-mine")


def test_functions_are_allowed_only_where_whendues_own_are_known() -> None:
    """A process that does not know them could not keep them out."""
    with pytest.raises(ConfigurationError, match="WHENDUE_OWN_FUNCTIONS"):
        TaskSettings.from_env({"WHENDUE_LAMBDA_ALLOW": '{"*": ["*"]}'})
    assert TaskSettings.from_env({"WHENDUE_LAMBDA_ALLOW": '{"*": []}'}).lambda_allow == {"*": ()}


def test_no_list_allows_whendues_own_topics() -> None:
    """The operator's alarms come by one; a tenant's false alarm would, too."""
    settings = TaskSettings.from_env(
        {"WHENDUE_SNS_ALLOW": '{"acme": ["*"]}', "WHENDUE_OWN_TOPICS": "whendue-alarms, x"}
    )
    assert settings.may_publish("acme", TOPIC)
    assert not settings.may_publish("acme", "arn:aws:sns:eu-west-1:123456789012:whendue-alarms")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:9000/", "the URL's host has a loopback address"),
        ("https://10.0.0.1/", "the URL's host has a private address"),
        ("http://hooks.example/", "the URL must begin with https://"),
    ],
)
def test_a_refused_target_names_the_setting_that_allows_it(url: str, problem: str) -> None:
    """Whoever is refused knows what to ask the operator for; one that no setting can allow does not name it."""
    with pytest.raises(TargetRefusedError) as refused:
        TaskSettings().check_target("acme", url)
    assert str(refused.value) == f"{problem}; the operator can allow it by WHENDUE_HTTP_ALLOW"
    with pytest.raises(TargetRefusedError) as refused:
        TaskSettings().check_target("acme", "ftp://hooks.example/")
    assert "WHENDUE_HTTP_ALLOW" not in str(refused.value)
    TaskSettings.from_env({"WHENDUE_HTTP_ALLOW": "127.0.0.0/8,10.0.0.0/8,hooks.example"}).check_target("acme", url)
