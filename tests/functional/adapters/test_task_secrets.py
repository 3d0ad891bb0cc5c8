"""whendue.adapters.task_secrets: secrets of tasks come from AWS when a process starts, by the real client."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from localstack.paths import ROOT
from tests.builders.environment import ENVIRONMENT
from whendue.adapters import task_secrets
from whendue.adapters.aws import client
from whendue.adapters.task_secrets import VARIABLE, read_task_secrets
from whendue.errors import ConfigurationError

VALUE = "hush-hush"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client("ssm").put_parameter(Name="/shop/key", Value=VALUE, Type="SecureString")
        client("secretsmanager").create_secret(Name="shop/database", SecretString=VALUE)
        client("secretsmanager").create_secret(Name="shop/binary", SecretBinary=b"\0")
        yield


def environment(**sources: str) -> Mapping[str, str]:
    return {VARIABLE: json.dumps(sources)}


def test_values_are_read_from_both_services() -> None:
    """In clear; a process without any makes no call."""
    found = read_task_secrets(environment(KEY="ssm:/shop/key", DATABASE="secretsmanager:shop/database"))
    assert (found.values, found.failures) == ({"KEY": VALUE, "DATABASE": VALUE}, [])
    assert read_task_secrets({}).values == {}


def test_a_variable_that_is_set_stays() -> None:
    """A child process inherits what its parent has read; a second read may be another value."""
    assert read_task_secrets({"KEY": "mine", **environment(KEY="ssm:/shop/key")}).values == {}


def test_a_secret_that_is_not_there_takes_no_other_with_it() -> None:
    """The tasks that need it fail; all others run."""
    found = read_task_secrets(
        environment(A="ssm:/shop/none", B="secretsmanager:none", C="secretsmanager:shop/binary", KEY="ssm:/shop/key")
    )
    assert found.values == {"KEY": VALUE}
    assert {failed.name: failed.error for failed in found.failures} == {
        "A": "ParameterNotFound",
        "B": "ResourceNotFoundException",
        "C": "the value is binary, and no text",
    }
    line = json.loads(found.failures[0].log_line())
    assert (line["level"], line["source"]) == ("ERROR", "ssm:/shop/none")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the names of each call to the parameter store, as they are made."""
    ssm, made = client("ssm"), list[list[str]]()
    ssm.meta.events.register(
        "provide-client-params.ssm.GetParameters", lambda params, **_: made.append(list(params["Names"]))
    )
    monkeypatch.setattr(task_secrets, "client", lambda service: ssm if service == "ssm" else client(service))
    return made


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (10, 1), (11, 2), (30, 3)])
def test_parameters_are_read_ten_at_a_time(calls: list[list[str]], count: int, expected: int) -> None:
    """Each call is a part of the worker's cold start."""
    names = [f"/shop/{number:02}" for number in range(count)]
    for name in names:
        client("ssm").put_parameter(Name=name, Value=f"value of {name}", Type="SecureString")
    found = read_task_secrets(environment(**{f"KEY_{name[-2:]}": f"ssm:{name}" for name in names}))
    assert found.values == {f"KEY_{name[-2:]}": f"value of {name}" for name in names}
    assert (len(calls), [name for call in calls for name in call]) == (expected, names)


def test_one_source_of_two_variables_is_read_once(calls: list[list[str]]) -> None:
    """AWS refuses a call that names a parameter twice."""
    found = read_task_secrets(environment(KEY="ssm:/shop/key", FORMER_KEY="ssm:/shop/key"))
    assert found.values == {"KEY": VALUE, "FORMER_KEY": VALUE}
    assert calls == [["/shop/key"]]


def test_a_parameter_may_be_named_with_its_version_or_by_its_arn() -> None:
    """As processes in containers may, whose variable no whendue.toml has checked."""
    parameter = client("ssm").get_parameter(Name="/shop/key")["Parameter"]
    named = {"VERSION": f"ssm:/shop/key:{parameter['Version']}", "ARN": f"ssm:{parameter['ARN']}"}
    assert read_task_secrets(environment(**named)).values == {"VERSION": VALUE, "ARN": VALUE}


def test_a_reply_without_a_name_is_a_missing_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no reason to ask for ever."""
    ssm = client("ssm")
    monkeypatch.setattr(task_secrets, "client", lambda _: ssm)
    with Stubber(ssm) as stubbed:
        stubbed.add_response("get_parameters", {})
        found = read_task_secrets(environment(KEY="ssm:/shop/key"))
    assert [failed.error for failed in found.failures] == ["ParameterNotFound"]


def test_one_parameter_that_is_denied_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS refuses the whole call, without the name."""
    ssm = client("ssm")
    monkeypatch.setattr(task_secrets, "client", lambda _: ssm)
    with Stubber(ssm) as stubbed:
        stubbed.add_client_error("get_parameters", "AccessDeniedException")
        parameter = {"Name": "/shop/key", "Value": VALUE}
        asked = {"Names": ["/shop/key"], "WithDecryption": True}
        stubbed.add_response("get_parameters", {"Parameters": [parameter]}, asked)
        stubbed.add_client_error("get_parameters", "AccessDeniedException")
        found = read_task_secrets(environment(OTHER="ssm:/shop/other", KEY="ssm:/shop/key"))
        stubbed.assert_no_pending_responses()
    assert found.values == {"KEY": VALUE}
    assert [(failed.name, failed.error) for failed in found.failures] == [("OTHER", "AccessDeniedException")]


def test_after_an_error_that_may_pass_the_process_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would live for hours without the value, and let jobs fail; the next start tries again."""
    ssm = client("ssm")
    monkeypatch.setattr(task_secrets, "client", lambda _: ssm)
    with Stubber(ssm) as stubbed:
        stubbed.add_client_error("get_parameters", "ThrottlingException")
        with pytest.raises(ConfigurationError, match=r"the secret KEY \(ssm:/shop/key\) cannot be read: Throttling"):
            read_task_secrets(environment(KEY="ssm:/shop/key"))


@pytest.mark.parametrize("text", ["{", "[]", '{"A": 1}', '{"A": "vault:a"}', '{"A": "ssm:"}', '"a"', "[" * 50_000])
def test_a_variable_that_is_not_valid_is_named(text: str) -> None:
    """Without what it holds."""
    with pytest.raises(ConfigurationError, match=f"{VARIABLE} must be a JSON object"):
        read_task_secrets({VARIABLE: text})


STARTED = """
import os
from moto import mock_aws
with mock_aws():
    from whendue.adapters.aws import client
    client("ssm").put_parameter(Name="/shop/key", Value="hush-hush", Type="SecureString")
    from whendue.bootstrap.process import app
    made = app()
print("SEEN", made.registry.names())
"""


def test_tasks_find_secrets_when_they_are_imported(tmp_path: Path) -> None:
    """By the start of a whole process; and no line of its log has a value."""
    (tmp_path / "shop_tasks.py").write_text("import os\nassert os.environ['KEY'] == 'hush-hush'\n")
    given = ENVIRONMENT | {
        "WHENDUE_TASKS": "shop_tasks",
        "WHENDUE_SECRET": "s" * 40,
        VARIABLE: json.dumps({"KEY": "ssm:/shop/key", "OTHER": "ssm:/shop/none"}),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONPATH": f"{tmp_path}:{ROOT / 'layers/core/python'}:{ROOT}",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STARTED], env=given, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "task module failed" not in done.stdout
    assert '"message": "task secret failed"' in done.stdout
    assert "SEEN" in done.stdout
    assert VALUE not in done.stdout + done.stderr
