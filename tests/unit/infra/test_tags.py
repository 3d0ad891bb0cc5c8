"""infra/terraform: each resource that takes tags has those of the variable `tags`, in whatever root the module is."""

import re
from pathlib import Path

import pytest

from localstack.paths import ROOT

FILES = sorted([*(ROOT / "infra/terraform").glob("*.tf"), *(ROOT / "infra/terraform/modules").glob("*/*.tf")])
# What the provider has no argument `tags` for.
UNTAGGED = {
    *("aws_api_gateway_deployment", "aws_api_gateway_integration", "aws_api_gateway_method"),
    *("aws_api_gateway_method_settings", "aws_api_gateway_resource", "aws_apigatewayv2_api_mapping"),
    *("aws_apigatewayv2_integration", "aws_apigatewayv2_route", "aws_cloudwatch_dashboard"),
    *("aws_cloudwatch_event_target", "aws_iam_role_policy", "aws_iam_role_policy_attachment", "aws_lambda_alias"),
    *("aws_lambda_function_event_invoke_config", "aws_lambda_layer_version", "aws_lambda_permission"),
    *("aws_s3_bucket_lifecycle_configuration", "aws_s3_bucket_ownership_controls", "aws_s3_bucket_policy"),
    *("aws_s3_bucket_public_access_block", "aws_s3_bucket_server_side_encryption_configuration"),
    *("aws_scheduler_schedule", "aws_sns_topic_policy", "aws_sns_topic_subscription"),
    *("aws_sqs_queue_redrive_allow_policy", "terraform_data"),
}


def blocks(path: Path, kind: str) -> list[tuple[str, str]]:
    return re.findall(rf'^{kind} "(\w+)"(?: "\w+")? \{{\n(.*?)^\}}', path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_resource_that_takes_tags_has_them(path: Path) -> None:
    """A project's root has another provider: what ours puts on everything would be missing there."""
    value = "var.tags" if "modules" in path.parts else "local.tags"
    for kind, body in blocks(path, "resource"):
        tagged = re.search(rf"^  tags += {re.escape(value)}$", body, re.MULTILINE)
        assert bool(tagged) == (kind not in UNTAGGED), kind


def test_each_module_gets_them() -> None:
    """It has no default, so that none is forgotten."""
    calls = [body for path in FILES if "modules" not in path.parts for _, body in blocks(path, "module")]
    assert len(calls) > 5
    assert all(re.search(r"^  tags += local\.tags$", body, re.MULTILINE) for body in calls)
    for path in FILES:
        if path.name == "variables.tf" and "modules" in path.parts:
            assert dict(blocks(path, "variable"))["tags"].count("default") == 0, path.parent.name
