"""Log lines, and the EMF lines among them."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from whendue.metrics_export import NAMESPACE

# As published at https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
SCHEMA = Draft202012Validator(json.loads((Path(__file__).parent / "emf_schema.json").read_text()))


def lines(logged: StringIO) -> list[dict[str, Any]]:
    """Read what was logged, and make sure that every EMF line of it is one."""
    read = [json.loads(line) for line in logged.getvalue().splitlines()]
    for line in read:
        if "_aws" in line:
            SCHEMA.validate(line)
            [directive] = line["_aws"]["CloudWatchMetrics"]
            assert directive["Namespace"] == NAMESPACE
            assert directive["Dimensions"] == [["service"]]
            assert line["service"] == "whendue"
            for metric in directive["Metrics"]:
                assert line[metric["Name"]], "the directive names a member that is there"
    logged.seek(0)
    logged.truncate()
    return read


def metrics_of(line: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return a line's metrics: name -> (unit, values)."""
    return {
        metric["Name"]: (metric["Unit"], line[metric["Name"]])
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", [])
        for metric in directive["Metrics"]
    }
