"""Not a task, but part of each function (localstack/build.py): notes what it asks of AWS, as permissions.yaml says it.

tests/e2e/test_permissions.py reads the notes: a line `function resource action` when a process does something first.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

NOTES = os.environ.get("WHENDUE_E2E_CALLS")
NAME = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
# Workers of queues of one's own have the code and the permissions of the worker.
FUNCTION = "worker" if "-worker-" in NAME else NAME.rpartition("-")[2]
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
STATEMENTS = {
    "INSERT": "PartiQLInsert",
    "UPDATE": "PartiQLUpdate",
    "DELETE": "PartiQLDelete",
    "SELECT": "PartiQLSelect",
}
# What the parts of a transaction need, which has no action of its own:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
PARTS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
# The indexes of infra/topology.yaml; no index is the table itself.
INDEXES = {None: "table", "due_2": "index", "tenant": "tenant_index"}
OTHERS = {
    "sesv2": ("mail", "ses:SendEmail"),
    "sns": ("topics", "sns:Publish"),
}


def meanings(service: str, operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Say which actions on which resources a call is."""
    if service == "dynamodb" and operation == "BatchExecuteStatement":
        for statement in params["Statements"]:
            yield "table", f"dynamodb:{STATEMENTS[statement['Statement'].split()[0].upper()]}"
    elif service == "dynamodb" and operation == "TransactWriteItems":
        for part in params["TransactItems"]:
            yield from (("table", f"dynamodb:{PARTS[name]}") for name in part)
    elif service == "dynamodb":
        yield INDEXES[params.get("IndexName")], f"dynamodb:{operation}"
    elif service == "sqs":
        queue = params["QueueUrl"].rpartition("-")[2]
        own = queue in ("notifications", "dead_letter", "notifications_dead_letter")
        yield queue if own else "jobs", f"sqs:{operation.removesuffix('Batch')}"
    elif service == "s3":
        yield f"{params['Key'].partition('/')[0]}s", f"s3:{operation}"
    elif service == "ssm":
        yield "jwt_secret" if params["Name"].endswith("/jwt-secret") else "secret", f"ssm:{operation}"
    elif service == "lambda":
        yield "itself" if params["FunctionName"] == NAME else "invoked", "lambda:InvokeFunction"
    else:
        yield OTHERS[service]


def record(notes: Path) -> None:
    """Note all calls from here on."""
    seen: set[tuple[str, str]] = set()
    ask = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(self: Any, operation_name: str, api_params: Mapping[str, Any]) -> Any:
        for meaning in meanings(self.meta.service_model.service_name, operation_name, api_params):
            if meaning not in seen:
                seen.add(meaning)
                with notes.open("a") as file:
                    file.write(f"{FUNCTION} {' '.join(meaning)}\n")
        return ask(self, operation_name, api_params)

    BaseClient._make_api_call = noted  # type: ignore[attr-defined]


if NOTES and FUNCTION:
    record(Path(NOTES))
