"""docs/operations/deploying.md names every variable of the Terraform module, and none that there is not."""

import re

from localstack.paths import ROOT

PAGE = (ROOT / "docs/operations/deploying.md").read_text()
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
