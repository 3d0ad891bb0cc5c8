"""docs/operations/deploying.md names every variable of the Terraform module, and none that there is not."""

import json
import re

from localstack.paths import ROOT
from whendue.declarations.resources import TaskSettings
from whendue.settings import Settings

PAGE = (ROOT / "docs/operations/deploying.md").read_text()
SETTINGS_ENV = (ROOT / "infra/kubernetes/overlays/production/settings.env").read_text()
VARIABLES = (ROOT / "infra/terraform/variables.tf").read_text()


def test_every_variable_is_documented_and_every_documented_one_exists() -> None:
    """A variable that nobody can find is none."""
    table = PAGE.partition("## Variables")[2].partition("\n## ")[0]
    documented = {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert documented == set(re.findall(r'^variable "(\w+)"', VARIABLES, re.MULTILINE))


def test_every_variable_and_output_describes_itself() -> None:
    """It is what `terraform plan` asks with, and what editors show."""
    for file in sorted((ROOT / "infra/terraform").rglob("*.tf")):
        text = file.read_text()
        for kind, name, body in re.findall(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL):
            assert re.search(r'^  description = ".+\."?', body, re.MULTILINE), f"{kind} {name} in {file.name}"


def test_containers_in_production_have_the_settings_of_the_functions() -> None:
    """All processes of a deployment need the same values; optional ones are there as comments."""
    functions = (ROOT / "infra/terraform/functions.tf").read_text()
    environment = functions.partition("\n  environment = {\n")[2].partition("\n  }\n")[0]
    of_functions = set(re.findall(r"^ +(WHENDUE_\w+) +=", environment, re.MULTILINE))
    page = (ROOT / "docs/reference/configuration.md").read_text()
    rows = re.findall(r"^\| (`WHENDUE_.*?) \|", page, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    # Parameters replace the secrets themselves; only an emulator's deploy and `whendue dev` set the last ones.
    elsewhere = {"WHENDUE_SECRET", "WHENDUE_JWT_SECRET", "WHENDUE_SES_API", "WHENDUE_LOG_FAILURES"}
    elsewhere |= {"WHENDUE_DASHBOARD_LINKS"}
    named = set(re.findall(r"^#?(WHENDUE_\w+)=", SETTINGS_ENV, re.MULTILINE))
    assert len(of_functions) > 10
    assert of_functions <= named
    assert named == documented - elsewhere


def test_optional_settings_of_containers_are_valid() -> None:
    """A comment that is made a setting must be one that a process starts with."""
    lines = [line.removeprefix("#") for line in SETTINGS_ENV.splitlines() if re.match(r"#?(WHENDUE|AWS)_\w+=", line)]
    given = dict(line.split("=", 1) for line in lines)
    assert Settings.from_env(given, lambda _: "s" * 40).max_timeout_s == int(given["WHENDUE_MAX_TIMEOUT_S"])
    tasks = TaskSettings.from_env(given)
    assert set(tasks.email_recipients) == set(json.loads(given["WHENDUE_EMAIL_RECIPIENTS"]))
    assert tasks.own_topics
