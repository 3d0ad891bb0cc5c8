"""whendue.project.settings: what whendue.toml may hold, and what is said of what it may not."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localstack.paths import ROOT
from whendue.errors import ConfigurationError
from whendue.project.scaffold import create
from whendue.project.settings import FILE_BYTES, ProjectSettings, load, parse

ALL = """
[project]
name = "shop"
tasks = ["shop.tasks", "shop.more"]
requirements = "requirements/tasks.txt"
exclude = ["notebooks"]
aws_services = ["rekognition"]
[environment]
SHOP_URL = "https://shop.example"
WHENDUE_HTTP_ALLOW = "127.0.0.1:9000"
[worker]
threads = 3
memory_mb = 2048
timeout_s = 900
reserved_concurrency = 300
[queues.low]
batch_size = 1
maximum_concurrency = 2
[secrets]
SHOP_KEY = { ssm = "/shop/key" }
SHOP_DATABASE = { secretsmanager = "shop/database" }
[permissions]
policy_arns = ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]
[[permissions.statements]]
Effect = "Allow"
Action = ["s3:GetObject"]
Resource = ["*"]
[vpc]
subnet_ids = ["subnet-0a1b"]
security_group_ids = ["sg-0a1b"]
[dev]
port = 8123
[dev.sample]
type = "orders.ship"
"""
WRONG = {
    "[project]\ntask = ['a']": "whendue.toml:2: project.task: is not a setting; did you mean tasks?",
    "[projects]": "whendue.toml:1: projects: is not a setting; did you mean project?",
    "[worker]\ntimout_s = 9": "whendue.toml:2: worker.timout_s: is not a setting; did you mean timeout_s?",
    "[dev.sample]\ntype = 'a'\npayloads = {}": "dev.sample.payloads: is not a setting; did you mean payload?",
    "[queues.low]\nbatchsize = 1": "queues.low.batchsize: is not a setting; did you mean batch_size?",
    "[secrets]\nKEY = { smm = '/a' }": "secrets.KEY.smm: is not a setting; did you mean ssm?",
    "[[permissions.statements]]\nEffect = 'Allow'\nAction = ['a']\nResource = ['*']\nConditions = {}": (
        "permissions.statements.0.Conditions: is not a setting; did you mean Condition?"
    ),
    "[worker]\nzzz = 1": "whendue.toml:2: worker.zzz: is not a setting",
    "[project]\n\ntasks = 'a'": "whendue.toml:3: project.tasks: Input should be a valid list",
    "[project]\ntasks = ['a-b']": "whendue.toml:2: project.tasks.0: must be the dotted name of a package",
    "[project]\ntasks = ['functions.x']": "whendue.toml:2: project.tasks.0: a package cannot be called 'functions'",
    "[project]\ntasks = []": "whendue.toml:2: project.tasks: List should have at least 1 item",
    "[project]\nrequirements = '../x'": "whendue.toml:2: project.requirements: must be a path inside of the project",
    "[environment]\nWHENDUE_TABLE = 'x'": "whendue.toml:1: environment: WHENDUE_TABLE is set by whendue, AWS or Python",
    "[environment]\nAWS_REGION = 'x'": "AWS_REGION is set by whendue, AWS or Python",
    "[environment]\n'A B' = 'x'": "'A B' cannot be a variable's name",
    "[environment]\nA = 'x'": "whendue.toml:1: environment: 'A' cannot be a variable's name: Lambda takes two",
    '[environment]\nAB = "a\\u0000"': "whendue.toml:1: environment: AB: a value cannot have a null character",
    "[environment]\nA = 1": "whendue.toml:2: environment.A: Input should be a valid string",
    "[worker]\nthreads = 0": "whendue.toml:2: worker.threads: Input should be greater than or equal to 1",
    "[worker]\nthreads = '3'": "whendue.toml:2: worker.threads: Input should be a valid integer",
    "[worker]\ntimeout_s = 901": "whendue.toml:2: worker.timeout_s: Input should be less than or equal to 900",
    "[worker]\nmemory_mb = 128": "whendue.toml:2: worker.memory_mb: Input should be greater than or equal to 256",
    "[project]\nname = 'Shop'": "whendue.toml:2: project.name: String should match pattern",
    "[project]\nexclude = ['a/b']": "whendue.toml:2: project.exclude.0: String should match pattern",
    "[secrets]\nA = {}": "whendue.toml:2: secrets.A: must have either ssm",
    "[secrets]\nA = { ssm = '/a', secretsmanager = 'a' }": "whendue.toml:2: secrets.A: must have either ssm",
    "[secrets]\nA = { ssm = 'a' }": "whendue.toml:2: secrets.A.ssm: String should match pattern",
    "[secrets]\nA = '/a'": "whendue.toml:2: secrets.A: Input should be",
    "[secrets]\nWHENDUE_HTTP_ALLOW = { ssm = '/a' }": "names that begin with WHENDUE_ are settings",
    "[secrets]\nWHENDUE_SECRET = { ssm = '/a' }": "WHENDUE_SECRET is set by whendue",
    "[environment]\nAB = 'x'\n[secrets]\nAB = { ssm = '/a' }": "whendue.toml: AB: in [environment] and in [secrets]",
    "[queues.slow]\nbatch_size = 1": "whendue.toml:1: queues: slow is not one of whendue's queues; did you mean low?",
    "[queues.reports]\nbatch_size = 1": "reports is not one of whendue's queues; a queue of your own needs timeout_s",
    "[queues.low]\ntimeout_s = 60": "low shares its worker: timeout_s, memory_mb, weight, draining are those of queues",
    "[queues.a_b]\ntimeout_s = 60": "'a_b' must be 1 to 20 of a-z, 0-9 and -, a letter first",
    "[queues.a]\ntimeout_s = 901": "whendue.toml:2: queues.a.timeout_s",
    "[queues.a]\ntimeout_s = 60\nweight = 9": "whendue.toml:3: queues.a.weight",
    "[vpc]\nsubnet_ids = ['subnet-1']": "whendue.toml:1: vpc.security_group_ids: Field required",
    "[dev]\nport = 70000": "whendue.toml:2: dev.port: Input should be less than or equal to 65535",
    "a = \n": "whendue.toml:1: Invalid value",
    "a = 1\na = 2\nb = 1": "whendue.toml:2: Cannot overwrite a value",
}


def test_every_setting_is_read() -> None:
    """And those that only a deployment uses are named."""
    settings = parse(ALL.encode())
    assert settings.project.tasks == ["shop.tasks", "shop.more"]
    assert settings.environment["SHOP_URL"] == "https://shop.example"
    assert (settings.worker.threads, settings.dev.port) == (3, 8123)
    assert settings.queues["low"].maximum_concurrency == 2
    assert settings.unused == ["queues", "permissions", "vpc"]
    assert settings.secrets["SHOP_KEY"].ssm == "/shop/key"
    assert settings.secrets["SHOP_DATABASE"].secretsmanager == "shop/database"
    assert (settings.project.name, settings.project.exclude) == ("shop", ["notebooks"])


def test_an_empty_file_is_valid() -> None:
    """Everything has a default."""
    assert parse(b"") == ProjectSettings()
    assert parse(b"").unused == []


@pytest.mark.parametrize("text", sorted(WRONG))
def test_a_fault_is_named_with_its_line(text: str) -> None:
    """In one line."""
    with pytest.raises(ConfigurationError) as raised:
        parse(text.encode())
    assert WRONG[text] in str(raised.value)
    assert "\n" not in str(raised.value)


def test_all_faults_are_named_at_once() -> None:
    """Whoever mends one needs no second run to learn of the next."""
    with pytest.raises(ConfigurationError) as raised:
        parse(b"[worker]\nthreads = 0\n[dev]\nport = -1\n")
    assert "whendue.toml:2: worker.threads" in str(raised.value)
    assert "whendue.toml:4: dev.port" in str(raised.value)


def test_a_value_is_never_in_a_message() -> None:
    """It may be a secret in the wrong place."""
    with pytest.raises(ConfigurationError) as raised:
        parse(
            b'[environment]\nA = ["hush-hush"]\n[project]\ntasks = ["hush-hush"]\n'
            b'[secrets]\nB = "hush-hush"\nC = { ssm = "hush-hush" }\n'
        )
    assert "hush" not in str(raised.value)


def test_secrets_are_bounded() -> None:
    """They are read as the worker starts."""
    lines = [f"A{number} = {{ ssm = '/a' }}" for number in range(31)]
    assert len(parse("\n".join(["[secrets]", *lines[1:]]).encode()).secrets) == 30
    with pytest.raises(ConfigurationError, match="31 secrets; at most 30"):
        parse("\n".join(["[secrets]", *lines]).encode())


def test_variables_are_bounded_together_as_terraform_bounds_them() -> None:
    """By what Lambda takes, with whendue's own: it would be found at the deploy otherwise."""
    # The largest that Terraform lets pass with these packages of tasks, by its own test.
    tests = (ROOT / "infra/terraform/tests/project.tftest.hcl").read_text()
    largest = int(re.findall(r"TEXT = format\(\"%0(\d+)d\"", tests)[0])
    fits = "[project]\ntasks = ['tasks', 'shop.tasks']\n[environment]\nTEXT = '" + "x" * largest + "'\n"
    assert len(parse(fits.encode()).environment["TEXT"]) == largest
    with pytest.raises(
        ConfigurationError, match=r"the worker function 4097 bytes, with .* Lambda takes 4096 \(https://"
    ):
        parse(fits.replace("TEXT", "TEXT2").encode())


