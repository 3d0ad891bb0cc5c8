"""docs/design/storage.md names every key and every attribute of a job that the code has."""

import re
from pathlib import Path

from localstack.topology import topology
from whendue.jobs.model import Job

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


def test_the_index_is_the_topologys() -> None:
    """Its name and keys are what a deployment has."""
    index = topology().table.index
    assert f"index `{index.name}`" in PAGE
    assert all(f"`{name}`" in PAGE for name in [*(item.name for item in index.key), *index.include])
