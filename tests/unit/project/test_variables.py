"""whendue.project.variables: what whendue.toml says becomes variables that the Terraform module has."""

import re

from hypothesis import given
from hypothesis import strategies as st

from localstack.paths import ROOT
from whendue.project.scaffold import rendered
from whendue.project.settings import ProjectSettings, parse
from whendue.project.variables import variables

MODULE = (ROOT / "infra/terraform/variables.tf").read_text()
READING = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
NAMES = st.from_regex(r"(WHENDUE_HTTP_|SHOP_)[A-Z]{1,5}", fullmatch=True)


def test_nothing_is_set_by_an_empty_file() -> None:
    """The module's defaults hold, which are those of the topology."""
    values = variables(ProjectSettings())
    assert {name: value for name, value in values.items() if value} == {"name": "whendue"}


def test_each_setting_has_its_variable() -> None:
    """In the words that Terraform takes."""
    text = """
    [project]
    name = "shop"
    [environment]
    SHOP_URL = "https://shop.example"
    WHENDUE_LEASE_S = "60"
    [worker]
    memory_mb = 2048
    timeout_s = 120
    reserved_concurrency = 200
    [queues.reports]
    timeout_s = 600
    weight = 1
    [queues.low]
    batch_size = 1
    [queues.high]
    maximum_concurrency = 7
    [secrets]
    KEY = { ssm = "/shop/key" }
    DATABASE = { secretsmanager = "shop/database" }
    [permissions]
    policy_arns = ["READING"]
    [[permissions.statements]]
    Effect = "Allow"
    Action = ["s3:GetObject"]
    Resource = ["*"]
    [vpc]
    subnet_ids = ["subnet-0a1b"]
    security_group_ids = ["sg-0a1b"]
    """
    assert variables(parse(text.replace("READING", READING).encode())) == {
        "name": "shop",
        "environment": {"WHENDUE_LEASE_S": "60"},
        "task_environment": {"SHOP_URL": "https://shop.example"},
        "secrets": {"KEY": {"ssm": "/shop/key"}, "DATABASE": {"secretsmanager": "shop/database"}},
        "worker_memory_mb": 2048,
        "worker_timeout_s": 120,
        "worker_reserved_concurrency": 200,
        "queue_settings": {"low": {"batch_size": 1}, "high": {"maximum_concurrency": 7}},
        "own_queues": {"reports": {"timeout_s": 600, "weight": 1}},
        "worker_statements": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"]}],
        "worker_policy_arns": {READING: READING},
        "vpc": {"subnet_ids": ["subnet-0a1b"], "security_group_ids": ["sg-0a1b"]},
    }


def test_the_module_has_each_variable_and_the_root_of_a_new_project_hands_it_over() -> None:
    """A name that one of the three does not know would be a setting without effect."""
    root = rendered("infra/main.tf")
    declared = set(re.findall(r'^variable "(\w+)"', MODULE, re.MULTILINE))
    for name in variables(ProjectSettings()):
        assert name in declared
        assert re.search(rf"^  {name} += local\.settings\.{name}$", root, re.MULTILINE), name


@given(st.dictionaries(NAMES, st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5), max_size=5))
def test_each_variable_of_the_environment_goes_one_way(environment: dict[str, str]) -> None:
    """Settings of whendue to all functions, the rest to those that run tasks; nothing is lost."""
    values = variables(ProjectSettings(environment=environment))
    assert values["environment"] | values["task_environment"] == environment
    assert values["environment"].keys() & values["task_environment"].keys() == set()
    assert all(name.startswith("WHENDUE_") for name in values["environment"])