@pytest.mark.parametrize("value", ["ssm = '/{}'", "secretsmanager = '{}'"])
def test_long_names_of_secrets_count(value: str) -> None:
    """The function has them in a variable."""
    lines = [f"KEY_{number} = {{ {value.format('x' * 90)} }}" for number in range(30)]
    assert len(parse("\n".join(["[secrets]", *lines[:20]]).encode()).secrets) == 20
    with pytest.raises(ConfigurationError, match="Keep long values in one of"):
        parse("\n".join(["[secrets]", *lines]).encode())


def test_a_variable_may_be_empty() -> None:
    """As in a shell, that is another thing than no variable."""
    assert parse(b"[environment]\nSHOP_PREFIX = ''\n").environment == {"SHOP_PREFIX": ""}


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    """A file may be anything."""
    try:
        parse(data)
    except ConfigurationError as error:
        assert str(error).startswith("whendue.toml")  # noqa: PT017 - most bytes are no settings, some are


def test_deep_nesting_is_refused() -> None:
    """Python's own limit is no answer."""
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        parse(b"a = " + b"[" * 20_000)


def test_a_file_is_read_in_bounds(tmp_path: Path) -> None:
    """A missing one says how to get one."""
    with pytest.raises(ConfigurationError, match="`whendue new` makes a project"):
        load(tmp_path)
    (tmp_path / "whendue.toml").write_bytes(b"#" * (FILE_BYTES + 1))
    with pytest.raises(ConfigurationError, match="more than 65536 bytes"):
        load(tmp_path)
    (tmp_path / "whendue.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigurationError, match=r"whendue.toml:1: not UTF-8"):
        load(tmp_path)


def test_the_settings_of_a_new_project_are_valid(tmp_path: Path) -> None:
    """And name the task that it has."""
    create(tmp_path / "shop")
    sample = load(tmp_path / "shop").dev.sample
    assert sample
    assert (sample.type, sample.payload) == ("greetings.send", {"name": "Ada"})
