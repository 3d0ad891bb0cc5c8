"""docs/design/storage.md names every key and every attribute of a job that the code has."""

import re
from pathlib import Path

import pytest

from localstack.topology import Index, topology
from whendue.adapters.dynamodb.indexes import INDEXES
from whendue.jobs.model import Job
from whendue.table.keys import (
    attempt_key,
    blob_key,
    change_key,
    dependencies_key,
    dependent_key,
    log_key,
    members_key,
    once_key,
    payload_key,
    result_key,
)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/design/storage.md").read_text()
PACKAGE = ROOT / "layers/core/python/whendue"


def test_every_partition_key_of_the_code_is_on_the_page() -> None:
    """Whoever reads a table by hand needs all of them."""
    in_code = {prefix for path in PACKAGE.rglob("*.py") for prefix in re.findall(r'f"([A-Z]+#)[{v]', path.read_text())}
    assert len(in_code) >= 10
    assert set(re.findall(r"^\| `([A-Z]+#)", PAGE, re.MULTILINE)) == in_code


def test_every_attribute_of_the_hot_item_is_on_the_page_and_none_that_is_gone() -> None:
    """An attribute that was renamed is found here."""
    table = PAGE.partition("## The hot item")[2].partition("\n## ")[0]
    named = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert named - {"pk"} == set(Job.__slots__)


@pytest.mark.parametrize("index", topology().table.indexes, ids=lambda index: index.name)
def test_the_indexes_are_the_topologys(index: Index) -> None:
    """Their names, keys and what they carry are what a deployment has, on the page and in the code."""
    [row] = re.findall(rf"^\| index `{index.name}`.*$", PAGE, re.MULTILINE)
    assert all(f"`{name}`" in row for name in [*(item.name for item in index.key), *index.include])
    [(at, described)] = [(key, known) for key, known in INDEXES.items() if known.name == index.name]
    assert [item.name for item in index.key] == [described.partition, at.value]
    assert tuple(index.include) == described.carries


def test_the_sort_keys_of_a_job_are_those_of_the_code() -> None:
    """Two of them kept their former names on the page."""
    keys = re.findall(r"^\| `JOB#<id>` \| (`.*?) \|", PAGE, re.MULTILINE)
    named = {name for row in keys for name in re.findall(r"`([a-z-]+#)", row)}
    job = "0" * 36
    made = {
        payload_key(job, "r").sk,
        result_key(job, "f").sk,
        attempt_key(job, 1).sk,
        log_key(job, 1, "f").sk,
        change_key(job, 1).sk,
        dependencies_key(job, "r").sk,
        dependent_key(job, job, "r").sk,
        once_key(job, "k").sk,
        once_key(job, "k" * 1000).sk,
        blob_key(job, "b", None).sk,
        members_key(job, None).sk,
    }
    assert named == {re.split(r"(?<=#)", sk)[0] for sk in made}
