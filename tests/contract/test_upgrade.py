"""A table as the version before made it: the deploy adds the indexes, a migration moves the jobs, lists are whole."""

import json
import os
from itertools import count

from localstack.deploy.storage import deploy_table
from localstack.topology import Table, topology
from tests.builders.backends import Aws, app_on
from tests.simulation.recorded import FOLDER
from whendue.adapters.dynamodb.store import DynamoStore
from whendue.migration.migration import Migration
from whendue.operations.listing import JobFilter
from whendue.support.clock import system_clock
from whendue.table.keys import MIGRATION_KEY, Key
from whendue.table.writes import delete, insert

ITEMS = json.loads((FOLDER / "0.1.0.json").read_text())["items"]
JOBS = [item for item in ITEMS if item["sk"] == "job"]
TENANT = "sim"
_numbers = count()


def table_of_before(backend: Aws) -> tuple[str, DynamoStore]:
    """Make a table with the former index alone, and put into it what that version has left."""
    now = topology().table
    before = Table(key=now.key, indexes=[now.former_index], former_index=now.former_index, ttl=now.ttl)
    name = deploy_table(backend.clients, f"upgrade-{os.getpid()}-{next(_numbers)}", before)
    store = DynamoStore(backend.clients.dynamodb, name, system_clock(), statements=backend.statements)
    store.apply([delete("no_mark", MIGRATION_KEY)])
    # What has expired by today's clock is listed nowhere.
    items = [{field: value for field, value in item.items() if field != "expires_at"} for item in ITEMS]
    results = store.apply([insert("before", Key(item["pk"], item["sk"]), item) for item in items])
    assert all(result.done for result in results)
    return name, store


def test_a_table_of_the_version_before_is_upgraded(aws_tables: Aws) -> None:
    """Each job is listed once, and keeps its state; live ones keep their next checks."""
    name, store = table_of_before(aws_tables)
    assert deploy_table(aws_tables.clients, name, topology().table) == name
    described = aws_tables.clients.dynamodb.describe_table(TableName=name)["Table"]
    assert {index["IndexName"] for index in described["GlobalSecondaryIndexes"]} == {"due", "due_2", "tenant"}
    app = app_on(store)
    page = app.listing.page("jobs", TENANT, JobFilter(), 50, None)
    assert (page.jobs, page.is_complete) == ([], False)
    Migration(app.runtime, at_once=3).run(100_000, lambda _: None)
    page = app.listing.page("jobs", TENANT, JobFilter(), 50, None)
    assert {(job.key.pk, job.state.value) for job in page.jobs} == {(job["pk"], job["state"]) for job in JOBS}
    assert (len(page.jobs), page.cursor, page.is_complete) == (len(JOBS), None, True)
    checks = {job.key.pk: job.check_at for job in page.jobs if not job.terminal}
    assert checks == {job["pk"]: job["check_at"] for job in JOBS if job["due_pk"].startswith("live#")}
    assert app.bulkhead.take() == {}
    for job in JOBS:
        finished = job["due_pk"].startswith("done#")
        entries = store.query_due(job["due_pk"], after=None, until_ms=job["check_at"], limit=100)
        assert (job["pk"] in {entry.pk for entry in entries}) is not finished
